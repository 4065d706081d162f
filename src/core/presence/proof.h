/* SPDX-License-Identifier: MIT */
/* Proofs to the group: nonces of others that the next announce or alive of this node repeats, many in one
 * signed message. Each of them proves to the one whose nonce it is that this node speaks now, so that nobody
 * needs to ask (PROTOCOL.md, "Proofs"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"
#include "strangers.h"

struct presence;
struct message;

struct proof {
    uint64_t nonce;
    struct muster_endpoint asker; /* where it came from first */
    bool is_shared;   /* it came from elsewhere, too: what one of them is given answers no other */
    uint64_t sent_ms; /* when it was answered last; 0: not yet */
    uint64_t said_ms; /* the same, to the group */
    unsigned count;   /* how often it was answered */
    bool is_due;      /* it waits to be answered */
};

struct proofs {
    struct proof *items; /* at most MUSTER_PROOFS_MAX, the oldest first */
    uint64_t *nonces;    /* of each of them: each message is looked up here */
    size_t count;
    size_t capacity;
    size_t nonce_capacity;
    size_t due_count;
    struct strangers strangers; /* those that are due, by asker */
    uint64_t due_ms;            /* when an announce has to answer them; UINT64_MAX: none has to */
    char re[MUSTER_RE_MAX * MUSTER_NONCE_CHARS + 1]; /* of the last message that did */
};

/* The nonce by which others prove to this node that they speak now. */
uint64_t proof_nonce(struct presence *presence);

/* Plans the answer to a nonce, in delay_ms at the latest, UINT64_MAX: with the next message to the group. One
 * that was answered is answered again after again_ms, and count_max times in all. False when there is no
 * room. */
bool proof_plan(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce,
                uint64_t again_ms, unsigned count_max, uint64_t delay_ms);

/* This asker says another nonce now: what it said before need not be answered, unless others said it, too. */
void proof_cancel(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce);

/* True when the nonce of this asker was answered, or will be with the next message to the group. */
bool proof_is_known(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce);

/* True when this asker was answered just now. */
bool proof_is_recent(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce);

/* The nonce was answered by unicast. A copy of an announce that is due anyway (has_copy) answers it once
 * more. */
void proof_record(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce,
                  bool has_copy);

/* True when those that wait have to be answered now. */
bool proof_is_due(const struct presence *presence);

/* Puts those that wait into a message, as many as fit behind bytes of it, and counts them as answered. */
void proof_put(struct presence *presence, struct message *message, size_t bytes);

/* What answered nonces just now was not sent: they wait again. */
void proof_reopen(struct presence *presence);

/* Forgets all. */
void proof_forget(struct presence *presence);

/* A zeroed struct is allowed. */
void proof_deinit(struct proofs *proofs);
