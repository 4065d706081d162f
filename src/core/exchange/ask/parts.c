/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "deadline.h"
#include "exchange.h"

static const struct backoff backoff = {MUSTER_PART_RETRY_MS, MUSTER_PART_RETRY_MS_MAX};

bool parts_begin(struct exchange *exchange, const struct peer *peer) {
    uint64_t now_ms = exchange->context->now_ms;
    struct awaited_part *awaited = &exchange->presence->awaited_part;
    uint8_t *bytes = malloc(peer->large->size);
    if (bytes == NULL) {
        return false;
    }
    exchange->parts =
        (struct parts){.bytes = bytes, .size = peer->large->size, .due_ms = now_ms, .began_ms = now_ms};
    memcpy(awaited->id, peer->id, sizeof awaited->id);
    memcpy(awaited->hash, peer->large->hash, sizeof awaited->hash);
    awaited->number = 1;
    return true;
}

bool parts_are_asked_for(const struct parts *parts) {
    return parts->bytes != NULL;
}

enum parts_result parts_take(struct exchange *exchange, const struct message *message) {
    struct parts *parts = &exchange->parts;
    uint8_t bytes[MUSTER_PART_BYTES];
    size_t begin = parts->length;
    size_t length = message_part_length(parts->size, message->part, &begin);
    if (message_part_bytes(message, bytes) != length) {
        return PARTS_FAILED; /* its peer signed it */
    }
    memcpy(parts->bytes + begin, bytes, length);
    parts->length += length;
    parts->tries = 0;
    parts->due_ms = exchange->context->now_ms + MUSTER_PART_MS;
    exchange->presence->awaited_part.number++;
    return parts->length == parts->size ? PARTS_COMPLETE : PARTS_GO_ON;
}

/* The row whose body is asked for; NULL when it is none that has it. */
static const struct peer *find_peer(const struct exchange *exchange) {
    const struct awaited_part *awaited = &exchange->presence->awaited_part;
    const struct peer *peer = peer_table_find(&exchange->presence->table, awaited->id);
    bool has_it = peer != NULL && peer_is_partial(peer) && peer_is_present(peer) &&
                  memcmp(peer->large->hash, awaited->hash, sizeof awaited->hash) == 0;
    return has_it ? peer : NULL;
}

enum parts_result parts_tick(struct exchange *exchange) {
    struct context *context = exchange->context;
    struct parts *parts = &exchange->parts;
    if (parts_deadline(parts) > context->now_ms) {
        return PARTS_GO_ON;
    }
    const struct peer *peer = find_peer(exchange);
    if (peer == NULL || parts->tries == MUSTER_PART_TRIES ||
        context->now_ms - parts->began_ms >= MUSTER_PART_TOTAL_MS) {
        return PARTS_FAILED;
    }
    part_ask(exchange->presence, peer);
    parts->due_ms = context->now_ms + backoff_pause_ms(&backoff, parts->tries++, &context->random);
    return PARTS_GO_ON;
}

uint64_t parts_deadline(const struct parts *parts) {
    return parts_are_asked_for(parts) ? parts->due_ms : DEADLINE_NEVER;
}

void parts_deinit(struct parts *parts) {
    free(parts->bytes);
}

void parts_end(struct exchange *exchange) {
    parts_deinit(&exchange->parts);
    exchange->parts = (struct parts){0};
    exchange->presence->awaited_part = (struct awaited_part){0};
}
