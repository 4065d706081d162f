/* SPDX-License-Identifier: MIT */
#include "follow.h"

#include <string.h>

#include "backoff.h"
#include "deadline.h"
#include "exchange.h"

static const struct backoff backoff = {MUSTER_FOLLOW_RETRY_MS, MUSTER_FOLLOW_RETRY_MS_MAX};

/* ---- beginning and ending ---- */

/* A free place has the id of nobody. */
static struct follow *find(struct follows *follows, const uint8_t id[MUSTER_ID_BYTES]) {
    size_t i = 0;
    while (i < MUSTER_FOLLOWS_MAX && memcmp(follows->items[i].owner.id, id, MUSTER_ID_BYTES) != 0) {
        i++;
    }
    return i == MUSTER_FOLLOWS_MAX ? NULL : &follows->items[i];
}

void follow_begin(struct exchange *exchange, const struct peer *peer) {
    static const uint8_t nobody[MUSTER_ID_BYTES];
    struct follow *follow = find(&exchange->follows, peer->id);
    follow = follow != NULL ? follow : find(&exchange->follows, nobody);
    if (follow == NULL) {
        feed_stream_refuse(exchange->telemetry, peer);
        return;
    }
    if (follow->owner.boot != peer->boot) {
        fetch_stop(&exchange->fetches, follow->stream);
        *follow = (struct follow){.owner.boot = peer->boot, .due_ms = exchange->context->now_ms};
        memcpy(follow->owner.id, peer->id, sizeof follow->owner.id);
    }
    feed_stream_begin(exchange->telemetry, peer);
    if (follow->stream != 0) { /* what the new feed misses so far lies behind what the stream says */
        follow->generation = 0;
    }
}

static void end(struct exchange *exchange, struct follow *follow) {
    fetch_stop(&exchange->fetches, follow->stream);
    feed_stream_end(exchange->telemetry, &follow->owner);
    *follow = (struct follow){0};
}

void follow_review(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES]) {
    struct follow *follow = find(&exchange->follows, id);
    if (follow != NULL && !feed_stream_is_needed(exchange->telemetry, &follow->owner)) {
        end(exchange, follow);
    }
}

void follow_end(struct exchange *exchange, const struct fetch *fetch) {
    struct context *context = exchange->context;
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        struct follow *follow = &exchange->follows.items[i];
        if (follow->stream == fetch->stream) {
            follow->due_ms = context->now_ms + backoff_pause_ms(&backoff, follow->failures, &context->random);
            follow->failures++;
            follow->stream = 0;
            feed_stream_set(exchange->telemetry, &follow->owner, false);
        }
    }
}

/* ---- asking ---- */

static int ask(struct exchange *exchange, struct follow *follow, const struct peer *peer) {
    const char *patterns[MUSTER_PATTERNS_MAX];
    struct request request = {.kind = REQUEST_SAMPLES, .patterns = patterns, .follows = true};
    const struct subscription_set *subscriptions = &exchange->telemetry->subscriptions;
    struct fetch *fetch;
    request.since_ms = feed_stream_missed_ms(exchange->telemetry, &follow->owner) + MUSTER_FOLLOW_MARGIN_MS;
    request.pattern_count =
        catchup_patterns(exchange, peer->topics, subscription_set_all(subscriptions), false, patterns);
    int error = request.pattern_count == 0 ? MUSTER_ENOTFOUND
                                           : catchup_request(exchange, FETCH_FOLLOW, peer, &request, &fetch);
    if (error == 0) {
        follow->stream = fetch->stream;
        follow->generation = subscriptions->generation;
    } else {
        follow->due_ms = exchange->context->now_ms + MUSTER_FOLLOW_RETRY_MS;
    }
    return error;
}

static void tick(struct exchange *exchange, struct follow *follow) {
    uint64_t now_ms = exchange->context->now_ms;
    const struct peer *peer = peer_table_find(&exchange->presence->table, follow->owner.id);
    if (peer == NULL || peer->boot != follow->owner.boot || !peer_answers_streams(peer) ||
        !feed_stream_is_needed(exchange->telemetry, &follow->owner)) {
        end(exchange, follow);
        return;
    }
    if (follow->stream != 0 && follow->generation != exchange->telemetry->subscriptions.generation) {
        fetch_stop(&exchange->fetches, follow->stream);
        follow->stream = 0;
        follow->due_ms = now_ms;
    }
    if (follow->stream == 0 && follow->due_ms <= now_ms && fetch_has_room(&exchange->fetches, FETCH_FOLLOW)) {
        feed_stream_set(exchange->telemetry, &follow->owner, ask(exchange, follow, peer) == 0);
    }
}

void follow_tick(struct exchange *exchange) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        if (exchange->follows.items[i].owner.boot != 0) {
            tick(exchange, &exchange->follows.items[i]);
        }
    }
}

uint64_t follow_deadline(const struct exchange *exchange) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        const struct follow *follow = &exchange->follows.items[i];
        if (follow->owner.boot != 0 && follow->stream == 0 &&
            fetch_has_room(&exchange->fetches, FETCH_FOLLOW)) {
            deadline_ms = deadline_earlier(deadline_ms, follow->due_ms);
        }
    }
    return deadline_ms;
}

/* ---- what comes ---- */

/* Last values come first; they were asked for by who wanted them. */
bool follow_take(struct exchange *exchange, const struct fetch *fetch, const struct reply_sample *sample) {
    struct follow *follow = find(&exchange->follows, sample->id);
    if (follow == NULL || follow->stream != fetch->stream) {
        return sample->seq == 0; /* those that the publisher keeps for others */
    }
    if (sample->seq > 0 && sample->boot == follow->owner.boot) {
        follow->failures = 0;
        feed_stream_take(exchange->telemetry, &follow->owner, sample);
    }
    return true;
}
