/* SPDX-License-Identifier: MIT */
/* What the three engines of a node share. The node owns it, and moves its time on before each step. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "group.h"
#include "identity.h"
#include "outbox.h"
#include "paths.h"
#include "random.h"
#include "rates.h"

#define CONTEXT_SEED_BYTES 16

struct context {
    uint64_t now_ms; /* of the event being stepped, or the last one */
    uint64_t began_ms;
    uint16_t port;    /* of the control group */
    uint8_t site_ttl; /* what is for many leaves with; 0: it stays on the link */
    uint16_t stream;  /* TCP port that this node accepts streams on; 0: none */
    bool has_streams; /* streams can be opened */
    bool is_observer;
    uint8_t hash_seed[CONTEXT_SEED_BYTES]; /* of hash tables, so that nobody outside can aim at one place */
    struct random random;
    struct identity identity;
    struct paths paths;
    struct rates rates;
    struct outbox outbox;
    struct muster_counters counters;
    char
        key_id[2 * MUSTER_GROUP_KEY_ID_BYTES + 1]; /* of the group key that seals, in hexadecimal; "": none */
    uint64_t sent[MUSTER_SHARDS]; /* seq of the last data in each shard, in this boot; 0: none */
};

/* Of a valid set of options. */
void context_init(struct context *context, const struct muster_core_options *options, uint64_t now_ms);

/* A zeroed struct is allowed. */
void context_deinit(struct context *context);

/* How far what is for many reaches. */
enum group_scope context_scope(const struct context *context);

/* The TTL that a datagram to this destination leaves with. */
uint8_t context_ttl(const struct context *context, const struct muster_endpoint *destination);

/* Draws the key of a hash that nobody outside can foresee. */
void context_draw_seed(struct context *context, uint8_t seed[CONTEXT_SEED_BYTES]);
