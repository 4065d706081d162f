/* SPDX-License-Identifier: MIT */
/* Proofs to the group: nonces of others that the next announce or alive of this node repeats, many in one
 * signed message. Each of them proves to the one whose nonce it is that this node speaks now, so that nobody
 * needs to ask (PROTOCOL.md, "Nonces"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit.h"

struct presence;
struct message;

struct proof {
    uint64_t nonce;
    uint64_t sent_ms; /* when it was answered last; 0: not yet */
    unsigned count;   /* how often it was answered */
    bool is_due;      /* it waits for the next message to the group */
};

struct proofs {
    struct proof *items; /* at most MUSTER_PROOFS_MAX, the oldest first */
    size_t count;
    size_t capacity;
    size_t due_count;
    uint64_t due_ms; /* when an announce has to answer those that are due */
    char re[MUSTER_RE_MAX * MUSTER_NONCE_CHARS + 1]; /* of the last message that did */
};

/* How many are about to be introduced, to this node or by it. */
size_t proof_strangers(const struct presence *presence);

/* True where these are many, so that what is said to the group serves best. */
bool proof_is_for_many(const struct presence *presence);

/* Where many prove themselves at once each waits for a random time first, of up to a millisecond for each of them;
 * 0 where they are few. */
uint64_t proof_spread_ms(struct presence *presence);

/* A message with its sender's nonce was heard. The sender misses a proof, or may: then the nonce is answered again
 * where it was answered before. */
void proof_owe(struct presence *presence, uint64_t nonce, bool is_missed);

/* True when the nonce was answered, or will be with the next message to the group. */
bool proof_is_paid(struct presence *presence, uint64_t nonce);

/* The nonce was answered by unicast. */
void proof_record(struct presence *presence, uint64_t nonce);

/* A question is to be answered by an announce to the group, in delay_ms at the latest. False when there is no
 * room. */
bool proof_answer(struct presence *presence, uint64_t nonce, uint64_t delay_ms);

/* Puts those that are due into a message, as many as fit behind bytes of it, and counts them as answered. */
void proof_put(struct presence *presence, struct message *message, size_t bytes);

/* Says an announce when one has to. Returns when something is due next. */
uint64_t proof_tick(struct presence *presence);
