/* SPDX-License-Identifier: MIT */
/* When a node speaks, and on which paths: what others on its segment would see. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "tape.h"
#include "test.h"

#define A 0        /* the node that is watched */
#define STRANGER 1 /* one that never runs, at 10.0.0.2 */

static void begin(void) {
    world_begin(1);
    tape_begin(A);
}

/* Its start is over, and is not on the tape. */
static void start(const char *name) {
    world_add(name);
    world_run(1100);
    tape_begin(A);
}

/* ---- announce, alive, bye ---- */

TEST(a_start_is_said_three_times) {
    world_add("a");
    world_run(1200);
    TAPE_CHECK_TIMES("announce", 0, 250, 1000);
    TAPE_CHECK_TIMES("query", 0, 250, 600);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(tape_said("announce", n)->paths, WORLD_GROUP_PATHS);
        assert_int_equal(said_number(tape_said("announce", n), "seq"), n + 1);
        assert_int_equal(said_number(tape_said("announce", n), "rev"), 1);
        assert_int_equal(tape_said("query", n)->paths, WORLD_GROUP_PATHS);
    }
}

TEST(a_change_is_said_three_times) {
    start("a");
    world_update(A, "a", 1);
    world_run(1300);
    TAPE_CHECK_TIMES("announce", 0, 250, 1000);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(said_number(tape_said("announce", n), "rev"), 2);
        assert_int_equal(tape_said("announce", n)->paths, WORLD_GROUP_PATHS);
    }
    assert_int_equal(tape_count("query"), 0);
}

TEST(a_bye_is_said_three_times) {
    start("a");
    world_leave(A);
    world_run(199);
    assert_false(world.nodes[A].has_left);
    world_run(5000);
    assert_true(world.nodes[A].has_left);
    TAPE_CHECK_TIMES("bye", 0, 100, 200);
    assert_int_equal(tape_count("alive"), 0);
    assert_int_equal(said_number(tape_said("bye", 2), "seq"), said_number(tape_said("bye", 0), "seq") + 2);
    assert_int_equal(tape_said("bye", 0)->paths, WORLD_GROUP_PATHS);
}

TEST(who_said_nothing_says_no_bye) {
    start("a");
    const struct muster_core_options options = world_options(A);
    muster_core_t *core;
    assert_int_equal(muster_core_new(&options, world.now_ms, &core), 0); /* no paths */
    const struct muster_event leave = {
        .kind = MUSTER_EVENT_COMMAND, .now_ms = world.now_ms, .command = {.kind = MUSTER_COMMAND_LEAVE}};
    assert_int_equal(muster_core_step(core, &leave), 0);
    struct muster_output output;
    assert_true(muster_core_next(core, &output));
    assert_int_equal(output.kind, MUSTER_OUTPUT_LEFT);
    assert_false(muster_core_next(core, &output));
    muster_core_free(core);
}

TEST(a_promise_is_kept) {
    world_add("a");
    world_run(100000);
    uint64_t promised_ms = 0;
    const struct utterance *said;
    for (size_t n = 0; (said = tape_said(NULL, n)) != NULL; n++) {
        if (said_has(said, "next_ms")) {
            assert_true(promised_ms == 0 || said->at_ms <= promised_ms);
            promised_ms = said->at_ms + said_number(said, "next_ms");
        }
    }
    assert_int_equal(said_number(tape_last("alive"), "next_ms"), 2500);
    assert_in_range(tape_count("alive"), 100000 / 2500, 100000 / 1500);
}

TEST(intervals_are_spread) {
    world_add("a");
    world_run(100000);
    uint64_t shortest_ms = UINT64_MAX;
    uint64_t longest_ms = 0;
    for (size_t n = 1; tape_said("alive", n) != NULL; n++) {
        uint64_t interval_ms = tape_said("alive", n)->at_ms - tape_said("alive", n - 1)->at_ms;
        shortest_ms = interval_ms < shortest_ms ? interval_ms : shortest_ms;
        longest_ms = interval_ms > longest_ms ? interval_ms : longest_ms;
    }
    assert_in_range(shortest_ms, 1500, 1650);
    assert_in_range(longest_ms, 2350, 2500);
}

TEST(every_eighth_alive_is_on_all_paths) {
    world_add("a");
    world_run(60000);
    for (size_t n = 0; tape_said("alive", n) != NULL; n++) {
        const struct utterance *alive = tape_said("alive", n);
        assert_int_equal(alive->paths,
                         said_number(alive, "seq") % 8 == 4 ? WORLD_GROUP_PATHS : 1u << MUSTER_PATH_M4);
    }
}

TEST(a_sleeper_says_each_thing_three_times) {
    world_add("a");
    struct muster_core_options options = world_options(A);
    options.interval_min_ms = MUSTER_SLEEPER_MS;
    world_start(A, &options);
    world_run(1100);
    tape_begin(A);
    world_run(MUSTER_SLEEPER_MS / 4 * 5 + 1000);
    const struct utterance *first = tape_said("alive", 0);
    assert_non_null(first);
    int at_ms = (int)first->at_ms;
    TAPE_CHECK_TIMES("alive", at_ms, at_ms + 250, at_ms + 1000);
}

/* ---- a crowd ---- */

static void meet_strangers(unsigned count) {
    for (unsigned n = 0; n < count; n++) {
        world_announce(A, 99, &(struct announce){.number = n});
    }
    world_run(1);
    assert_int_equal(world_rows(A, MUSTER_ALIVE), count);
}

TEST(in_a_crowd_news_is_spread) {
    start("a");
    meet_strangers(MUSTER_CROWD_ROWS);
    tape_begin(A);
    world_update(A, "a", 1);
    world_run(2000);
    TAPE_CHECK_TIMES("announce", 0, 250, 1000);
    world_hear(A, &(struct announce){.number = MUSTER_CROWD_ROWS});
    tape_begin(A);
    world_update(A, "a", 2);
    world_run(2000); /* an interval */
    assert_int_equal(tape_count("announce"), 3);
    assert_int_not_equal(tape_said("announce", 0)->at_ms, 0);
}

/* When it is time the crowd is counted again; a promise that was given is kept. */
TEST(a_crowd_stretches_the_interval) {
    world_add("a");
    struct muster_core_options options = world_options(A);
    options.budget_bps = 20000;
    world_start(A, &options);
    world_run(10000);
    meet_strangers(300); /* of whom MUSTER_UNVERIFIED_SPEAKERS count */
    tape_begin(A);
    world_run(2500);
    assert_non_null(tape_said("alive", 0));
    assert_in_range(said_number(tape_said("alive", 0), "next_ms"), 5000, 15000);
    tape_begin(A);
    world_run(4000);
    assert_int_equal(tape_count("alive"), 0);
}

/* In a large table each says an alive for each newcomer: by one path. */
TEST(an_alive_that_proves_goes_by_the_primary_path) {
    uint8_t secret[MUSTER_SECRET_BYTES] = {1};
    start("a");
    meet_strangers(MUSTER_TABLE_ROWS + 1);
    world_run(30000);
    tape_begin(A);
    for (int i = 0; i < 3; i++) {
        world_say_signed(A, 98, MUSTER_PATH_M4, secret, 0,
                         "{\"muster\":1,\"kind\":\"alive\",\"id\":\"%032d\",\"boot\":1,\"seq\":1,\"rev\":1,"
                         "\"next_ms\":2500,\"peers\":0,\"nonce\":\"0123456%d\"}",
                         i, i);
        world_run(10000);
    }
    unsigned proofs = 0;
    for (size_t n = 0; tape_said("alive", n) != NULL; n++) {
        const struct utterance *alive = tape_said("alive", n);
        bool is_proof = said_has(alive, "re") && said_number(alive, "seq") % 8 != 4;
        proofs += is_proof ? 1 : 0;
        assert_true(!is_proof || alive->paths == 1u << MUSTER_PATH_M4);
    }
    assert_in_range(proofs, 1, 3);
}

/* ---- answers ---- */

/* Of the question that is asked next; its copies by other paths have the same. */
static unsigned ask_nonce;

static void ask_a(const char *members, int length, enum muster_path_kind path) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"query\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":1,"
             "\"nonce\":\"%08x\",\"of\":[\"%s\"]%s}",
             ask_nonce, world.nodes[A].id, members);
    world_say(A, 2, path, "%-*s\n", length - 1, text);
}

TEST(the_group_is_answered_every_100_ms) {
    start("a");
    for (int i = 0; i < 5; i++) {
        ask_nonce++;
        ask_a("", 1, MUSTER_PATH_M4);
        ask_a("", 1, MUSTER_PATH_B4);
        world_run(10);
    }
    world_run(300);
    TAPE_CHECK_TIMES("alive", 1, 1 + MUSTER_GROUP_ANSWER_MS);
    assert_true(said_has(tape_said("alive", 0), "re"));
    assert_int_not_equal(said_number(tape_said("alive", 0), "seq"), 0);
    assert_int_equal(tape_said("alive", 0)->paths, WORLD_GROUP_PATHS);
}

TEST(one_answer_serves_who_wants_more) {
    start("a");
    ask_a("", 1, MUSTER_PATH_M4);
    world_run(2);
    tape_begin(A);
    ask_nonce++;
    ask_a("", 1, MUSTER_PATH_M4);
    ask_a(",\"want\":{}", MUSTER_ANNOUNCE_BYTES_MAX, MUSTER_PATH_M4);
    ask_a("", 1, MUSTER_PATH_M4);
    world_run(200);
    assert_int_equal(tape_count("alive"), 0);
    assert_non_null(tape_said("announce", 0));
    assert_true(said_has(tape_said("announce", 0), "re"));
}

TEST(unicast_is_answered_at_once_and_by_unicast) {
    start("a");
    world_add("?");
    world_kill(STRANGER);
    ask_a("", MUSTER_PROOF_BYTES, MUSTER_PATH_U4);
    world_run(5);
    TAPE_CHECK_TIMES("alive", 1);
    assert_int_equal(tape_said("alive", 0)->paths, 1u << MUSTER_PATH_U4);
    assert_int_equal(said_number(tape_said("alive", 0), "seq"), 0);
}

static bool is_unsent(size_t from, const struct muster_datagram *datagram) {
    (void)from, (void)datagram;
    return true;
}

TEST(a_proof_that_was_not_sent_is_given_again) {
    start("a");
    world.is_unsent = is_unsent;
    ask_a(",\"want\":{}", MUSTER_ANNOUNCE_BYTES_MAX, MUSTER_PATH_M4);
    world_run(100);
    tape_begin(A);
    world.is_unsent = NULL;
    world_run(2 * MUSTER_UNSENT_MS + 100);
    assert_int_equal(tape_count("announce"), 1);
    assert_true(said_has(tape_said("announce", 0), "re"));
}

/* ---- introductions ---- */

static void say_alive(unsigned seq, uint8_t source) {
    world_say(A, source, MUSTER_PATH_M4,
              "{\"muster\":1,\"kind\":\"alive\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":1,"
              "\"seq\":%u,\"rev\":1,\"next_ms\":2500,\"peers\":0}\n",
              seq);
}

static void begin_introduction(void) {
    start("a");
    world_add("?");
    world_kill(STRANGER);
    say_alive(1, 2);
}

/* A debt is paid three times at most. What a copy of an announce pays, an answer by unicast before it does
 * not. */
TEST(an_answer_before_a_copy_counts_once) {
    start("a");
    world_run(MUSTER_NEW_MS);
    world_update(A, "a", 1);
    world_run(1); /* two copies are due */
    tape_begin(A);
    for (int n = 0; n < 20; n++) {
        world_say(
            A, 50, MUSTER_PATH_M4,
            "{\"muster\":1,\"kind\":\"alive\",\"id\":\"%032x\",\"boot\":1,\"seq\":%d,\"nonce\":\"Q7f0-x_a\","
            "\"rev\":1,\"next_ms\":2500,\"peers\":0}\n",
            5, n + 1);
        if (n == 0) {
            world_say(A, 50, MUSTER_PATH_U4,
                      "{\"muster\":1,\"kind\":\"query\",\"id\":\"%032x\",\"boot\":1,\"nonce\":\"Q7f0-x_a\","
                      "\"of\":[\"%s\"],\"want\":{}%*s}\n",
                      5, world.nodes[A].id, MUSTER_ANNOUNCE_BYTES_MAX - 150, "");
        }
        world_run(400);
    }
    unsigned unicast = 0;
    unsigned group = 0;
    for (size_t n = 0; n < tape_count("announce"); n++) {
        const struct utterance *announce = tape_said("announce", n);
        bool is_answer = strcmp(said_text(announce, "re"), "Q7f0-x_a") == 0;
        unicast += is_answer && announce->paths == 1u << MUSTER_PATH_U4;
        group += is_answer && announce->paths == WORLD_GROUP_PATHS;
    }
    assert_int_equal(unicast, 1);
    assert_int_equal(group, MUSTER_PROOFS);
}

TEST(a_stranger_is_asked_four_times) {
    begin_introduction();
    world_run(1000);
    const struct utterance *first = tape_said("query", 0);
    assert_non_null(first);
    assert_in_range(first->at_ms, 301, 301 + MUSTER_ANSWER_MS_MIN);
    int at_ms = (int)first->at_ms;
    TAPE_CHECK_TIMES("query", at_ms, at_ms + 50, at_ms + 150, at_ms + 300);
    for (size_t n = 0; n < MUSTER_INTRODUCTION_TRIES; n++) {
        const struct utterance *query = tape_said("query", n);
        assert_int_equal(said_count(query, "of"), 1);
        assert_int_equal(query->paths,
                         n < MUSTER_INTRODUCTION_UNICAST ? 1u << MUSTER_PATH_U4 : WORLD_GROUP_PATHS);
    }
}

TEST(who_did_not_answer_is_left_alone_for_a_while) {
    begin_introduction();
    world_run(1000);
    tape_begin(A);
    unsigned seq = 2;
    for (; seq < 12; seq++) {
        say_alive(seq, 2);
        world_run(100);
    }
    assert_int_equal(tape_count("query"), 0);
    for (; seq < 600; seq++) { /* a minute in which it is heard and never answers */
        say_alive(seq, 2);
        world_run(100);
    }
    assert_in_range(tape_count("query"), 3 * MUSTER_INTRODUCTION_TRIES, 6 * MUSTER_INTRODUCTION_TRIES);
}

TEST(who_speaks_from_elsewhere_is_asked_anew) {
    begin_introduction();
    world_run(1000);
    tape_begin(A);
    say_alive(2, 3);
    world_run(1000);
    assert_int_equal(tape_count("query"), MUSTER_INTRODUCTION_TRIES);
    assert_int_equal(tape_said("query", 0)->datagram.destination.ip[3], 3);
    assert_int_equal(tape_last("query")->paths, WORLD_GROUP_PATHS);
}

/* ---- asking for everybody ---- */

TEST(a_repeated_question_lists_who_is_known) {
    start("a");
    meet_strangers(40);
    tape_begin(A);
    world_command(A, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY, .type = "ipp"});
    world_run(1000);
    TAPE_CHECK_TIMES("query", 0, 250, 600);
    assert_int_equal(said_count(tape_said("query", 0), "known"), 0);
    assert_int_equal(said_count(tape_said("query", 1), "known"), MUSTER_QUERY_IDS_SENT_BESIDE);
    assert_int_equal(said_count(tape_said("query", 2), "known"), MUSTER_QUERY_IDS_SENT_BESIDE);
}

/* The longest name that there is, all escapes, leaves less room. */
TEST(a_question_for_a_long_name_lists_a_few) {
    char name[MUSTER_OFFERER_BYTES];
    memset(name, '\1', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    start("a");
    meet_strangers(40);
    tape_begin(A);
    world_command(
        A, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY, .type = "fifteen-letters", .name = name});
    world_run(1000);
    assert_int_equal(said_count(tape_said("query", 1), "known"), MUSTER_QUERY_IDS_SENT_LONG);
}

TEST(a_question_settles_though_newcomers_never_end) {
    world_add("?");
    world_query(A);
    for (unsigned n = 0; n < 40; n++) {
        world_announce(A, 99, &(struct announce){.number = n, .peers = 1000});
        world_run(49);
    }
    world_run(MUSTER_QUERY_MS_MAX - 1 - 40 * 49);
    assert_int_equal(world.nodes[A].settled, 0);
    world_run(1);
    assert_int_equal(world.nodes[A].settled, 1);
}

static void set_paths(size_t count) {
    static const struct muster_path paths[] = {
        {.interface = WORLD_INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"},
        {.interface = WORLD_INTERFACE, .kind = MUSTER_PATH_B4, .name = "eth0"}};
    assert_int_equal(world_paths(A, paths, count), 0);
}

/* The time that a question may take begins when it can be asked. */
TEST(a_question_waits_for_a_path) {
    world_add("?");
    set_paths(0);
    world_query(A);
    world_run(10000);
    assert_int_equal(world.nodes[A].settled, 0);
    assert_int_equal(tape_count("query"), 0);
    tape_begin(A);
    set_paths(2);
    world_run(700);
    TAPE_CHECK_TIMES("query", 0, 250, 600);
    assert_int_equal(world.nodes[A].settled, 0);
    world_run(300);
    assert_int_equal(world.nodes[A].settled, 1);
}

TEST(other_paths_are_a_new_start) {
    world_gather(2);
    world_run(MUSTER_RESUME_MS); /* the start was the last one */
    struct muster_peer row = *world_row(A, "b");
    uint64_t received = row.received;
    while (row.received == received) { /* until it has just spoken */
        world_run(1);
        row = *world_row(A, "b");
    }
    world_kill(1);
    world_run((uint64_t)row.next_ms);
    tape_begin(A);
    set_paths(1);
    world_run(1200);
    TAPE_CHECK_TIMES("announce", 0, 250, 1000);
    assert_non_null(tape_said("query", 0));
    assert_int_equal(world_rows(A, MUSTER_ALIVE), 1); /* one whole promise more */
    assert_true(world_run_until(A, MUSTER_PEER_LOST, 1));
}

static void set_interfaces(uint32_t count, uint8_t last) {
    struct muster_path paths[] = {{.interface = WORLD_INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"},
                                  {.interface = WORLD_INTERFACE + 1, .kind = MUSTER_PATH_M4, .name = "eth1"}};
    paths[0].address = (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, last}};
    assert_int_equal(world_paths(A, paths, count), 0);
}

/* However short ago the last one was. */
TEST(a_path_that_comes_is_told_and_asked_at_once) {
    world_gather(2);
    set_interfaces(1, 1);
    world_run(4000);
    tape_begin(A);
    set_interfaces(2, 1);
    world_run(1200);
    assert_int_equal(tape_said("announce", 0)->at_ms, 0);
    assert_int_equal(tape_said("query", 0)->at_ms, 0);
    tape_begin(A);
    set_interfaces(2, 2); /* another address */
    world_run(1200);
    assert_int_equal(tape_said("query", 0)->at_ms, 0);
    tape_begin(A);
    set_interfaces(1, 2); /* one that goes waits for its time */
    world_run(1200);
    assert_int_equal(tape_count("query"), 0);
}

/* An interface that was made anew has another hardware address, which others learn when this host asks for
 * theirs. */
TEST(a_neighbour_is_asked_by_unicast_on_a_path_that_comes) {
    const struct muster_path anew = {.interface = 9, .kind = MUSTER_PATH_M4, .name = "eth0"};
    world_gather(2);
    assert_int_equal(world_paths(A, NULL, 0), 0);
    tape_begin(A);
    assert_int_equal(world_paths(A, &anew, 1), 0);
    world_run(100);
    const struct muster_datagram *first = &tape_said("query", 0)->datagram;
    assert_int_equal(first->interface, 9);
    assert_int_equal(first->destination.ip[0], 10);
    assert_memory_equal(&first->destination, &world_row(A, "b")->address, sizeof first->destination);
    assert_int_equal(first->length, MUSTER_PROOF_BYTES);
    assert_int_equal(tape_said("query", 1)->datagram.destination.ip[0], 224);
}

TEST(a_path_that_comes_and_goes_floods_nobody) {
    world_gather(2);
    world_run(MUSTER_RESUME_MS);
    tape_begin(A);
    for (unsigned i = 0; i < 100; i++) {
        set_interfaces(2, 1);
        world_run(50);
        set_interfaces(1, 1);
        world_run(50);
    }
    assert_in_range(tape_count("query"), 10, 2 * 3 * (MUSTER_ARRIVAL_BURST + 10));
    assert_in_range(tape_count("announce"), 10, 2 * 3 * (MUSTER_ARRIVAL_BURST + 10));
}

TEST(an_observer_asks_again_on_a_path_that_comes) {
    world_add("?");
    set_interfaces(1, 1);
    world_run(1000);
    tape_begin(A);
    set_interfaces(2, 1);
    world_run(1000);
    assert_int_equal(tape_count("query"), 0); /* it asks when it is told to */
    world_query(A);
    world_run(3000);
    set_interfaces(1, 1);
    tape_begin(A);
    set_interfaces(2, 1);
    world_run(1000);
    assert_true(tape_count("query") > 0);
}

int main(void) {
    return test_run(begin, world_end);
}
