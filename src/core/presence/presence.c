/* SPDX-License-Identifier: MIT */
#include "presence.h"

#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "deadline.h"
#include "group.h"
#include "static_question.h"
#include "suspicion.h"

int presence_init(struct presence *presence, struct context *context,
                  const struct muster_core_options *options) {
    uint8_t seed[CONTEXT_SEED_BYTES];
    *presence = (struct presence){.context = context,
                                  .interval_min_ms = options->interval_min_ms,
                                  .budget_bps = options->budget_bps,
                                  .tombstone_ms = options->tombstone_ms};
    for (size_t i = 0; i < PART_COUNT; i++) {
        presence->due_ms[i] = DEADLINE_NEVER;
    }
    resume_init(&presence->resume);
    context_draw_seed(context, seed);
    peer_table_init(&presence->table, seed, options->peers_max);
    presence->table.unverified_max = options->unverified_max;
    int error = trust_set(&presence->trust, options->trust, options->pins, options->pin_count);
    if (error != 0) {
        return error;
    }
    return context->is_observer
               ? 0
               : own_document_begin(presence, options->document, options->caches, options->cache_count);
}

void presence_deinit(struct presence *presence) {
    peer_table_deinit(&presence->table);
    announcement_deinit(&presence->own.announcement);
    free(presence->answers.items);
    proof_deinit(&presence->proofs);
    introduction_deinit(&presence->introductions);
    free(presence->probe);
    trust_deinit(&presence->trust);
    peer_deinit(&presence->impostor);
    peer_deinit(&presence->duplicate);
}

/* ---- datagrams ---- */

/* Only what a known peer signed lately, and never asked before, is the group's question: else anybody could
 * talk us into burying a row, or into passing over a newcomer, without asking ourselves. */
static bool is_groups_question(const struct peer *asker, const struct message *message,
                               const struct muster_datagram *datagram) {
    return message->boot == asker->boot && message->count > asker->asked && message->said >= asker->seq &&
           !group_is_unicast(group_path_kind(&datagram->destination));
}

static bool take_query(struct presence *presence, const struct message *message,
                       const struct muster_datagram *datagram, enum muster_drop *reason) {
    struct peer *asker = peer_table_find(&presence->table, message->id);
    askers_record(&presence->askers, message->id, datagram, presence->context->now_ms);
    if (asker != NULL && asker->is_verified) {
        if (!merge_is_signed_by(presence, message, datagram, asker->key, reason)) {
            return false;
        }
        if (is_groups_question(asker, message, datagram)) {
            asker->asked = message->count;
            if (message->wants) {
                introduction_record_question(presence, message);
            } else {
                suspicion_record_question(presence, asker, message);
            }
        }
    }
    return part_is_asked_for(presence, message, datagram) ? part_answer(presence, message, datagram, reason)
                                                          : answer_query(presence, message, datagram, reason);
}

static bool take_message(struct presence *presence, const struct message *message,
                         const struct muster_datagram *datagram, struct merge_note *note,
                         enum muster_drop *reason) {
    const struct identity *identity = &presence->context->identity;
    probe_record(presence, message, datagram);
    bool is_own_id = memcmp(message->id, identity->id, MUSTER_ID_BYTES) == 0;
    if (is_own_id && message->boot == identity->boot) {
        return merge_own_boot(presence, message, datagram, reason);
    }
    if (message->kind == MESSAGE_QUERY) {
        return take_query(presence, message, datagram, reason);
    }
    if (is_own_id) {
        return merge_duplicate_identity(presence, message, datagram, reason);
    }
    return message->kind == MESSAGE_PART ? part_take(presence, message, datagram, note, reason)
                                         : merge_message(presence, message, datagram, note, reason);
}

/* What waited through a suspend or a stall of this node is no lateness, or was counted as such. */
static void record_health(struct presence *presence, const struct muster_datagram *datagram) {
    uint64_t now_ms = presence->context->now_ms;
    if (datagram->age_ms <= now_ms - presence->resumed_ms) {
        health_record_late(&presence->health, datagram->age_ms, now_ms);
    }
    if (paths_record_dropped(&presence->context->paths, datagram)) {
        health_record_late(&presence->health, MUSTER_LATE_BY_DROP_MS, now_ms);
        presence->dropped_ms = now_ms;
    }
}

void presence_step(struct presence *presence, const struct muster_datagram *datagram, struct message *message,
                   struct merge_note *note) {
    struct context *context = presence->context;
    struct muster_counters *counters = &context->counters;
    enum muster_drop reason;
    *note = (struct merge_note){0};
    *message = (struct message){0};
    counters->received++;
    record_health(presence, datagram);
    if (!admission_check(&context->rates, &context->paths, datagram, context->now_ms, &reason) ||
        !message_decode(datagram->bytes, datagram->length, message, &reason) ||
        !take_message(presence, message, datagram, note, &reason)) {
        counters->drops[reason]++;
    } else if (note->is_copy) {
        counters->copies++;
    } else {
        counters->accepted++;
    }
    counters->evicted = presence->table.evicted;
}

/* ---- time ---- */

void presence_tick(struct presence *presence) {
    static uint64_t (*const ticks[PART_COUNT])(struct presence *) = {
        [PART_RESUME] = resume_tick,
        [PART_SUSPICION] = suspicion_tick,
        [PART_INTRODUCTION] = introduction_tick,
        [PART_ANSWER] = answer_tick,
        [PART_QUERY] = query_tick,
        [PART_STATIC_PEERS] = static_question_tick,
        [PART_PROBE] = probe_tick,
        [PART_ANNOUNCER] = announcer_tick,
    };
    for (size_t i = 0; i < PART_COUNT; i++) {
        presence->due_ms[i] = ticks[i](presence);
    }
}

uint64_t presence_deadline(const struct presence *presence) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < PART_COUNT; i++) {
        deadline_ms = deadline_earlier(deadline_ms, presence->due_ms[i]);
    }
    return deadline_ms;
}

void presence_record_late(struct presence *presence, uint64_t late_ms) {
    if (late_ms > MUSTER_STALL_MS) { /* it was stopped: others may have buried it, and rows may be gone */
        resume_begin(presence, 0);
    } else {
        health_record_late(&presence->health, late_ms, presence->context->now_ms);
    }
}

void presence_record_unsent(struct presence *presence, const struct muster_endpoint *destination) {
    bool is_group = !group_is_unicast(group_path_kind(destination));
    health_record_unsent(&presence->health, is_group, presence->context->now_ms);
    if (is_group) {
        announcer_repeat(presence);
    }
}

/* ---- this node ---- */

int presence_rekey(struct presence *presence, const uint8_t key[MUSTER_KEY_BYTES],
                   const struct muster_crypto *crypto, uint64_t boot) {
    struct context *context = presence->context;
    const struct identity before = context->identity;
    identity_init(&context->identity, key, crypto, boot, &context->random);
    /* Who had no key has longer announces now. */
    int error = own_document_rekey(presence);
    if (error != 0) {
        context->identity = before;
        return error;
    }
    announcer_restart(presence);
    return 0;
}

bool presence_is_leaving(const struct presence *presence) {
    return presence->announcer.state >= ANNOUNCER_LEAVING;
}

bool presence_has_left(const struct presence *presence) {
    return presence->announcer.state == ANNOUNCER_LEFT;
}
