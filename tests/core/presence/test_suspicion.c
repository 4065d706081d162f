/* SPDX-License-Identifier: MIT */
/* Patience and tries by measured loss, and whose questions count. */
#include "suspicion.h"

#include <string.h>

#include "cmocka_all.h"
#include "merge.h"
#include "node.h"

#define NOW_MS 100000
#define NEXT_MS 2500

static struct muster_core *core;

static int begin(void **state) {
    (void)state;
    struct muster_core_options options;
    muster_core_options_init(&options);
    options.boot = 1;
    const struct muster_path path = {.interface = 1, .kind = MUSTER_PATH_M4, .name = "eth0"};
    return muster_crypto_ed25519(&options.crypto, NULL) != 0 ||
           muster_core_new(&options, NOW_MS, &core) != 0 || paths_set(&core->context.paths, &path, 1) != 0;
}

static int end(void **state) {
    (void)state;
    muster_core_free(core);
    return 0;
}

/* A row heard now, which promised the next message in NEXT_MS. */
static struct peer *add(uint8_t n) {
    bool is_full;
    const uint8_t id[MUSTER_ID_BYTES] = {n};
    struct peer *peer =
        peer_table_add(&core->presence.table, id, true, false, core->context.now_ms, &is_full);
    assert_non_null(peer);
    peer->heard_ms = core->context.now_ms;
    peer->next_ms = NEXT_MS;
    peer->period_ms = NEXT_MS;
    suspicion_plan(&core->presence, peer);
    return peer;
}

/* Returns when something is due next. */
static uint64_t tick_at(uint64_t now_ms) {
    core->context.now_ms = now_ms;
    return suspicion_tick(&core->presence);
}

static void ask_from(uint8_t address, const struct peer *peer) {
    const struct peer asker = {.address = {.family = 4, .ip = {10, 0, 0, address}}};
    struct message query = {.asks_some = true, .of_count = 1};
    memcpy(query.of[0], peer->id, MUSTER_ID_BYTES);
    suspicion_record_question(&core->presence, &asker, &query);
}

/* Each time another one. */
static void ask_for(const struct peer *peer) {
    static uint8_t address;
    ask_from(++address, peer);
}

/* ---- the figures ---- */

static void patience_is_as_designed(void **state) {
    (void)state;
    assert_int_equal(suspicion_patience(MUSTER_LOSS_FLOOR, 30), 1);
    assert_int_equal(suspicion_patience(0.3, 8), 4);
    assert_int_equal(suspicion_patience(MUSTER_LOSS_FLOOR, 0), 1);
    assert_int_equal(suspicion_patience(MUSTER_LOSS_FLOOR, 41), 2); /* 0.005 > 0.2 / 41 */
}

static void patience_is_bounded(void **state) {
    (void)state;
    assert_int_equal(suspicion_patience(0.9, 8), MUSTER_PATIENCE_MAX);
    assert_int_equal(suspicion_patience(1, 1000000), MUSTER_PATIENCE_MAX);
}

static void patience_keeps_false_suspects_few(void **state) {
    (void)state;
    for (double p = MUSTER_LOSS_FLOOR; p < 0.4; p += 0.01) {
        for (double rows = 1; rows <= 256; rows *= 2) {
            double chance = 1;
            unsigned patience = suspicion_patience(p, rows);
            for (unsigned i = 0; i < patience; i++) {
                chance *= p;
            }
            assert_true(patience == MUSTER_PATIENCE_MAX || chance * rows <= MUSTER_FALSE_SUSPECTS);
            assert_true(patience == 1 || chance / p * rows > MUSTER_FALSE_SUSPECTS); /* no more than needed */
        }
    }
}

static void tries_are_as_designed(void **state) {
    (void)state;
    assert_int_equal(suspicion_tries(MUSTER_LOSS_FLOOR, 1), MUSTER_TRIES_MIN);
    assert_in_range(suspicion_tries(0.3, suspicion_patience(0.3, 8)), 23, 26);
}

static void tries_are_bounded(void **state) {
    (void)state;
    assert_int_equal(suspicion_tries(MUSTER_LOSS_FLOOR, MUSTER_PATIENCE_MAX), MUSTER_TRIES_MIN);
    assert_int_equal(suspicion_tries(0.9, 1), MUSTER_TRIES_MAX);
    assert_int_equal(suspicion_tries(1, MUSTER_PATIENCE_MAX), MUSTER_TRIES_MAX);
}

static void tries_grow_with_loss(void **state) {
    (void)state;
    unsigned last = 0;
    for (double p = MUSTER_LOSS_FLOOR; p <= 1; p += 0.005) {
        unsigned tries = suspicion_tries(p, 1);
        assert_true(tries >= last);
        last = tries;
    }
    assert_int_equal(last, MUSTER_TRIES_MAX);
}

/* ---- a row's way ---- */

static void a_promise_may_be_late_by_its_grace(void **state) {
    (void)state;
    struct peer *peer = add(1);
    tick_at(NOW_MS + NEXT_MS + MUSTER_GRACE_MS - 1);
    assert_int_equal(peer->state, MUSTER_ALIVE);
    tick_at(NOW_MS + NEXT_MS + MUSTER_GRACE_MS);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
}

static void loss_makes_patient(void **state) {
    (void)state;
    struct peer *peer = add(1);
    loss_begin(&peer->loss);
    loss_advance(&peer->loss, 10);
    loss_advance(&peer->loss, 1); /* 9 of 12 were lost */
    unsigned patience = suspicion_patience(0.75, 1);
    assert_true(patience > 1);
    assert_int_equal(suspicion_due_ms(&core->presence, peer), NOW_MS + patience * NEXT_MS + MUSTER_GRACE_MS);
}

static void the_loss_of_all_counts_where_it_is_worse(void **state) {
    (void)state;
    struct peer *peer = add(1);
    loss_begin(&peer->loss);
    loss_mean_add(&core->presence.loss, 4);
    unsigned patience = suspicion_patience(0.75, 1);
    assert_int_equal(suspicion_due_ms(&core->presence, peer), NOW_MS + patience * NEXT_MS + MUSTER_GRACE_MS);
}

/* A peer says this; its row. */
static struct peer *hear(struct message message) {
    const uint8_t bytes[1] = {0};
    const struct muster_datagram datagram = {.bytes = bytes, .length = 1};
    enum muster_drop reason;
    struct merge_note note = {0};
    message.id[0] = 1;
    message.boot = 1;
    message.rev = 1;
    assert_true(merge_message(&core->presence, &message, &datagram, &note, &reason));
    return peer_table_find(&core->presence.table, message.id);
}

static void a_whole_promise_is_that_of_an_alive(void **state) {
    (void)state;
    struct peer *peer = hear((struct message){.kind = MESSAGE_ANNOUNCE, .seq = 1, .next_ms = 100});
    assert_int_equal(peer->next_ms, 100); /* what was left of one */
    assert_int_equal(peer->period_ms, 2500);
    hear((struct message){.kind = MESSAGE_ANNOUNCE, .seq = 2, .next_ms = 4000});
    assert_int_equal(peer->period_ms, 4000);
    hear((struct message){.kind = MESSAGE_ALIVE, .seq = 3, .next_ms = 3000});
    assert_int_equal(peer->period_ms, 3000);
    hear((struct message){.kind = MESSAGE_ALIVE, .re = "00000000", .seq = 4, .next_ms = 500});
    assert_int_equal(peer->next_ms, 500);
    assert_int_equal(peer->period_ms, 3000);
    peer->pins = 0;
}

static void who_slept_grants_one_more_promise(void **state) {
    (void)state;
    struct peer *peer = add(1);
    core->presence.resumed_ms = NOW_MS + 60000;
    assert_int_equal(suspicion_due_ms(&core->presence, peer), NOW_MS + 60000 + NEXT_MS + MUSTER_GRACE_MS);
    peer->next_ms = MUSTER_NEXT_MS_MIN; /* the rest of a promise, as an answer repeats it */
    assert_int_equal(suspicion_due_ms(&core->presence, peer), NOW_MS + 60000 + NEXT_MS + MUSTER_GRACE_MS);
    peer->next_ms = 3600000; /* a sleeper's, which is not over yet */
    assert_int_equal(suspicion_due_ms(&core->presence, peer), NOW_MS + 3600000 + MUSTER_GRACE_MS);
    peer->next_ms = NEXT_MS;
    peer->heard_ms = NOW_MS + 60001; /* heard since */
    assert_int_equal(suspicion_due_ms(&core->presence, peer), NOW_MS + 60001 + NEXT_MS + MUSTER_GRACE_MS);
}

/* What was asked before may have been answered, and wait to be read. */
static void who_slept_hears_before_it_buries(void **state) {
    (void)state;
    struct peer *peer = add(1);
    tick_at(NOW_MS + NEXT_MS + MUSTER_GRACE_MS);
    peer->tries = peer->tries_needed;
    core->context.now_ms += 60000;
    core->presence.resumed_ms = core->context.now_ms;
    tick_at(core->context.now_ms);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    tick_at(core->presence.resumed_ms + MUSTER_QUESTION_MS);
    assert_int_equal(peer->state, MUSTER_LOST);
}

static void silence_to_all_tries_is_a_death(void **state) {
    (void)state;
    struct peer *peer = add(1);
    unsigned asked = 0;
    uint64_t due_ms = tick_at(NOW_MS);
    while (peer->state != MUSTER_LOST && core->context.now_ms < NOW_MS + 10000) {
        due_ms = tick_at(due_ms);
        asked = peer->tries;
    }
    assert_int_equal(asked, MUSTER_TRIES_MIN);
    assert_int_equal(peer->tries_needed, MUSTER_TRIES_MIN);
    assert_int_equal(core->context.counters.questions, 2 * MUSTER_TRIES_MIN - MUSTER_TRIES_GROUP);
    assert_int_equal(core->context.outbox.event_count, 2);
    assert_true(core->context.now_ms - NOW_MS - NEXT_MS < 2500);
    /* Each question has time to be answered, the last one too. */
    assert_int_equal(core->context.now_ms - peer->asked_ms, MUSTER_QUESTION_MS);
}

static void where_nothing_is_lost_fewer_questions_go_by_unicast(void **state) {
    (void)state;
    struct peer *peer = add(1);
    core->presence.loss = (struct loss_mean){.expected = MUSTER_LOSSLESS_MESSAGES};
    uint64_t due_ms = tick_at(NOW_MS);
    while (peer->state != MUSTER_LOST && core->context.now_ms < NOW_MS + 10000) {
        due_ms = tick_at(due_ms);
    }
    assert_int_equal(core->context.counters.questions, 2 * MUSTER_TRIES_MIN - MUSTER_TRIES_GROUP_LOSSLESS);
}

static void introduce(const struct peer *peer) {
    const struct muster_datagram datagram = {.source = {.family = 4, .ip = {10, 0, 0, 1}, .port = 7}};
    struct message alive = {.kind = MESSAGE_ALIVE};
    memcpy(alive.id, peer->id, MUSTER_ID_BYTES);
    assert_true(introduction_begin(&core->presence, &alive, &datagram));
}

/* It was heard, in another start. */
static void who_is_being_introduced_is_no_suspect(void **state) {
    (void)state;
    struct peer *peer = add(1);
    introduce(peer);
    for (uint64_t due_ms = tick_at(NOW_MS); due_ms < NOW_MS + 10000;) {
        due_ms = tick_at(due_ms);
    }
    assert_int_equal(peer->state, MUSTER_ALIVE);
    core->presence.introductions.items[0].tries = MUSTER_INTRODUCTION_TRIES;
    tick_at(peer->due_ms);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
}

/* Whoever speaks in its name keeps no dead row for ever. */
static void an_introduction_is_not_waited_for_for_ever(void **state) {
    (void)state;
    struct peer *peer = add(1);
    introduce(peer);
    for (uint64_t due_ms = tick_at(NOW_MS); peer->state == MUSTER_ALIVE;) {
        assert_true(due_ms < NOW_MS + 2 * MUSTER_LATE_WAIT_MS);
        due_ms = tick_at(due_ms);
    }
    assert_true(core->context.now_ms >= NOW_MS + MUSTER_LATE_WAIT_MS);
}

static void who_is_being_introduced_is_no_death(void **state) {
    (void)state;
    struct peer *peer = add(1);
    tick_at(peer->due_ms);
    uint64_t due_ms = tick_at(peer->due_ms);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    introduce(peer);
    while (due_ms < NOW_MS + 10000) {
        due_ms = tick_at(due_ms);
    }
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    core->presence.introductions.items[0].tries = MUSTER_INTRODUCTION_TRIES;
    tick_at(due_ms);
    assert_int_equal(peer->state, MUSTER_LOST);
}

static void a_tombstone_goes_when_its_time_is_over(void **state) {
    (void)state;
    struct peer *peer = add(1);
    uint64_t due_ms = tick_at(NOW_MS);
    while (peer->state != MUSTER_LOST) {
        due_ms = tick_at(due_ms);
    }
    uint64_t lost_ms = core->context.now_ms;
    tick_at(lost_ms + MUSTER_TOMBSTONE_MS);
    assert_int_equal(core->presence.table.count, 1); /* its events were not pulled yet */
    peer->pins = 0;
    assert_true(tick_at(lost_ms + MUSTER_TOMBSTONE_MS + 1000) == UINT64_MAX);
    assert_int_equal(core->presence.table.count, 0);
}

static void one_question_asks_for_all_that_are_due(void **state) {
    (void)state;
    for (uint8_t n = 0; n < MUSTER_QUERY_IDS_SENT + 1; n++) {
        add(n);
    }
    tick_at(NOW_MS + NEXT_MS + MUSTER_GRACE_MS);
    tick_at(core->context.now_ms + MUSTER_QUESTION_JITTER_MS);
    size_t tries = 0;
    for (const struct peer *peer = core->presence.table.classes[CLASS_SUSPECT]; peer != NULL;
         peer = peer->next) {
        assert_int_equal(peer->tries, 1);
        tries++;
    }
    assert_int_equal(tries, MUSTER_QUERY_IDS_SENT + 1);
    assert_int_equal(core->context.counters.questions, 2); /* 32 and the one that did not fit */
}

/* Else a suspect among many would use up its tries before it can have answered the first. */
static void who_was_just_asked_is_not_taken_along(void **state) {
    (void)state;
    struct peer *first = add(1);
    struct peer *second = add(2);
    tick_at(NOW_MS + NEXT_MS + MUSTER_GRACE_MS);
    peer_table_set_due(&core->presence.table, first, core->context.now_ms + 1);
    peer_table_set_due(&core->presence.table, second, core->context.now_ms + MUSTER_QUESTION_JITTER_MS + 2);
    tick_at(core->context.now_ms + 1);
    assert_int_equal(first->tries, 1);
    assert_int_equal(second->tries, 0);
    peer_table_set_due(&core->presence.table, first, core->context.now_ms + MUSTER_QUESTION_MS);
    peer_table_set_due(&core->presence.table, second, core->context.now_ms + 1);
    tick_at(core->context.now_ms + 1);
    assert_int_equal(first->tries, 1);
    assert_int_equal(second->tries, 1);
    tick_at(core->context.now_ms + MUSTER_QUESTION_MS - 1);
    assert_int_equal(first->tries, 2);
    assert_int_equal(second->tries, 1);
}

/* ---- questions of others ---- */

static struct peer *add_suspect(uint8_t n) {
    struct peer *peer = add(n);
    tick_at(core->context.now_ms + NEXT_MS + MUSTER_GRACE_MS);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    return peer;
}

static void a_heard_question_counts_as_ones_own(void **state) {
    (void)state;
    struct peer *peer = add_suspect(1);
    ask_for(peer);
    assert_int_equal(peer->tries, 1);
    assert_true(peer->due_ms >= core->context.now_ms + MUSTER_QUESTION_MS);
    assert_true(peer->due_ms <= core->context.now_ms + MUSTER_QUESTION_MS + MUSTER_QUESTION_JITTER_MS);
    tick_at(core->context.now_ms + MUSTER_QUESTION_MS - 1);
    assert_int_equal(core->context.counters.questions, 0);
}

static void copies_of_a_question_are_one_try(void **state) {
    (void)state;
    struct peer *peer = add_suspect(1);
    ask_for(peer);
    ask_for(peer);
    core->context.now_ms += MUSTER_GROUP_ANSWER_MS - 1;
    ask_for(peer);
    assert_int_equal(peer->tries, 1);
    core->context.now_ms++;
    ask_for(peer);
    assert_int_equal(peer->tries, 2);
}

static void the_questions_of_one_address_are_one_try(void **state) {
    (void)state;
    struct peer *peer = add_suspect(1);
    for (int i = 0; i < 5; i++) {
        ask_from(7, peer);
        core->context.now_ms += MUSTER_GROUP_ANSWER_MS;
    }
    assert_int_equal(peer->tries, 1);
}

static void heard_questions_never_exceed_the_tries_needed(void **state) {
    (void)state;
    struct peer *peer = add_suspect(1);
    for (int i = 0; i < 20; i++) {
        ask_for(peer);
        core->context.now_ms += MUSTER_GROUP_ANSWER_MS;
    }
    assert_int_equal(peer->tries, peer->tries_needed);
}

static void who_is_alive_or_unknown_is_not_concerned(void **state) {
    (void)state;
    struct peer *peer = add(1);
    const struct peer stranger = {.id = {99}};
    ask_for(peer);
    ask_for(&stranger);
    assert_int_equal(peer->tries, 0);
    assert_int_equal(peer->state, MUSTER_ALIVE);
}

/* ---- hearsay ---- */

#define HEARSAY 200

static struct peer *add_hearsay(unsigned n) {
    bool is_full;
    const uint8_t id[MUSTER_ID_BYTES] = {(uint8_t)n, 1};
    struct peer *peer = peer_table_add(&core->presence.table, id, true, true, core->context.now_ms, &is_full);
    assert_non_null(peer);
    peer->heard_ms = core->context.now_ms;
    peer->next_ms = NEXT_MS;
    peer->period_ms = NEXT_MS;
    return peer;
}

/* So many need more questions than the budget of introductions has within a period. */
static void hearsay_is_lost_after_its_questions(void **state) {
    (void)state;
    struct peer *peers[HEARSAY];
    for (unsigned n = 0; n < HEARSAY; n++) {
        peers[n] = add_hearsay(n);
    }
    size_t lost = 0;
    for (uint64_t now_ms = NOW_MS; now_ms < NOW_MS + 30000; now_ms += 50) {
        tick_at(now_ms);
        lost = 0;
        for (unsigned n = 0; n < HEARSAY; n++) {
            assert_true(peers[n]->state == MUSTER_ALIVE || peers[n]->tries == MUSTER_TRIES_MIN);
            lost += peers[n]->state == MUSTER_LOST ? 1 : 0;
        }
    }
    assert_int_equal(lost, HEARSAY);
}

/* Where much is lost two questions are not enough: half of them get no answer at 30 %. */
static void hearsay_is_asked_as_often_as_loss_demands(void **state) {
    (void)state;
    struct peer *peer = add_hearsay(1);
    core->presence.loss = (struct loss_mean){.expected = 1000, .missed = 300};
    for (uint64_t now_ms = NOW_MS; peer->state != MUSTER_LOST; now_ms += 50) {
        assert_true(now_ms < NOW_MS + 60000);
        tick_at(now_ms);
    }
    assert_int_equal(peer->tries, suspicion_tries(0.3, suspicion_patience(0.3, 1)));
    assert_true(peer->tries > MUSTER_TRIES_MIN);
}

/* A joiner that has heard little takes its link for a bad one, and is patient. When it knows better, the end
 * of that patience lies far back. */
static void hearsay_is_asked_however_patience_shrinks(void **state) {
    (void)state;
    struct peer *peer = add_hearsay(1);
    peer->period_ms = MUSTER_SLEEPER_MS;
    core->presence.loss = (struct loss_mean){.expected = 10, .missed = 9};
    tick_at(NOW_MS); /* it will be looked at after a patience of many promises */
    core->presence.loss = (struct loss_mean){.expected = 1000, .missed = 10};
    for (uint64_t now_ms = peer->due_ms; peer->state != MUSTER_LOST; now_ms += 50) {
        tick_at(now_ms);
    }
    assert_true(core->context.now_ms > NOW_MS + NEXT_MS + 2 * MUSTER_SLEEPER_MS + MUSTER_LATE_WAIT_MS);
    assert_int_equal(peer->tries, MUSTER_TRIES_MIN);
}

/* Where thousands share the budget, each is silent for minutes. */
static void hearsay_of_a_crowd_is_waited_for_as_long_as_the_crowd_promises(void **state) {
    (void)state;
    struct peer *peer = add_hearsay(0);
    uint64_t few_ms = suspicion_due_ms(&core->presence, peer);
    peer->period_ms = MUSTER_SLEEPER_MS;
    uint64_t cut_ms = suspicion_due_ms(&core->presence, peer);
    for (unsigned n = 1; n < 10000; n++) {
        bool is_full;
        const uint8_t id[MUSTER_ID_BYTES] = {(uint8_t)n, 2, (uint8_t)(n >> 8)};
        assert_non_null(
            peer_table_add(&core->presence.table, id, true, true, core->context.now_ms, &is_full));
    }
    const uint64_t crowd_ms = announcer_crowd_promise_ms(&core->presence);
    assert_true(crowd_ms > 3 * MUSTER_SLEEPER_MS);
    assert_true(suspicion_due_ms(&core->presence, peer) - cut_ms >= crowd_ms - MUSTER_SLEEPER_MS);
    peer->period_ms = NEXT_MS; /* who promised less is waited for no longer */
    assert_true(suspicion_due_ms(&core->presence, peer) <= few_ms + NEXT_MS);
}

/* But not waited for for ever. */
static void hearsay_is_lost_in_the_end(void **state) {
    (void)state;
    struct peer *peer = add_hearsay(1);
    for (uint64_t now_ms = NOW_MS; peer->state != MUSTER_LOST; now_ms += 1000) {
        core->presence.introductions.bucket = (struct bucket){.full_ms = 1e9}; /* all is spent */
        assert_true(now_ms < NOW_MS + 2 * MUSTER_LATE_WAIT_MS);
        tick_at(now_ms);
    }
    assert_int_equal(peer->tries, 0);
    assert_true(core->context.now_ms >= NOW_MS + MUSTER_LATE_WAIT_MS);
}

/* ---- a judge that is late ---- */

static void patience_grows_by_ones_own_lateness(void **state) {
    (void)state;
    struct peer *peer = add(1);
    uint64_t due_ms = suspicion_due_ms(&core->presence, peer);
    presence_record_late(&core->presence, 300);
    assert_int_equal(suspicion_due_ms(&core->presence, peer), due_ms + MUSTER_LATE_PATIENCE * 300);
}

/* It went on in the very moment in which a row was due: what that said meanwhile waits to be read. */
static void who_was_stopped_looks_before_it_judges(void **state) {
    (void)state;
    struct peer *peer = add(1);
    const uint64_t suspect_ms = suspicion_due_ms(&core->presence, peer);
    assert_int_equal(peer->due_ms, suspect_ms - MUSTER_LOOK_MS);
    core->context.now_ms = suspect_ms;
    presence_record_late(&core->presence, suspect_ms - peer->due_ms);
    tick_at(suspect_ms);
    assert_int_equal(peer->state, MUSTER_ALIVE);
    tick_at(suspect_ms + MUSTER_LATE_PATIENCE * MUSTER_LOOK_MS);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
}

/* Late by less than what keeps it from asking: answers are read as late as all else. */
static void who_is_a_little_late_waits_longer_for_the_last_answer(void **state) {
    (void)state;
    struct peer *peer = add(1);
    tick_at(NOW_MS + NEXT_MS + MUSTER_GRACE_MS);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    while (peer->tries < peer->tries_needed) {
        tick_at(peer->due_ms);
    }
    presence_record_late(&core->presence, MUSTER_LATE_MS / 2);
    uint64_t asked_ms = core->context.now_ms;
    tick_at(asked_ms + MUSTER_QUESTION_MS + MUSTER_LATE_MS / 2);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    tick_at(asked_ms + MUSTER_QUESTION_MS + MUSTER_LATE_PATIENCE * MUSTER_LATE_MS / 2);
    assert_int_equal(peer->state, MUSTER_LOST);
}

/* In a large crowd, and of a sleeper, one promise lasts longer than anybody is waited for by a late judge. */
static void who_is_late_does_not_judge_who_promises_minutes_either(void **state) {
    (void)state;
    struct peer *peer = add(1);
    peer->period_ms = 2 * MUSTER_LATE_WAIT_MS;
    core->presence.loss = (struct loss_mean){.expected = 1000, .missed = 300}; /* of more than one */
    const uint64_t suspect_ms = suspicion_due_ms(&core->presence, peer);
    assert_true(suspect_ms > NOW_MS + NEXT_MS + MUSTER_LATE_WAIT_MS);
    tick_at(peer->due_ms);
    tick_at(suspect_ms);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    for (uint64_t now_ms = suspect_ms; now_ms < suspect_ms + MUSTER_LATE_WAIT_MS; now_ms += 100) {
        core->context.now_ms = now_ms;
        presence_record_late(&core->presence, MUSTER_LATE_MS);
        tick_at(now_ms);
        assert_int_equal(peer->tries, 0);
    }
}

static void who_is_late_asks_for_nobody_and_buries_nobody(void **state) {
    (void)state;
    struct peer *peer = add(1);
    const uint64_t suspect_ms = NOW_MS + NEXT_MS + MUSTER_GRACE_MS;
    tick_at(suspect_ms);
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    uint64_t now_ms = suspect_ms;
    for (; now_ms < suspect_ms + MUSTER_LATE_WAIT_MS / 2; now_ms += MUSTER_QUESTION_MS) {
        core->context.now_ms = now_ms;
        presence_record_late(&core->presence, MUSTER_LATE_MS);
        ask_for(peer); /* the questions of others count as little */
        tick_at(now_ms);
    }
    assert_int_equal(peer->state, MUSTER_SUSPECT);
    assert_int_equal(peer->tries, 0);
    assert_int_equal(core->context.counters.questions, 0);
    for (; now_ms < suspect_ms + 2 * MUSTER_LATE_WAIT_MS; now_ms += MUSTER_QUESTION_MS) {
        core->context.now_ms = now_ms;
        presence_record_late(&core->presence, MUSTER_LATE_MS);
        tick_at(now_ms);
    }
    assert_int_equal(peer->state, MUSTER_LOST); /* but not for ever */
    assert_int_equal(core->context.counters.questions, 2 * MUSTER_TRIES_MIN - MUSTER_TRIES_GROUP);
}

/* A datagram that waited so long, on a socket on which the kernel dropped so many. */
static void read_datagram(uint32_t age_ms, uint32_t dropped) {
    const struct muster_datagram datagram = {.destination = {.family = 4, .ip = {224, 0, 0, 254}},
                                             .interface = 1,
                                             .age_ms = age_ms,
                                             .dropped = dropped};
    struct message message;
    struct merge_note note;
    presence_step(&core->presence, &datagram, &message, &note);
    message_deinit(&message);
}

static uint64_t late_ms(void) {
    return health_late_ms(&core->presence.health, core->context.now_ms);
}

static void what_is_read_late_shows_lateness(void **state) {
    (void)state;
    read_datagram(400, 0);
    assert_int_equal(late_ms(), 400);
}

static void what_waited_through_a_suspend_shows_none(void **state) {
    (void)state;
    resume_begin(&core->presence, 20000);
    core->context.now_ms += 100;
    read_datagram(20000, 0);
    assert_int_equal(late_ms(), 0);
}

static void a_stall_is_no_lateness(void **state) {
    (void)state;
    presence_record_late(&core->presence, MUSTER_STALL_MS + 1);
    assert_int_equal(late_ms(), 0);
    assert_int_equal(core->presence.resumed_ms, core->context.now_ms); /* nobody's silence before counts */
}

static void drops_of_ones_own_kernel_show_lateness(void **state) {
    (void)state;
    read_datagram(0, 3);
    assert_int_equal(late_ms(), MUSTER_LATE_BY_DROP_MS);
    core->context.now_ms += 4000; /* long enough for all questions */
    assert_true(health_is_late(&core->presence.health, core->context.now_ms));
    core->context.now_ms += MUSTER_LATE_HOLD_MS;
    read_datagram(0, 3); /* no new ones */
    assert_int_equal(late_ms(), 0);
}

int main(void) {
#define SUSPICION_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patience_is_as_designed),
        cmocka_unit_test(patience_is_bounded),
        cmocka_unit_test(patience_keeps_false_suspects_few),
        cmocka_unit_test(tries_are_as_designed),
        cmocka_unit_test(tries_are_bounded),
        cmocka_unit_test(tries_grow_with_loss),
        SUSPICION_TEST(a_promise_may_be_late_by_its_grace),
        SUSPICION_TEST(loss_makes_patient),
        SUSPICION_TEST(the_loss_of_all_counts_where_it_is_worse),
        SUSPICION_TEST(a_whole_promise_is_that_of_an_alive),
        SUSPICION_TEST(who_slept_grants_one_more_promise),
        SUSPICION_TEST(who_slept_hears_before_it_buries),
        SUSPICION_TEST(silence_to_all_tries_is_a_death),
        SUSPICION_TEST(who_is_being_introduced_is_no_suspect),
        SUSPICION_TEST(an_introduction_is_not_waited_for_for_ever),
        SUSPICION_TEST(who_is_being_introduced_is_no_death),
        SUSPICION_TEST(where_nothing_is_lost_fewer_questions_go_by_unicast),
        SUSPICION_TEST(a_tombstone_goes_when_its_time_is_over),
        SUSPICION_TEST(one_question_asks_for_all_that_are_due),
        SUSPICION_TEST(who_was_just_asked_is_not_taken_along),
        SUSPICION_TEST(a_heard_question_counts_as_ones_own),
        SUSPICION_TEST(copies_of_a_question_are_one_try),
        SUSPICION_TEST(the_questions_of_one_address_are_one_try),
        SUSPICION_TEST(hearsay_is_lost_after_its_questions),
        SUSPICION_TEST(hearsay_is_asked_as_often_as_loss_demands),
        SUSPICION_TEST(hearsay_is_asked_however_patience_shrinks),
        SUSPICION_TEST(hearsay_of_a_crowd_is_waited_for_as_long_as_the_crowd_promises),
        SUSPICION_TEST(hearsay_is_lost_in_the_end),
        SUSPICION_TEST(heard_questions_never_exceed_the_tries_needed),
        SUSPICION_TEST(patience_grows_by_ones_own_lateness),
        SUSPICION_TEST(who_was_stopped_looks_before_it_judges),
        SUSPICION_TEST(who_is_a_little_late_waits_longer_for_the_last_answer),
        SUSPICION_TEST(who_is_late_does_not_judge_who_promises_minutes_either),
        SUSPICION_TEST(who_is_late_asks_for_nobody_and_buries_nobody),
        SUSPICION_TEST(what_is_read_late_shows_lateness),
        SUSPICION_TEST(what_waited_through_a_suspend_shows_none),
        SUSPICION_TEST(a_stall_is_no_lateness),
        SUSPICION_TEST(drops_of_ones_own_kernel_show_lateness),
        SUSPICION_TEST(who_is_alive_or_unknown_is_not_concerned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
