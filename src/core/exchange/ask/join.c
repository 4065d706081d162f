/* SPDX-License-Identifier: MIT */
#include "join.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "deadline.h"
#include "exchange.h"

/* ---- beginning and ending ---- */

static void free_samples(struct backlog_sample *samples) {
    struct backlog_sample *sample;
    struct backlog_sample *next;
    DL_FOREACH_SAFE(samples, sample, next) {
        free(sample);
    }
}

void joins_deinit(struct joins *joins) {
    struct join *join;
    struct join *next;
    DL_FOREACH_SAFE(joins->items, join, next) {
        free_samples(join->held);
        free_samples(join->covering);
        free(join);
    }
    *joins = (struct joins){0};
}

static bool is_of(const struct join *join, const uint8_t id[MUSTER_ID_BYTES], uint64_t subscriptions) {
    return (join->subscriptions & subscriptions) != 0 && memcmp(join->id, id, MUSTER_ID_BYTES) == 0;
}

static struct join *find(const struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES],
                         uint64_t subscription) {
    struct join *join;
    DL_FOREACH(exchange->joins.items, join) {
        if (is_of(join, id, subscription)) {
            return join;
        }
    }
    return NULL;
}

void join_begin(struct exchange *exchange, struct peer *peer, const struct ask *ask) {
    const struct telemetry *telemetry = exchange->telemetry;
    struct join *join = find(exchange, peer->id, ask->subscriptions);
    if (join != NULL) { /* it waits for both answers, and no longer for that */
        join->is_answered = false;
        return;
    }
    join = calloc(1, sizeof *join);
    if (join == NULL) {
        return;
    }
    memcpy(join->id, peer->id, sizeof join->id);
    join->subscriptions = ask->subscriptions;
    join->ordered = ask->subscriptions & telemetry->subscriptions.ordered &
                    ~telemetry->value_cache.subscription; /* which compares by time */
    join->ends_ms = exchange->context->now_ms + MUSTER_JOIN_MS;
    peer->waiting |= join->ordered;
    DL_APPEND(exchange->joins.items, join);
}

void join_end(struct exchange *exchange, const struct ask *ask) {
    struct join *join;
    DL_FOREACH(exchange->joins.items, join) {
        join->is_answered = join->is_answered || is_of(join, ask->id, ask->subscriptions);
    }
}

void join_forget(struct exchange *exchange, uint64_t subscription) {
    struct peer *peer = exchange->presence->table.by_id;
    struct join *join;
    struct backlog_sample *sample;
    for (; peer != NULL; peer = peer->hh.next) {
        peer->waiting &= ~subscription;
        peer->asked_for &= ~subscription;
    }
    DL_FOREACH(exchange->joins.items, join) {
        join->subscriptions &= ~subscription;
        join->ordered &= ~subscription;
        DL_FOREACH(join->held, sample) {
            sample->subscriptions &= ~subscription;
        }
        DL_FOREACH(join->covering, sample) {
            sample->subscriptions &= ~subscription;
        }
    }
}

uint64_t join_waiting(const struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES]) {
    const struct peer *peer =
        exchange->joins.items == NULL ? NULL : peer_table_find(&exchange->presence->table, id);
    return peer == NULL ? 0 : peer->waiting;
}

/* ---- what waits ---- */

static size_t bytes_of(const struct muster_sample *sample) {
    return sizeof(struct backlog_sample) + sample->length;
}

static void record_given(struct exchange *exchange, struct join *join, const struct backlog_sample *sample) {
    join->bytes -= bytes_of(&sample->sample);
    exchange->joins.bytes -= bytes_of(&sample->sample);
}

/* True while data that last values cover may come to subscribers. */
static bool is_covering(const struct exchange *exchange, const struct backlog_sample *last) {
    const struct feed *feed = feed_table_find(&exchange->telemetry->feeds, last->id, last->sample.shard);
    return feed != NULL && feed->boot == last->sample.boot && !feed->is_muted && feed->due <= last->until;
}

/* What came live meanwhile is left out of last values. */
static void give_covering(struct exchange *exchange, struct join *join, bool is_over) {
    struct backlog_sample *last;
    struct backlog_sample *next;
    DL_FOREACH_SAFE(join->covering, last, next) {
        if (!is_over && is_covering(exchange, last)) {
            continue;
        }
        DL_DELETE(join->covering, last);
        record_given(exchange, join, last);
        last->sample.age_ms += exchange->context->now_ms - last->put_ms;
        last->subscriptions = backlog_record_last(exchange, &last->sample, last->subscriptions);
        last->sample.is_late = (last->subscriptions & ~join->ordered) != 0;
        DL_APPEND(exchange->backlog.samples, last);
    }
}

static void give_held(struct exchange *exchange, struct join *join) {
    struct peer *peer = peer_table_find(&exchange->presence->table, join->id);
    struct backlog_sample *sample;
    if (peer != NULL) {
        peer->waiting &= ~join->ordered;
    }
    DL_FOREACH(join->held, sample) {
        record_given(exchange, join, sample);
    }
    DL_CONCAT(exchange->backlog.samples, join->held);
    join->held = NULL;
    join->ordered = 0;
}

static void give_all(struct exchange *exchange, struct join *join) {
    give_covering(exchange, join, true);
    give_held(exchange, join);
}

static struct join *largest(const struct joins *joins) {
    struct join *largest = joins->items;
    struct join *join;
    DL_FOREACH(joins->items, join) {
        largest = join->bytes > largest->bytes ? join : largest;
    }
    return largest;
}

/* A copy that waits in a join. NULL without memory, and where this join is the one that makes room. */
static struct backlog_sample *copy_for(struct exchange *exchange, struct join *join,
                                       const struct muster_sample *sample, uint64_t subscriptions) {
    struct joins *joins = &exchange->joins;
    struct join *most = joins->bytes + bytes_of(sample) > MUSTER_JOIN_BYTES_MAX ? largest(joins) : NULL;
    if (most != NULL) {
        give_all(exchange, most);
    }
    struct backlog_sample *copy = most != join ? backlog_copy(exchange, sample, subscriptions) : NULL;
    if (copy != NULL) {
        join->bytes += bytes_of(sample);
        joins->bytes += bytes_of(sample);
    }
    return copy;
}

/* Of a topic that was given before the peer was asked, nothing else comes. */
static bool was_given(const struct exchange *exchange, const struct muster_sample *sample,
                      uint64_t subscription) {
    const struct feed *feed = feed_table_find(&exchange->telemetry->feeds, sample->id, sample->shard);
    const struct feed_header *header;
    DL_FOREACH(feed == NULL ? NULL : feed->headers, header) {
        if ((header->known & subscription) != 0 && strcmp(header->topic, sample->topic) == 0) {
            return true;
        }
    }
    return false;
}

/* Without room nothing waits any longer: this one comes behind what did. */
static bool hold(struct exchange *exchange, const struct muster_sample *sample, uint64_t subscription) {
    struct join *join = find(exchange, sample->id, subscription);
    if (join == NULL || was_given(exchange, sample, subscription)) {
        return false;
    }
    bool is_waiting = (join->ordered & subscription) != 0; /* or it made room just now */
    struct backlog_sample *copy = is_waiting ? copy_for(exchange, join, sample, subscription) : NULL;
    if (copy == NULL) {
        give_all(exchange, join);
        return backlog_put(exchange, sample, subscription);
    }
    DL_APPEND(join->held, copy);
    backlog_record_live(exchange, sample, subscription);
    return true;
}

void join_hold(struct exchange *exchange, struct muster_arrival *arrival) {
    uint64_t left = arrival->kind == MUSTER_ARRIVAL_SAMPLE ? arrival->subscriptions : 0;
    left = left == 0 ? 0 : left & join_waiting(exchange, arrival->sample.id);
    for (; left != 0; left &= left - 1) {
        uint64_t subscription = left & (~left + 1);
        if (hold(exchange, &arrival->sample, subscription)) {
            arrival->subscriptions &= ~subscription;
        }
    }
}

bool join_take_covering(struct exchange *exchange, const struct muster_sample *sample, uint64_t subscriptions,
                        uint64_t until) {
    struct telemetry *telemetry = exchange->telemetry;
    struct join *join = find(exchange, sample->id, subscriptions);
    struct feed *feed = feed_table_find(&telemetry->feeds, sample->id, sample->shard);
    struct backlog_sample like = {.sample = *sample, .until = until};
    memcpy(like.id, sample->id, sizeof like.id);
    if (join == NULL || !is_covering(exchange, &like)) {
        return false;
    }
    struct backlog_sample *copy = copy_for(exchange, join, sample, subscriptions);
    if (copy == NULL) {
        return false;
    }
    copy->until = until;
    DL_APPEND(join->covering, copy);
    if (!feed->is_followed) { /* what is missing is asked for at once */
        struct gap_moment moment = feed_table_moment(telemetry);
        feed_reach(feed, until, &moment);
        feed_table_touch(telemetry, feed);
    }
    return true;
}

/* ---- the end of waiting ---- */

bool join_settle(struct exchange *exchange) {
    struct join *join;
    struct join *next;
    DL_FOREACH_SAFE(exchange->joins.items, join, next) {
        bool is_over = join->ends_ms <= exchange->context->now_ms || join->subscriptions == 0;
        give_covering(exchange, join, is_over);
        if (is_over || (join->is_answered && join->covering == NULL)) {
            give_held(exchange, join);
            DL_DELETE(exchange->joins.items, join);
            free(join);
        }
    }
    return exchange->backlog.samples != NULL;
}

uint64_t join_deadline(const struct exchange *exchange) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    const struct join *join;
    DL_FOREACH(exchange->joins.items, join) {
        deadline_ms = deadline_earlier(deadline_ms, join->ends_ms);
    }
    return deadline_ms;
}
