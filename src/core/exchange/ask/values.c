/* SPDX-License-Identifier: MIT */
#include "values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "backoff.h"
#include "deadline.h"
#include "exchange.h"
#include "value_ref.h"

static const struct backoff backoff = {MUSTER_VALUE_RETRY_MS, MUSTER_VALUE_RETRY_MS << MUSTER_VALUE_TRIES};

enum awaited_state {
    AWAITED_BEHIND,  /* a sample or a loss that comes behind references */
    AWAITED_LACKING, /* a reference whose value lacks */
    AWAITED_FETCHED, /* it came */
    AWAITED_LOST,    /* it does not come */
};

/* One that waits. */
struct awaited {
    struct awaited *prev;
    struct awaited *next;
    enum awaited_state state;
    struct muster_arrival arrival; /* as it is delivered; what it points to is in here */
    uint64_t put_ms;
    size_t bytes; /* of all of it */

    /* Of a reference: */
    struct value_ref ref;
    bool has_begun;
    uint64_t stream; /* 0: none */
    uint64_t due_ms; /* then it is asked for, */
    uint64_t ends_ms;
    unsigned tries;

    uint8_t id[MUSTER_ID_BYTES];
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    char name[MUSTER_NAME_BYTES_MAX + 1];
    char bytes_behind[]; /* the body, and the room for its text */
};

static void free_all(struct awaited *items) {
    struct awaited *item;
    struct awaited *next;
    DL_FOREACH_SAFE(items, item, next) {
        free(item);
    }
}

void values_deinit(struct values *values) {
    free_all(values->items);
    free_all(values->ready);
    free(values->borrowed);
    *values = (struct values){0};
}

/* ---- copies ---- */

static void copy_sample(struct awaited *item, const struct muster_sample *sample, const void *body,
                        size_t length, size_t room_size) {
    struct muster_sample *copy = &item->arrival.sample;
    *copy = *sample;
    memcpy(item->id, sample->id, sizeof item->id);
    strncpy(item->topic, sample->topic, sizeof item->topic - 1);
    strncpy(item->origin, sample->origin, sizeof item->origin - 1);
    strncpy(item->name, sample->name == NULL ? "" : sample->name, sizeof item->name - 1);
    memcpy(item->bytes_behind, body, length);
    copy->id = item->id;
    copy->topic = item->topic;
    copy->origin = item->origin;
    copy->name = item->name;
    copy->body = item->bytes_behind;
    copy->length = length;
    copy->room = room_size == 0 ? NULL : item->bytes_behind + length;
    copy->room_size = room_size;
}

/* A copy with another body, and room for a text of it; NULL without memory. */
static struct awaited *copy_with(const struct muster_sample *sample, const void *body, size_t length,
                                 size_t room_size) {
    size_t bytes = sizeof(struct awaited) + length + room_size;
    struct awaited *item = calloc(1, bytes);
    if (item != NULL) {
        item->bytes = bytes;
        item->arrival.kind = MUSTER_ARRIVAL_SAMPLE;
        copy_sample(item, sample, body, length, room_size);
    }
    return item;
}

static struct awaited *copy_loss(const struct muster_loss *loss) {
    struct awaited *item = calloc(1, sizeof *item);
    if (item != NULL) {
        item->bytes = sizeof *item;
        item->arrival.kind = MUSTER_ARRIVAL_LOSS;
        item->arrival.loss = *loss;
        memcpy(item->id, loss->id, sizeof item->id);
        item->arrival.loss.id = item->id;
    }
    return item;
}

static unsigned shard_of(const struct awaited *item) {
    return item->arrival.kind == MUSTER_ARRIVAL_SAMPLE ? item->arrival.sample.shard
                                                       : item->arrival.loss.shard;
}

/* ---- what is given up ---- */

/* The value does not come: a loss stands in its place. */
static void give_up(struct exchange *exchange, struct awaited *item, enum muster_loss_reason reason) {
    struct values *values = &exchange->values;
    const struct muster_sample sample = item->arrival.sample;
    if (item->stream != 0) {
        fetch_stop(&exchange->fetches, item->stream);
        item->stream = 0;
    }
    item->state = AWAITED_LOST;
    item->arrival.kind = MUSTER_ARRIVAL_LOSS;
    item->arrival.loss = (struct muster_loss){.id = item->id,
                                              .boot = sample.boot,
                                              .shard = sample.shard,
                                              .first = sample.seq,
                                              .last = sample.seq,
                                              .reason = reason};
    values->count--;
    values->has_news = true;
}

/* The reference that came first makes way for what comes now. */
static void give_up_first(struct exchange *exchange) {
    struct awaited *item;
    DL_FOREACH(exchange->values.items, item) {
        if (item->state == AWAITED_LACKING) {
            give_up(exchange, item, MUSTER_LOSS_PROGRAM);
            return;
        }
    }
}

/* ---- what is delivered ---- */

static struct waiting_feed *find_feed(struct values *values, const uint8_t *id, unsigned shard) {
    for (size_t i = 0; i < values->feed_count; i++) {
        struct waiting_feed *feed = &values->feeds[i];
        if (feed->shard == shard && memcmp(feed->id, id, MUSTER_ID_BYTES) == 0) {
            return feed;
        }
    }
    return NULL;
}

/* What comes behind an item of this feed waits for it. */
static void record_waiting(struct exchange *exchange, const struct awaited *item) {
    struct values *values = &exchange->values;
    struct waiting_feed *feed = find_feed(values, item->id, shard_of(item));
    if (feed == NULL) {
        assert(values->feed_count < MUSTER_VALUES_WAITING_MAX);
        feed = &values->feeds[values->feed_count++];
        *feed = (struct waiting_feed){.shard = shard_of(item)};
        memcpy(feed->id, item->id, sizeof feed->id);
    }
    feed->subscriptions |= item->arrival.subscriptions & exchange->telemetry->subscriptions.ordered;
}

/* Those who are given what comes of a feed behind something else that waits. */
static uint64_t waiting_for(struct values *values, const uint8_t *id, unsigned shard) {
    const struct waiting_feed *feed = find_feed(values, id, shard);
    return feed == NULL ? 0 : feed->subscriptions;
}

static void remove_item(struct values *values, struct awaited *item) {
    DL_DELETE(values->items, item);
    values->begun -= item->has_begun ? 1 : 0;
    values->held_bytes -= item->state == AWAITED_BEHIND ? item->bytes : 0;
}

/* Moves what waits for nothing before it to what is ready. */
static void settle(struct exchange *exchange) {
    struct values *values = &exchange->values;
    struct awaited *item;
    struct awaited *next;
    values->feed_count = 0;
    DL_FOREACH_SAFE(values->items, item, next) {
        uint64_t waiting = waiting_for(values, item->id, shard_of(item));
        if (item->state == AWAITED_LACKING || (waiting & item->arrival.subscriptions) != 0) {
            record_waiting(exchange, item);
            continue;
        }
        remove_item(values, item);
        if (item->arrival.kind == MUSTER_ARRIVAL_SAMPLE) {
            item->arrival.sample.age_ms += item->arrival.sample.kind == MUSTER_SAMPLE_LAST
                                               ? exchange->context->now_ms - item->put_ms
                                               : 0;
        }
        DL_APPEND(values->ready, item);
    }
    values->has_news = false;
}

bool values_next(struct exchange *exchange, struct muster_arrival *arrival) {
    struct values *values = &exchange->values;
    if (values->has_news) {
        settle(exchange);
        values_tick(exchange);
    }
    do { /* what nobody wants any more is passed over */
        struct awaited *item = values->ready;
        free(values->borrowed);
        values->borrowed = item;
        if (item == NULL) {
            return false;
        }
        DL_DELETE(values->ready, item);
    } while (values->borrowed->arrival.subscriptions == 0);
    *arrival = values->borrowed->arrival;
    return true;
}

/* ---- what is heard ---- */

/* Those that want this record of a topic, not another one. */
static uint64_t wanted_by(const struct exchange *exchange, const char *name, uint64_t subscriptions) {
    uint64_t wanted = 0;
    for (uint64_t left = subscriptions; left != 0; left &= left - 1) {
        const struct pattern_set *set =
            &exchange->telemetry->subscriptions.items[__builtin_ctzll(left)]->patterns;
        for (size_t i = 0; i < set->count; i++) {
            wanted |= muster_pattern_matches(set->items[i], name) ? left & (~left + 1) : 0;
        }
    }
    return wanted;
}

static void append(struct exchange *exchange, struct awaited *item, uint64_t subscriptions) {
    item->put_ms = exchange->context->now_ms;
    item->arrival.subscriptions = subscriptions;
    DL_APPEND(exchange->values.items, item);
    record_waiting(exchange, item);
}

/* False without memory: then it is delivered as it is, which its reader takes for a fault, and counts. */
static bool await(struct exchange *exchange, const struct muster_sample *sample, const struct value_ref *ref,
                  uint64_t subscriptions) {
    struct values *values = &exchange->values;
    if (values->count == MUSTER_VALUES_WAITING_MAX) {
        give_up_first(exchange);
        settle(exchange);
    }
    struct awaited *item = copy_with(sample, sample->body, sample->length, 0);
    if (item == NULL) {
        return false;
    }
    item->state = AWAITED_LACKING;
    item->ref = *ref;
    /* Listeners that hear of it at the same time don't all ask at the same time. */
    item->due_ms = exchange->context->now_ms +
                   random_ms(&exchange->context->random, answer_window_ms(exchange->presence));
    append(exchange, item, subscriptions);
    values->count++;
    values_tick(exchange);
    exchange->telemetry->feeds.has_work = true; /* its deadline is a new one */
    return true;
}

/* False without memory: then it comes before its turn. */
static bool hold(struct exchange *exchange, const struct muster_arrival *arrival, uint64_t subscriptions) {
    struct values *values = &exchange->values;
    struct awaited *item = arrival->kind == MUSTER_ARRIVAL_LOSS
                               ? copy_loss(&arrival->loss)
                               : copy_with(&arrival->sample, arrival->sample.body, arrival->sample.length, 0);
    if (item == NULL) {
        return false;
    }
    item->state = AWAITED_BEHIND;
    values->held_bytes += item->bytes;
    append(exchange, item, subscriptions);
    if (values->held_bytes > MUSTER_VALUES_HELD_BYTES_MAX) {
        give_up_first(exchange);
    }
    return true;
}

bool values_hold(struct exchange *exchange, struct muster_arrival *arrival) {
    const bool is_sample = arrival->kind == MUSTER_ARRIVAL_SAMPLE;
    const struct muster_sample *sample = &arrival->sample;
    struct value_ref ref;
    if (is_sample && value_ref_begins(sample->body, sample->length) &&
        value_ref_read(sample->body, sample->length, &ref)) {
        uint64_t wanted = wanted_by(exchange, ref.name, arrival->subscriptions);
        if (wanted == 0 || await(exchange, sample, &ref, wanted)) {
            arrival->subscriptions = 0;
        }
        return arrival->subscriptions == 0;
    }
    if (exchange->values.items == NULL) {
        return false;
    }
    uint64_t waiting =
        arrival->subscriptions & waiting_for(&exchange->values, is_sample ? sample->id : arrival->loss.id,
                                             is_sample ? sample->shard : arrival->loss.shard);
    if (waiting != 0 && hold(exchange, arrival, waiting)) {
        arrival->subscriptions &= ~waiting;
    }
    return arrival->subscriptions == 0;
}

void values_forget(struct exchange *exchange, uint64_t subscription) {
    struct values *values = &exchange->values;
    struct awaited *item;
    DL_FOREACH(values->items, item) {
        item->arrival.subscriptions &= ~subscription;
        if (item->arrival.subscriptions == 0 && item->state == AWAITED_LACKING) {
            give_up(exchange, item, MUSTER_LOSS_PROGRAM); /* nobody is told */
        }
    }
    DL_FOREACH(values->ready, item) {
        item->arrival.subscriptions &= ~subscription;
    }
    for (size_t i = 0; i < values->feed_count; i++) { /* its number may be that of the next one */
        values->feeds[i].subscriptions &= ~subscription;
    }
}

/* ---- asking ---- */

/* One more try failed. After many, the next value of this publisher is tried once. */
static void retry(struct exchange *exchange, struct awaited *item, bool counts) {
    struct context *context = exchange->context;
    struct peer *peer = peer_table_find(&exchange->presence->table, item->id);
    const unsigned tries_max = peer != NULL && peer->has_failed_value ? 1 : MUSTER_VALUE_TRIES;
    item->due_ms = context->now_ms + backoff_pause_ms(&backoff, item->tries, &context->random);
    item->tries += counts ? 1 : 0;
    if (item->tries < tries_max) {
        return;
    }
    if (peer != NULL) {
        peer->has_failed_value = true;
    }
    give_up(exchange, item, MUSTER_LOSS_STREAM);
}

/* When a fetch may begin: references may be forged, so that many nodes ask one that has no such values. */
static uint64_t allowed_ms(const struct exchange *exchange) {
    return bucket_allowed_ms(&exchange->values.misses, 1, MUSTER_VALUE_MISS_RATE, MUSTER_VALUE_MISS_BURST,
                             exchange->context->now_ms);
}

/* The row of who published it, if that is still there. */
static struct peer *publisher_of(const struct exchange *exchange, const struct awaited *item) {
    struct peer *peer = peer_table_find(&exchange->presence->table, item->id);
    return peer != NULL && peer_is_present(peer) && peer->boot == item->arrival.sample.boot ? peer : NULL;
}

static void begin(struct exchange *exchange, struct awaited *item) {
    const struct peer *peer = publisher_of(exchange, item);
    struct request request = {.kind = REQUEST_DOCUMENT};
    struct fetch *fetch;
    int error = MUSTER_ENOTFOUND;
    if (peer == NULL) {
        give_up(exchange, item, MUSTER_LOSS_GONE);
        return;
    }
    if (exchange->context->has_streams && peer_answers_streams(peer)) {
        const struct fetch_source source = fetch_source_of(peer);
        memcpy(request.id, item->id, sizeof request.id);
        memcpy(request.hash, item->ref.hash, sizeof request.hash);
        error = fetch_begin(&exchange->fetches, exchange->context, FETCH_VALUE, &source, &request, &fetch);
    }
    if (error == 0) {
        memcpy(fetch->id, item->id, sizeof fetch->id);
        memcpy(fetch->hash, item->ref.hash, sizeof fetch->hash);
        item->stream = fetch->stream;
    } else if (error != MUSTER_EFULL) { /* the end of a stream makes room, and looks again */
        retry(exchange, item, true);
    }
}

/* Whose values are fetched, or wait for one before them. */
struct places {
    const uint8_t *ids[MUSTER_VALUE_FETCHES_MAX];
    size_t count;
};

static bool has_place_for(const struct places *places, const struct awaited *item) {
    size_t of_one = 0;
    for (size_t i = 0; i < places->count; i++) {
        of_one += memcmp(places->ids[i], item->id, sizeof item->id) == 0 ? 1 : 0;
    }
    return of_one < MUSTER_VALUE_FETCHES_OF_ONE;
}

/* Those of one publisher begin in order: what has a place of it stands before what has none. */
static void give_place(struct values *values, struct places *places, struct awaited *item, uint64_t now_ms) {
    if (!item->has_begun && item->state == AWAITED_LACKING && values->begun < MUSTER_VALUE_FETCHES_MAX &&
        has_place_for(places, item)) {
        item->has_begun = true;
        item->ends_ms = now_ms + MUSTER_VALUE_MS;
        values->begun++;
    }
    if (item->has_begun) {
        places->ids[places->count++] = item->id;
    }
}

void values_tick(struct exchange *exchange) {
    struct values *values = &exchange->values;
    const uint64_t now_ms = exchange->context->now_ms;
    struct awaited *item = values->items;
    struct places places = {.count = 0};
    for (size_t left = values->count; left > 0; item = item->next) {
        give_place(values, &places, item, now_ms);
        if (item->state != AWAITED_LACKING) {
            continue;
        }
        left--;
        if (item->has_begun && item->ends_ms <= now_ms) {
            give_up(exchange, item, MUSTER_LOSS_STREAM);
        } else if (item->has_begun && item->stream == 0 && item->due_ms <= now_ms &&
                   allowed_ms(exchange) <= now_ms && fetch_has_room(&exchange->fetches, FETCH_VALUE)) {
            begin(exchange, item);
        }
    }
}

uint64_t values_deadline(const struct exchange *exchange) {
    const bool has_room = fetch_has_room(&exchange->fetches, FETCH_VALUE);
    const uint64_t least_ms = allowed_ms(exchange);
    uint64_t deadline_ms = exchange->values.has_news ? exchange->context->now_ms : DEADLINE_NEVER;
    const struct awaited *item = exchange->values.items;
    for (size_t left = exchange->values.count; left > 0; item = item->next) {
        left -= item->state == AWAITED_LACKING ? 1 : 0;
        if (item->state == AWAITED_LACKING && item->has_begun) {
            deadline_ms = deadline_earlier(deadline_ms, item->ends_ms);
            const uint64_t due_ms = item->due_ms > least_ms ? item->due_ms : least_ms;
            deadline_ms = item->stream == 0 && has_room ? deadline_earlier(deadline_ms, due_ms) : deadline_ms;
        }
    }
    return deadline_ms;
}

/* ---- what comes ---- */

static struct awaited *find_asked(const struct values *values, const struct fetch *fetch) {
    struct awaited *item;
    DL_FOREACH(values->items, item) {
        if (item->stream == fetch->stream) {
            return item;
        }
    }
    return NULL;
}

bool values_take(struct exchange *exchange, const struct fetch *fetch, const struct reply *reply) {
    struct values *values = &exchange->values;
    struct awaited *item = find_asked(values, fetch);
    uint8_t hash[MUSTER_HASH_BYTES];
    if (item == NULL || reply->body_length != item->ref.size) {
        return false;
    }
    message_hash_body(reply->body, reply->body_length, hash);
    if (memcmp(hash, item->ref.hash, sizeof hash) != 0) {
        return false;
    }
    struct awaited *value =
        copy_with(&item->arrival.sample, reply->body, reply->body_length - 1, reply->body_length);
    if (value == NULL) {
        return false;
    }
    value->state = AWAITED_FETCHED;
    value->arrival.subscriptions = item->arrival.subscriptions;
    value->put_ms = item->put_ms;
    value->has_begun = true;
    DL_REPLACE_ELEM(values->items, item, value);
    free(item);
    values->count--;
    values->has_news = true;
    struct peer *peer = peer_table_find(&exchange->presence->table, value->id);
    if (peer != NULL) {
        peer->has_failed_value = false;
    }
    return true;
}

void values_end(struct exchange *exchange, const struct fetch *fetch) {
    struct awaited *item = find_asked(&exchange->values, fetch);
    if (item == NULL) { /* it came, or nobody waits for it */
        return;
    }
    item->stream = 0;
    if (fetch->end != REQUEST_END_BUSY) {
        bucket_spend(&exchange->values.misses, 1, MUSTER_VALUE_MISS_RATE, exchange->context->now_ms);
    }
    if (publisher_of(exchange, item) == NULL || fetch->end == REQUEST_END_NOT_FOUND) {
        give_up(exchange, item, MUSTER_LOSS_GONE);
    } else {
        retry(exchange, item, fetch->end != REQUEST_END_BUSY);
    }
}
