/* SPDX-License-Identifier: MIT */
/* The messages of telemetry (PROTOCOL.md, "Telemetry"): data, tail and nak, from bytes to structs and back.
 * They are written by hand: their members are numbers and names that need no escapes, but for an origin. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

/* Bytes of a data header up to its seq, at most, of those that are cached. */
#define SIGNAL_PREFIX_BYTES_MAX 400

enum signal_kind { SIGNAL_DATA, SIGNAL_TAIL, SIGNAL_NAK };

struct signal_range {
    uint64_t first;
    uint64_t last;
};

struct signal {
    enum signal_kind kind;
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot;
    unsigned shard;

    /* data and tail */
    uint64_t seq;

    /* data */
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1]; /* "": the topic is the publisher's own */
    size_t prefix_length; /* of the header up to the digits of its seq; 0: it is written in another form, or
                             long */
    const uint8_t *body;  /* without its LF, but with white space before that */
    size_t body_length;

    /* tail */
    uint64_t oldest;

    /* nak */
    uint8_t of[MUSTER_ID_BYTES];
    uint64_t of_boot;
    struct signal_range missing[MUSTER_NAK_RANGES_MAX];
    size_t missing_count;
};

/* Decodes a datagram of telemetry; the body of data is not looked at, and points into bytes. False with the
 * reason. */
bool signal_decode(const uint8_t *bytes, size_t length, struct signal *signal, enum muster_drop *reason);

/* Reads what follows the prefix of a data header: its seq and, behind the line's end, the body. False when it
 * is written in another form. */
bool signal_read_data(const uint8_t *bytes, size_t length, size_t prefix_length, uint64_t *seq,
                      const uint8_t **body, size_t *body_length);

/* Bytes of an origin or a name as a member, NUL included: each character may take an escape. */
#define SIGNAL_ORIGIN_BYTES (2 * MUSTER_ORIGIN_BYTES_MAX + 16)
#define SIGNAL_NAME_BYTES (6 * MUSTER_NAME_BYTES_MAX + 16)

/* Write an origin, or a peer's name, as a member behind others, `,"origin":"site-b"`; nothing for "" and
 * NULL. Return text. */
const char *signal_origin_member(const char *origin, char text[SIGNAL_ORIGIN_BYTES]);
const char *signal_name_member(const char *name, char text[SIGNAL_NAME_BYTES]);

/* Reads such a member of length bytes; "" where there is none. */
void signal_read_origin(const char *member, size_t length, char origin[MUSTER_ORIGIN_BYTES_MAX + 1]);

/* Writes a data header up to its seq, without NUL; returns its length. An origin of "" is none. */
size_t signal_write_prefix(char text[SIGNAL_PREFIX_BYTES_MAX], const uint8_t id[MUSTER_ID_BYTES],
                           uint64_t boot, const char *topic, const char *origin, unsigned shard);

/* Writes a whole tail or nak, of at most MUSTER_DATAGRAM_BYTES_MAX bytes; returns its length. A nak has at
 * most MUSTER_NAK_RANGES_SENT ranges. */
size_t signal_write(const struct signal *signal, char text[MUSTER_DATAGRAM_BYTES_MAX]);
