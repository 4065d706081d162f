/* SPDX-License-Identifier: MIT */
/* Peers at addresses that were given, where neither multicast nor broadcast passes. */
#include <string.h>

#include "limit.h"
#include "test.h"
#include "world.h"

enum { A, B, NOBODY };

static const struct muster_static_peer places[] = {
    [A] = {.endpoint = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798}},
    [B] = {.endpoint = {.family = 4, .ip = {10, 0, 0, 2}, .port = 19798}},
    [NOBODY] = {.endpoint = {.family = 4, .ip = {10, 0, 0, 77}, .port = 19798}},
};

static bool is_for_many(const struct muster_datagram *datagram) {
    return datagram->destination.ip[0] != 10;
}

static bool lose_groups(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from != to && is_for_many(datagram);
}

/* Routers pass unicast on, and no group. */
static bool route(size_t from, size_t to, const struct muster_datagram *datagram) {
    struct muster_datagram passed = *datagram;
    if (from != to && !is_for_many(datagram)) {
        passed.ttl = 254;
        world_inject(to, &passed);
    }
    return from != to;
}

static void begin_with(bool (*is_lost)(size_t, size_t, const struct muster_datagram *)) {
    world_begin(1);
    world.is_lost = is_lost;
    world_add("a");
    world_add("b");
}

static int name_peers(size_t index, const struct muster_static_peer *peers, size_t count) {
    struct muster_event event = {
        .kind = MUSTER_EVENT_STATIC_PEERS, .static_peers = peers, .static_peer_count = count};
    return world_step(index, &event);
}

static void name_each_other(void) {
    assert_int_equal(name_peers(A, &places[B], 1), 0);
    assert_int_equal(name_peers(B, &places[A], 1), 0);
}

static void begin(void) {
    begin_with(route);
}

/* ---- behind a router ---- */

TEST(who_name_each_other_meet_through_a_router) {
    name_each_other();
    world_run(1000);
    assert_string_equal(world_story(), "a: joined b\nb: joined a\n");
    for (size_t i = A; i <= B; i++) {
        const struct muster_peer *row = world_row(i, i == A ? "b" : "a");
        assert_int_equal(row->state, MUSTER_ALIVE);
        assert_true(row->verified);
        assert_int_equal(row->paths, 1u << MUSTER_PATH_U4);
    }
    world_run(60000);
    assert_string_equal(world_story(), "");
}

TEST(a_change_and_a_bye_are_told) {
    name_each_other();
    world_run(20000);
    world_story();
    assert_int_equal(world_update(A, "other", 81), 0);
    world_run(500);
    world_leave(A);
    world_run(500);
    assert_string_equal(world_story(), "b: changed a\nb: left a\n");
}

TEST(a_death_is_noticed_and_a_return_too) {
    name_each_other();
    world_run(20000);
    world_story();
    world_kill(B);
    assert_true(world_run_until(A, MUSTER_PEER_LOST, 1));
    world_restart(B);
    name_peers(B, &places[A], 1);
    world_run(2000);
    assert_string_equal(world_story(), "a: suspect b\na: lost b\nb: joined a\na: restarted b\n");
}

TEST(who_is_not_named_is_not_heard_through_a_router) {
    assert_int_equal(name_peers(A, &places[B], 1), 0);
    world_run(10000);
    assert_string_equal(world_story(), "");
    assert_true(world_drops(B, MUSTER_DROP_TTL) > 0);
    assert_int_equal(name_peers(B, &places[NOBODY], 1), 0);
    world_run(10000);
    assert_string_equal(world_story(), "");
}

/* A router passes no group on: a datagram to the group from there is forged. */
TEST(the_group_is_of_the_link_alone) {
    const char text[] =
        "{\"muster\":1,\"kind\":\"bye\",\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":5,\"seq\":1}\n";
    struct muster_datagram datagram = {
        .bytes = (const uint8_t *)text,
        .length = sizeof text - 1,
        .source = places[B].endpoint,
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT},
        .interface = WORLD_INTERFACE,
        .ttl = 254};
    name_each_other();
    world_inject(A, &datagram);
    world_run(1);
    assert_int_equal(world_drops(A, MUSTER_DROP_TTL), 1);
}

/* ---- on one link ---- */

TEST(on_a_link_one_name_is_enough) {
    begin_with(lose_groups);
    world_run(20000); /* a is no new peer any more */
    assert_string_equal(world_story(), "");
    assert_int_equal(name_peers(A, &places[B], 1), 0);
    world_run(5000);
    assert_string_equal(world_story(), "a: joined b\nb: joined a\n");
    world_run(60000);
    assert_string_equal(world_story(), "");
    world_kill(A);
    assert_true(world_run_until(B, MUSTER_PEER_LOST, 1));
}

/* ---- without any way to many ---- */

static unsigned sent; /* to nobody */

static void record_sent(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    if (datagram->destination.ip[3] == 77) {
        assert_true(datagram_has(datagram, "\"kind\":\"query\""));
        sent++;
    }
}

static unsigned to_many;

static void count_groups(size_t from, const struct muster_datagram *datagram) {
    to_many += from == A && is_for_many(datagram) ? 1 : 0;
}

TEST(an_interface_of_unicast_alone_reaches_static_peers) {
    const struct muster_path tunnel = {.interface = WORLD_INTERFACE,
                                       .kind = MUSTER_PATH_U4,
                                       .name = "wg0",
                                       .address = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798}};
    begin_with(lose_groups);
    world_run(20000);
    assert_int_equal(name_peers(A, &places[B], 1), 0);
    assert_int_equal(world_paths(A, &tunnel, 1), 0);
    world.on_sent = count_groups;
    to_many = 0;
    world_run(5000);
    assert_string_equal(world_story(), "a: joined b\nb: joined a\n");
    assert_int_equal(world_update(A, "other", 81), 0);
    world_run(60000);
    assert_string_equal(world_story(), "b: changed a\n");
    assert_int_equal(to_many, 0);
    world_kill(B);
    assert_true(world_run_until(A, MUSTER_PEER_LOST, 1));
}

/* Who was asked in vain for long is asked at once by a path that comes. */
TEST(a_path_that_comes_is_used_at_once) {
    const struct muster_path ways[] = {
        {.interface = WORLD_INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0"},
        {.interface = WORLD_INTERFACE + 1, .kind = MUSTER_PATH_U4, .name = "wg0"},
    };
    sent = 0;
    world.on_sent = record_sent;
    assert_int_equal(name_peers(A, &places[NOBODY], 1), 0);
    world_run(300000);
    sent = 0;
    assert_int_equal(world_paths(A, ways, 2), 0);
    world_run(100);
    assert_int_equal(sent, 1);
}

/* ---- who does not answer ---- */

TEST(who_does_not_answer_is_asked_less_and_less) {
    sent = 0;
    world.on_sent = record_sent;
    assert_int_equal(name_peers(A, &places[NOBODY], 1), 0);
    world_run(1000);
    assert_in_range(sent, 1, 2);
    world_run(59000);
    assert_in_range(sent, 5, 9);
    assert_int_equal(muster_core_static_tries(world.nodes[A].core, &places[NOBODY].endpoint), sent);
    assert_int_equal(muster_core_static_tries(world.nodes[A].core, &places[B].endpoint), 0);
    sent = 0;
    world_run(600000);
    assert_in_range(sent, 10, 20);
    world_leave(A);
    sent = 0;
    world_run(60000);
    assert_int_equal(sent, 0);
}

TEST(who_is_named_no_more_is_told_nothing) {
    name_each_other();
    world_run(5000);
    assert_int_equal(name_peers(A, NULL, 0), 0);
    assert_int_equal(name_peers(B, NULL, 0), 0);
    world_run(60000);
    assert_int_equal(world_rows(A, MUSTER_ALIVE), 0);
    assert_true(world_drops(A, MUSTER_DROP_TTL) > 0);
}

TEST(what_no_peer_can_be_at_is_refused) {
    static struct muster_static_peer many[MUSTER_STATIC_PEERS_MAX + 1];
    const struct muster_static_peer group = {.endpoint = {.family = 4, .ip = {239, 0, 0, 1}, .port = 1}};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        many[i].endpoint =
            (struct muster_endpoint){.family = 4, .ip = {10, 0, 1, (uint8_t)(i + 1)}, .port = 1};
    }
    name_each_other();
    assert_int_equal(name_peers(A, &group, 1), MUSTER_EINVAL);
    assert_int_equal(name_peers(A, many, MUSTER_STATIC_PEERS_MAX + 1), MUSTER_EFULL);
    world_run(1000);
    assert_string_equal(world_story(), "a: joined b\nb: joined a\n"); /* as before */
    assert_int_equal(name_peers(A, many, MUSTER_STATIC_PEERS_MAX), 0);
}

int main(void) {
    return test_run(begin, world_end);
}
