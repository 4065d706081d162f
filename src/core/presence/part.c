/* SPDX-License-Identifier: MIT */
#include "part.h"

#include <assert.h>
#include <string.h>

#include "group.h"
#include "presence.h"
#include "send.h"

/* Header, digits of the largest numbers, signature line. */
#define PART_DATAGRAM_BYTES_MAX (MESSAGE_PART_TEXT_BYTES + 290)
static_assert(PART_DATAGRAM_BYTES_MAX <= MUSTER_PART_QUESTION_BYTES, "no answer is longer than its question");

void part_ask(struct presence *presence, const struct peer *peer) {
    const struct awaited_part *awaited = &presence->awaited_part;
    struct message query = {.asks_some = true, .of_count = 1, .part = awaited->number};
    memcpy(query.of[0], awaited->id, MUSTER_ID_BYTES);
    memcpy(query.hash, awaited->hash, MUSTER_HASH_BYTES);
    query_send_padded(presence, &query, &peer->address, peer->interface, MUSTER_PART_QUESTION_BYTES);
}

bool part_take(struct presence *presence, const struct message *message,
               const struct muster_datagram *datagram, struct merge_note *note, enum muster_drop *reason) {
    const struct awaited_part *awaited = &presence->awaited_part;
    const struct peer *peer = peer_table_find(&presence->table, message->id);
    bool is_awaited = message->part == awaited->number &&
                      memcmp(message->id, awaited->id, MUSTER_ID_BYTES) == 0 &&
                      memcmp(message->hash, awaited->hash, MUSTER_HASH_BYTES) == 0;
    if (!is_awaited || peer == NULL || !peer->is_verified) {
        *reason = MUSTER_DROP_UNASKED;
        return false;
    }
    note->is_part = merge_is_signed_by(presence, message, datagram, peer->key, reason);
    return note->is_part;
}

/* The part leaves from the address that was asked. */
static void give(struct presence *presence, const struct muster_datagram *datagram, struct message *part) {
    if (paths_is_source(&presence->context->paths, &datagram->destination, datagram->interface)) {
        part->at = datagram->destination;
        part->at.port = 0;
    }
    presence->context->counters.answers++;
    send_unicast(presence->context, part, 0, &datagram->source, datagram->interface);
}

bool part_is_asked_for(const struct presence *presence, const struct message *query,
                       const struct muster_datagram *datagram) {
    return query->part != 0 && !query->wants && presence->announcer.state == ANNOUNCER_SPEAKING &&
           message_lists(query->of, query->of_count, presence->context->identity.id) &&
           group_is_unicast(group_path_kind(&datagram->destination));
}

bool part_answer(struct presence *presence, const struct message *query,
                 const struct muster_datagram *datagram, enum muster_drop *reason) {
    const struct announcement *own = &presence->own.announcement;
    uint64_t now_ms = presence->context->now_ms;
    struct message part = {.kind = MESSAGE_PART, .part = query->part};
    char text[MESSAGE_PART_TEXT_BYTES];
    size_t begin;
    if (datagram->length < MUSTER_PART_QUESTION_BYTES) {
        *reason = MUSTER_DROP_SHORT_QUESTION;
        return false;
    }
    size_t length = message_part_length(own->message.size, query->part, &begin);
    bool is_there = length > 0 && memcmp(query->hash, own->message.hash, MUSTER_HASH_BYTES) == 0;
    if (is_there && bucket_take(&presence->answers.parts, 1, MUSTER_PART_RATE, MUSTER_PART_BURST, now_ms) &&
        health_take_unicast(&presence->health, now_ms)) {
        memcpy(part.hash, query->hash, MUSTER_HASH_BYTES);
        message_part_text(own->body + begin, length, text);
        part.bytes = text;
        give(presence, datagram, &part);
    }
    return true;
}
