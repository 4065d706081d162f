/* SPDX-License-Identifier: MIT */
/* What a subscriber missed before it came: each publisher of its topics, and whoever keeps them, is asked
 * once for last values, or for what was sent lately. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "fetch.h"
#include "limit.h"
#include "peer_topics.h"

struct exchange;
struct peer;
struct reply_sample;

struct catchup {
    struct ask *asks; /* at most MUSTER_ASKS_MAX */
    size_t count;
    size_t capacity;
};

/* A zeroed struct is allowed. */
void catchup_deinit(struct catchup *catchup);

/* What a peer announces is known, or known anew: it is asked if that differs from what it was asked for. */
void catchup_record_topics(struct exchange *exchange, struct peer *peer);

/* A subscription began, bit 1 << its number: all peers that have something for it are asked at once. */
void catchup_subscribe(struct exchange *exchange, uint64_t subscription);

/* A peer was heard that could not be asked before. */
void catchup_record_heard(struct exchange *exchange, struct peer *peer);

/* A subscription ended. */
void catchup_unsubscribe(struct exchange *exchange, uint64_t subscription);

/* True while somebody is, or will be, asked for last values. */
bool catchup_is_busy(const struct exchange *exchange);

/* The patterns of subscriptions that are for something of a row, its caches included if with_keeps: at most
 * MUSTER_PATTERNS_MAX, borrowed from the subscriptions. More are the one pattern for all. Returns how many.
 */
size_t catchup_patterns(const struct exchange *exchange, const struct peer_topics *topics,
                        uint64_t subscriptions, bool with_caches, const char **patterns);

/* Begins to ask a peer for samples, of as long ago as may be asked for; patterns that are too many for a
 * request become the one for all. The errors of fetch_begin(). */
int catchup_request(struct exchange *exchange, enum fetch_kind kind, const struct peer *peer,
                    struct request *request, struct fetch **fetch);

/* A sample came of who was asked. False when that is no answer to what was asked. */
bool catchup_take(struct exchange *exchange, struct fetch *fetch, const struct reply_sample *sample);

/* All of the answer came, or it could not be had: then it is asked for later, unless that was tried too
 * often.
 */
void catchup_end(struct exchange *exchange, const struct fetch *fetch, bool is_good);

/* Asks who is due. */
void catchup_tick(struct exchange *exchange);

uint64_t catchup_deadline(const struct exchange *exchange);
