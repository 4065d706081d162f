/* SPDX-License-Identifier: MIT */
/* What forgers, replayers and the careless cannot do. */
#include <string.h>

#include "limit.h"
#include "tape.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(11);
}

#define UNSIGNED_ID "00112233445566778899aabbccddeeff"

/* An unsigned announce that promises to speak again soon. */
static void hear(size_t to, const char *id, uint64_t boot, uint64_t seq, const char *name) {
    world_hear(to, &(struct announce){.id = id, .boot = boot, .seq = seq, .next_ms = 2500, .name = name});
}

TEST(an_unsigned_peer_is_listed_as_such) {
    world_add("a");
    hear(0, UNSIGNED_ID, 1, 1, "micro");
    assert_string_equal(world_story(), "a: joined micro\n");
    assert_false(world_row(0, "micro")->verified);
    world_run(8000);
    assert_string_equal(world_story(), "a: suspect micro\na: lost micro\n");
    hear(0, UNSIGNED_ID, 1, 2, "micro");
    assert_string_equal(world_story(), "a: returned micro\na: changed micro\n");
}

TEST(an_unsigned_peer_that_starts_again_with_a_smaller_boot_is_taken_when_silent) {
    world_add("a");
    hear(0, UNSIGNED_ID, 9, 1, "micro");
    hear(0, UNSIGNED_ID, 5, 1, "micro");
    assert_string_equal(world_story(), "a: joined micro\n");
    assert_int_equal(world_drops(0, MUSTER_DROP_STALE), 1);
    world_run(8000);
    world_story();
    hear(0, UNSIGNED_ID, 5, 2, "micro");
    assert_string_equal(world_story(), "a: restarted micro\n");
}

TEST(an_alive_of_another_start_is_asked_for_its_document) {
    world_add("a");
    hear(0, UNSIGNED_ID, 1, 1, "micro");
    uint64_t drops = world_drops(0, MUSTER_DROP_UNKNOWN);
    world_say(0, 99, MUSTER_PATH_M4,
              "{\"muster\":1,\"kind\":\"alive\",\"id\":\"" UNSIGNED_ID
              "\",\"boot\":2,\"seq\":1,\"rev\":1,\"next_ms\":2500,\"peers\":0}\n");
    world_run(10);
    assert_int_equal(world_drops(0, MUSTER_DROP_UNKNOWN), drops + 1);
}

TEST(a_verified_row_hears_its_key_only) {
    world_gather(2);
    const char *id = world.nodes[0].id;
    hear(1, id, 1000000, 1000000, "mallory");
    world_say(1, 99, MUSTER_PATH_M4,
              "{\"muster\":1,\"kind\":\"bye\",\"id\":\"%s\",\"boot\":1000000,\"seq\":1000}\n", id);
    world_run(1000);
    assert_string_equal(world_story(), "");
    assert_int_equal(world_drops(1, MUSTER_DROP_SIGNATURE), 2);
}

TEST(a_changed_byte_is_noticed) {
    world_add("a");
    world_add("b");
    tape_begin(0);
    world_run(5000);
    world_kill(0);
    uint64_t drops = world_drops(1, MUSTER_DROP_SIGNATURE);
    struct utterance changed = *tape_said("alive", 0);
    strstr(changed.text, "\"seq\":")[6] = '9';
    changed.datagram.bytes = (const uint8_t *)changed.text;
    world_inject(1, &changed.datagram);
    world_run(5);
    assert_int_equal(world_drops(1, MUSTER_DROP_SIGNATURE), drops + 1);
}

TEST(a_replay_makes_no_row) {
    world_add("a");
    tape_begin(0);
    world_add("b");
    world_run(5000);
    world_kill(0);
    size_t late = world_add("late");
    world_run(100);
    world_story();
    tape_play("announce", late, 0);
    world_run(3000);
    assert_null(strstr(world_story(), "late: joined a"));
    assert_true(world_drops(late, MUSTER_DROP_UNKNOWN) > 0);
}

TEST(a_replay_wakes_no_dead) {
    world_gather(2);
    world.nodes[1].paths = 0;
    tape_begin(0); /* b does not hear what is on this tape */
    while (tape_count("alive") == 0) {
        world_run(100);
    }
    world_kill(0);
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world_story();
    world.nodes[1].paths = WORLD_ALL_PATHS;
    tape_play("alive", 1, 0);
    world_run(3000);
    assert_null(strstr(world_story(), "b: returned a"));
    assert_int_equal(world_rows(1, MUSTER_LOST), 1);
}

TEST(a_replay_of_an_earlier_boot_changes_nothing) {
    world_add("a");
    tape_begin(0);
    world_add("b");
    world_run(5000);
    tape_stop();
    world_restart(0);
    world_run(2000);
    world_story();
    tape_play("announce", 1, 0);
    world_run(5000);
    assert_string_equal(world_story(), "");
    assert_true(world_drops(1, MUSTER_DROP_STALE) > 0);
}

/* A machine whose clock and state went back: its proof counts more than its boot. */
TEST(a_smaller_boot_is_taken_from_who_answers) {
    world_add("a");
    world.nodes[0].boot = 1000;
    world_restart(0);
    world_add("b");
    world_run(3000);
    world_story();
    world.nodes[0].boot = 10;
    world_restart(0);
    world_run(3000);
    assert_non_null(strstr(world_story(), "b: restarted a\n"));
    assert_int_equal(world_row(1, "a")->boot, 11);
}

TEST(an_answer_counts_for_a_question_of_ours_only) {
    world_add("a");
    world_say(0, 99, MUSTER_PATH_U4,
              "{\"muster\":1,\"kind\":\"announce\",\"id\":\"" UNSIGNED_ID
              "\",\"boot\":1,\"re\":\"Q7f0-x_a\",\"rev\":1,\"next_ms\":2500,"
              "\"peers\":0,\"name\":\"x\"}\n");
    world_run(10);
    assert_int_equal(world_drops(0, MUSTER_DROP_UNASKED), 1);
    assert_string_equal(world_story(), "");
}

TEST(a_short_question_gets_no_long_answer) {
    world_add("a");
    world_run(2000);
    uint64_t sent = world.sent;
    uint64_t answers = world_counters(0)->answers;
    world_say(0, 99, MUSTER_PATH_M4,
              "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
              "\",\"boot\":1,\"nonce\":\"Q7f0-x_a\",\"want\":{}}\n");
    world_run(50);
    assert_int_equal(world_drops(0, MUSTER_DROP_SHORT_QUESTION), 1);
    assert_int_equal(world_counters(0)->answers, answers);
    assert_true(world.sent <= sent + 2);
}

/* The group's question may be asked by all, but only a peer that signed it spares us our own. */
TEST(unsigned_questions_spare_nobody_its_own) {
    world_gather(2);
    world_kill(0);
    assert_true(world_run_until(1, MUSTER_PEER_SUSPECT, 1));
    uint64_t questions = world_counters(1)->questions;
    for (int i = 0; i < 20; i++) {
        world_say(1, 99, MUSTER_PATH_M4,
                  "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
                  "\",\"boot\":1,\"count\":%d,\"nonce\":\"Q7f0-x_a\",\"of\":[\"%s\"]}\n",
                  i + 1, world.nodes[0].id);
        world_run(110);
    }
    world_run(2000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 1);
    assert_true(world_counters(1)->questions >= questions + 5);
}

TEST(a_recorded_question_counts_once) {
    world_add("asker");
    world_add("b");
    size_t victim = world_add("victim");
    world_run(5000);
    tape_begin(0);
    world.nodes[victim].is_stopped = true;
    assert_true(world_run_until(0, MUSTER_PEER_LOST, 1));
    world.nodes[victim].is_stopped = false; /* its sleep over, it comes back */
    world_run(10000);
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 2);
    world_leave(0); /* so that nobody is asked for but the victim */
    world_run(300);
    world_kill(victim);
    assert_true(world_run_until(1, MUSTER_PEER_SUSPECT, 2));
    uint64_t questions = world_counters(1)->questions;
    for (int i = 0; i < 20; i++) {
        tape_play("query", 1, 0);
        world_run(110);
    }
    assert_true(world_counters(1)->questions >= questions + 5);
}

TEST(a_flood_silences_only_its_source) {
    world_gather(2);
    for (int i = 0; i < 5000; i++) {
        world_say(1, 99, MUSTER_PATH_M4, "{garbage}\n");
        world_run(1);
    }
    assert_string_equal(world_story(), "");
    assert_true(world_drops(1, MUSTER_DROP_FLOOD) > 3000);
    assert_int_equal(world_drops(1, MUSTER_DROP_FLOOD) + world_drops(1, MUSTER_DROP_SYNTAX), 5000);
}

TEST(unverified_rows_never_push_out_verified_ones) {
    world_add("a");
    size_t small = world_add("small");
    struct muster_core_options options = world_options(small);
    options.peers_max = 4;
    world_start(small, &options);
    world_run(500);
    for (unsigned i = 0; i < 20; i++) {
        world_hear(small, &(struct announce){.number = i + 1, .name = "sybil"});
    }
    assert_true(world_has_row(small, "a"));
    assert_int_equal(world_rows(small, MUSTER_ALIVE), 4);
    assert_true(world_drops(small, MUSTER_DROP_TABLE_FULL) > 0);
    world_add("c");
    world_run(1000);
    assert_true(world_has_row(small, "c"));
    assert_true(world_counters(small)->evicted > 0);
}

/* A peer that got its key after it was first heard: the id is now certified, and stays so. */
TEST(a_key_takes_over_an_unverified_row) {
    world_add("a");
    world_kill(0);
    world_add("b");
    const char *id = world.nodes[0].id;
    hear(1, id, 77, 1, "usurper");
    assert_string_equal(world_story(), "b: joined a\n");
    assert_true(world_has_row(1, "usurper"));
    assert_false(world_row(1, "usurper")->verified);
    world_restart(0);
    world_run(1000);
    assert_false(world_has_row(1, "usurper"));
    assert_true(world_row(1, "a")->verified);
    hear(1, id, 99, 9, "usurper");
    assert_false(world_has_row(1, "usurper"));
}

/* What was said may be passed on by anybody: the address shown is where the peer itself answers. */
TEST(who_passes_on_is_not_the_peer) {
    world_gather(2);
    tape_begin(0);
    world_run(3000);
    tape_play("alive", 1, 99); /* copies of what b heard */
    world_run(5);
    assert_int_equal(world_row(1, "a")->address.ip[3], 1);

    world.nodes[1].paths = 0;
    tape_begin(0); /* and what b did not hear itself */
    while (tape_count("alive") == 0) {
        world_run(100);
    }
    world.nodes[1].paths = WORLD_ALL_PATHS;
    tape_play("alive", 1, 99);
    world_run(2);
    assert_int_equal(world_row(1, "a")->address.ip[3], 1);
    world_run(60000);
    assert_int_equal(world_row(1, "a")->address.ip[3], 1);
}

TEST(a_new_address_is_taken_when_it_answers) {
    world_gather(2);
    world.nodes[0].endpoint.ip[3] = 77;
    world_run(6000);
    const struct muster_peer *row = world_row(1, "a");
    assert_int_equal(row->address.ip[3], 77);
    assert_int_equal(row->state, MUSTER_ALIVE);
}

/* The recording of a start that was missed revives nobody. */
TEST(a_replay_of_a_later_boot_changes_nothing) {
    world_gather(2);
    world.nodes[1].paths = 0;
    tape_begin(0);
    world_restart(0);
    world_run(2000);
    world_kill(0);
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world.nodes[1].paths = WORLD_ALL_PATHS;
    world_story();
    tape_play("announce", 1, 0);
    world_run(5000);
    assert_null(strstr(world_story(), "b: restarted a"));
}

/* A bye of a start that the listener missed ends no later one. */
TEST(a_replay_of_a_later_bye_ends_nobody) {
    world_gather(2);
    world.nodes[1].paths = 0;
    world_restart(0);
    world_run(100);
    tape_begin(0);
    world_leave(0);
    world_run(300);
    tape_stop();
    world_restart(0);
    world_run(100);
    world.nodes[1].paths = WORLD_ALL_PATHS;
    world_story();
    tape_play("bye", 1, 0);
    world_run(100);
    assert_null(strstr(world_story(), "b: left a"));
    assert_true(world_drops(1, MUSTER_DROP_STALE) > 0);
}

TEST(a_replay_gives_no_row_a_key) {
    world_add("a");
    tape_begin(0);
    world_run(2000);
    world_kill(0);
    world_add("b");
    hear(1, world.nodes[0].id, 77, 1, "usurper");
    tape_play("announce", 1, 0);
    world_run(3000);
    assert_true(world_has_row(1, "usurper"));
}

/* Who answers every signed message of another with an unsigned announce of that id does not keep it out. */
TEST(an_unsigned_announce_keeps_no_key_holder_out) {
    world_add("b");
    world_add("a");
    for (uint64_t seq = 1; seq <= 100; seq++) {
        hear(0, world.nodes[1].id, 1, seq, "usurper");
        world_run(4);
    }
    world_run(3000);
    assert_true(world_row(0, "a")->verified);
    assert_false(world_has_row(0, "usurper"));
}

TEST(a_stranger_sets_nobodys_loss) {
    world_gather(2);
    for (uint64_t i = 0; i < 60; i++) {
        hear(1, UNSIGNED_ID, 1, 1 + 7 * i, "liar");
        world_run(500);
    }
    int64_t next_ms = world_row(1, "a")->next_ms;
    world_kill(0);
    uint64_t killed_ms = world.now_ms;
    while (world_rows(1, MUSTER_LOST) == 0 && world.now_ms < killed_ms + 60000) {
        world_run(100);
    }
    assert_true(world.now_ms - killed_ms < (uint64_t)next_ms + 3000);
}

/* ---- answers that are passed on ---- */

static uint64_t nonce_of_b; /* as all hear it */

static void relay(size_t from, const struct muster_datagram *datagram) {
    const char *found = memmem(datagram->bytes, datagram->length, "\"nonce\":\"", 9);
    if (from == 1 && found != NULL) {
        memcpy(&nonce_of_b, found + 9, sizeof nonce_of_b);
    }
    if (from == 0 && datagram->destination.ip[0] == 10 && datagram->destination.ip[3] == 99) {
        struct muster_datagram relayed = *datagram;
        relayed.source = datagram->destination;
        relayed.destination = world.nodes[1].endpoint;
        relayed.ttl = MUSTER_TTL;
        world_inject(1, &relayed);
    }
}

/* Asks "a" with the nonce of "b", and passes the answer on; more is a member with its comma. */
static void ask_in_between(const char *more) {
    char nonce[MUSTER_NONCE_CHARS + 1] = "";
    memcpy(nonce, &nonce_of_b, sizeof nonce_of_b);
    world_say(0, 99, MUSTER_PATH_U4,
              "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
              "\",\"boot\":1,\"nonce\":\"%s\"%s,\"of\":[\"%s\"]%*s}\n",
              nonce, more, world.nodes[0].id, MUSTER_ANNOUNCE_BYTES_MAX - 100, "");
    world_run(50);
}

/* All hear the nonce of "b", so anybody can have "a" answer it. */
TEST(a_relayed_answer_moves_no_row) {
    static const char *const questions[] = {",\"want\":{}", ""};
    for (size_t i = 0; i < 2; i++) {
        begin();
        world_gather(2);
        world.on_sent = relay;
        world_query(1);
        world_run(10);
        assert_true(nonce_of_b != 0);
        uint64_t drops = world_drops(1, MUSTER_DROP_SOURCE);
        ask_in_between(questions[i]);
        assert_int_equal(world_row(1, "a")->address.ip[3], 1);
        assert_int_equal(world_drops(1, MUSTER_DROP_SOURCE), drops + 1);
    }
}

/* "b" does not hear "a". */
static bool is_cut(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)datagram;
    return from == 0 && to == 1;
}

TEST(a_relayed_answer_makes_no_row) {
    world_add("a");
    world_add("b");
    world.is_lost = is_cut;
    world.on_sent = relay;
    world_query(1);
    world_run(10);
    ask_in_between(",\"want\":{}");
    assert_int_equal(world_rows(1, MUSTER_ALIVE), 0);
    assert_int_equal(world_drops(1, MUSTER_DROP_SOURCE), 1);
}

static bool is_to_many(const struct muster_datagram *datagram) {
    return datagram->destination.ip[0] != 10 || datagram->destination.ip[3] == 255;
}

static bool is_unicast_lost(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from;
    (void)to;
    return !is_to_many(datagram);
}

/* What "a" says to the group is on its way from .99 before it is from "a". */
static void overtake(size_t from, const struct muster_datagram *datagram) {
    relay(from, datagram);
    if (from == 0 && is_to_many(datagram)) {
        struct muster_datagram relayed = *datagram;
        relayed.source.ip[3] = 99;
        world_inject(1, &relayed);
    }
}

static bool is_at_99(void) {
    return world_row(1, "a")->address.ip[3] == 99;
}

/* They prove themselves to the group alone. */
static void meet(void (*on_sent)(size_t from, const struct muster_datagram *datagram)) {
    world.is_lost = is_unicast_lost;
    world.on_sent = on_sent;
    world_add("a");
    world_add("b");
    while (world_rows(1, MUSTER_ALIVE) == 0) {
        world_run(10);
    }
}

/* An answer to the group can be passed on by anybody: here "b" loses that of "a" itself. */
TEST(a_relayed_answer_to_the_group_moves_no_row) {
    meet(relay);
    world_run(1000);
    assert_false(is_at_99());
    world.is_lost = is_cut;
    world.on_sent = overtake;
    uint64_t received = world_row(1, "a")->received;
    char nonce[MUSTER_NONCE_CHARS + 1] = "";
    memcpy(nonce, &nonce_of_b, sizeof nonce_of_b);
    world_say(0, 99, MUSTER_PATH_M4,
              "{\"muster\":1,\"kind\":\"query\",\"id\":\"" UNSIGNED_ID
              "\",\"boot\":1,\"nonce\":\"%s\",\"of\":[\"%s\"]}\n",
              nonce, world.nodes[0].id);
    world_run(10);
    assert_int_equal(world_row(1, "a")->received, received + 1);
    assert_false(is_at_99());
}

/* Who is met by such an answer is where its copies come from, and answers there. */
TEST(a_relayed_answer_to_the_group_is_doubted) {
    meet(overtake);
    assert_true(is_at_99());
    world.is_lost = NULL;
    world_run(4000);
    assert_false(is_at_99());
}

int main(void) {
    return test_run(begin, world_end);
}
