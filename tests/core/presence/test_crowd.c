/* SPDX-License-Identifier: MIT */
/* Eight nodes and more, with loss and with datagrams that overtake each other. */
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "world.h"

static void begin(uint64_t seed, size_t count, double loss) {
    print_message("seed %llu\n", (unsigned long long)seed);
    world_begin(seed);
    world.latency_max_ms = 20;
    for (size_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", (unsigned)i);
        world.nodes[world_add(name)].loss = loss;
    }
}

static void assert_complete(size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(world_rows(i, MUSTER_ALIVE), count - 1);
    }
}

TEST(eight_meet_within_a_second) {
    begin(1, 8, 0);
    world_run(1000);
    assert_complete(8);
}

TEST(eight_meet_within_a_second_at_10_percent_loss) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin(seed, 8, 0.1);
        world_run(1000);
        assert_complete(8);
    }
}

/* One look is complete though each answer may be lost: who is said to be there is asked for again. */
TEST(one_look_is_complete_at_10_percent_loss) {
    unsigned late = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin(seed, 8, 0.1);
        world_run(5000);
        size_t observer = world_add("?");
        world.nodes[observer].loss = 0.1;
        world_query(observer);
        world_run(1000);
        late += world.nodes[observer].settled == 0;
        world_run(1000);
        assert_int_equal(world.nodes[observer].settled, 1);
        assert_int_equal(world.nodes[observer].counts[MUSTER_PEER_JOINED], 8);
    }
    print_message("%u of 40 looks took more than a second\n", late);
}

TEST(loss_of_30_percent_loses_and_invents_nobody) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        begin(seed, 8, 0.3);
        world_run(300000);
        for (size_t i = 0; i < 8; i++) {
            /* One may be suspect for a moment, until its answer comes. */
            size_t alive = world_rows(i, MUSTER_ALIVE);
            assert_int_equal(alive + world_rows(i, MUSTER_SUSPECT), 7);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_JOINED], 7);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 0);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_RESTARTED], 0);
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_CHANGED], 0);
        }
        double loss = world_row(0, "n1")->loss;
        assert_true(loss > 0.1 && loss < 0.5);
    }
}

TEST(a_death_at_30_percent_loss_is_still_noticed) {
    begin(7, 8, 0.3);
    world_run(60000);
    world_kill(0);
    world_run(30000);
    for (size_t i = 1; i < 8; i++) {
        assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 1);
        assert_int_equal(world_rows(i, MUSTER_ALIVE) + world_rows(i, MUSTER_SUSPECT), 6);
    }
}

/* One listener asks in a round, whoever draws the shortest delay; the others take its question for theirs. */
TEST(a_death_costs_no_more_questions_in_a_crowd) {
    uint64_t questions[2] = {0};
    const size_t counts[2] = {3, 40};
    for (size_t k = 0; k < 2; k++) {
        begin(3, counts[k], 0);
        world.latency_max_ms = 1;
        world_run(30000);
        for (size_t i = 1; i < counts[k]; i++) {
            questions[k] -= world_counters(i)->questions;
        }
        world_kill(0);
        world_run(20000);
        for (size_t i = 1; i < counts[k]; i++) {
            questions[k] += world_counters(i)->questions;
            assert_int_equal(world.nodes[i].counts[MUSTER_PEER_LOST], 1);
        }
    }
    print_message("questions: %llu with 2 listeners, %llu with 39\n", (unsigned long long)questions[0],
                  (unsigned long long)questions[1]);
    assert_true(questions[1] <= 3 * questions[0]);
}

/* The budget holds whatever the size: the interval stretches. */
TEST(traffic_does_not_grow_with_the_crowd) {
    world_begin(5);
    for (size_t i = 0; i < 60; i++) {
        size_t index = world_add("x");
        struct muster_core_options options = world_options(index);
        options.budget_bps = 16000;
        world_start(index, &options);
    }
    world_run(60000);
    uint64_t sent_bytes = world.sent_bytes;
    uint64_t sent = world.sent;
    world_run(120000);
    double bps = 8 * (double)(world.sent_bytes - sent_bytes + 66 * (world.sent - sent)) / 120;
    print_message("%.0f bits a second of a budget of 16000 for each path\n", bps);
    /* An eighth of all alives goes out on the second path too. */
    assert_true(bps < 16000 * 1.5);
    assert_true(bps > 16000 * 0.5);
}

/* ---- MTU ---- */

static size_t longest;

static void record_length(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    longest = datagram->length > longest ? datagram->length : longest;
}

/* Proofs of many nonces, and questions that list many ids. */
TEST(whatever_a_crowd_says_fits_its_mtu) {
    static const struct muster_path path = {
        .interface = WORLD_INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0", .mtu = 1228};
    const size_t count = 40;
    char value[MUSTER_VALUE_BYTES_MAX + 1];
    struct muster_text attrs[] = {{"a", value}, {"b", value}}; /* that leave little room */
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    begin(1, 0, 0);
    world.crypto = &world_cheap_crypto;
    world.on_sent = record_length;
    longest = 0;
    for (size_t i = 0; i < count; i++) {
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        world_add(name);
        struct muster_core_options options = world_options(i);
        const struct muster_document document = {.name = name, .attrs = attrs, .attr_count = 2};
        options.document = &document;
        world_start(i, &options);
        assert_int_equal(world_paths(i, &path, 1), 0);
    }
    world_run(5000);
    size_t looker = world_add("?look");
    assert_int_equal(world_paths(looker, &path, 1), 0);
    world_query(looker);
    world_query(0);
    world_run(3000);
    for (size_t i = 2; i < count; i++) {
        world_kill(i);
    }
    world_run(10000);
    assert_int_equal(world_rows(0, MUSTER_LOST), count - 2);
    assert_in_range(longest, 1228 - 28 - 64, 1228 - 28);
}

int main(void) {
    return test_run(NULL, world_end);
}
