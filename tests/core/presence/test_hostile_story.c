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

int main(void) {
    return test_run(begin, world_end);
}
