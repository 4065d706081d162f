/* SPDX-License-Identifier: MIT */
/* What this node keeps for others: the last value of each sensor of certain topics, whoever publishes them.
 * Who comes later is given them even when the sensor sleeps, or is gone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "buffer.h"

struct telemetry;

/* A value of one full name. */
struct kept_value {
    struct kept_value *prev;
    struct kept_value *next;
    uint64_t boot; /* of the publisher when it said so */
    double time_s; /* since 1970; 0: it did not say */
    int64_t
        said_ms; /* when it was published, as far as is known here: before this machine started, perhaps */
    size_t name_length;
    size_t length;
    char text[]; /* the name, and behind it the record: one SenML object */
};

/* What a topic is known by. All of it is compared: no byte is left unset. */
struct kept_key {
    uint8_t id[MUSTER_ID_BYTES]; /* of the publisher */
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
};

struct kept_topic {
    UT_hash_handle hh;
    struct kept_topic *prev; /* by news of it */
    struct kept_topic *next;
    struct kept_key key;
    uint64_t number;                          /* grows from topic to topic */
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1]; /* as it was said last; "": none */
    char name[MUSTER_NAME_BYTES_MAX + 1];     /* of the publisher; "": not known */
    struct kept_value *values;                /* the newest first */
    size_t value_count;
};

struct value_cache {
    uint64_t subscription; /* bit 1 << number of the node's own one for them; 0: none */
    struct kept_topic *by_key;
    struct kept_topic *topics; /* the longest without news first */
    size_t topic_count;
    size_t bytes; /* of all values */
    uint64_t number;
    uint64_t changes; /* values that came */
};

/* True when the options have patterns that can be kept, or none, and the node may keep. */
bool value_cache_wants(const struct muster_core_options *options);

/* A zeroed struct is allowed. */
void value_cache_deinit(struct value_cache *value_cache);

/* Keeps what is in a sample, unless something newer is kept already. */
void value_cache_take(struct telemetry *telemetry, const struct muster_sample *sample);

/* The first topic after this number; NULL when there is none. */
const struct kept_topic *value_cache_after(const struct value_cache *value_cache, uint64_t number);

/* Appends the values of a topic to out, as parts of an answer, and counts these in *count. MUSTER_ENOMEM. */
int value_cache_write(const struct telemetry *telemetry, const struct kept_topic *topic, struct buffer *out,
                      uint64_t *count);
