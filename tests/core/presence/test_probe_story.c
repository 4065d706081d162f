/* SPDX-License-Identifier: MIT */
/* Probes: what a node learns of how its paths are heard, and what a node that is asked does. */
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "limit.h"
#include "tape.h"
#include "test.h"
#include "world.h"

enum { ASKER, A, B };

static int probe(size_t index, const struct muster_static_peer *targets, size_t count) {
    struct muster_event event = {
        .kind = MUSTER_EVENT_COMMAND,
        .command = {.kind = MUSTER_COMMAND_PROBE, .targets = targets, .target_count = count}};
    return world_step(index, &event);
}

static const struct muster_probe_report *report(void) {
    return muster_core_probe(world.nodes[ASKER].core);
}

/* What the asker learned of the peer of this name; NULL: nothing. */
static const struct muster_probe_peer *found(const char *name) {
    for (size_t i = 0; i < report()->peer_count; i++) {
        if (strcmp(report()->peers[i].name, name) == 0) {
            return &report()->peers[i];
        }
    }
    return NULL;
}

/* An observer and two peers that know each other. */
static void begin(void) {
    world_begin(1);
    world_add("?asker");
    world_add("a");
    world_add("b");
    world_run(20000);
    world_story();
}

static void run_probe(void) {
    assert_int_equal(probe(ASKER, NULL, 0), 0);
    assert_false(report()->is_over);
    world_run(3000);
    assert_true(report()->is_over);
}

TEST(every_path_of_a_whole_lan_is_heard_both_ways) {
    assert_null(report());
    run_probe();
    assert_int_equal(report()->rounds, MUSTER_PROBE_ROUNDS);
    assert_int_equal(report()->path_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(report()->paths[i].sent, MUSTER_PROBE_ROUNDS);
        assert_int_equal(report()->paths[i].looped, MUSTER_PROBE_ROUNDS);
    }
    assert_int_equal(report()->peer_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct muster_probe_peer *peer = &report()->peers[i];
        static const enum muster_path_kind kinds[] = {MUSTER_PATH_M4, MUSTER_PATH_B4, MUSTER_PATH_U4};
        for (size_t k = 0; k < 3; k++) {
            assert_true(peer->asked[kinds[k]] >= MUSTER_PROBE_ROUNDS - 1);
            assert_int_equal(peer->reached[kinds[k]], peer->asked[kinds[k]]);
            assert_true(peer->heard[kinds[k]] > 0);
        }
        assert_int_equal(peer->answered_group, MUSTER_PROBE_ROUNDS);
        assert_int_equal(peer->answered_long, peer->asked_long);
        assert_int_equal(peer->answered_short, peer->asked_short);
        assert_true(peer->asked_long > 0);
        assert_int_equal(peer->rtt_ms, 2); /* a datagram takes one */
        assert_true(peer->is_signed);
    }
    assert_string_equal(world_story(), ""); /* no row changed */
}

static bool lose_m4_of_asker(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from == ASKER && to != ASKER && datagram->destination.ip[0] == 224;
}

TEST(a_path_that_is_not_heard_shows) {
    world.is_lost = lose_m4_of_asker;
    run_probe();
    assert_int_equal(found("a")->reached[MUSTER_PATH_M4], 0);
    assert_true(found("a")->heard[MUSTER_PATH_M4] > 0);
    assert_int_equal(found("a")->reached[MUSTER_PATH_B4], found("a")->asked[MUSTER_PATH_B4]);
}

static bool lose_all_of_asker(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)datagram;
    return from == ASKER && to != ASKER;
}

TEST(who_is_heard_and_does_not_answer_shows) {
    world.is_lost = lose_all_of_asker;
    run_probe();
    assert_int_equal(report()->peer_count, 2);
    assert_int_equal(report()->peers[0].answered, 0);
    assert_true(report()->peers[0].rtt_ms == UINT64_MAX);
    assert_true(report()->peers[0].asked[MUSTER_PATH_U4] > 0);
}

static bool lose_loop(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)datagram;
    return from == to;
}

TEST(a_node_that_does_not_hear_itself_shows) {
    world.is_lost = lose_loop;
    run_probe();
    assert_int_equal(report()->paths[0].sent, MUSTER_PROBE_ROUNDS);
    assert_int_equal(report()->paths[0].looped, 0);
}

static bool lose_long(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from != to && datagram->length > 1272;
}

TEST(a_link_that_carries_less_shows) {
    world.is_lost = lose_long;
    run_probe();
    assert_int_equal(found("a")->answered_long, 0);
    assert_true(found("a")->asked_long > 2);
    assert_int_equal(found("a")->answered_short, found("a")->asked_short);
}

static bool lose_groups(size_t from, size_t to, const struct muster_datagram *datagram) {
    return from != to && datagram->destination.ip[0] != 10;
}

TEST(a_target_is_asked_where_nobody_hears_the_group) {
    const struct muster_static_peer place = {.endpoint = {.family = 4, .ip = {10, 0, 0, 2}, .port = 19798},
                                             .interface = WORLD_INTERFACE};
    world.is_lost = lose_groups;
    world_restart(ASKER);
    run_probe();
    assert_int_equal(report()->peer_count, 0);
    assert_int_equal(probe(ASKER, NULL, 0), 0);
    world_run(500);
    assert_int_equal(probe(ASKER, &place, 1), 0);
    world_run(2500);
    assert_int_equal(report()->peer_count, 1);
    assert_true(found("a")->reached[MUSTER_PATH_U4] > 0);
}

/* A target that turns out to be a peer is asked once a round; what it answered as a target, by a short
 * question, counts as none of the peer's. */
TEST(no_more_questions_are_heard_than_were_asked) {
    const struct muster_static_peer place = {.endpoint = {.family = 4, .ip = {10, 0, 0, 2}, .port = 19798},
                                             .interface = WORLD_INTERFACE};
    world.is_lost = lose_long;
    assert_int_equal(probe(ASKER, &place, 1), 0);
    world_run(3000);
    const struct muster_probe_peer *peer = found("a");
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        assert_true(peer->reached[kind] <= peer->asked[kind]);
    }
    assert_int_equal(peer->answered_long, 0);
    assert_int_equal(peer->answered_short, peer->asked_short);
    assert_int_equal(peer->reached[MUSTER_PATH_U4], peer->asked_short);
}

TEST(some_may_probe_at_once) {
    const size_t others[2] = {world_add("?1"), world_add("?2")};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(probe(others[i], NULL, 0), 0);
    }
    run_probe();
    assert_int_equal(found("a")->reached[MUSTER_PATH_U4], found("a")->asked[MUSTER_PATH_U4]);
    assert_int_equal(found("b")->reached[MUSTER_PATH_M4], found("b")->asked[MUSTER_PATH_M4]);
}

TEST(a_node_answers_few_probes_and_none_to_the_group) {
    size_t askers[8];
    for (size_t i = 0; i < 8; i++) {
        askers[i] = world_add((const char *[]){"?1", "?2", "?3", "?4", "?5", "?6", "?7", "?8"}[i]);
    }
    tape_begin(A);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(probe(askers[i], NULL, 0), 0);
    }
    world_run(2500);
    size_t answers = 0;
    for (size_t i = 0; i < tape_count("announce"); i++) {
        const struct utterance *said = tape_said("announce", i);
        answers += said_has(said, "probe") ? 1 : 0;
        assert_true(!said_has(said, "probe") || said->paths == 1u << MUSTER_PATH_U4);
    }
    assert_in_range(answers, MUSTER_PROBE_BURST, MUSTER_PROBE_BURST + 3 * MUSTER_PROBE_RATE);
}

TEST(a_report_has_room_for_so_many_peers) {
    static char names[MUSTER_PROBE_PEERS_MAX][8];
    for (size_t i = 0; i < MUSTER_PROBE_PEERS_MAX; i++) { /* beside a and b */
        snprintf(names[i], sizeof names[i], "p%zu", i);
        world_add(names[i]);
    }
    world_run(20000);
    run_probe();
    assert_int_equal(report()->peer_count, MUSTER_PROBE_PEERS_MAX);
    assert_true(report()->peers_missed > 0);
}

/* Who claims many names hides nobody who answers. */
TEST(who_answers_replaces_who_never_did) {
    world.is_lost = lose_all_of_asker;
    assert_int_equal(probe(ASKER, NULL, 0), 0);
    for (unsigned i = 0; i < MUSTER_PROBE_PEERS_MAX; i++) {
        world_hear(ASKER, &(struct announce){.number = 100 + i});
    }
    assert_int_equal(report()->peer_count, MUSTER_PROBE_PEERS_MAX);
    world.is_lost = NULL;
    world_run(3000);
    assert_int_equal(report()->peer_count, MUSTER_PROBE_PEERS_MAX);
    assert_true(report()->peers_missed > 0);
    assert_true(found("a")->answered > 0 && found("b")->answered > 0);
}

static size_t asked_targets;

static void count_target(size_t from, const struct muster_datagram *datagram) {
    asked_targets += from == ASKER && datagram->destination.ip[2] == 1 ? 1 : 0;
}

TEST(a_probe_asks_so_many_targets) {
    struct muster_static_peer places[MUSTER_PROBE_TARGETS_MAX + 1];
    for (size_t i = 0; i <= MUSTER_PROBE_TARGETS_MAX; i++) {
        places[i] = (struct muster_static_peer){
            .endpoint = {.family = 4, .ip = {10, 0, 1, (uint8_t)(i + 1)}, .port = 19798},
            .interface = WORLD_INTERFACE};
    }
    asked_targets = 0;
    world.on_sent = count_target;
    assert_int_equal(probe(ASKER, places, MUSTER_PROBE_TARGETS_MAX + 1), 0);
    world_run(MUSTER_PROBE_MS - 1);
    assert_int_equal(asked_targets, MUSTER_PROBE_TARGETS_MAX);
}

/* Strangers at 10.0.0.100 and above, all of them forged. */
enum { FORGED = 100 };

static size_t forged_asked;
static size_t forged_bytes;
static char nonce[64]; /* of the last question to the group */

static void count_forged(size_t from, const struct muster_datagram *datagram) {
    const char *said = memmem(datagram->bytes, datagram->length, "\"nonce\":\"", 9);
    if (from != ASKER) {
        return;
    }
    if (datagram->destination.ip[0] == 10 && datagram->destination.ip[3] >= FORGED) {
        forged_asked++;
        forged_bytes += datagram->length;
    } else if (said != NULL) {
        sscanf(said, "\"nonce\":\"%63[^\"]", nonce);
    }
}

/* Many names speak from ever other addresses. */
static void hear_forged(const char *more) {
    static uint8_t source = FORGED;
    for (unsigned i = 0; i < MUSTER_PROBE_PEERS_MAX; i++) {
        source = source == 250 ? FORGED : source + 1;
        world_announce(ASKER, source, &(struct announce){.number = 100 + i, .more = more});
    }
}

static void begin_forged(void) {
    forged_asked = 0;
    forged_bytes = 0;
    world.on_sent = count_forged;
    assert_int_equal(probe(ASKER, NULL, 0), 0);
}

TEST(forged_addresses_are_asked_a_few_times) {
    begin_forged();
    for (unsigned round = 0; round < MUSTER_PROBE_ROUNDS; round++) {
        hear_forged(NULL);
        world_run(MUSTER_PROBE_MS);
    }
    assert_in_range(forged_asked, MUSTER_PROBE_UNPROVEN, MUSTER_PROBE_UNPROVEN_MAX);
    assert_true(forged_bytes <= MUSTER_PROBE_UNPROVEN_MAX * MUSTER_DATAGRAM_BYTES_MAX);
}

/* Who hears the group knows its questions, and can answer them in any name from any address. */
TEST(an_answer_to_the_group_proves_no_address) {
    char more[128];
    begin_forged();
    for (unsigned round = 0; round < MUSTER_PROBE_ROUNDS; round++) {
        world_run(1);
        for (unsigned number = 1; number <= 3 * (round + 1); number++) {
            snprintf(more, sizeof more, ",\"re\":\"%s\",\"probe\":%u", nonce, number);
            hear_forged(more);
        }
        world_run(MUSTER_PROBE_MS - 1);
    }
    assert_true(report()->peers[2].answered > 0); /* the first two are a and b */
    assert_in_range(forged_asked, MUSTER_PROBE_UNPROVEN, MUSTER_PROBE_UNPROVEN_MAX);
}

TEST(a_target_that_never_answers_is_asked_a_few_times) {
    const struct muster_static_peer place = {
        .endpoint = {.family = 4, .ip = {10, 0, 0, FORGED}, .port = 19798}, .interface = WORLD_INTERFACE};
    forged_asked = 0;
    world.on_sent = count_forged;
    assert_int_equal(probe(ASKER, &place, 1), 0);
    world_run(3000);
    assert_int_equal(forged_asked, MUSTER_PROBE_UNPROVEN);
}

/* What is said in a peer's name from elsewhere takes nothing from the evidence of it. */
TEST(a_proven_address_stays) {
    char id[2 * MUSTER_ID_BYTES + 1] = "";
    run_probe();
    for (size_t i = 0; i < MUSTER_ID_BYTES; i++) {
        snprintf(id + 2 * i, 3, "%02x", found("a")->id[i]);
    }
    begin_forged();
    world_run(2 * MUSTER_PROBE_MS);
    for (unsigned round = 0; round < MUSTER_PROBE_ROUNDS; round++) {
        world_announce(ASKER, FORGED, &(struct announce){.id = id, .name = "a"});
        world_run(MUSTER_PROBE_MS);
    }
    assert_int_equal(forged_asked, 0);
    assert_true(found("a")->answered > MUSTER_PROBE_ROUNDS);
}

TEST(without_memory_there_is_no_probe) {
    countdown_set(1);
    assert_int_equal(probe(ASKER, NULL, 0), MUSTER_ENOMEM);
    assert_true(countdown_has_failed());
    assert_null(report());
    run_probe();
}

int main(void) {
    return test_run(begin, world_end);
}
