/* SPDX-License-Identifier: MIT */
/* Records of this node that are too large for a datagram: the lines that others fetch by stream, the last
 * ones of them (PROTOCOL.md, 13.9). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/telemetry.h>

#include "limit.h"
#include "value_ref.h"

struct own_value {
    struct own_value *prev;
    struct own_value *next;
    uint8_t hash[MUSTER_HASH_BYTES];
    size_t length; /* of the line, its LF included */
    uint8_t line[];
};

struct own_values {
    struct own_value *items; /* the oldest first */
    size_t bytes;            /* at most MUSTER_VALUES_KEPT_BYTES_MAX */
};

/* A zeroed struct is allowed. */
void own_values_deinit(struct own_values *values);

/* Keeps the line of a record of this topic, and says what refers to it. MUSTER_ETOOBIG, MUSTER_EINVAL
 * (muster_record_fault() says why), MUSTER_ENOMEM; then nothing changed. */
int own_values_add(struct own_values *values, const char *topic, const struct muster_record *record,
                   double time_s, struct value_ref *ref);

/* The line with this hash, borrowed until the next one is added; NULL when it is not, or no longer, kept. */
const struct own_value *own_values_find(const struct own_values *values,
                                        const uint8_t hash[MUSTER_HASH_BYTES]);
