/* SPDX-License-Identifier: MIT */
/* What a running muster answers to `table` with a `name` (LOCAL.md): the addresses of the peers of that name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_ADDRESSES_MAX 16
#define ANSWER_NAME_BYTES_MAX 63 /* of a peer (PROTOCOL.md, section 10) */

struct answer_address {
    int family; /* AF_INET, AF_INET6 */
    uint8_t ip[16];
    uint32_t scope; /* index of the interface of a link-local address of IPv6; else 0 */
};

/* Of a head line: a row whose announce is the next line. */
struct answer_row {
    int rank; /* the less, the better */
    struct answer_address addresses[2];
    size_t address_count;
};

/* The addresses of the best peers that were read so far: first of those whose name has the same letters, and
 * not only in another case; then of this node itself; then alive before suspect, heard before hearsay,
 * verified before unverified. */
struct answer {
    const char *wanted; /* the name; borrowed */

    char name[ANSWER_NAME_BYTES_MAX + 1]; /* as the best peer writes it */
    struct answer_address addresses[ANSWER_ADDRESSES_MAX];
    size_t address_count;
    int rank;

    uint64_t lines_left; /* passed on lines that follow, */
    bool has_row;        /* of which the next one is the announce of this row */
    struct answer_row row;
};

enum answer_state {
    ANSWER_MORE,  /* goes on */
    ANSWER_DONE,  /* all was said */
    ANSWER_OTHER, /* this muster is in another network */
    ANSWER_BAD,   /* it refused, or said what is no line of such an answer */
};

/* True for an address of IPv6 that is of one link alone (RFC 4291, 2.5.6). */
bool answer_is_link_local(const uint8_t ip[16]);

/* Reads one line; line[length] is a NUL in the place of its LF. */
enum answer_state answer_read(struct answer *answer, const char *line, size_t length);
