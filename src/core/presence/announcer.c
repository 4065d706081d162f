/* SPDX-License-Identifier: MIT */
#include "announcer.h"

#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "crowd.h"
#include "deadline.h"
#include "presence.h"
#include "send.h"

#define STRETCH_MIN 0.75
#define STRETCH_MAX 1.25
/* Ethernet with preamble and gap, IPv4 and UDP, around each datagram. */
#define FRAME_OVERHEAD_BYTES 66
#define ALIVE_BYTES_EXPECTED 300

static const uint64_t copy_ms[MUSTER_COPIES] = MUSTER_COPY_MS;

/* ---- what is said ---- */

static uint64_t remaining_ms(const struct presence *presence) {
    uint64_t promised_ms = presence->announcer.promised_ms;
    uint64_t left_ms = promised_ms > presence->context->now_ms ? promised_ms - presence->context->now_ms : 0;
    return left_ms < MUSTER_NEXT_MS_MIN ? MUSTER_NEXT_MS_MIN : left_ms;
}

/* True for who publishes, or did. */
static bool tells_sent(const struct presence *presence) {
    bool has_sent = own_document_get(presence)->topic_count > 0;
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        has_sent = has_sent || presence->context->sent[shard] != 0;
    }
    return has_sent;
}

struct message announcer_alive(const struct presence *presence) {
    uint64_t announced_rev = presence->announcer.announced_rev;
    struct message message = {.kind = MESSAGE_ALIVE,
                              .rev = announced_rev > 0 ? announced_rev : presence->own.rev,
                              .next_ms = remaining_ms(presence),
                              .peers = peer_table_heard(&presence->table)};
    message.tells_sent = tells_sent(presence);
    memcpy(message.sent, presence->context->sent, sizeof message.sent);
    return message;
}

struct message announcer_announce(const struct presence *presence) {
    const struct message *own = &presence->own.announcement.message;
    const struct context *context = presence->context;
    struct message message = {.kind = MESSAGE_ANNOUNCE,
                              .boot = context->identity.boot,
                              .rev = presence->own.rev,
                              .next_ms = remaining_ms(presence),
                              .peers = peer_table_heard(&presence->table),
                              .document = own->document,
                              .stream = own->stream,
                              .size = own->size,
                              .has_key = own->has_key,
                              .tells_sent = own->tells_sent};
    memcpy(message.id, own->id, sizeof message.id);
    memcpy(message.key, own->key, sizeof message.key);
    memcpy(message.hash, own->hash, sizeof message.hash);
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        message.sent[shard] = own->sent[shard] == 0 ? 0 : context->sent[shard];
    }
    return message;
}

/* Who is new may hear one path alone, which no answer by unicast shows. In a crowd it waits for what all say
 * on all paths anyway. */
static bool has_newcomer(const struct presence *presence) {
    return !crowd_is_here(presence) && presence->newcomer_ms != 0 &&
           presence->context->now_ms - presence->newcomer_ms < MUSTER_NEWCOMER_MS;
}

/* Says a message with the next number, on all paths wherever it has to be. Returns its bytes, 0 when nothing
 * was sent. */
static size_t say(struct presence *presence, struct message message, bool is_everywhere) {
    message.seq = ++presence->announcer.seq;
    presence->context->counters.answers += message_answer_count(&message);
    is_everywhere = is_everywhere || message_is_everywhere(&message) || has_newcomer(presence);
    return send_group(presence->context, &message, is_everywhere ? NULL : &presence->table, 0);
}

static void say_announce(struct presence *presence) {
    struct message message = announcer_announce(presence);
    presence->announcer.announced_ms = presence->context->now_ms;
    presence->announcer.announced_rev = message.rev;
    message.nonce = proof_nonce(presence);
    proof_put(presence, &message, presence->own.announcement.bytes_max - MUSTER_NONCE_CHARS);
    if (message.re != NULL) {
        const char *last = message.re + (message_answer_count(&message) - 1) * MUSTER_NONCE_CHARS;
        memcpy(&presence->announcer.answered, last, sizeof presence->announcer.answered);
        presence->announcer.answered_ms = presence->context->now_ms;
    }
    say(presence, message, false);
}

/* Where tables are given by stream a newcomer has the key of an old peer from there, and an alive proves
 * enough. */
static bool does_alive_prove(const struct presence *presence) {
    return peer_table_present(&presence->table) > MUSTER_TABLE_ROWS && !announcer_is_new(presence);
}

/* The paths by which this node hears others, where m4 is not among them; 0: it is, or who knows. */
static unsigned hears(const struct presence *presence) {
    uint64_t now_ms = presence->context->now_ms;
    return now_ms >= presence->context->began_ms + MUSTER_HEARS_MS
               ? paths_without_m4(&presence->context->paths, now_ms)
               : 0;
}

/* Who is to be introduced learns the nonce from an alive too. */
static void say_alive(struct presence *presence) {
    struct message message = announcer_alive(presence);
    message.hears = hears(presence);
    message.gone_count = gone_addresses_get(&presence->gone, presence->context->now_ms, message.gone);
    message.nonce = presence->introductions.count > 0 ? proof_nonce(presence) : 0;
    if (does_alive_prove(presence)) {
        proof_put(presence, &message,
                  MUSTER_ALIVE_BYTES_MAX + (message.gone_count > 0 ? MUSTER_GONE_BYTES : 0));
    }
    size_t bytes = say(presence, message, false);
    presence->announcer.alive_bytes = bytes > 0 ? bytes : presence->announcer.alive_bytes;
}

void announcer_answer(struct presence *presence, uint64_t nonce) {
    char re[MUSTER_NONCE_CHARS + 1] = "";
    struct message message = announcer_alive(presence);
    memcpy(re, &nonce, sizeof nonce);
    message.re = re;
    say(presence, message, true);
}

/* ---- when ---- */

/* The interval at which so many share the budget. */
static double crowd_interval_ms(const struct presence *presence, size_t speakers) {
    size_t alive_bytes = presence->announcer.alive_bytes;
    size_t frame_bytes = FRAME_OVERHEAD_BYTES + (alive_bytes > 0 ? alive_bytes : ALIVE_BYTES_EXPECTED);
    return 1000 * (double)speakers * 8 * (double)frame_bytes / (double)presence->budget_bps;
}

uint64_t announcer_interval_ms(const struct presence *presence) {
    const double longest_ms = MUSTER_NEXT_MS_MAX / STRETCH_MAX;
    /* Whoever claims to be many must not silence the others. */
    double crowd_ms = crowd_interval_ms(presence, peer_table_speakers(&presence->table) + 1);
    double least_ms = (double)presence->interval_min_ms;
    double interval_ms = crowd_ms > least_ms ? crowd_ms : least_ms;
    return (uint64_t)(interval_ms < longest_ms ? interval_ms : longest_ms);
}

uint64_t announcer_crowd_promise_ms(const struct presence *presence) {
    double longest_ms = crowd_interval_ms(presence, peer_table_present(&presence->table) + 1) * STRETCH_MAX;
    return (uint64_t)(longest_ms < MUSTER_NEXT_MS_MAX ? longest_ms : MUSTER_NEXT_MS_MAX);
}

/* RFC 3550, 6.3: when the crowd has grown since, the moment moves, but never past the promise. */
static uint64_t next_alive_ms(const struct presence *presence) {
    const struct announcer *announcer = &presence->announcer;
    double interval_ms = (double)announcer_interval_ms(presence) * announcer->stretch;
    return deadline_earlier(announcer->spoke_ms + (uint64_t)interval_ms, announcer->promised_ms);
}

/* Promises the longest that the interval may become by its random part, so that there is room to
 * reconsider. */
static void promise_next(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    double longest_ms = (double)announcer_interval_ms(presence) * STRETCH_MAX;
    announcer->stretch =
        STRETCH_MIN + (STRETCH_MAX - STRETCH_MIN) * random_fraction(&presence->context->random);
    announcer->spoke_ms = presence->context->now_ms;
    announcer->promised_ms = announcer->spoke_ms + (uint64_t)longest_ms;
    announcer->alive_ms = next_alive_ms(presence);
}

/* When the next news may be told: changes that follow each other closely are told as one, and who changes all
 * the time takes from a bucket. A program that starts may say what it is only after its node said that it is
 * there. */
static uint64_t take_news_ms(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    uint64_t now_ms = presence->context->now_ms;
    uint64_t earliest_ms = announcer->seq == 1 ? now_ms : announcer->announced_ms + MUSTER_GROUP_ANSWER_MS;
    uint64_t allowed_ms = bucket_allowed_ms(&announcer->news, 1, MUSTER_NEWS_RATE, MUSTER_NEWS_BURST, now_ms);
    bucket_spend(&announcer->news, 1, MUSTER_NEWS_RATE, now_ms);
    return earliest_ms > allowed_ms ? earliest_ms : allowed_ms;
}

static void schedule_copies(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    bool is_crowd = crowd_is_here(presence);
    uint64_t interval_ms = announcer_interval_ms(presence);
    uint64_t begin_ms = presence->context->now_ms;
    if (announcer->seq > 0 && !is_crowd) { /* a crowd spreads its copies over far more time */
        if (announcer->copies_ms[0] != DEADLINE_NEVER) {
            return; /* what is due will say the last state */
        }
        begin_ms = take_news_ms(presence);
    }
    for (size_t i = 0; i < MUSTER_COPIES; i++) {
        announcer->copies_ms[i] =
            begin_ms + (is_crowd ? random_ms(&presence->context->random, interval_ms) : copy_ms[i]);
    }
}

bool announcer_is_new(const struct presence *presence) {
    uint64_t three_ms = 3 * announcer_interval_ms(presence);
    uint64_t new_ms = presence->context->now_ms - presence->announcer.new_ms;
    return new_ms < (three_ms > MUSTER_NEW_MS ? three_ms : MUSTER_NEW_MS);
}

static uint64_t next_copy_ms(const struct presence *presence) {
    uint64_t due_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < MUSTER_COPIES; i++) {
        due_ms = deadline_earlier(due_ms, presence->announcer.copies_ms[i]);
    }
    return due_ms;
}

bool announcer_has_copy(const struct presence *presence) {
    return next_copy_ms(presence) != DEADLINE_NEVER;
}

void announcer_begin(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    if (presence->context->is_observer || presence->context->paths.count == 0 ||
        announcer->state >= ANNOUNCER_LEAVING) {
        return;
    }
    if (announcer->state == ANNOUNCER_SILENT) {
        announcer->state = ANNOUNCER_SPEAKING;
        announcer->new_ms = presence->context->now_ms;
        for (size_t i = 0; i < ANNOUNCER_COPIES; i++) {
            announcer->copies_ms[i] = DEADLINE_NEVER;
        }
        promise_next(presence);
    }
    schedule_copies(presence);
}

void announcer_restart(struct presence *presence) {
    presence->announcer.seq = 0;
    presence->own.rev = 1;
    presence->announcer.announced_rev = 0;
    memset(presence->context->sent, 0, sizeof presence->context->sent);
    presence->announcer.state = ANNOUNCER_SILENT;
    announcer_begin(presence);
}

void announcer_leave(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    bool has_spoken = announcer->state == ANNOUNCER_SPEAKING && announcer->seq > 0;
    announcer->state = has_spoken ? ANNOUNCER_LEAVING : ANNOUNCER_LEFT;
    announcer->byes_left = has_spoken ? MUSTER_COPIES : 0;
    announcer->bye_ms = presence->context->now_ms;
}

static uint64_t tick_leaving(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    if (announcer->bye_ms <= presence->context->now_ms) {
        say(presence, (struct message){.kind = MESSAGE_BYE}, true);
        announcer->bye_ms = presence->context->now_ms + MUSTER_BYE_SPACING_MS;
        announcer->byes_left--;
    }
    if (announcer->byes_left == 0) {
        announcer->state = ANNOUNCER_LEFT;
        return DEADLINE_NEVER;
    }
    return announcer->bye_ms;
}

static uint64_t tick_speaking(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    uint64_t now_ms = presence->context->now_ms;
    uint64_t due_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < ANNOUNCER_COPIES; i++) {
        if (announcer->copies_ms[i] <= now_ms && i > 0 && !announcer->is_spread[i]) {
            announcer->is_spread[i] = true;
            announcer->copies_ms[i] = now_ms + crowd_spread_ms(presence);
        }
        if (announcer->copies_ms[i] <= now_ms) {
            announcer->is_spread[i] = false;
            announcer->copies_ms[i] = DEADLINE_NEVER;
            (i < MUSTER_COPIES ? say_announce : say_alive)(presence);
            if (i == MUSTER_COPIES - 1 &&
                hears(presence) != 0) { /* the next alives of others come by broadcast */
                say_alive(presence);
            }
        }
    }
    if (announcer->alive_ms <= now_ms) {
        announcer->alive_ms = next_alive_ms(presence);
    }
    if (announcer->alive_ms <= now_ms) {
        promise_next(presence);
        say_alive(presence);
        bool is_sleeper = presence->interval_min_ms >= MUSTER_SLEEPER_MS;
        for (size_t i = 1; is_sleeper && i < MUSTER_COPIES; i++) {
            announcer->copies_ms[MUSTER_COPIES + i - 1] = now_ms + copy_ms[i];
        }
    }
    for (size_t i = 0; i < ANNOUNCER_COPIES; i++) {
        due_ms = deadline_earlier(due_ms, announcer->copies_ms[i]);
    }
    return deadline_earlier(due_ms, announcer->alive_ms);
}

uint64_t announcer_proof_ms(struct presence *presence) {
    uint64_t delay_ms = announcer_interval_ms(presence) / 8;
    delay_ms = delay_ms > MUSTER_PROOF_MS ? delay_ms : MUSTER_PROOF_MS;
    delay_ms = delay_ms < MUSTER_PROOF_MS_MAX ? delay_ms : MUSTER_PROOF_MS_MAX;
    return delay_ms + crowd_spread_ms(presence);
}

void announcer_repeat(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    uint64_t *copy_due_ms = &announcer->copies_ms[MUSTER_COPIES - 1];
    if (announcer->state != ANNOUNCER_SPEAKING || announcer->seq == 0) {
        return;
    }
    proof_reopen(presence);
    if (!announcer_has_copy(presence)) {
        *copy_due_ms = presence->context->now_ms + MUSTER_UNSENT_MS +
                       random_ms(&presence->context->random, MUSTER_UNSENT_MS);
        presence->due_ms[PART_ANNOUNCER] = deadline_earlier(presence->due_ms[PART_ANNOUNCER], *copy_due_ms);
    }
}

void announcer_tell_gone(struct presence *presence) {
    struct announcer *announcer = &presence->announcer;
    for (size_t i = 1; i < MUSTER_COPIES && announcer->state == ANNOUNCER_SPEAKING; i++) {
        announcer->copies_ms[MUSTER_COPIES + i - 1] = presence->context->now_ms + copy_ms[i];
    }
}

void announcer_owe(struct presence *presence, const struct muster_endpoint *asker, uint64_t nonce,
                   bool is_missed) {
    if (nonce == 0 || presence->announcer.state != ANNOUNCER_SPEAKING ||
        !presence->context->identity.has_key) {
        return;
    }
    proof_plan(presence, asker, nonce, MUSTER_PROOF_AGAIN_MS, is_missed ? MUSTER_PROOFS : 1,
               does_alive_prove(presence) ? DEADLINE_NEVER : announcer_proof_ms(presence));
}

/* Says an announce when nonces have to be answered. Returns when they have to be. */
static uint64_t tick_proofs(struct presence *presence) {
    const struct announcer *announcer = &presence->announcer;
    uint64_t earliest_ms = announcer->seq == 0 ? 0 : announcer->announced_ms + MUSTER_GROUP_ANSWER_MS;
    if (!proof_is_due(presence)) {
        return presence->proofs.due_count > 0 ? presence->proofs.due_ms : DEADLINE_NEVER;
    }
    if (earliest_ms > presence->context->now_ms) {
        return earliest_ms;
    }
    uint64_t copy_due_ms = next_copy_ms(presence);
    if (copy_due_ms < presence->context->now_ms + MUSTER_PROOF_WAIT_MS) { /* a copy answers, too */
        return copy_due_ms;
    }
    say_announce(presence);
    return presence->proofs.due_count > 0 ? presence->proofs.due_ms : DEADLINE_NEVER;
}

uint64_t announcer_tick(struct presence *presence) {
    if (presence->own.has_news) {
        presence->own.has_news = false;
        announcer_begin(presence);
    }
    if (presence->announcer.state == ANNOUNCER_LEAVING) {
        return tick_leaving(presence);
    }
    /* Without paths nothing is said: a number that nobody can hear would look like a loss. */
    if (presence->announcer.state != ANNOUNCER_SPEAKING || presence->context->paths.count == 0) {
        proof_forget(presence);
        return DEADLINE_NEVER;
    }
    uint64_t proofs_ms = tick_proofs(presence);
    return deadline_earlier(proofs_ms, tick_speaking(presence));
}
