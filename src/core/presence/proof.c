/* SPDX-License-Identifier: MIT */
#include "proof.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "crowd.h"
#include "deadline.h"
#include "endpoint.h"
#include "presence.h"

static struct proof *find(struct proofs *proofs, uint64_t nonce) {
    for (size_t i = 0; i < proofs->count; i++) {
        if (proofs->nonces[i] == nonce) {
            return &proofs->items[i];
        }
    }
    return NULL;
}

/* The oldest that was answered makes room. */
static bool make_room(struct proofs *proofs) {
    for (size_t i = 0; i < proofs->count; i++) {
        if (!proofs->items[i].is_due) {
            memmove(&proofs->items[i], &proofs->items[i + 1],
                    (proofs->count - i - 1) * sizeof *proofs->items);
            memmove(&proofs->nonces[i], &proofs->nonces[i + 1],
                    (proofs->count - i - 1) * sizeof *proofs->nonces);
            proofs->count--;
            return true;
        }
    }
    return false;
}

static struct proof *add(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce) {
    struct proofs *proofs = &presence->proofs;
    if ((proofs->count == MUSTER_PROOFS_MAX && !make_room(proofs)) ||
        strangers_reserve(&proofs->strangers, presence->table.seed, proofs->count + 1) != 0) {
        return NULL;
    }
    struct proof *items =
        array_reserve(proofs->items, sizeof *items, &proofs->capacity, proofs->count, MUSTER_PROOFS_MAX);
    proofs->items = items == NULL ? proofs->items : items;
    uint64_t *nonces = array_reserve(proofs->nonces, sizeof *nonces, &proofs->nonce_capacity, proofs->count,
                                     MUSTER_PROOFS_MAX);
    proofs->nonces = nonces == NULL ? proofs->nonces : nonces;
    if (items == NULL || nonces == NULL) {
        return NULL;
    }
    nonces[proofs->count] = nonce;
    items[proofs->count] = (struct proof){.nonce = nonce, .asker = *asker};
    return &items[proofs->count++];
}

static void set_due(struct presence *presence, struct proof *proof, bool is_due) {
    struct proofs *proofs = &presence->proofs;
    if (is_due && proofs->due_count == 0) {
        proofs->due_ms = DEADLINE_NEVER;
    }
    if (is_due && !proof->is_due) {
        proofs->due_count++;
        strangers_add(&proofs->strangers, presence->table.seed, &proof->asker);
    } else if (!is_due && proof->is_due) {
        proofs->due_count--;
        strangers_remove(&proofs->strangers, presence->table.seed, &proof->asker);
    }
    proof->is_due = is_due;
}

static bool is_of(const struct proof *proof, const struct muster_endpoint *asker) {
    return !proof->is_shared && endpoint_is_same(&proof->asker, asker);
}

/* Anybody can repeat a nonce that was heard: from the second asker on only what the group hears answers it.
 */
static void share(struct proof *proof) {
    if (!proof->is_shared) {
        proof->is_shared = true;
        proof->count = proof->said_ms > 0 ? 1 : 0;
        proof->sent_ms = proof->said_ms;
    }
}

bool proof_plan(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce,
                uint64_t again_ms, unsigned count_max, uint64_t delay_ms) {
    struct proofs *proofs = &presence->proofs;
    uint64_t now_ms = presence->context->now_ms;
    struct proof *proof = find(proofs, nonce);
    proof = proof == NULL ? add(presence, asker, nonce) : proof;
    if (proof == NULL) {
        return false;
    }
    if (!is_of(proof, asker)) {
        share(proof);
    }
    if (proof->sent_ms > 0 && !proof->is_due &&
        (proof->count >= count_max || now_ms - proof->sent_ms < again_ms)) {
        return true;
    }
    set_due(presence, proof, true);
    if (delay_ms != DEADLINE_NEVER) {
        proofs->due_ms = deadline_earlier(proofs->due_ms, now_ms + delay_ms);
        presence->due_ms[PART_ANNOUNCER] = deadline_earlier(presence->due_ms[PART_ANNOUNCER], proofs->due_ms);
    }
    return true;
}

void proof_cancel(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce) {
    struct proof *proof = find(&presence->proofs, nonce);
    if (proof != NULL && is_of(proof, asker)) {
        set_due(presence, proof, false);
    }
}

bool proof_is_known(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce) {
    const struct proof *proof = find(&presence->proofs, nonce);
    return proof != NULL && (proof->is_due || proof->said_ms > 0 || is_of(proof, asker));
}

bool proof_is_recent(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce) {
    const struct proof *proof = find(&presence->proofs, nonce);
    uint64_t answered_ms = proof == NULL ? 0 : is_of(proof, asker) ? proof->sent_ms : proof->said_ms;
    return answered_ms > 0 && presence->context->now_ms - answered_ms < MUSTER_INTRODUCTION_MS / 2;
}

void proof_record(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce,
                  bool has_copy) {
    struct proof *proof = find(&presence->proofs, nonce);
    proof = proof != NULL ? proof : add(presence, asker, nonce);
    if (proof != NULL && is_of(proof, asker)) {
        set_due(presence, proof, has_copy);
        proof->sent_ms = presence->context->now_ms;
        proof->count += has_copy ? 0 : 1; /* the copy counts */
    }
}

bool proof_is_due(const struct presence *presence) {
    return presence->proofs.due_count > 0 && presence->proofs.due_ms <= presence->context->now_ms;
}

void proof_put(struct presence *presence, struct message *message, size_t bytes) {
    struct proofs *proofs = &presence->proofs;
    size_t bytes_max = presence->context->paths.bytes_max;
    size_t room = bytes < bytes_max ? (bytes_max - bytes) / MUSTER_NONCE_CHARS : 0;
    size_t count = 0;
    for (size_t i = 0; i < proofs->count && proofs->due_count > 0 && count < room && count < MUSTER_RE_MAX;
         i++) {
        struct proof *proof = &proofs->items[i];
        if (proof->is_due) {
            memcpy(proofs->re + count++ * MUSTER_NONCE_CHARS, &proof->nonce, sizeof proof->nonce);
            set_due(presence, proof, false);
            proof->sent_ms = presence->context->now_ms;
            proof->said_ms = presence->context->now_ms;
            proof->count++;
        }
    }
    proofs->re[count * MUSTER_NONCE_CHARS] = '\0';
    message->re = count > 0 ? proofs->re : NULL;
    /* What found no room goes with the next one. */
    proofs->due_ms = proofs->due_count > 0 && proofs->due_ms != DEADLINE_NEVER
                         ? presence->context->now_ms + MUSTER_GROUP_ANSWER_MS + crowd_spread_ms(presence)
                         : DEADLINE_NEVER;
}

void proof_reopen(struct presence *presence) {
    struct proofs *proofs = &presence->proofs;
    for (size_t i = 0; i < proofs->count; i++) {
        struct proof *proof = &proofs->items[i];
        if (!proof->is_due && proof->count > 0 && proof->sent_ms == presence->context->now_ms) {
            set_due(presence, proof, true);
            proof->count--;
        }
    }
}

void proof_forget(struct presence *presence) {
    presence->proofs.count = 0;
    presence->proofs.due_count = 0;
    strangers_deinit(&presence->proofs.strangers);
    presence->proofs.strangers = (struct strangers){0};
}

void proof_deinit(struct proofs *proofs) {
    free(proofs->items);
    free(proofs->nonces);
    strangers_deinit(&proofs->strangers);
}

uint64_t proof_nonce(struct presence *presence) {
    return nonces_current(&presence->nonces, &presence->context->random, presence->context->now_ms);
}
