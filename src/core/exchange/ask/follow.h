/* SPDX-License-Identifier: MIT */
/* Publishers that are followed by stream, because what they send to the groups does not come through. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "feed_stream.h"
#include "limit.h"

struct exchange;
struct fetch;
struct peer;
struct reply_sample;

struct follow {
    struct feed_owner owner; /* boot 0: a free place */
    uint64_t stream;         /* number of its fetch; 0: none is open */
    uint64_t generation;     /* of the subscriptions that it asks for */
    uint64_t due_ms;         /* when to try again */
    unsigned failures;       /* one after the other */
};

struct follows {
    struct follow items[MUSTER_FOLLOWS_MAX];
};

/* Nothing comes of some feeds of a row by multicast, though its publisher sends: it is followed, if there is
 * room. */
void follow_begin(struct exchange *exchange, const struct peer *peer);

/* A feed of this publisher is heard by multicast again. */
void follow_review(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES]);

/* A sample came by the stream. False when that is no answer to what was asked. */
bool follow_take(struct exchange *exchange, const struct fetch *fetch, const struct reply_sample *sample);

/* The stream ended. */
void follow_end(struct exchange *exchange, const struct fetch *fetch);

/* Tries again what broke, and ends what nobody needs. */
void follow_tick(struct exchange *exchange);

uint64_t follow_deadline(const struct exchange *exchange);
