/* SPDX-License-Identifier: MIT */
#include "introduction.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "backoff.h"
#include "crowd.h"
#include "deadline.h"
#include "endpoint.h"
#include "group.h"
#include "presence.h"

/* A newcomer asks everybody, and proves itself to who answers: that is waited for before it is asked. */
#define PATIENCE_MS 300
/* A known peer is asked for what was missed. */
#define KNOWN_PATIENCE_MS 10
static const struct backoff pauses = {MUSTER_INTRODUCTION_FORGET_MS, MUSTER_INTRODUCTION_FORGET_MS_MAX};
/* A try by the group costs as much as so many by unicast. */
#define GROUP_TOKENS 4
/* When the bucket is empty, a try waits so long. */
#define POSTPONED_MS 100
/* How far ahead a question to the group takes along others that will be due. */
#define TOGETHER_MS 500

static struct introduction *find(struct introductions *introductions, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < introductions->count; i++) {
        if (memcmp(introductions->items[i].id, id, MUSTER_ID_BYTES) == 0) {
            return &introductions->items[i];
        }
    }
    return NULL;
}

/* How long the first question waits, at least, and by up to how much more. */
struct wait {
    uint64_t least_ms;
    uint64_t spread_ms;
};

/* Many prove themselves to many by what they say to the group: a question is only for whom that did not
 * reach. In a crowd this node says its nonce by its next alive, and the newcomer answers that. */
static struct wait wait_of(const struct presence *presence, const struct introduction *introduction) {
    size_t strangers = crowd_strangers(presence);
    if (crowd_is_here(presence)) {
        uint64_t interval_ms = announcer_interval_ms(presence);
        interval_ms = interval_ms < MUSTER_NONCE_MS ? interval_ms : MUSTER_NONCE_MS;
        return (struct wait){MUSTER_INTRODUCTION_CROWD_MS + interval_ms, interval_ms};
    }
    if (crowd_is_rush(presence)) {
        return (struct wait){MUSTER_INTRODUCTION_GROUP_MS + MUSTER_INTRODUCTION_EACH_MS * strangers,
                             MUSTER_INTRODUCTION_EACH_MS * strangers};
    }
    bool is_known = peer_table_find(&presence->table, introduction->id) != NULL;
    /* A newcomer asks, and proves itself to who answers, but for an observer; and who looks has asked itself.
     */
    bool is_asked = !presence->context->is_observer || presence->query.wish.is_set;
    return (struct wait){is_asked && !is_known ? PATIENCE_MS : KNOWN_PATIENCE_MS, answer_window_ms(presence)};
}

/* What this node asks for may be here already, and not be read yet. */
static uint64_t unread_ms(const struct presence *presence) {
    return health_wait_ms(&presence->health, MUSTER_INTRODUCTION_LATE, presence->context->now_ms);
}

static uint64_t first_try_ms(struct presence *presence, const struct introduction *introduction) {
    struct wait wait = wait_of(presence, introduction);
    return introduction->began_ms + wait.least_ms + unread_ms(presence) +
           random_ms(&presence->context->random, wait.spread_ms);
}

static void begin_tries(struct presence *presence, struct introduction *introduction) {
    uint64_t *due_ms = &presence->due_ms[PART_INTRODUCTION];
    introduction->tries = 0;
    introduction->began_ms = presence->context->now_ms;
    introduction->due_ms = first_try_ms(presence, introduction);
    *due_ms = deadline_earlier(*due_ms, introduction->due_ms);
}

static void drop(struct presence *presence, struct introduction *introduction) {
    struct introductions *introductions = &presence->introductions;
    strangers_remove(&introductions->strangers, presence->table.seed, &introduction->endpoint);
    *introduction = introductions->items[--introductions->count];
}

/* Who never answered makes room. */
static void make_room(struct presence *presence) {
    struct introductions *introductions = &presence->introductions;
    for (size_t i = 0; i < introductions->count && introductions->count == MUSTER_INTRODUCTIONS_MAX; i++) {
        if (introductions->items[i].tries == MUSTER_INTRODUCTION_TRIES ||
            introductions->items[i].failures > 0) {
            drop(presence, &introductions->items[i]);
        }
    }
}

static bool is_of_row(const struct presence *presence, const uint8_t id[MUSTER_ID_BYTES]) {
    const struct peer *peer = peer_table_find(&presence->table, id);
    return peer != NULL && peer->is_verified;
}

/* The stranger that was asked most often, of a full address of that one, makes room for a verified row. */
static void drop_stranger(struct presence *presence, const struct muster_endpoint *source,
                          bool is_full_address) {
    struct introductions *introductions = &presence->introductions;
    struct introduction *dropped = NULL;
    for (size_t i = 0; i < introductions->count; i++) {
        struct introduction *item = &introductions->items[i];
        if ((!is_full_address || endpoint_is_same_host(&item->endpoint, source)) &&
            !is_of_row(presence, item->id) && (dropped == NULL || item->tries > dropped->tries)) {
            dropped = item;
        }
    }
    if (dropped != NULL) {
        drop(presence, dropped);
    }
}

static bool is_full_of(const struct presence *presence, const struct muster_endpoint *source) {
    return strangers_of(&presence->introductions.strangers, presence->table.seed, source) >=
           MUSTER_INTRODUCTIONS_PER_ADDRESS;
}

static struct introduction *add(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES],
                                const struct muster_endpoint *source) {
    struct introductions *introductions = &presence->introductions;
    make_room(presence);
    bool is_full_address = is_full_of(presence, source);
    if ((is_full_address || introductions->count == MUSTER_INTRODUCTIONS_MAX) && is_of_row(presence, id)) {
        drop_stranger(presence, source, is_full_address);
    }
    if (is_full_of(presence, source) ||
        strangers_reserve(&introductions->strangers, presence->table.seed, introductions->count + 1) != 0) {
        return NULL;
    }
    struct introduction *items = array_reserve(introductions->items, sizeof *items, &introductions->capacity,
                                               introductions->count, MUSTER_INTRODUCTIONS_MAX);
    if (items == NULL) {
        return NULL;
    }
    introductions->items = items;
    items[introductions->count] = (struct introduction){.endpoint = *source};
    memcpy(items[introductions->count].id, id, MUSTER_ID_BYTES);
    strangers_add(&introductions->strangers, presence->table.seed, source);
    return &items[introductions->count++];
}

static void move(struct presence *presence, struct introduction *introduction,
                 const struct muster_endpoint *source) {
    struct strangers *strangers = &presence->introductions.strangers;
    strangers_remove(strangers, presence->table.seed, &introduction->endpoint);
    strangers_add(strangers, presence->table.seed, source);
    introduction->endpoint = *source;
}

/* One proof for each, of its last nonce, whatever it says. */
static void owe(struct presence *presence, struct introduction *introduction, uint64_t nonce,
                const struct muster_endpoint *source) {
    if (nonce != 0 && nonce != introduction->nonce) {
        proof_cancel(presence, &introduction->endpoint, introduction->nonce);
        introduction->nonce = nonce;
    }
    announcer_owe(presence, source, nonce, true);
}

bool introduction_begin(struct presence *presence, const struct message *message,
                        const struct muster_datagram *datagram) {
    struct introduction *introduction = find(&presence->introductions, message->id);
    if (introduction == NULL) {
        introduction = add(presence, message->id, &datagram->source);
        if (introduction == NULL) {
            return false;
        }
        begin_tries(presence, introduction);
    } else if (introduction->tries == MUSTER_INTRODUCTION_TRIES && introduction->failures == 0 &&
               !introduction->is_renewed &&
               !endpoint_is_same_host(&introduction->endpoint, &datagram->source)) {
        introduction->is_renewed = true; /* a forger elsewhere must not keep the real one out */
        begin_tries(presence, introduction);
    }
    owe(presence, introduction, message->nonce, &datagram->source);
    introduction->is_heard = true;
    introduction->heard_ms = presence->context->now_ms;
    move(presence, introduction, &datagram->source);
    introduction->interface = datagram->interface;
    introduction->paths |= 1u << group_path_kind(&datagram->destination);
    introduction->is_signed = introduction->is_signed || message->is_signed;
    return true;
}

void introduction_renew(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES]) {
    struct introduction *introduction = find(&presence->introductions, id);
    if (introduction != NULL && introduction->tries == MUSTER_INTRODUCTION_TRIES &&
        presence->context->now_ms - introduction->paused_ms >= MUSTER_INTRODUCTION_AGAIN_MS) {
        introduction->failures = 0;
        begin_tries(presence, introduction);
    }
}

bool introduction_is_first(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES]) {
    const struct introduction *introduction = find(&presence->introductions, id);
    return introduction != NULL && introduction->failures == 0 &&
           introduction->tries < MUSTER_INTRODUCTION_TRIES;
}

bool introduction_is_with(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES],
                          const struct muster_endpoint *source) {
    const struct introduction *introduction = find(&presence->introductions, id);
    return introduction != NULL && endpoint_is_same_host(&introduction->endpoint, source);
}

/* A row is asked no more often than one that does not answer: whoever forges data in its name makes no flood
 * of it. Where an unverified row is, what it says next moves it anyway. */
static bool is_worth_asking(const struct presence *presence, const struct peer *peer, uint64_t boot) {
    if (!peer->is_provisional && !peer->is_verified && boot == peer->boot) {
        return false;
    }
    return peer->introduced_ms == 0 ||
           presence->context->now_ms - peer->introduced_ms >= MUSTER_INTRODUCTION_FORGET_MS;
}

void introduction_begin_stranger(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES], uint64_t boot,
                                 const struct muster_datagram *datagram) {
    struct peer *peer = peer_table_find(&presence->table, id);
    struct message stranger = {.kind = MESSAGE_ALIVE};
    memcpy(stranger.id, id, MUSTER_ID_BYTES);
    if (!trust_allows(&presence->trust, id, true, NULL) ||
        (peer != NULL && !is_worth_asking(presence, peer, boot))) {
        return;
    }
    if (introduction_begin(presence, &stranger, datagram) && peer != NULL) {
        peer->introduced_ms = presence->context->now_ms;
    }
}

unsigned introduction_end(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES], bool is_signed) {
    struct introduction *introduction = find(&presence->introductions, id);
    if (introduction == NULL || (introduction->is_signed && !is_signed)) {
        return 0;
    }
    unsigned paths = introduction->paths;
    drop(presence, introduction);
    return paths;
}

/* A proof of another boot than the row's must be younger than that one. */
static void renew_nonce(struct presence *presence, const uint8_t id[MUSTER_ID_BYTES]) {
    const struct peer *peer = peer_table_find(&presence->table, id);
    if (peer != NULL && presence->nonces.count > 0 && presence->nonces.made_ms[0] <= peer->boot_ms) {
        nonces_renew(&presence->nonces, &presence->context->random, presence->context->now_ms);
    }
}

static void begin_pause(struct presence *presence, struct introduction *introduction) {
    uint64_t pause_ms = backoff_pause_ms(&pauses, introduction->failures, &presence->context->random);
    introduction->tries = MUSTER_INTRODUCTION_TRIES;
    introduction->paused_ms = presence->context->now_ms;
    introduction->due_ms = presence->context->now_ms + unread_ms(presence) + pause_ms;
}

static void count_try(struct presence *presence, struct introduction *introduction, uint64_t pause_ms) {
    introduction->tries++;
    introduction->is_heard = false;
    introduction->due_ms = presence->context->now_ms + unread_ms(presence) + pause_ms * introduction->tries;
    if (introduction->tries == MUSTER_INTRODUCTION_TRIES) {
        begin_pause(presence, introduction);
    }
}

/* True where another asked the group for one that does not answer, since this node did so last. */
static bool is_covered(const struct introduction *introduction) {
    return introduction->failures > 0 && introduction->covered_ms >= introduction->paused_ms;
}

/* Where many are to be introduced many ask, and each asks the less. */
static bool take_tokens(struct presence *presence, bool is_unicast) {
    size_t to_us = presence->introductions.count; /* all of an address: they cost all that hear them */
    size_t by_us = presence->proofs.due_count;
    double strangers = (double)(to_us > by_us ? to_us : by_us) / MUSTER_INTRODUCTIONS_SOON;
    double tokens =
        1 + (strangers < MUSTER_INTRODUCTION_TOKENS_MAX ? strangers : MUSTER_INTRODUCTION_TOKENS_MAX);
    return bucket_take(&presence->introductions.bucket, is_unicast ? tokens : tokens * GROUP_TOKENS,
                       MUSTER_INTRODUCTION_RATE, MUSTER_INTRODUCTION_BURST, presence->context->now_ms);
}

/* True for one that is to be asked now, or so soon that a question now may take it along. */
static bool is_askable(const struct presence *presence, const struct introduction *introduction) {
    uint64_t now_ms = presence->context->now_ms;
    bool is_first = introduction->tries == 0 && introduction->failures == 0;
    uint64_t least_ms = is_first ? wait_of(presence, introduction).least_ms + unread_ms(presence) : 0;
    return introduction->tries < MUSTER_INTRODUCTION_TOGETHER && !is_covered(introduction) &&
           introduction->due_ms <= now_ms + (is_first ? MUSTER_NONCE_MS : TOGETHER_MS) &&
           introduction->began_ms + least_ms <= now_ms;
}

/* As many as fit one question, the one that is due first of all. Returns how many these are. */
static size_t collect(struct presence *presence, struct introduction *first,
                      struct introduction *together[MUSTER_QUERY_IDS_SENT]) {
    struct introductions *introductions = &presence->introductions;
    size_t count = 0;
    together[count++] = first;
    for (size_t i = 0; i < introductions->count && count < MUSTER_QUERY_IDS_SENT; i++) {
        struct introduction *introduction = &introductions->items[i];
        if (introduction != first && is_askable(presence, introduction)) {
            together[count++] = introduction;
        }
    }
    return count;
}

/* One question to the group instead of one, and an answer, for each. */
static void ask_together(struct presence *presence, struct introduction *const *together, size_t count) {
    struct message query = {.asks_some = true, .of_count = count, .wants = true};
    for (size_t i = 0; i < count; i++) {
        memcpy(query.of[i], together[i]->id, MUSTER_ID_BYTES);
        renew_nonce(presence, together[i]->id);
        count_try(presence, together[i], MUSTER_INTRODUCTION_TOGETHER_MS);
    }
    query_send(presence, &query, NULL, 0);
}

/* False when the budget is used up. */
static bool ask(struct presence *presence, struct introduction *introduction) {
    struct introduction *together[MUSTER_QUERY_IDS_SENT];
    bool is_crowd = crowd_is_here(presence);
    size_t count = is_crowd && introduction->tries < MUSTER_INTRODUCTION_TOGETHER && !is_covered(introduction)
                       ? collect(presence, introduction, together)
                       : 1;
    bool is_unicast = count < MUSTER_INTRODUCTIONS_TOGETHER &&
                      (introduction->tries < MUSTER_INTRODUCTION_UNICAST || is_crowd);
    if (!is_unicast && is_covered(introduction)) {
        begin_pause(presence, introduction);
        return true;
    }
    if (!take_tokens(presence, is_unicast)) {
        return false;
    }
    if (is_unicast && !health_take_unicast(&presence->health, presence->context->now_ms)) {
        introduction->due_ms = presence->context->now_ms + POSTPONED_MS;
    } else if (count >= MUSTER_INTRODUCTIONS_TOGETHER) {
        ask_together(presence, together, count);
    } else {
        struct message query = {.asks_some = true, .of_count = 1, .wants = true};
        memcpy(query.of[0], introduction->id, MUSTER_ID_BYTES);
        renew_nonce(presence, introduction->id);
        count_try(presence, introduction, MUSTER_INTRODUCTION_MS);
        query_send(presence, &query, is_unicast ? &introduction->endpoint : NULL, introduction->interface);
    }
    return true;
}

/* The pause after all tries is over: who was heard meanwhile is asked again. */
static void begin_next_round(const struct presence *presence, struct introduction *introduction) {
    if (introduction->is_heard) {
        introduction->failures++;
        introduction->tries = MUSTER_INTRODUCTION_UNICAST - 1; /* one by unicast is enough now */
    } else {
        introduction->due_ms = presence->context->now_ms + POSTPONED_MS;
    }
}

/* Not in the middle of a round: who is late may need a minute for it. */
static bool is_over(const struct presence *presence, const struct introduction *introduction) {
    return introduction->tries == MUSTER_INTRODUCTION_TRIES &&
           presence->context->now_ms - introduction->heard_ms >= MUSTER_INTRODUCTION_SILENT_MS;
}

/* What is due is a question, and nothing that puts it off. */
static void prepare(struct presence *presence, struct introduction *introduction) {
    if (introduction->tries == MUSTER_INTRODUCTION_TRIES) {
        begin_next_round(presence, introduction);
    }
    bool is_first = introduction->tries == 0 && introduction->failures == 0;
    uint64_t least_ms = wait_of(presence, introduction).least_ms + unread_ms(presence);
    if (is_first && presence->context->now_ms < introduction->began_ms + least_ms) {
        introduction->due_ms =
            first_try_ms(presence, introduction); /* more have shown up since it was planned */
    }
}

/* Of those that are due, one of the address that was served longest ago, and of these first one that has a
 * row; NULL when none is due. */
static struct introduction *next_due(const struct presence *presence) {
    const struct introductions *introductions = &presence->introductions;
    struct introduction *next = NULL;
    uint64_t next_turn = 0;
    for (size_t i = 0; i < introductions->count; i++) {
        struct introduction *introduction = &introductions->items[i];
        if (introduction->due_ms <= presence->context->now_ms) {
            uint64_t turn =
                strangers_turn_of(&introductions->strangers, presence->table.seed, &introduction->endpoint);
            bool is_first = next == NULL || turn < next_turn ||
                            (turn == next_turn && is_of_row(presence, introduction->id) &&
                             !is_of_row(presence, next->id));
            next = is_first ? introduction : next;
            next_turn = next == introduction ? turn : next_turn;
        }
    }
    return next;
}

/* All share one budget: who has many ids at one address keeps nobody at another one waiting. */
static void ask_in_turn(struct presence *presence) {
    struct introductions *introductions = &presence->introductions;
    struct introduction *introduction;
    while ((introduction = next_due(presence)) != NULL && ask(presence, introduction)) {
        strangers_take_turn(&introductions->strangers, presence->table.seed, &introduction->endpoint);
    }
    /* All at the same moment, for then it is known whose turn it is. */
    uint64_t again_ms = (presence->context->now_ms / POSTPONED_MS + 1) * POSTPONED_MS;
    for (size_t i = 0; introduction != NULL && i < introductions->count; i++) {
        if (introductions->items[i].due_ms <= presence->context->now_ms) {
            introductions->items[i].due_ms = again_ms;
        }
    }
}

void introduction_record_question(struct presence *presence, const struct message *query) {
    for (size_t i = 0; i < query->of_count; i++) {
        struct introduction *introduction = find(&presence->introductions, query->of[i]);
        if (introduction != NULL) {
            introduction->covered_ms = presence->context->now_ms;
        }
    }
}

uint64_t introduction_tick(struct presence *presence) {
    struct introductions *introductions = &presence->introductions;
    uint64_t now_ms = presence->context->now_ms;
    uint64_t due_ms = introductions->count == 0 ? DEADLINE_NEVER : presence->due_ms[PART_INTRODUCTION];
    if (due_ms > now_ms) {
        return due_ms;
    }
    for (size_t i = 0; i < introductions->count;) {
        struct introduction *introduction = &introductions->items[i];
        if (introduction->due_ms <= now_ms && is_over(presence, introduction)) {
            drop(presence, introduction);
            continue;
        }
        if (introduction->due_ms <= now_ms) {
            prepare(presence, introduction);
        }
        i++;
    }
    ask_in_turn(presence);
    due_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < introductions->count; i++) {
        due_ms = deadline_earlier(due_ms, introductions->items[i].due_ms);
    }
    return due_ms;
}

void introduction_deinit(struct introductions *introductions) {
    free(introductions->items);
    strangers_deinit(&introductions->strangers);
}
