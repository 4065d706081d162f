/* SPDX-License-Identifier: MIT */
/* Who is called dead, and by whom: stories of listeners that hear only a part of what is said. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "test.h"
#include "world.h"

static struct {
    unsigned unicast; /* questions without `want` by unicast */
    size_t shortest;  /* of them */
    unsigned all;     /* questions to the group for everybody, by m4 */
} asked;

static void record_question(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    bool is_unicast = datagram->destination.ip[0] == 10;
    bool is_multicast = datagram->destination.ip[0] == 224;
    asked.all += is_multicast && datagram_has(datagram, "\"want\":{}") && !datagram_has(datagram, "\"of\"");
    if (is_unicast && datagram_has(datagram, "\"kind\":\"query\"") && !datagram_has(datagram, "\"want\"")) {
        asked.unicast++;
        asked.shortest = datagram->length < asked.shortest ? datagram->length : asked.shortest;
    }
}

static void begin(void) {
    world_begin(1);
    memset(&asked, 0, sizeof asked);
    asked.shortest = SIZE_MAX;
}

/* ---- by unicast ---- */

TEST(who_answers_by_unicast_alone_is_alive) {
    world_gather(3);
    world.nodes[0].paths = 1u << MUSTER_PATH_U4;
    world_run(10000);
    world_story(); /* the first time it learns that the group is silent may be told */
    world_run(600000);
    assert_string_equal(world_story(), "");
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 2);
}

TEST(the_group_falling_silent_buries_nobody) {
    world_gather(8);
    world.nodes[0].paths = 1u << MUSTER_PATH_U4;
    world_run(60000);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_LOST], 0);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 7);
}

TEST(who_answers_by_unicast_no_more_is_lost) {
    world_gather(3);
    world.nodes[0].paths = 1u << MUSTER_PATH_U4;
    world_run(60000);
    world_kill(1);
    assert_true(world_run_until(0, MUSTER_PEER_LOST, 1));
    assert_int_equal(world_row(0, "b")->state, MUSTER_LOST);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), 1);
}

TEST(the_last_questions_go_by_unicast_too) {
    world_gather(3);
    world_run(10000); /* what was last heard came from the group */
    world.on_sent = record_question;
    world_kill(1);
    assert_true(world_run_until(0, MUSTER_PEER_LOST, 1) && world_run_until(2, MUSTER_PEER_LOST, 1));
    assert_int_equal(asked.unicast, 2 * 4);
    assert_true(asked.shortest >= 400);
}

TEST(a_healthy_group_costs_no_question_by_unicast) {
    world_gather(3);
    world_run(10000);
    world.on_sent = record_question;
    world_run(600000);
    assert_int_equal(asked.unicast, 0);
}

/* ---- without multicast ---- */

static unsigned alives[2]; /* by m4, by b4 */

static void record_alive(size_t from, const struct muster_datagram *datagram) {
    if (from == 0 && datagram_has(datagram, "\"kind\":\"alive\"")) {
        alives[datagram->destination.ip[0] == 255]++;
    }
}

TEST(who_hears_no_multicast_notices_a_death_as_soon) {
    world_gather(4);
    world.nodes[0].paths = 1u << MUSTER_PATH_B4 | 1u << MUSTER_PATH_U4;
    world_restart(0);
    world_run(60000);
    world_kill(1);
    world_run(5000);
    assert_int_equal(world_row(0, "b")->state, MUSTER_LOST);
    assert_int_equal(world.nodes[0].counts[MUSTER_PEER_SUSPECT], 1);
}

TEST(alives_are_broadcast_only_while_somebody_needs_it) {
    world_gather(3);
    world_run(10000);
    world.on_sent = record_alive;
    memset(alives, 0, sizeof alives);
    world_run(60000);
    assert_true(3 * alives[1] < alives[0]);
    world.nodes[2].paths = 1u << MUSTER_PATH_B4 | 1u << MUSTER_PATH_U4;
    world_restart(2);
    world_run(10000);
    memset(alives, 0, sizeof alives);
    world_run(60000);
    assert_int_equal(alives[1], alives[0]);
    world_leave(2);
    world_run(5000);
    memset(alives, 0, sizeof alives);
    world_run(60000);
    assert_true(3 * alives[1] < alives[0]);
}

/* ---- whose loss it is ---- */

static uint64_t lost_ms; /* when an alive was lost; UINT64_MAX: none yet */

static bool lose_an_alive(size_t from, size_t to, const struct muster_datagram *datagram) {
    bool is_next = lost_ms == UINT64_MAX || lost_ms == world.now_ms;
    if (from != 0 || to != 1 || !is_next || !datagram_has(datagram, "\"kind\":\"alive\"")) {
        return false;
    }
    lost_ms = world.now_ms;
    return true;
}

/* An alive of "a" is lost; the loss that "b" takes for that of the link. */
static double loss_where_dropped(uint32_t dropped) {
    world_begin(1);
    world_gather(2);
    lost_ms = UINT64_MAX;
    world.is_lost = lose_an_alive;
    while (lost_ms == UINT64_MAX) {
        world_run(100);
    }
    const struct muster_datagram later = {.bytes = (const uint8_t *)"?",
                                          .length = 1,
                                          .source = world.nodes[0].endpoint,
                                          .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = 19797},
                                          .interface = WORLD_INTERFACE,
                                          .ttl = 255,
                                          .dropped = dropped};
    world_inject(1, &later);
    world_run(10000);
    double loss = world_row(1, "a")->loss;
    world_end();
    return loss;
}

TEST(what_ones_own_kernel_drops_is_no_loss_of_the_link) {
    world_end();
    assert_true(loss_where_dropped(0) > 0);
    assert_true(loss_where_dropped(2) == 0);
    world_begin(1);
}

/* ---- after a suspend, and after a stall ---- */

static void suspend(size_t count, uint64_t ms) {
    for (size_t i = 0; i < count; i++) {
        world_suspend(i);
    }
    world_run(ms);
    for (size_t i = 0; i < count; i++) {
        world_wake(i);
    }
}

/* Its own clock tells of no suspend, and its timer is not late. */
TEST(a_sleeper_is_seen_again_when_its_machine_wakes) {
    world_gather(1);
    size_t laptop = world_add("laptop");
    struct muster_core_options options = world_options(laptop);
    options.interval_min_ms = 60000;
    world_start(laptop, &options);
    world_run(20000);
    assert_int_equal(world_row(0, "laptop")->state, MUSTER_ALIVE);
    world_suspend(laptop);
    world_run(95000);
    assert_int_equal(world_row(0, "laptop")->state, MUSTER_LOST);
    world_wake(laptop);
    world_run(1000);
    assert_int_equal(world_row(0, "laptop")->state, MUSTER_ALIVE);
    assert_int_equal(world.nodes[laptop].counts[MUSTER_PEER_SUSPECT], 0);
}

TEST(a_machine_that_is_suspended_again_and_again_asks_once) {
    world_gather(1);
    world_run(20000);
    world.on_sent = record_question;
    for (int i = 0; i < 2; i++) {
        suspend(1, 4000);
        world_run(500);
    }
    assert_int_equal(asked.all, 3); /* one question, asked three times for want of answers */
    world_run(20000);
    assert_int_equal(asked.all, 6);
}

/* The rest of the pause is over while nobody looked. */
TEST(a_long_suspend_counts_for_the_pause) {
    world_gather(2);
    world_run(20000);
    world.on_sent = record_question;
    suspend(1, MUSTER_SUSPEND_MS + 1);
    world_run(1000);
    assert_int_equal(asked.all, 1);
    suspend(1, MUSTER_RESUME_MS);
    world_run(1000);
    assert_true(asked.all > 1);
}

static void stall(uint64_t ms) {
    world.nodes[1].is_stopped = true;
    world_run(ms);
    world.nodes[1].is_stopped = false;
}

static uint64_t lost_until_ms;

static bool lose_an_answer(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from == 0 && to == 1 && world.now_ms < lost_until_ms && datagram_has(datagram, "\"re\":");
}

/* It asks for the document of another start, and buries the one that it knows no sooner than that has failed;
 * and what answers a question is asked again. */
TEST(who_started_anew_while_one_stalled_is_not_buried) {
    world_gather(2);
    world_run(20000);
    world.nodes[1].is_stopped = true;
    world_run(28000);
    world_restart(0);
    world_run(2000);
    world.nodes[1].is_stopped = false;
    lost_until_ms = world.now_ms + 2800;
    world.is_lost = lose_an_answer;
    world_run(6000);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_LOST], 0);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_RESTARTED], 1);
}

/* A busy machine runs a node late, and often: of that the others hear once in a while. */
TEST(a_node_that_stalls_again_and_again_asks_once) {
    world_gather(2);
    world_run(20000);
    world.on_sent = record_question;
    stall(3000);
    world_run(1000);
    uint64_t all = asked.all;
    assert_in_range(all, 1, MUSTER_QUERIES);
    stall(3000);
    world_run(1000);
    assert_int_equal(asked.all, all);
    world_run(20000);
    assert_in_range(asked.all, all + 1, 2 * MUSTER_QUERIES);
    assert_int_equal(world.nodes[1].counts[MUSTER_PEER_SUSPECT], 0);
}

TEST(clocks_that_are_read_apart_are_no_suspend) {
    world_gather(2);
    world_run(20000);
    world.on_sent = record_question;
    for (int i = 0; i < 20; i++) {
        suspend(1, MUSTER_SUSPEND_MS / 10);
        world_run(10);
    }
    assert_int_equal(asked.all, 0);
}

TEST(a_crowd_that_was_paused_asks_spread_out) {
    const size_t count = 40;
    world.crypto = &world_cheap_crypto;
    for (size_t i = 0; i < count; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        world_add(name);
    }
    world_run(20000);
    assert_int_equal(world_rows(0, MUSTER_ALIVE), count - 1);
    world.on_sent = record_question;
    suspend(count, 20000);
    world_run(200);
    assert_true(asked.all < count / 4);
    world_run(10000);
    assert_int_equal(asked.all, count); /* each one once */
    assert_int_equal(world_rows(0, MUSTER_ALIVE), count - 1);
}

/* ---- what others claim ---- */

TEST(one_liar_makes_no_look_wait) {
    world_gather(4);
    size_t looker = world_add("?look");
    world_announce(looker, 99, &(struct announce){.number = 9, .peers = 1000000});
    world_query(looker);
    world_announce(looker, 99, &(struct announce){.number = 9, .seq = 2, .peers = 1000000});
    world_run(1000);
    assert_int_equal(world.nodes[looker].settled, 1);
    assert_int_equal(world_rows(looker, MUSTER_ALIVE), 5);
}

/* What it reads first tells of a promise that is over. */
TEST(who_was_suspended_grants_a_whole_promise_to_who_is_heard_since) {
    world_add("a");
    world_hear(0, &(struct announce){.number = 7, .next_ms = 2500});
    world_suspend(0);
    world_run(10000);
    world_wake(0);
    world_hear(0, &(struct announce){.number = 7, .seq = 2, .rev = 1, .next_ms = 100});
    world_story();
    world_run(2000);
    assert_string_equal(world_story(), "");
    world_run(2000);
    assert_non_null(strstr(world_story(), "a: suspect stranger\n"));
}

int main(void) {
    return test_run(begin, world_end);
}
