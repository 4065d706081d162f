/* SPDX-License-Identifier: MIT */
/* The body of a datagram that stands for a value too large for it (PROTOCOL.md, 13.9): how long the value's
 * line is, its hash, and of which record it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <muster/telemetry.h>

#include "limit.h"

/* What no other body begins with. */
#define VALUE_REF_BEGIN "[{\"size_\":"

/* Bytes of the longest one. */
#define VALUE_REF_BYTES_MAX 384

struct value_ref {
    size_t size; /* of the line, its LF included */
    uint8_t hash[MUSTER_HASH_BYTES];
    double time_s;                             /* since 1970; 0: not said */
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1]; /* in full */
};

/* True for a body that is one, or is at fault. */
static inline bool value_ref_begins(const char *body, size_t length) {
    return length >= sizeof VALUE_REF_BEGIN - 1 &&
           memcmp(body, VALUE_REF_BEGIN, sizeof VALUE_REF_BEGIN - 1) == 0;
}

/* Writes one, without NUL; returns its length. A time that SenML can't say is left out. */
size_t value_ref_write(const struct value_ref *ref, char text[VALUE_REF_BYTES_MAX]);

/* Reads one, white space behind it included. False for all else. */
bool value_ref_read(const char *body, size_t length, struct value_ref *ref);
