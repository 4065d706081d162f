/* SPDX-License-Identifier: MIT */
/* Who forges signatures takes no more than the budget of verifications, and keeps no peer from any other. */
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "tape.h"
#include "test.h"
#include "world.h"

static void begin(void) {
    world_begin(11);
}

#define NO_SIGNATURE                                                                                         \
    "{\"sig\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\"}" \
    "\n"
#define FOR_STRANGERS (MUSTER_VERIFICATION_BURST / 2)

/* An alive in the name of a node, which its row must check, comes to node `to` from 10.0.0.source. */
static void forge(size_t to, size_t named, uint8_t source, uint16_t port, uint64_t seq) {
    char text[512];
    int length =
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"alive\",\"id\":\"%s\",\"boot\":%llu,\"seq\":%llu,\"rev\":1,"
                 "\"next_ms\":2500,\"peers\":0}\n" NO_SIGNATURE,
                 world.nodes[named].id, (unsigned long long)world.nodes[named].boot, (unsigned long long)seq);
    struct muster_datagram datagram = {
        .bytes = (const uint8_t *)text,
        .length = (size_t)length,
        .source = {.family = 4, .ip = {10, 0, 0, source}, .port = port},
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT},
        .interface = WORLD_INTERFACE,
        .ttl = MUSTER_TTL,
    };
    world_inject(to, &datagram);
}

/* From so many addresses, each within what one address and port may send. */
static void flood(size_t to, size_t named, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        forge(to, named, (uint8_t)(50 + i % 200), 19798, 1000000 + i);
    }
}

TEST(a_flood_of_signatures_is_not_checked) {
    world_gather(2);
    uint64_t checked = world_counters(1)->verifications;
    flood(1, 0, 10000);
    world_run(5);
    assert_in_range(world_counters(1)->verifications - checked, FOR_STRANGERS - 20, FOR_STRANGERS + 20);
    assert_in_range(world_drops(1, MUSTER_DROP_UNCHECKED), 10000 - FOR_STRANGERS - 20, 10000);
}

TEST(the_budget_comes_back) {
    world_gather(2);
    flood(1, 0, 4000);
    world_run(1000);
    uint64_t checked = world_counters(1)->verifications;
    flood(1, 0, 4000);
    world_run(5);
    uint64_t again = world_counters(1)->verifications - checked;
    assert_in_range(again, MUSTER_VERIFICATION_RATE - 50, MUSTER_VERIFICATION_RATE + 50);
}

TEST(known_peers_are_heard_in_a_flood) {
    world_gather(3);
    for (unsigned i = 0; i < 200; i++) {
        flood(1, 0, 500);
        world_run(50);
    }
    assert_string_equal(world_story(), "");
    assert_true(world_drops(1, MUSTER_DROP_UNCHECKED) > 80000);
    world_kill(2);
    for (unsigned i = 0; i < 200; i++) {
        flood(1, 0, 500);
        world_run(50);
    }
    assert_int_equal(world_row(1, "c")->state, MUSTER_LOST);
    assert_int_equal(world_row(1, "a")->state, MUSTER_ALIVE);
}

TEST(a_newcomer_is_taken_in_a_flood) {
    world_gather(2);
    size_t late = 0;
    for (unsigned i = 0; i < 100; i++) {
        flood(1, 0, 500);
        late = i == 20 ? world_add("late") : late;
        world_run(50);
    }
    assert_true(world_row(1, "late")->verified);
}

TEST(who_speaks_as_one_peer_spends_little_of_what_is_kept_for_known_ones) {
    world_gather(3);
    for (unsigned second = 0; second < 20; second++) {
        flood(1, 0, 3000);
        for (unsigned i = 0; i < 90; i++) { /* what that port may send */
            forge(1, 0, 1, WORLD_STREAM_PORT, 2000000 + second * 100 + i);
        }
        world_run(1000);
    }
    assert_int_equal(world_row(1, "c")->state, MUSTER_ALIVE);
    assert_null(strstr(world_story(), "b: suspect c"));
}

int main(void) {
    return test_run(begin, world_end);
}
