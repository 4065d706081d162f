/* SPDX-License-Identifier: MIT */
/* Nodes that have IPv4, IPv6 or both on one link: who hears whom, and by what. */
#include <string.h>

#include "test.h"
#include "world.h"

#define V4_PATHS WORLD_GROUP_PATHS
#define V6_PATHS (1u << MUSTER_PATH_M6)

static unsigned alives[MUSTER_PATH_U4]; /* of node 0, by kind */
static unsigned answers;                /* by unicast */

static void begin(void) {
    world_begin(1);
}

static enum muster_path_kind kind_of(const struct muster_endpoint *destination) {
    return destination->family == 6    ? MUSTER_PATH_M6
           : destination->ip[0] == 255 ? MUSTER_PATH_B4
                                       : MUSTER_PATH_M4;
}

static void record_alive(size_t from, const struct muster_datagram *datagram) {
    if (from == 0 && datagram_has(datagram, "\"kind\":\"alive\"") && !datagram_has(datagram, "\"re\"")) {
        alives[kind_of(&datagram->destination)]++;
    }
}

static void record_answer(size_t from, const struct muster_datagram *datagram) {
    bool is_unicast = datagram->destination.ip[0] == 10 || datagram->destination.ip[0] == 0xfe;
    answers += from == 0 && is_unicast && datagram_has(datagram, "\"re\"") ? 1 : 0;
}

static void count_alives(uint64_t ms) {
    world.on_sent = record_alive;
    memset(alives, 0, sizeof alives);
    world_run(ms);
}

static void add(const char *name, unsigned kinds) {
    world.kinds = kinds;
    world_add(name);
}

static void check_addresses(size_t index, const char *name, uint8_t family, uint8_t other_family) {
    const struct muster_peer *row = world_row(index, name);
    assert_non_null(row);
    assert_int_equal(row->state, MUSTER_ALIVE);
    assert_int_equal(row->address.family, family);
    assert_int_equal(row->other_address.family, other_family);
}

static void check_row(size_t index, const char *name, unsigned paths, uint8_t family, uint8_t other_family) {
    check_addresses(index, name, family, other_family);
    assert_int_equal(world_row(index, name)->paths & (V4_PATHS | V6_PATHS), paths);
}

TEST(a_row_has_an_address_of_each_family) {
    world.kinds = WORLD_DUAL_PATHS;
    world_gather(2);
    world_run(20000);
    check_row(0, "b", WORLD_DUAL_PATHS, 4, 6);
    assert_int_equal(world_row(0, "b")->other_address.ip[0], 0xfe);
    assert_int_equal(world_row(0, "b")->other_address.port, 19798);
    count_alives(60000);
    assert_true(3 * alives[MUSTER_PATH_M6] < alives[MUSTER_PATH_M4]); /* all of them hear m4 */
    assert_true(alives[MUSTER_PATH_M6] > 0);
}

/* An alive of who has both reaches those that have one. */
TEST(one_family_beside_both_beside_the_other) {
    add("both", WORLD_DUAL_PATHS);
    add("four", V4_PATHS);
    add("six", V6_PATHS);
    world_run(20000);
    check_row(0, "four", V4_PATHS, 4, 0);
    check_row(0, "six", V6_PATHS, 6, 0);
    check_row(1, "both", V4_PATHS, 4, 0);
    check_row(2, "both", V6_PATHS, 6, 0);
    assert_int_equal(world_rows(1, MUSTER_ALIVE) + world_rows(2, MUSTER_ALIVE), 2);
    count_alives(60000);
    assert_int_equal(alives[MUSTER_PATH_M6], alives[MUSTER_PATH_M4]);
    assert_true(3 * alives[MUSTER_PATH_B4] < alives[MUSTER_PATH_M4]);
    world_kill(0);
    world_run(5000);
    assert_int_equal(world_row(1, "both")->state, MUSTER_LOST);
    assert_int_equal(world_row(2, "both")->state, MUSTER_LOST);
    for (size_t i = 0; i < 3; i++) {
        assert_true(world.nodes[i].counts[MUSTER_PEER_SUSPECT] <= 1);
    }
}

/* Where multicast of IPv4 is swallowed, IPv6 is the next best. */
TEST(ipv6_stands_in_for_ipv4) {
    world.kinds = WORLD_DUAL_PATHS;
    world_gather(2);
    for (size_t i = 0; i < 2; i++) {
        world.nodes[i].paths = WORLD_ALL_PATHS & ~(1u << MUSTER_PATH_M4);
    }
    world_restart(0);
    world_restart(1);
    world_run(65000); /* until what was heard before is forgotten */
    count_alives(60000);
    assert_true(3 * alives[MUSTER_PATH_M4] < alives[MUSTER_PATH_M6]);
    assert_true(3 * alives[MUSTER_PATH_B4] < alives[MUSTER_PATH_M6]);
    check_row(0, "b", 1u << MUSTER_PATH_M6 | 1u << MUSTER_PATH_B4, 4, 6);
}

/* Of both families the address is IPv4's while that is heard, whichever copy comes first. */
TEST(an_address_does_not_change_with_the_copies) {
    world.kinds = WORLD_DUAL_PATHS;
    world.latency_max_ms = 20;
    world_gather(2);
    for (int i = 0; i < 60; i++) {
        world_run(1000);
        assert_int_equal(world_row(0, "b")->address.family, 4);
        assert_int_equal(world_row(1, "a")->address.family, 4);
    }
    world.nodes[1].kinds = V6_PATHS; /* its address of IPv4 is gone */
    world_restart(1);
    world_run(20000);
    check_row(0, "b", V6_PATHS, 6, 0);
}

static struct muster_path path_of(size_t index, enum muster_path_kind kind) {
    const struct node *node = &world.nodes[index];
    return (struct muster_path){.interface = WORLD_INTERFACE,
                                .kind = kind,
                                .name = "eth0",
                                .address = kind == MUSTER_PATH_M6 ? node->endpoint6 : node->endpoint};
}

/* Nobody hands out an address that its owner has no more. */
TEST(an_address_that_went_is_forgotten_at_once) {
    world.kinds = WORLD_DUAL_PATHS;
    world_gather(2);
    const struct muster_path paths[] = {path_of(0, MUSTER_PATH_M6), path_of(0, MUSTER_PATH_M4),
                                        path_of(0, MUSTER_PATH_B4)};
    assert_int_equal(world_paths(0, paths, 3), 0);
    world_run(20000);
    check_row(1, "a", WORLD_DUAL_PATHS, 4, 6);
    assert_int_equal(world_paths(0, paths, 1), 0);
    world_run(500);
    check_addresses(1, "a", 6, 0);
    assert_int_equal(world_paths(0, paths, 3), 0);
    world_run(30000);
    check_row(1, "a", WORLD_DUAL_PATHS, 4, 6);
    assert_int_equal(world_paths(0, paths + 1, 2), 0);
    world_run(500);
    check_addresses(1, "a", 4, 0);
}

/* An observer that asks by both families gets both addresses at once; who stays hears the group. */
TEST(who_looks_gets_an_answer_by_each_family) {
    world.kinds = WORLD_DUAL_PATHS;
    world_gather(2);
    add("?look", WORLD_DUAL_PATHS);
    world.on_sent = record_answer;
    answers = 0;
    world_query(2);
    world_run(200);
    assert_int_equal(answers, 2);
    check_row(2, "a", WORLD_DUAL_PATHS, 4, 6); /* paths by which it heard the question */
    answers = 0;
    world_query(1);
    world_run(200);
    assert_int_equal(answers, 1);
}

int main(void) {
    return test_run(begin, world_end);
}
