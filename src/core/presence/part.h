/* SPDX-License-Identifier: MIT */
/* Bodies in parts, by datagrams, for who gets no stream through (PROTOCOL.md, "Parts"): a question for one
 * part, and the part that answers it. What came so far is kept by whoever asks (exchange/ask/parts.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

struct merge_note;
struct message;
struct peer;
struct presence;

/* The part that was asked for; all others are dropped. */
struct awaited_part {
    uint8_t id[MUSTER_ID_BYTES]; /* of whose body */
    uint8_t hash[MUSTER_HASH_BYTES];
    uint64_t number; /* 0: none */
};

/* Asks a peer for the part that is awaited. */
void part_ask(struct presence *presence, const struct peer *peer);

/* Takes the awaited part, signed by its peer, and notes it. False with the reason for any other. */
bool part_take(struct presence *presence, const struct message *message,
               const struct muster_datagram *datagram, struct merge_note *note, enum muster_drop *reason);

/* True for a query for a part of the body of this node. */
bool part_is_asked_for(const struct presence *presence, const struct message *query,
                       const struct muster_datagram *datagram);

/* Answers it by the part, if the question is for one that there is, and parts are left in this
 * second. False with the reason when the question is too short. */
bool part_answer(struct presence *presence, const struct message *query,
                 const struct muster_datagram *datagram, enum muster_drop *reason);
