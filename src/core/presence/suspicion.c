/* SPDX-License-Identifier: MIT */
#include "suspicion.h"

#include <string.h>

#include <sodium.h>

#include "bucket.h"
#include "deadline.h"
#include "group.h"
#include "presence.h"

/* How far ahead a question takes along others that will be due. */
#define BATCH_MS MUSTER_QUESTION_JITTER_MS
/* How soon to try again when memory for an event was short. */
#define RETRY_MS 100

static double loss_of(const struct presence *presence, const struct peer *peer) {
    double p = loss_ratio(&peer->loss);
    double mean = loss_mean_ratio(&presence->loss);
    p = p > mean ? p : mean;
    return p > MUSTER_LOSS_FLOOR ? p : MUSTER_LOSS_FLOOR;
}

unsigned suspicion_patience(double p, double rows) {
    unsigned patience = 1;
    double chance = p;
    while (chance > MUSTER_FALSE_SUSPECTS / rows && patience < MUSTER_PATIENCE_MAX) {
        chance *= p;
        patience++;
    }
    return patience;
}

unsigned suspicion_tries(double p, unsigned patience) {
    double chance = 1;
    for (unsigned i = 0; i < patience; i++) {
        chance *= p;
    }
    double unheard = 1 - (1 - p) * (1 - p); /* the question or its answer is lost */
    unsigned tries = 0;
    while ((chance >= MUSTER_FALSE_DEATH || tries < MUSTER_TRIES_MIN) && tries < MUSTER_TRIES_MAX) {
        chance *= unheard;
        tries++;
    }
    return tries;
}

/* Known by the word of another alone. */
static bool is_hearsay(const struct peer *peer) {
    return peer->is_provisional && peer->tuple_count == 0;
}

static unsigned patience_of(const struct presence *presence, const struct peer *peer) {
    unsigned patience =
        suspicion_patience(loss_of(presence, peer), (double)peer_table_speakers(&presence->table));
    return is_hearsay(peer) && patience < MUSTER_HEARSAY_PATIENCE ? MUSTER_HEARSAY_PATIENCE : patience;
}

/* True for a row that was last heard by unicast, as what answers us alone is. */
static bool is_by_unicast(const struct peer *peer) {
    const struct tuple *last = NULL;
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        last = last == NULL || peer->tuples[i].last_ms >= last->last_ms ? &peer->tuples[i] : last;
    }
    return last != NULL && group_is_unicast(group_path_kind(&last->destination));
}

/* Between two promises of a row. One that hearsay lent is cut, so that nobody lends a long life to whom he
 * invents; but in a large crowd all promise longer ones, and most would be asked for nothing. */
static uint64_t period_of(const struct presence *presence, const struct peer *peer) {
    bool is_cut = is_hearsay(peer) && peer->period_ms == MUSTER_SLEEPER_MS;
    uint64_t crowd_ms = is_cut ? announcer_crowd_promise_ms(presence) : 0;
    return crowd_ms > peer->period_ms ? crowd_ms : peer->period_ms;
}

/* An answer repeats the rest of a promise; of whom only answers are heard a whole one is waited for. */
static uint64_t promise_of(const struct peer *peer) {
    return is_by_unicast(peer) && peer->period_ms > peer->next_ms ? peer->period_ms : peer->next_ms;
}

/* Where nothing that this node says is sent, others may be as mute: they get a promise from the time on at
 * which it is sent again, but are not waited for for ever. */
static uint64_t hearing_again_ms(const struct presence *presence, const struct peer *peer) {
    uint64_t mute_ms = presence->health.mute_ms;
    uint64_t latest_ms = peer->heard_ms + promise_of(peer) + MUSTER_LATE_WAIT_MS;
    uint64_t granted_ms = mute_ms + 2 * MUSTER_UNSENT_MS + peer->period_ms;
    return mute_ms <= peer->heard_ms ? 0 : deadline_earlier(granted_ms, latest_ms);
}

/* What a row's promise grants, and a resume. */
static uint64_t granted_until_ms(const struct presence *presence, const struct peer *peer) {
    uint64_t promised_ms = peer->heard_ms + promise_of(peer);
    /* A whole promise, also to who was heard since: an answer repeats the rest of one, and what waited to be
     * read tells of one that is over. */
    uint64_t resumed_ms = presence->resumed_ms + peer->period_ms;
    return presence->resumed_ms > 0 && resumed_ms > promised_ms ? resumed_ms : promised_ms;
}

/* How long it is waited for after that. */
static uint64_t wait_ms(const struct presence *presence, const struct peer *peer) {
    return (patience_of(presence, peer) - 1) * period_of(presence, peer) + MUSTER_GRACE_MS;
}

uint64_t suspicion_due_ms(const struct presence *presence, const struct peer *peer) {
    uint64_t promised_ms = granted_until_ms(presence, peer);
    uint64_t heard_again_ms = hearing_again_ms(presence, peer);
    promised_ms = promised_ms > heard_again_ms ? promised_ms : heard_again_ms;
    return promised_ms + wait_ms(presence, peer) +
           MUSTER_LATE_PATIENCE * health_late_ms(&presence->health, presence->context->now_ms);
}

/* A row is looked at a moment before it is judged. A node that was stopped is late for this look, and so
 * patient: it reads what came meanwhile, which may be from this row, before it judges. */
static void look_before(struct presence *presence, struct peer *peer, uint64_t judge_ms) {
    bool is_soon = judge_ms <= presence->context->now_ms + MUSTER_LOOK_MS;
    peer_table_set_due(&presence->table, peer, is_soon ? judge_ms : judge_ms - MUSTER_LOOK_MS);
}

void suspicion_plan(struct presence *presence, struct peer *peer) {
    look_before(presence, peer, suspicion_due_ms(presence, peer));
}

static uint64_t jitter_ms(struct presence *presence) {
    return random_ms(&presence->context->random, MUSTER_QUESTION_JITTER_MS);
}

static void suspect(struct presence *presence, struct peer *peer) {
    peer->tries = 0;
    peer->asked_ms = 0;
    peer->askers = 0;
    uint64_t silent_ms =
        granted_until_ms(presence, peer) + wait_ms(presence, peer); /* by none of its own faults */
    peer->silent_ms = peer->silent_ms == 0 ? silent_ms : peer->silent_ms;
    peer->tries_needed = suspicion_tries(loss_of(presence, peer), patience_of(presence, peer));
    peer_table_set_state(&presence->table, peer, MUSTER_SUSPECT);
    peer_table_set_due(&presence->table, peer, presence->context->now_ms + jitter_ms(presence));
    peer_tell(&presence->context->outbox, peer, MUSTER_PEER_SUSPECT);
}

void suspicion_bury(struct presence *presence, struct peer *peer, enum muster_state state) {
    peer_table_set_state(&presence->table, peer, state);
    peer_table_set_due(&presence->table, peer, presence->context->now_ms + presence->tombstone_ms);
    peer_tell(&presence->context->outbox, peer, state == MUSTER_LOST ? MUSTER_PEER_LOST : MUSTER_PEER_LEFT);
}

static bool has_unicast(const struct peer *peer) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        if (group_is_unicast(group_path_kind(&peer->tuples[i].destination))) {
            return true;
        }
    }
    return false;
}

bool suspicion_ask_by_unicast(struct presence *presence, const struct peer *peer, uint32_t interface) {
    struct message query = {.asks_some = true, .of_count = 1};
    if (!bucket_take(&presence->introductions.bucket, 1, MUSTER_INTRODUCTION_RATE, MUSTER_INTRODUCTION_BURST,
                     presence->context->now_ms) ||
        !health_take_unicast(&presence->health, presence->context->now_ms)) {
        return false;
    }
    memcpy(query.of[0], peer->id, MUSTER_ID_BYTES);
    query_send(presence, &query, &peer->address, interface);
    return true;
}

/* No more is lost than of any link, as far as enough messages show. */
static bool is_lossless(const struct presence *presence, const struct peer *peer) {
    return loss_of(presence, peer) <= MUSTER_LOSS_FLOOR &&
           presence->loss.expected >= MUSTER_LOSSLESS_MESSAGES;
}

/* Each death costs questions of each listener: a few where nothing is lost; and in a crowd only who was ever
 * heard by unicast is asked so. */
static bool is_asked_by_unicast(const struct presence *presence, const struct peer *peer) {
    unsigned group_tries = is_lossless(presence, peer) ? MUSTER_TRIES_GROUP_LOSSLESS : MUSTER_TRIES_GROUP;
    return peer->tries > group_tries &&
           (peer_table_present(&presence->table) <= MUSTER_CROWD_ROWS || has_unicast(peer));
}

/* When the answer to the last question was read, if there was one: who is late reads it late. */
static uint64_t answered_ms(const struct presence *presence, const struct peer *peer) {
    uint64_t late_ms = health_late_ms(&presence->health, presence->context->now_ms);
    return peer->asked_ms + MUSTER_QUESTION_MS + MUSTER_LATE_PATIENCE * late_ms;
}

/* One try more; the next may be made by any listener, whoever draws the shortest delay. */
static void count_try(struct presence *presence, struct peer *peer) {
    peer->tries++;
    peer->asked_ms = presence->context->now_ms;
    if (is_asked_by_unicast(presence, peer)) {
        suspicion_ask_by_unicast(presence, peer, peer->interface);
    }
    if (peer->tries < peer->tries_needed) {
        peer_table_set_due(&presence->table, peer,
                           presence->context->now_ms + MUSTER_QUESTION_MS + jitter_ms(presence));
    } else {
        look_before(presence, peer, answered_ms(presence, peer));
    }
}

/* True when a question may take the suspect along: it will soon be due, and what it was asked last had time
 * to be answered. */
static bool is_askable(const struct presence *presence, const struct peer *peer) {
    return peer->tries < peer->tries_needed && peer->due_ms <= presence->context->now_ms + BATCH_MS &&
           (peer->tries == 0 || presence->context->now_ms >= peer->asked_ms + MUSTER_QUESTION_MS);
}

/* Asks the group for the suspect that is due and for those that soon will be. */
static void ask(struct presence *presence, struct peer *first) {
    struct message query = {.asks_some = true, .of_count = 1};
    memcpy(query.of[0], first->id, MUSTER_ID_BYTES);
    size_t ids_max = paths_fitting(&presence->context->paths, MUSTER_QUERY_IDS_SENT, MUSTER_QUERY_ID_BYTES);
    count_try(presence, first);
    struct peer *peer;
    for (peer = presence->table.classes[CLASS_SUSPECT]; peer != NULL && query.of_count < ids_max;
         peer = peer->next) {
        if (peer != first && is_askable(presence, peer)) {
            memcpy(query.of[query.of_count++], peer->id, MUSTER_ID_BYTES);
            count_try(presence, peer);
        }
    }
    query_send(presence, &query, NULL, 0);
}

/* Nobody is waited for for ever. */
static bool may_wait(const struct presence *presence, const struct peer *peer) {
    return peer->silent_ms == 0 || presence->context->now_ms < peer->silent_ms + MUSTER_LATE_WAIT_MS;
}

/* The signs of life of others wait to be read: a node that is late judges nobody. */
static bool must_wait(const struct presence *presence, const struct peer *peer) {
    uint64_t now_ms = presence->context->now_ms;
    return (health_is_late(&presence->health, now_ms) || health_is_mute(&presence->health, now_ms)) &&
           may_wait(presence, peer);
}

/* Who is asked for its document, as one that may have started anew, is not buried meanwhile. */
static void tick_suspect(struct presence *presence, struct peer *peer) {
    /* After a sleep the answers to what was asked before it may still wait to be read. */
    if (presence->resumed_ms != 0 && presence->context->now_ms < presence->resumed_ms + MUSTER_QUESTION_MS) {
        peer_table_set_due(&presence->table, peer, presence->resumed_ms + MUSTER_QUESTION_MS);
    } else if (must_wait(presence, peer)) {
        peer_table_set_due(&presence->table, peer,
                           presence->context->now_ms + MUSTER_QUESTION_MS + jitter_ms(presence));
    } else if (peer->tries < peer->tries_needed) {
        ask(presence, peer);
    } else if (answered_ms(presence, peer) > presence->context->now_ms && may_wait(presence, peer)) {
        look_before(presence, peer, answered_ms(presence, peer));
    } else if (introduction_is_first(presence, peer->id) && may_wait(presence, peer)) {
        peer_table_set_due(&presence->table, peer, presence->context->now_ms + MUSTER_QUESTION_MS);
    } else {
        suspicion_bury(presence, peer, MUSTER_LOST);
    }
}

/* Who answers by unicast alone, or was never heard, is asked so when its promise runs out, before anybody is
 * told of a suspect. False when that gave no answer. Who is late, or has no budget left, asks later: hearsay
 * is not buried unasked, but not waited for for ever. */
static bool ask_quietly(struct presence *presence, struct peer *peer) {
    uint64_t now_ms = presence->context->now_ms;
    unsigned tries = suspicion_tries(loss_of(presence, peer), patience_of(presence, peer));
    uint64_t longest_ms = is_hearsay(peer) ? MUSTER_LATE_WAIT_MS : peer->period_ms;
    if (!is_by_unicast(peer) && !is_hearsay(peer)) {
        return false;
    }
    /* The patience with a row changes with what is lost: so it is recorded when it ended first. */
    peer->silent_ms = peer->silent_ms == 0 ? now_ms : peer->silent_ms;
    if (peer->tries >= tries || now_ms >= peer->silent_ms + longest_ms) {
        return false;
    }
    if (!must_wait(presence, peer)) {
        peer->tries += suspicion_ask_by_unicast(presence, peer, peer->interface) ? 1 : 0;
    }
    peer_table_set_due(&presence->table, peer, now_ms + MUSTER_QUESTION_MS);
    return true;
}

/* Its id was heard, perhaps in another start, and is asked for its document: that is no silence. */
static bool is_being_introduced(struct presence *presence, const struct peer *peer) {
    uint64_t ended_ms = granted_until_ms(presence, peer) + wait_ms(presence, peer);
    return introduction_is_first(presence, peer->id) &&
           presence->context->now_ms < ended_ms + MUSTER_LATE_WAIT_MS;
}

static void tick_alive(struct presence *presence, struct peer *peer) {
    uint64_t due_ms = suspicion_due_ms(presence, peer);
    if (due_ms > presence->context->now_ms) {
        peer->silent_ms = 0;
        look_before(presence, peer, due_ms);
    } else if (is_being_introduced(presence, peer)) {
        peer_table_set_due(&presence->table, peer, presence->context->now_ms + MUSTER_QUESTION_MS);
    } else if (ask_quietly(presence, peer)) {
        return;
    } else if (is_hearsay(peer)) { /* nobody makes us ask the group for whomever he has invented */
        suspicion_bury(presence, peer, MUSTER_LOST);
    } else {
        suspect(presence, peer);
    }
}

static void tick_tombstone(struct presence *presence, struct peer *peer) {
    if (peer->pins > 0) {
        peer_table_set_due(&presence->table, peer, presence->context->now_ms + RETRY_MS);
    } else {
        peer_table_remove(&presence->table, peer);
    }
}

uint64_t suspicion_tick(struct presence *presence) {
    uint64_t now_ms = presence->context->now_ms;
    if (presence->context->paths.count == 0 || presence->announcer.state == ANNOUNCER_LEFT) {
        return DEADLINE_NEVER; /* who can't ask can't judge */
    }
    struct peer *peer;
    while ((peer = peer_table_first_due(&presence->table)) != NULL && peer->due_ms <= now_ms) {
        if (outbox_reserve_events(&presence->context->outbox, 1) != 0) {
            peer_table_set_due(&presence->table, peer, now_ms + RETRY_MS);
            continue;
        }
        switch (peer->state) {
        case MUSTER_ALIVE: tick_alive(presence, peer); break;
        case MUSTER_SUSPECT: tick_suspect(presence, peer); break;
        case MUSTER_LOST:
        case MUSTER_LEFT: tick_tombstone(presence, peer); break;
        }
    }
    return peer == NULL ? DEADLINE_NEVER : peer->due_ms;
}

/* A bit for an address. Two that share one cost a question more. */
static uint64_t bit_of(const struct presence *presence, const struct muster_endpoint *address) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, address->ip, sizeof address->ip, presence->table.seed);
    return 1ull << hash % 64;
}

void suspicion_record_question(struct presence *presence, const struct peer *asker,
                               const struct message *query) {
    uint64_t bit = bit_of(presence, &asker->address);
    for (size_t i = 0; i < query->of_count; i++) {
        struct peer *peer = peer_table_find(&presence->table, query->of[i]);
        /* Copies by other paths and questions that crossed get one answer, so they are one try. */
        if (peer != NULL && peer->state == MUSTER_SUSPECT && peer->tries < peer->tries_needed &&
            (peer->askers & bit) == 0 && !must_wait(presence, peer) &&
            presence->context->now_ms >= peer->asked_ms + MUSTER_GROUP_ANSWER_MS) {
            peer->askers |= bit;
            count_try(presence, peer);
        }
    }
}
