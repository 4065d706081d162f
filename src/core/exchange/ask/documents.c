/* SPDX-License-Identifier: MIT */
#include "documents.h"

#include <string.h>

#include "backoff.h"
#include "deadline.h"
#include "exchange.h"

/* Tries without a pause: streams, then datagrams. */
#define ROUND (MUSTER_FETCH_TRIES + 1)

static const struct backoff backoff = {MUSTER_FETCH_RETRY_MS, MUSTER_FETCH_RETRY_MS_MAX};

/* Only what a key vouches for is fetched: else anybody could make us connect to anybody. */
static bool is_wanted(const struct peer *peer) {
    return peer_is_partial(peer) && peer->is_verified && peer_is_present(peer) &&
           !peer->large->is_fetched_now;
}

static bool has_room_for(const struct exchange *exchange, const struct peer *peer) {
    return exchange->presence->table.large_bytes - peer->large->body_length + peer->large->size <=
           MUSTER_DOCUMENTS_BYTES_MAX;
}

/* ---- whom to ask ---- */

/* Any that may have fetched the peer's document before us; the peer itself when there is none. */
static const struct peer *choose_other(struct exchange *exchange, const struct peer *peer) {
    const struct peer *chosen = peer;
    uint64_t others = 0;
    for (const struct peer *other = exchange->presence->table.by_id; other != NULL; other = other->hh.next) {
        bool may_have_it = other != peer && other->stream != 0 && other->is_verified &&
                           !other->is_provisional && other->state == MUSTER_ALIVE;
        if (may_have_it && random_u64(&exchange->context->random) % ++others == 0) {
            chosen = other;
        }
    }
    return chosen;
}

/* No stream brought it. */
static bool is_for_parts(const struct peer *peer) {
    return peer->large->tries % ROUND == MUSTER_FETCH_TRIES && !peer->is_provisional;
}

/* The peer itself first, where its address is more than a hint; then, one try after the other, others. */
static bool choose_source(struct exchange *exchange, const struct peer *peer, struct fetch_source *source) {
    bool is_turn = peer->large->tries % ROUND == 0 && !peer->is_provisional;
    const struct peer *from = is_turn ? peer : choose_other(exchange, peer);
    *source = fetch_source_of(from);
    return from->stream != 0 && !from->is_provisional;
}

/* ---- asking ---- */

/* Within a round nothing is waited for: others are asked at once. */
static void record_failure(struct exchange *exchange, struct peer *peer) {
    struct large_document *large = peer->large;
    large->tries++;
    large->due_ms = exchange->context->now_ms;
    if (large->tries % ROUND == 0) {
        large->due_ms += backoff_pause_ms(&backoff, large->tries / ROUND - 1, &exchange->context->random);
    }
    exchange->documents_due_ms = deadline_earlier(exchange->documents_due_ms, large->due_ms);
}

/* False when there is no stream for it. */
static bool begin(struct exchange *exchange, struct peer *peer) {
    struct request request = {.kind = REQUEST_DOCUMENT};
    struct fetch_source source;
    struct fetch *fetch;
    if (!choose_source(exchange, peer, &source)) {
        record_failure(exchange, peer);
        return true;
    }
    memcpy(request.id, peer->id, sizeof request.id);
    memcpy(request.hash, peer->large->hash, sizeof request.hash);
    if (fetch_begin(&exchange->fetches, exchange->context, FETCH_DOCUMENT, &source, &request, &fetch) != 0) {
        return false;
    }
    memcpy(fetch->id, peer->id, sizeof fetch->id);
    memcpy(fetch->hash, peer->large->hash, sizeof fetch->hash);
    peer->large->is_fetched_now = true;
    return true;
}

/* Of one peer at a time: the end of what is under way looks again. */
static void begin_parts(struct exchange *exchange, struct peer *peer) {
    if (parts_are_asked_for(&exchange->parts)) {
        return;
    }
    exchange->parts_turn = peer->number;
    if (!parts_begin(exchange, peer)) {
        record_failure(exchange, peer);
        return;
    }
    peer->large->is_fetched_now = true;
}

static bool waits_for_parts(const struct exchange *exchange, const struct peer *peer) {
    return peer->large->due_ms <= exchange->context->now_ms && has_room_for(exchange, peer) &&
           is_for_parts(peer);
}

/* Of two peers, one of which may be NULL, the one whose turn comes first. All have their turns in a circle:
 * else those that give parts slowly could keep the others from theirs. */
static struct peer *first_in_turn(const struct exchange *exchange, struct peer *a, struct peer *b) {
    uint64_t next = exchange->parts_turn + 1;
    return a == NULL || b->number - next < a->number - next ? b : a;
}

/* Streams that documents may take: one is left for a table. */
static size_t count_room(const struct fetches *fetches) {
    size_t used = fetches->counts[FETCH_TABLE] + fetches->counts[FETCH_DOCUMENT];
    used += fetch_has_table(fetches) ? 0 : 1;
    return used < MUSTER_FETCHES_MAX ? MUSTER_FETCHES_MAX - used : 0;
}

/* Fetches a row's document if that is due; what can't be now is looked at again. */
static void fetch_if_due(struct exchange *exchange, struct peer *peer, size_t *room) {
    uint64_t now_ms = exchange->context->now_ms;
    bool is_due = peer->large->due_ms <= now_ms;
    if (is_due && !has_room_for(exchange, peer)) {
        record_failure(exchange, peer); /* there may be room later */
        return;
    }
    if (*room == 0) {
        return; /* the end of a stream makes room, and looks again */
    }
    if (is_due && begin(exchange, peer)) {
        --*room;
        return;
    }
    uint64_t due_ms = is_due ? now_ms + DOCUMENTS_SPREAD_MS : peer->large->due_ms;
    exchange->documents_due_ms = deadline_earlier(exchange->documents_due_ms, due_ms);
}

void documents_tick(struct exchange *exchange) {
    const struct peer_table *table = &exchange->presence->table;
    size_t room = count_room(&exchange->fetches);
    size_t left = table->large_count;
    struct peer *next = NULL;
    if (exchange->documents_due_ms > exchange->context->now_ms) {
        return;
    }
    exchange->documents_due_ms = DEADLINE_NEVER;
    for (struct peer *peer = table->by_id; peer != NULL && left > 0; peer = peer->hh.next) {
        left -= peer->large != NULL ? 1 : 0;
        if (peer->large == NULL || !is_wanted(peer)) {
            continue;
        }
        if (waits_for_parts(exchange, peer)) {
            next = first_in_turn(exchange, next, peer);
        } else {
            fetch_if_due(exchange, peer, &room);
        }
    }
    if (next != NULL) {
        begin_parts(exchange, next);
    }
}

void documents_want(struct exchange *exchange) {
    struct context *context = exchange->context;
    if (context->has_streams && exchange->presence->table.large_count > 0) {
        uint64_t due_ms = context->now_ms + random_ms(&context->random, DOCUMENTS_SPREAD_MS);
        exchange->documents_due_ms = deadline_earlier(exchange->documents_due_ms, due_ms);
    }
}

/* ---- what comes ---- */

/* True when these are the bytes that the peer's announce described. */
static bool is_announced(const struct peer *peer, const uint8_t *body, size_t length) {
    uint8_t hash[MUSTER_HASH_BYTES];
    message_hash_body(body, length, hash);
    return length == peer->large->size && memcmp(hash, peer->large->hash, sizeof hash) == 0;
}

struct peer *documents_take(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES], const uint8_t *body,
                            size_t length) {
    struct context *context = exchange->context;
    struct peer_table *table = &exchange->presence->table;
    struct message lists = {.kind = MESSAGE_ANNOUNCE};
    enum muster_drop reason;
    struct peer *peer = peer_table_find(table, id);
    if (peer == NULL || peer->large == NULL || !has_room_for(exchange, peer) ||
        !is_announced(peer, body, length) || outbox_reserve_events(&context->outbox, 1) != 0 ||
        !message_take_body(&lists, body, length, &reason)) {
        return NULL;
    }
    int error = peer_table_set_body(table, peer, &lists.document, body, length);
    message_deinit(&lists);
    if (error != 0) {
        return NULL;
    }
    context->counters.documents++;
    peer_tell(&context->outbox, peer, MUSTER_PEER_CHANGED);
    return peer;
}

void documents_end(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES],
                   const uint8_t hash[MUSTER_HASH_BYTES]) {
    struct peer *peer = peer_table_find(&exchange->presence->table, id);
    if (peer == NULL || peer->large == NULL) {
        return;
    }
    peer->large->is_fetched_now = false;
    bool is_wanted_still = memcmp(hash, peer->large->hash, MUSTER_HASH_BYTES) == 0;
    if (peer_is_partial(peer) && is_wanted_still) {
        record_failure(exchange, peer);
    }
}
