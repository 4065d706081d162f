/* SPDX-License-Identifier: MIT */
/* How many rows of the peer table have one address: whoever makes a thousand keys has one address all the
 * same, and counts for few. Room is reserved before rows are added, so that counting can't fail. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct address_count {
    uint8_t ip[16];    /* of IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
    uint64_t turn;     /* when it was served last, of who serves addresses in turn */
    uint32_t rows;     /* of any state; 0: this place is free */
    uint32_t speakers; /* of them, those that stretch the interval */
};

struct address_table {
    struct address_count *places; /* open addressing, at most three quarters full */
    size_t size;                  /* a power of two, or 0 */
    size_t count;                 /* addresses */
};

/* A zeroed struct is allowed. */
void address_table_deinit(struct address_table *table);

/* Makes room for the addresses of so many rows. MUSTER_ENOMEM, then nothing changed. */
int address_table_reserve(struct address_table *table, const uint8_t seed[16], size_t rows);

/* The count of an address; NULL when no row has it. */
struct address_count *address_table_find(const struct address_table *table, const uint8_t seed[16],
                                         const struct muster_endpoint *endpoint);

/* One row more of an address, for which room was reserved. */
struct address_count *address_table_add(struct address_table *table, const uint8_t seed[16],
                                        const struct muster_endpoint *endpoint);

/* One row less. */
void address_table_remove(struct address_table *table, const uint8_t seed[16], struct address_count *count);
