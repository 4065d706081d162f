/* SPDX-License-Identifier: MIT */
/* Values that are too large for a datagram: where a reference to one was heard, it is fetched from its
 * publisher, and what comes behind it in its feed waits (PROTOCOL.md, 13.9). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "bucket.h"
#include "limit.h"

struct awaited;
struct exchange;
struct fetch;
struct reply;

/* A feed of which something waits. */
struct waiting_feed {
    uint8_t id[MUSTER_ID_BYTES];
    unsigned shard;
    uint64_t subscriptions; /* for these, in order */
};

struct values {
    struct awaited *items; /* references, and what waits behind them, in the order in which they came */
    struct waiting_feed
        feeds[MUSTER_VALUES_WAITING_MAX]; /* of all items: the first one of each is a reference */
    size_t feed_count;
    struct awaited *ready;    /* what can be delivered, in order */
    struct awaited *borrowed; /* by who pulled the last one */
    size_t count;             /* of references whose values lack */
    size_t begun;             /* of those whose fetch has begun, and that are not delivered yet */
    size_t held_bytes;        /* of what waits behind them */
    struct bucket misses;     /* fetches that failed: another begins when there is a token */
    bool has_news;            /* something may be ready */
};

/* A zeroed struct is allowed. */
void values_deinit(struct values *values);

/* Takes references out of what was heard, and what is to come behind them. True when nobody is left that the
 * arrival is for now. */
bool values_hold(struct exchange *exchange, struct muster_arrival *arrival);

/* The next one that waited, borrowed until the next call; false when there is none. */
bool values_next(struct exchange *exchange, struct muster_arrival *arrival);

/* A value came of who was asked. False when it is another one. */
bool values_take(struct exchange *exchange, const struct fetch *fetch, const struct reply *reply);

/* All of the answer came, or it could not be had: then it is asked for later, or given up. */
void values_end(struct exchange *exchange, const struct fetch *fetch);

/* A subscription ended, bit 1 << its number. */
void values_forget(struct exchange *exchange, uint64_t subscription);

/* Asks who is due, and gives up what waited for too long. */
void values_tick(struct exchange *exchange);

uint64_t values_deadline(const struct exchange *exchange);
