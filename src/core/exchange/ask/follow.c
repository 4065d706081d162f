#include "follow.h"

#include <string.h>

#include "backoff.h"
#include "deadline.h"
#include "exchange.h"

static const struct backoff backoff = {MUSTER_FOLLOW_RETRY_MS, MUSTER_FOLLOW_RETRY_MS_MAX};

/* ---- beginning and ending ---- */

static struct follow *find(struct follows *follows, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        if (follows->items[i].is_used && memcmp(follows->items[i].owner.id, id, MUSTER_ID_BYTES) == 0) {
            return &follows->items[i];
        }
    }
    return NULL;
}

static struct follow *find_free(struct follows *follows) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        if (!follows->items[i].is_used) {
            return &follows->items[i];
        }
    }
    return NULL;
}

void follow_begin(struct exchange *exchange, const struct peer *peer) {
    struct follow *follow = find(&exchange->follows, peer->id);
    follow = follow != NULL ? follow : find_free(&exchange->follows);
    if (follow == NULL) {
        feed_stream_refuse(exchange->telemetry, peer);
        return;
    }
    if (!follow->is_used || follow->owner.boot != peer->boot) {
        fetch_stop(&exchange->fetches, follow->stream);
        *follow =
            (struct follow){.is_used = true, .owner.boot = peer->boot, .due_ms = exchange->context->now_ms};
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
        if (follow->is_used && follow->stream == fetch->stream) {
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
    struct fetch_source source = fetch_source_of(peer);
    struct fetch *fetch;
    uint64_t since_ms = feed_stream_missed_ms(exchange->telemetry, &follow->owner) + MUSTER_FOLLOW_MARGIN_MS;
    request.since_ms = since_ms < MUSTER_SINCE_MS_MAX ? since_ms : MUSTER_SINCE_MS_MAX;
    request.pattern_count = catchup_patterns(
        exchange, peer->topics, subscription_set_all(&exchange->telemetry->subscriptions), false, patterns);
    if (request.pattern_count == 0) {
        return MUSTER_ENOTFOUND;
    }
    int error = catchup_request(exchange, FETCH_FOLLOW, &source, &request, &fetch);
    follow->stream = error == 0 ? fetch->stream : 0;
    return error;
}

static void start(struct exchange *exchange, struct follow *follow, const struct peer *peer) {
    int error = ask(exchange, follow, peer);
    if (error == 0) {
        follow->generation = exchange->telemetry->subscriptions.generation;
    } else {
        follow->due_ms = exchange->context->now_ms + MUSTER_FOLLOW_RETRY_MS;
    }
    feed_stream_set(exchange->telemetry, &follow->owner, error == 0);
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
        start(exchange, follow, peer);
    }
}

void follow_tick(struct exchange *exchange) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        if (exchange->follows.items[i].is_used) {
            tick(exchange, &exchange->follows.items[i]);
        }
    }
}

uint64_t follow_deadline(const struct exchange *exchange) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        const struct follow *follow = &exchange->follows.items[i];
        if (follow->is_used && follow->stream == 0 && fetch_has_room(&exchange->fetches, FETCH_FOLLOW)) {
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
