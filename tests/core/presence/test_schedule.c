/* When a node speaks, and on which paths: what others on its segment would see. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "message.h"
#include "node.h"
#include "paths.h"
#include "test.h"
#include "world.h"

#define A 0        /* the node that is watched */
#define STRANGER 1 /* one that never runs, at 10.0.0.2 */
#define TAPE_MAX 1024

/* What A said, copies by several paths together. */
struct utterance {
    uint64_t at_ms; /* since the tape began */
    enum message_kind kind;
    unsigned paths; /* bit 1 << path kind */
    uint64_t seq;
    uint64_t rev;
    uint64_t next_ms;
    bool is_answer;
    size_t of_count;
    size_t known_count;
};

static struct utterance tape[TAPE_MAX];
static size_t tape_count;
static uint64_t tape_began_ms;

static void begin_tape(void) {
    tape_count = 0;
    tape_began_ms = world.now_ms;
}

static bool record(size_t from, size_t to, const struct muster_datagram *datagram) {
    unsigned path = 1u << paths_kind_of(&datagram->destination);
    bool is_unicast = path == 1u << MUSTER_PATH_U4;
    struct message message;
    enum muster_drop reason;
    if (from != A || to != (is_unicast ? STRANGER : A) ||
        !message_decode(datagram->bytes, datagram->length, &message, &reason)) {
        return false;
    }
    const struct utterance said = {.at_ms = world.now_ms - tape_began_ms,
                                   .kind = message.kind,
                                   .paths = path,
                                   .seq = message.seq,
                                   .rev = message.rev,
                                   .next_ms = message.next_ms,
                                   .is_answer = message.is_answer,
                                   .of_count = message.of_count,
                                   .known_count = message.known_count};
    struct utterance *last = tape_count == 0 ? NULL : &tape[tape_count - 1];
    if (last != NULL && last->at_ms == said.at_ms && last->kind == said.kind && last->seq == said.seq &&
        !is_unicast && !(last->paths & path)) {
        last->paths |= path;
    } else {
        assert_true(tape_count < TAPE_MAX);
        tape[tape_count++] = said;
    }
    message_deinit(&message);
    return false;
}

static void begin(void) {
    world_begin(1);
    world.is_lost = record;
    begin_tape();
}

/* The n-th utterance of a kind, from 0; NULL when there were fewer. */
static const struct utterance *said(enum message_kind kind, size_t n) {
    for (size_t i = 0; i < tape_count; i++) {
        if (tape[i].kind == kind && n-- == 0) {
            return &tape[i];
        }
    }
    return NULL;
}

/* The kind was said at these times and no others; ends with a negative one. */
static void check_times(enum message_kind kind, const int *expected_ms) {
    size_t n = 0;
    for (; expected_ms[n] >= 0; n++) {
        const struct utterance *utterance = said(kind, n);
        assert_non_null(utterance);
        assert_int_equal(utterance->at_ms, expected_ms[n]);
    }
    assert_null(said(kind, n));
}

#define CHECK_TIMES(kind, ...) check_times(kind, (const int[]){__VA_ARGS__, -1})
#define ALL_PATHS (1u << MUSTER_PATH_M4 | 1u << MUSTER_PATH_B4)

/* ---- announce, alive, bye ---- */

TEST(a_start_is_said_three_times) {
    world_add("a");
    world_run(1200);
    CHECK_TIMES(MESSAGE_ANNOUNCE, 0, 250, 1000);
    CHECK_TIMES(MESSAGE_QUERY, 0, 250, 600);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(said(MESSAGE_ANNOUNCE, n)->paths, ALL_PATHS);
        assert_int_equal(said(MESSAGE_ANNOUNCE, n)->seq, n + 1);
        assert_int_equal(said(MESSAGE_ANNOUNCE, n)->rev, 1);
        assert_int_equal(said(MESSAGE_QUERY, n)->paths, ALL_PATHS);
    }
}

TEST(a_change_is_said_three_times) {
    world_add("a");
    world_run(1100);
    begin_tape();
    world_update(A, "a", 1);
    world_run(1300);
    CHECK_TIMES(MESSAGE_ANNOUNCE, 0, 250, 1000);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(said(MESSAGE_ANNOUNCE, n)->rev, 2);
        assert_int_equal(said(MESSAGE_ANNOUNCE, n)->paths, ALL_PATHS);
    }
    assert_null(said(MESSAGE_QUERY, 0));
}

TEST(a_bye_is_said_three_times) {
    world_add("a");
    world_run(1100);
    begin_tape();
    world_leave(A);
    world_run(199);
    assert_false(world.nodes[A].has_left);
    world_run(5000);
    assert_true(world.nodes[A].has_left);
    CHECK_TIMES(MESSAGE_BYE, 0, 100, 200);
    assert_null(said(MESSAGE_ALIVE, 0));
    assert_int_equal(said(MESSAGE_BYE, 2)->seq, said(MESSAGE_BYE, 0)->seq + 2);
    assert_int_equal(said(MESSAGE_BYE, 0)->paths, ALL_PATHS);
}

TEST(who_said_nothing_says_no_bye) {
    struct muster_core_options options;
    world_add("a");
    begin_tape();
    world_options(A, &(struct muster_document){.name = "a"}, &options);
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
    size_t alives = 0;
    for (size_t i = 0; i < tape_count; i++) {
        if (tape[i].kind == MESSAGE_QUERY) {
            continue;
        }
        assert_true(promised_ms == 0 || tape[i].at_ms <= promised_ms);
        promised_ms = tape[i].at_ms + tape[i].next_ms;
        if (tape[i].kind == MESSAGE_ALIVE) {
            assert_int_equal(tape[i].next_ms, 2500);
            alives++;
        }
    }
    assert_in_range(alives, 100000 / 2500, 100000 / 1500);
}

TEST(intervals_are_spread) {
    world_add("a");
    world_run(100000);
    uint64_t shortest_ms = UINT64_MAX;
    uint64_t longest_ms = 0;
    for (size_t n = 1; said(MESSAGE_ALIVE, n) != NULL; n++) {
        uint64_t interval_ms = said(MESSAGE_ALIVE, n)->at_ms - said(MESSAGE_ALIVE, n - 1)->at_ms;
        shortest_ms = interval_ms < shortest_ms ? interval_ms : shortest_ms;
        longest_ms = interval_ms > longest_ms ? interval_ms : longest_ms;
    }
    assert_in_range(shortest_ms, 1500, 1650);
    assert_in_range(longest_ms, 2350, 2500);
}

TEST(every_fourth_alive_is_on_all_paths) {
    world_add("a");
    world_run(60000);
    for (size_t n = 0; said(MESSAGE_ALIVE, n) != NULL; n++) {
        const struct utterance *alive = said(MESSAGE_ALIVE, n);
        assert_int_equal(alive->paths, alive->seq % 4 == 0 ? ALL_PATHS : 1u << MUSTER_PATH_M4);
    }
}

TEST(a_sleeper_says_each_thing_three_times) {
    struct muster_core_options options;
    world_add("a");
    world_options(A, &(struct muster_document){.name = "a"}, &options);
    options.interval_min_ms = MUSTER_SLEEPER_MS;
    world_start(A, &options);
    world_run(1100);
    begin_tape();
    world_run(MUSTER_SLEEPER_MS / 4 * 5 + 1000);
    const struct utterance *first = said(MESSAGE_ALIVE, 0);
    assert_non_null(first);
    int at_ms = (int)first->at_ms;
    CHECK_TIMES(MESSAGE_ALIVE, at_ms, at_ms + 250, at_ms + 1000);
}

/* ---- a crowd ---- */

static void meet_strangers(unsigned count) {
    for (unsigned n = 0; n < count; n++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%032x\",\"boot\":1,\"seq\":1,\"rev\":1,"
                 "\"next_ms\":172800000,\"peers\":0,\"name\":\"stranger\"}\n",
                 n);
        world_say(A, text, 99, MUSTER_PATH_M4);
    }
    world_run(1);
    assert_int_equal(world_rows(A, MUSTER_ALIVE), count);
}

TEST(in_a_crowd_news_is_spread) {
    world_add("a");
    world_run(1100);
    meet_strangers(MUSTER_CROWD_ROWS);
    begin_tape();
    world_update(A, "a", 1);
    world_run(2000);
    CHECK_TIMES(MESSAGE_ANNOUNCE, 0, 250, 1000);
    world_say(A,
              "{\"muster\":1,\"kind\":\"announce\",\"id\":\"ffffffffffffffffffffffffffffffff\",\"boot\":1,"
              "\"seq\":1,\"rev\":1,\"next_ms\":172800000,\"peers\":0,\"name\":\"one more\"}\n",
              99, MUSTER_PATH_M4);
    world_run(1);
    begin_tape();
    world_update(A, "a", 2);
    world_run(2000); /* an interval */
    assert_non_null(said(MESSAGE_ANNOUNCE, 2));
    assert_null(said(MESSAGE_ANNOUNCE, 3));
    assert_int_not_equal(said(MESSAGE_ANNOUNCE, 0)->at_ms, 0);
}

/* When it is time the crowd is counted again; a promise that was given is kept. */
TEST(a_crowd_stretches_the_interval) {
    world_add("a");
    world.nodes[A].core->budget_bps = 20000;
    world_run(10000);
    meet_strangers(300); /* of whom MUSTER_UNVERIFIED_SPEAKERS count */
    begin_tape();
    world_run(2500);
    assert_non_null(said(MESSAGE_ALIVE, 0));
    assert_in_range(said(MESSAGE_ALIVE, 0)->next_ms, 5000, 15000);
    begin_tape();
    world_run(4000);
    assert_null(said(MESSAGE_ALIVE, 0));
}

/* ---- answers ---- */

/* Of the question that is asked next; its copies by other paths have the same. */
static unsigned ask_nonce;

static void ask_a(const char *members, size_t length, unsigned path) {
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[A].core, bytes);
    muster_id_text(bytes, id);
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    int printed = snprintf(text, sizeof text,
                           "{\"muster\":1,\"kind\":\"query\",\"id\":\"00112233445566778899aabbccddeeff\","
                           "\"boot\":1,\"nonce\":\"%016x\",\"of\":[\"%s\"]%s}",
                           ask_nonce, id, members);
    int padding = (int)length > printed + 1 ? (int)length - printed - 1 : 0;
    snprintf(text + printed, sizeof text - (size_t)printed, "%*s\n", padding, "");
    world_say(A, text, 2, path);
}

TEST(the_group_is_answered_every_100_ms) {
    world_add("a");
    world_run(1100);
    begin_tape();
    for (int i = 0; i < 5; i++) {
        ask_nonce++;
        ask_a("", 0, MUSTER_PATH_M4);
        ask_a("", 0, MUSTER_PATH_B4);
        world_run(10);
    }
    world_run(300);
    CHECK_TIMES(MESSAGE_ALIVE, 1, 1 + MUSTER_GROUP_ANSWER_MS);
    assert_true(said(MESSAGE_ALIVE, 0)->is_answer);
    assert_int_not_equal(said(MESSAGE_ALIVE, 0)->seq, 0);
    assert_int_equal(said(MESSAGE_ALIVE, 0)->paths, ALL_PATHS);
}

TEST(one_answer_serves_who_wants_more) {
    world_add("a");
    world_run(1100);
    ask_a("", 0, MUSTER_PATH_M4);
    world_run(2);
    begin_tape();
    ask_nonce++;
    ask_a("", 0, MUSTER_PATH_M4);
    ask_a(",\"want\":{}", MUSTER_ANNOUNCE_BYTES_MAX, MUSTER_PATH_M4);
    ask_a("", 0, MUSTER_PATH_M4);
    world_run(200);
    assert_null(said(MESSAGE_ALIVE, 0));
    assert_non_null(said(MESSAGE_ANNOUNCE, 0));
    assert_true(said(MESSAGE_ANNOUNCE, 0)->is_answer);
}

TEST(unicast_is_answered_at_once_and_by_unicast) {
    world_add("a");
    world_add("?");
    world_kill(STRANGER);
    world_run(1100);
    begin_tape();
    ask_a("", MUSTER_PROOF_BYTES, MUSTER_PATH_U4);
    world_run(5);
    CHECK_TIMES(MESSAGE_ALIVE, 1);
    assert_int_equal(said(MESSAGE_ALIVE, 0)->paths, 1u << MUSTER_PATH_U4);
    assert_int_equal(said(MESSAGE_ALIVE, 0)->seq, 0);
}

/* ---- introductions ---- */

static void say_alive(uint64_t seq, uint8_t source) {
    char text[256];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"alive\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":1,"
             "\"seq\":%llu,\"rev\":1,\"next_ms\":2500,\"peers\":0}\n",
             (unsigned long long)seq);
    world_say(A, text, source, MUSTER_PATH_M4);
}

static void begin_introduction(void) {
    world_add("a");
    world_add("?");
    world_kill(STRANGER);
    world_run(1100);
    begin_tape();
    say_alive(1, 2);
}

TEST(a_stranger_is_asked_four_times) {
    begin_introduction();
    world_run(1000);
    const struct utterance *first = said(MESSAGE_QUERY, 0);
    assert_non_null(first);
    assert_in_range(first->at_ms, 11, 11 + MUSTER_ANSWER_MS_MIN);
    int at_ms = (int)first->at_ms;
    CHECK_TIMES(MESSAGE_QUERY, at_ms, at_ms + 50, at_ms + 150, at_ms + 300);
    for (size_t n = 0; n < MUSTER_INTRODUCTION_TRIES; n++) {
        const struct utterance *query = said(MESSAGE_QUERY, n);
        assert_int_equal(query->of_count, 1);
        assert_int_equal(query->paths, n < MUSTER_INTRODUCTION_UNICAST ? 1u << MUSTER_PATH_U4 : ALL_PATHS);
    }
}

TEST(who_did_not_answer_is_left_alone_for_a_while) {
    begin_introduction();
    world_run(1000);
    begin_tape();
    for (uint64_t seq = 2; seq < 10; seq++) {
        say_alive(seq, 2);
        world_run((MUSTER_INTRODUCTION_FORGET_MS - 1000) / 8);
    }
    assert_null(said(MESSAGE_QUERY, 0));
    world_run(1000);
    say_alive(10, 2);
    world_run(1000);
    assert_non_null(said(MESSAGE_QUERY, 3));
    assert_null(said(MESSAGE_QUERY, 4));
}

TEST(who_speaks_from_elsewhere_is_asked_anew) {
    begin_introduction();
    world_run(1000);
    begin_tape();
    say_alive(2, 3);
    world_run(1000);
    assert_non_null(said(MESSAGE_QUERY, 1)); /* those by unicast went to 10.0.0.3 */
    assert_int_equal(said(MESSAGE_QUERY, 0)->paths, ALL_PATHS);
    assert_null(said(MESSAGE_QUERY, 2));
}

/* ---- asking for everybody ---- */

static int query(void) {
    const struct muster_command command = {.kind = MUSTER_COMMAND_QUERY};
    return world_command(A, &command);
}

TEST(a_repeated_question_lists_who_is_known) {
    world_add("a");
    world_run(1100);
    meet_strangers(40);
    begin_tape();
    world_command(A, &(struct muster_command){.kind = MUSTER_COMMAND_QUERY, .type = "ipp"});
    world_run(1000);
    CHECK_TIMES(MESSAGE_QUERY, 0, 250, 600);
    assert_int_equal(said(MESSAGE_QUERY, 0)->known_count, 0);
    assert_int_equal(said(MESSAGE_QUERY, 1)->known_count, MUSTER_QUERY_IDS_SENT_BESIDE);
    assert_int_equal(said(MESSAGE_QUERY, 2)->known_count, MUSTER_QUERY_IDS_SENT_BESIDE);
}

TEST(a_question_settles_though_newcomers_never_end) {
    world_add("?");
    query();
    for (unsigned n = 0; n < 40; n++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%032x\",\"boot\":1,\"seq\":1,\"rev\":1,"
                 "\"next_ms\":60000,\"peers\":1000,\"name\":\"stranger\"}\n",
                 n);
        world_say(A, text, 99, MUSTER_PATH_M4);
        world_run(49);
    }
    world_run(MUSTER_QUERY_MS_MAX - 1 - 40 * 49);
    assert_int_equal(world.nodes[A].settled, 0);
    world_run(1);
    assert_int_equal(world.nodes[A].settled, 1);
}

static void set_paths(size_t count) {
    static const struct muster_path paths[] = {{.interface = 7, .kind = MUSTER_PATH_M4, .name = "eth0"},
                                               {.interface = 7, .kind = MUSTER_PATH_B4, .name = "eth0"}};
    assert_int_equal(world_paths(A, paths, count), 0);
}

/* The time that a question may take begins when it can be asked. */
TEST(a_question_waits_for_a_path) {
    world_add("?");
    set_paths(0);
    query();
    world_run(10000);
    assert_int_equal(world.nodes[A].settled, 0);
    assert_null(said(MESSAGE_QUERY, 0));
    begin_tape();
    set_paths(2);
    world_run(700);
    CHECK_TIMES(MESSAGE_QUERY, 0, 250, 600);
    assert_int_equal(world.nodes[A].settled, 0);
    world_run(300);
    assert_int_equal(world.nodes[A].settled, 1);
}

TEST(other_paths_are_a_new_start) {
    world_add("a");
    world_add("b");
    world_run(5000);
    struct muster_peer row;
    assert_true(world_row(A, "b", &row));
    uint64_t received = row.received;
    while (row.received == received) { /* until it has just spoken */
        world_run(1);
        assert_true(world_row(A, "b", &row));
    }
    world_kill(1);
    world_run((uint64_t)row.next_ms);
    begin_tape();
    set_paths(1);
    world_run(1200);
    CHECK_TIMES(MESSAGE_ANNOUNCE, 0, 250, 1000);
    assert_non_null(said(MESSAGE_QUERY, 0));
    assert_int_equal(world_rows(A, MUSTER_ALIVE), 1); /* one whole promise more */
    assert_true(world_run_until(A, MUSTER_PEER_LOST, 1));
}

int main(void) {
    return test_run(begin, world_end);
}
