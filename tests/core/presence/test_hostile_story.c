/* SPDX-License-Identifier: MIT */
/* One attacker on the link, who forges ids and sources, keeps no peer from any other. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "tape.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(11);
}

/* An alive of a peer that is not there, by the group. */
static void say_alive(size_t to, uint8_t source, unsigned number, unsigned seq, const char *more) {
    world_say(to, source, MUSTER_PATH_M4,
              "{\"muster\":1,\"kind\":\"alive\",\"id\":\"%032x\",\"boot\":1,\"seq\":%u,%s\"rev\":1,"
              "\"next_ms\":3600000,\"peers\":0}\n",
              number, seq, more);
}

/* For is_lost: the second node does not hear the first one. */
static bool is_cut(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)datagram;
    return from == 0 && to == 1;
}

#define OBSERVER_ID "ffeeddccbbaa99887766554433221100"

/* A question for everybody, long enough for its answer; more is a member, with its comma. */
static void ask_all(size_t to, uint8_t source, enum muster_path_kind path, const char *nonce,
                    const char *more) {
    world_say(to, source, path,
              "{\"muster\":1,\"kind\":\"query\",\"id\":\"" OBSERVER_ID
              "\",\"boot\":1,\"nonce\":\"%s\",%s\"want\":{}%*s}\n",
              nonce, more, MUSTER_ANNOUNCE_BYTES_MAX - 100, "");
}

/* ---- room ---- */

TEST(unsigned_announces_lock_no_address) {
    world_add("b");
    world_run(20000);
    for (unsigned i = 0; i < MUSTER_ROWS_PER_ADDRESS; i++) { /* from where the second node will be */
        world_announce(0, 2, &(struct announce){.number = 5000 + i});
        if (i % 100 == 99) {
            world_run(1100);
        }
    }
    world_run(2000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), MUSTER_ROWS_PER_ADDRESS);
    world_add("honest");
    world_run(2000);
    assert_true(world_row(0, "honest")->verified);
}

TEST(strangers_at_its_address_keep_no_lost_peer_out) {
    world_gather(2);
    world.is_lost = is_cut;
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MUSTER_INTRODUCTIONS_PER_ADDRESS; i++) { /* from where the first node is */
            say_alive(1, 1, 1000 + i, round + 1, "");
        }
        world_run(100);
        world.is_lost = NULL;
        world_run(5000);
    }
    assert_int_equal(world_row(1, "a")->state, MUSTER_ALIVE);
}

/* ---- the rhythm of others ---- */

TEST(unverified_suspects_stretch_no_interval) {
    world_gather(2);
    world_run(30000);
    tape_begin(0);
    size_t suspects = 0;
    for (unsigned round = 1; round <= 4; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            world_announce(0, (uint8_t)(100 + i / 8),
                           &(struct announce){.number = 7000 + i, .seq = round, .rev = 1, .next_ms = 100});
        }
        for (unsigned i = 0; i < 40; i++) {
            world_run(100);
            suspects = world_rows(0, MUSTER_SUSPECT) > suspects ? world_rows(0, MUSTER_SUSPECT) : suspects;
        }
    }
    assert_true(suspects > 500);
    for (size_t i = 0; i < tape_count("alive"); i++) {
        assert_true(said_number(tape_said("alive", i), "next_ms") <= 2500);
    }
    tape_stop();
}

TEST(an_unverified_row_moves_nobody_to_all_paths) {
    world_gather(2);
    world_announce(0, 99, &(struct announce){.number = 77});
    world_run(100);
    say_alive(0, 99, 77, 2, "\"hears\":[\"b4\"],");
    world_run(5000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 2);
    tape_begin(0);
    world_run(60000);
    size_t by_broadcast = 0;
    for (size_t i = 0; i < tape_count("alive"); i++) {
        by_broadcast += tape_said("alive", i)->paths & 1u << MUSTER_PATH_B4 ? 1 : 0;
    }
    assert_true(by_broadcast <= tape_count("alive") / MUSTER_EVERYWHERE_EACH + 1);
    tape_stop();
}

/* ---- suspicion ---- */

static unsigned asked; /* questions of the second node for the first one */

static void count_questions(size_t from, const struct muster_datagram *datagram) {
    asked += from == 1 && datagram_has(datagram, "\"query\"") && datagram_has(datagram, world.nodes[0].id);
}

/* It asks this listener alone, so the one in question can't answer. In a crowd nobody asks by unicast. */
TEST(one_asker_with_a_key_buries_nobody) {
    const size_t attacker = MUSTER_CROWD_ROWS + 3;
    for (size_t i = 0; i <= attacker; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        world_add(name);
    }
    world_run(20000);
    const struct node *node = &world.nodes[attacker];
    world.is_lost = is_cut;
    world.on_sent = count_questions;
    assert_true(world_run_until(1, MUSTER_PEER_SUSPECT, world.nodes[1].counts[MUSTER_PEER_SUSPECT] + 1));
    world.is_lost = NULL; /* any question that reaches it would be answered */
    for (unsigned i = 0; i < 20 && world_row(1, "n0")->state == MUSTER_SUSPECT; i++) {
        world_say_signed(
            1, (uint8_t)(attacker + 1), MUSTER_PATH_M4, (uint8_t *)node->secret, 0,
            "{\"muster\":1,\"kind\":\"query\",\"id\":\"%s\",\"boot\":%llu,\"nonce\":\"AAAAAAAA\","
            "\"count\":%u,\"said\":100000,\"of\":[\"%s\"]}",
            node->id, (unsigned long long)node->boot, 100000 + i, world.nodes[0].id);
        world_run(MUSTER_GROUP_ANSWER_MS + 1);
    }
    assert_true(asked > 0);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 0);
}

/* ---- answers ---- */

static char nonce_said[MUSTER_NONCE_CHARS + 1]; /* by the second node */

static void record_nonce(size_t from, const struct muster_datagram *datagram) {
    char text[MUSTER_DATAGRAM_BYTES_MAX + 1];
    memcpy(text, datagram->bytes, datagram->length);
    text[datagram->length] = '\0';
    const char *nonce = strstr(text, "\"nonce\":\"");
    if (from == 1 && nonce != NULL) {
        memcpy(nonce_said, nonce + strlen("\"nonce\":\""), MUSTER_NONCE_CHARS);
    }
}

TEST(who_repeats_a_nonce_silences_no_answer_to_it) {
    world_gather(2);
    world_run(120000);
    world.is_lost = is_cut;
    world.on_sent = record_nonce;
    assert_true(world_run_until(1, MUSTER_PEER_LOST, 1));
    world.is_lost = NULL;
    for (unsigned k = 0; k < 4000; k++) { /* sooner after each question than its sender */
        ask_all(0, (uint8_t)(80 + k % 20), MUSTER_PATH_U4, nonce_said, "");
        world_run(5);
    }
    assert_int_equal(world_row(1, "a")->state, MUSTER_ALIVE);
}

/* Alives with a nonce each, of one id or of many, from many addresses. */
static void say_nonces(unsigned count, bool is_one) {
    for (unsigned i = 0; i < count; i++) {
        char nonce[32];
        snprintf(nonce, sizeof nonce, "\"nonce\":\"%08u\",", i);
        say_alive(0, (uint8_t)(100 + i / MUSTER_INTRODUCTIONS_PER_ADDRESS), is_one ? 7 : 1000 + i, i + 1,
                  nonce);
    }
    world_run(2);
}

static unsigned answers; /* by unicast to this nonce */
#define OBSERVER_NONCE "ObSeRvEr"

static void count_answers(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    answers += datagram->destination.ip[0] == 10 && datagram_has(datagram, "\"re\":\"" OBSERVER_NONCE "\"");
}

/* In a rush a question for everybody is answered to the group, but by unicast where no nonce finds room
 * there. */
TEST(a_look_is_answered_though_debts_are_many) {
    world_add("a");
    world_run(30000);
    say_nonces(MUSTER_PROOFS_MAX, false);
    world.on_sent = count_answers;
    answers = 0;
    ask_all(0, 50, MUSTER_PATH_M4, OBSERVER_NONCE, "");
    world_run(100);
    assert_int_equal(answers, 1);
}

TEST(one_id_is_owed_one_proof) {
    world_add("a");
    world_run(30000);
    tape_begin(0);
    say_nonces(200, true);
    world_run(2000);
    assert_int_equal(tape_count("announce"), 1);
    assert_string_equal(said_text(tape_said("announce", 0), "re"), "00000199");
    tape_stop();
}

/* Questions to the group for this peer's announce, each with a nonce of its own. */
TEST(announces_on_demand_have_a_rhythm) {
    world_add("a");
    world_run(30000);
    tape_begin(0);
    for (unsigned i = 0; i < 100; i++) {
        char nonce[16];
        char of[64];
        snprintf(nonce, sizeof nonce, "%08u", i);
        snprintf(of, sizeof of, "\"of\":[\"%s\"],", world.nodes[0].id);
        ask_all(0, 99, MUSTER_PATH_M4, nonce, of);
        world_run(100);
    }
    assert_in_range(tape_count("announce"), 10 * MUSTER_ANSWER_RATE - 2,
                    10 * MUSTER_ANSWER_RATE + MUSTER_ANSWER_BURST);
    tape_stop();
}

/* ---- a rush that is none ---- */

TEST(nine_ids_of_one_address_are_no_rush) {
    world.crypto = &world_cheap_crypto;
    world.has_streams = true;
    const size_t count = MUSTER_TABLE_ROWS + 6;
    for (size_t i = 0; i < count; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        world_add(name);
    }
    world_run(30000);
    for (size_t i = 0; i < count; i++) {
        for (unsigned n = 0; n <= MUSTER_INTRODUCTIONS_SOON; n++) {
            say_alive(i, 99, 900 + n, 1, "");
        }
    }
    world_run(20);
    size_t looker = world_add("?");
    world_query(looker);
    world_run(300);
    assert_int_equal(world.nodes[looker].settled, 1);
    assert_int_equal(world_rows(looker, MUSTER_ALIVE), count);
}

static uint64_t asked_ms; /* when the first node asked 10.0.0.50 */

static void record_asked(size_t from, const struct muster_datagram *datagram) {
    bool is_asked = from == 0 && datagram->destination.ip[0] == 10 && datagram->destination.ip[3] == 50;
    asked_ms = is_asked && asked_ms == 0 ? world.now_ms : asked_ms;
}

TEST(forged_ids_keep_no_newcomer_waiting) {
    world_gather(2);
    world_run(30000);
    world.on_sent = record_asked;
    asked_ms = 0;
    for (unsigned second = 0; second < 20; second++) {
        if (second % 5 == 0) {
            for (unsigned i = 0; i < 4 * MUSTER_INTRODUCTIONS_PER_ADDRESS; i++) {
                say_alive(0, (uint8_t)(100 + i / MUSTER_INTRODUCTIONS_PER_ADDRESS), 40000 + i, second + 1,
                          "");
            }
        }
        if (second >= 10) {
            say_alive(0, 50, 7, second, "");
        }
        world_run(1000);
    }
    uint64_t began_ms = world.now_ms - 10000;
    assert_true(asked_ms >= began_ms && asked_ms < began_ms + 4000);
}

int main(void) {
    return test_run(begin, world_end);
}
