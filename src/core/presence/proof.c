/* SPDX-License-Identifier: MIT */
#include "proof.h"

#include <string.h>

#include "array.h"
#include "deadline.h"
#include "presence.h"

static struct proof *find(struct proofs *proofs, uint64_t nonce) {
    for (size_t i = 0; i < proofs->count; i++) {
        if (proofs->items[i].nonce == nonce) {
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
            proofs->count--;
            return true;
        }
    }
    return false;
}

static struct proof *add(struct proofs *proofs, uint64_t nonce) {
    if (proofs->count == MUSTER_PROOFS_MAX && !make_room(proofs)) {
        return NULL;
    }
    struct proof *items = array_reserve(proofs->items, sizeof *items, &proofs->capacity, proofs->count,
                                        MUSTER_PROOFS_MAX);
    if (items == NULL) {
        return NULL;
    }
    proofs->items = items;
    items[proofs->count] = (struct proof){.nonce = nonce};
    return &items[proofs->count++];
}

size_t proof_strangers(const struct presence *presence) {
    size_t to_us = presence->introductions.count;
    size_t by_us = presence->proofs.due_count;
    return to_us > by_us ? to_us : by_us;
}

bool proof_is_for_many(const struct presence *presence) {
    return proof_strangers(presence) > MUSTER_INTRODUCTIONS_SOON;
}

bool proof_is_crowd(const struct presence *presence) {
    return peer_table_present(&presence->table) + presence->introductions.count > MUSTER_CROWD_ROWS;
}

uint64_t proof_spread_ms(struct presence *presence) {
    return proof_is_for_many(presence)
               ? random_ms(&presence->context->random, proof_strangers(presence))
               : 0;
}

static void set_due(struct proofs *proofs, struct proof *proof, bool is_due) {
    if (is_due && proofs->due_count == 0) {
        proofs->due_ms = DEADLINE_NEVER;
    }
    proofs->due_count += is_due && !proof->is_due ? 1 : 0;
    proofs->due_count -= !is_due && proof->is_due ? 1 : 0;
    proof->is_due = is_due;
}

bool proof_plan(struct presence *presence, uint64_t nonce, uint64_t again_ms, unsigned count_max,
                uint64_t delay_ms) {
    struct proofs *proofs = &presence->proofs;
    uint64_t now_ms = presence->context->now_ms;
    struct proof *proof = find(proofs, nonce);
    bool is_new = proof == NULL;
    proof = is_new ? add(proofs, nonce) : proof;
    if (proof == NULL) {
        return false;
    }
    if (!is_new && !proof->is_due && (proof->count >= count_max || now_ms - proof->sent_ms < again_ms)) {
        return true;
    }
    set_due(proofs, proof, true);
    if (delay_ms != DEADLINE_NEVER) {
        proofs->due_ms = deadline_earlier(proofs->due_ms, now_ms + delay_ms);
        presence->due_ms[PART_ANNOUNCER] = deadline_earlier(presence->due_ms[PART_ANNOUNCER], proofs->due_ms);
    }
    return true;
}

bool proof_is_paid(struct presence *presence, uint64_t nonce) {
    return find(&presence->proofs, nonce) != NULL;
}

bool proof_is_recent(struct presence *presence, uint64_t nonce) {
    const struct proof *proof = find(&presence->proofs, nonce);
    return proof != NULL && proof->count > 0 &&
           presence->context->now_ms - proof->sent_ms < MUSTER_INTRODUCTION_MS / 2;
}

void proof_record(struct presence *presence, uint64_t nonce, bool has_copy) {
    struct proof *proof = find(&presence->proofs, nonce);
    proof = proof != NULL ? proof : add(&presence->proofs, nonce);
    if (proof != NULL) {
        set_due(&presence->proofs, proof, has_copy);
        proof->sent_ms = presence->context->now_ms;
        proof->count++;
    }
}

bool proof_is_due(const struct presence *presence) {
    return presence->proofs.due_count > 0 && presence->proofs.due_ms <= presence->context->now_ms;
}

void proof_put(struct presence *presence, struct message *message, size_t bytes) {
    struct proofs *proofs = &presence->proofs;
    size_t room = bytes < MUSTER_DATAGRAM_BYTES_MAX ? (MUSTER_DATAGRAM_BYTES_MAX - bytes) / MUSTER_NONCE_CHARS : 0;
    size_t count = 0;
    for (size_t i = 0; i < proofs->count && proofs->due_count > 0 && count < room && count < MUSTER_RE_MAX; i++) {
        struct proof *proof = &proofs->items[i];
        if (proof->is_due) {
            memcpy(proofs->re + count++ * MUSTER_NONCE_CHARS, &proof->nonce, sizeof proof->nonce);
            set_due(proofs, proof, false);
            proof->sent_ms = presence->context->now_ms;
            proof->count++;
        }
    }
    proofs->re[count * MUSTER_NONCE_CHARS] = '\0';
    message->re = count > 0 ? proofs->re : NULL;
    /* What found no room goes with the next one. */
    proofs->due_ms = proofs->due_count > 0 && proofs->due_ms != DEADLINE_NEVER
                         ? presence->context->now_ms + MUSTER_GROUP_ANSWER_MS + proof_spread_ms(presence)
                         : DEADLINE_NEVER;
}

void proof_reopen(struct presence *presence) {
    struct proofs *proofs = &presence->proofs;
    for (size_t i = 0; i < proofs->count; i++) {
        struct proof *proof = &proofs->items[i];
        if (!proof->is_due && proof->count > 0 && proof->sent_ms == presence->context->now_ms) {
            set_due(proofs, proof, true);
            proof->count--;
        }
    }
}

void proof_forget(struct presence *presence) {
    presence->proofs.count = 0;
    presence->proofs.due_count = 0;
}

uint64_t proof_nonce(struct presence *presence) {
    return nonces_current(&presence->nonces, &presence->context->random, presence->context->now_ms);
}
