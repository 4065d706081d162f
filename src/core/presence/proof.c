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

/* delay_ms UINT64_MAX: the next message does, whenever that is. */
static bool plan(struct presence *presence, uint64_t nonce, uint64_t again_ms, unsigned count_max,
                 uint64_t delay_ms) {
    struct proofs *proofs = &presence->proofs;
    uint64_t now_ms = presence->context->now_ms;
    struct proof *proof = find(proofs, nonce);
    if (proof == NULL) {
        proof = add(proofs, nonce);
    } else if (proof->is_due || proof->count >= count_max || now_ms - proof->sent_ms < again_ms) {
        return true;
    }
    if (proof == NULL) {
        return false;
    }
    if (proofs->due_count == 0) {
        proofs->due_ms = DEADLINE_NEVER;
    }
    proof->is_due = true;
    proofs->due_count++;
    if (delay_ms != DEADLINE_NEVER) {
        proofs->due_ms = deadline_earlier(proofs->due_ms, now_ms + delay_ms);
        presence->due_ms[PART_PROOF] = deadline_earlier(presence->due_ms[PART_PROOF], proofs->due_ms);
    }
    return true;
}

size_t proof_strangers(const struct presence *presence) {
    size_t to_us = presence->introductions.count;
    size_t by_us = presence->proofs.due_count;
    return to_us > by_us ? to_us : by_us;
}

bool proof_is_for_many(const struct presence *presence) {
    return proof_strangers(presence) > MUSTER_INTRODUCTIONS_SOON;
}

uint64_t proof_spread_ms(struct presence *presence) {
    return proof_is_for_many(presence)
               ? random_ms(&presence->context->random, proof_strangers(presence))
               : 0;
}

/* Where tables are given by stream a newcomer has the key of an old peer from there, and an alive proves
 * enough. */
static bool does_alive_prove(const struct presence *presence) {
    return peer_table_present(&presence->table) > MUSTER_TABLE_ROWS && !announcer_is_new(presence);
}

void proof_owe(struct presence *presence, uint64_t nonce, bool is_missed) {
    if (nonce == 0 || presence->announcer.state != ANNOUNCER_SPEAKING || !presence->context->identity.has_key) {
        return;
    }
    uint64_t spread_ms = announcer_interval_ms(presence) / 8;
    uint64_t delay_ms = spread_ms > MUSTER_PROOF_MS ? spread_ms : MUSTER_PROOF_MS;
    delay_ms += proof_spread_ms(presence);
    plan(presence, nonce, MUSTER_PROOF_AGAIN_MS, is_missed ? MUSTER_PROOFS : 1,
         does_alive_prove(presence) ? DEADLINE_NEVER : delay_ms);
}

bool proof_is_paid(struct presence *presence, uint64_t nonce) {
    return find(&presence->proofs, nonce) != NULL;
}

void proof_record(struct presence *presence, uint64_t nonce) {
    struct proof *proof = find(&presence->proofs, nonce);
    proof = proof != NULL ? proof : add(&presence->proofs, nonce);
    if (proof != NULL && !proof->is_due) {
        proof->sent_ms = presence->context->now_ms;
        proof->count++;
    }
}

bool proof_answer(struct presence *presence, uint64_t nonce, uint64_t delay_ms) {
    return plan(presence, nonce, MUSTER_GROUP_ANSWER_MS, UINT32_MAX, delay_ms);
}

void proof_put(struct presence *presence, struct message *message, size_t bytes) {
    struct proofs *proofs = &presence->proofs;
    size_t room = bytes < MUSTER_DATAGRAM_BYTES_MAX ? (MUSTER_DATAGRAM_BYTES_MAX - bytes) / MUSTER_NONCE_CHARS : 0;
    size_t count = 0;
    if (message->kind == MESSAGE_ALIVE && !does_alive_prove(presence)) {
        return;
    }
    for (size_t i = 0; i < proofs->count && proofs->due_count > 0 && count < room && count < MUSTER_RE_MAX; i++) {
        struct proof *proof = &proofs->items[i];
        if (proof->is_due) {
            memcpy(proofs->re + count++ * MUSTER_NONCE_CHARS, &proof->nonce, sizeof proof->nonce);
            proof->is_due = false;
            proof->sent_ms = presence->context->now_ms;
            proof->count++;
            proofs->due_count--;
        }
    }
    proofs->re[count * MUSTER_NONCE_CHARS] = '\0';
    message->re = count > 0 ? proofs->re : NULL;
    /* What found no room goes with the next one. */
    proofs->due_ms = proofs->due_count > 0 && proofs->due_ms != DEADLINE_NEVER
                         ? presence->context->now_ms + MUSTER_GROUP_ANSWER_MS + proof_spread_ms(presence)
                         : DEADLINE_NEVER;
}

uint64_t proof_tick(struct presence *presence) {
    struct proofs *proofs = &presence->proofs;
    if (presence->announcer.state != ANNOUNCER_SPEAKING || presence->context->paths.count == 0) {
        proofs->count = 0;
        proofs->due_count = 0;
    }
    if (proofs->due_count == 0) {
        return DEADLINE_NEVER;
    }
    uint64_t earliest_ms = presence->announcer.announced_ms + MUSTER_GROUP_ANSWER_MS;
    uint64_t due_ms = proofs->due_ms > earliest_ms || presence->announcer.seq == 0 ? proofs->due_ms : earliest_ms;
    if (due_ms > presence->context->now_ms) {
        return due_ms;
    }
    uint64_t copy_ms = announcer_next_copy_ms(presence);
    if (copy_ms < presence->context->now_ms + MUSTER_PROOF_WAIT_MS) { /* what will be said anyway answers, too */
        return copy_ms;
    }
    announcer_say(presence);
    return proofs->due_count > 0 ? proofs->due_ms : DEADLINE_NEVER;
}
