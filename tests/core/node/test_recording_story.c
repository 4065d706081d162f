/* SPDX-License-Identifier: MIT */
/* A recording of a publisher and its subscriber, said again 100,000 times: it moves nothing, sealed or not.
 */
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "test.h"

#define REPLAYED 100000
#define REPLAYS 10 /* five of each recording */
#define EACH (REPLAYED / REPLAYS)
#define RECORDED_MAX 8000
#define OTHER_SOURCE 77
#define READINGS 1500

static const uint8_t key[MUSTER_GROUP_KEY_BYTES] = {1};

static struct {
    struct muster_datagram datagram;
    uint8_t *bytes;
} recordings[RECORDED_MAX];
static size_t recorded;
static size_t datagrams; /* in them: a batch has several */

static void record(size_t from, const struct muster_datagram *datagram) {
    (void)from;
    assert_true(recorded < RECORDED_MAX);
    uint8_t *bytes = countdown_malloc(datagram->length);
    memcpy(bytes, datagram->bytes, datagram->length);
    recordings[recorded].datagram = *datagram;
    recordings[recorded].datagram.bytes = recordings[recorded].bytes = bytes;
    datagrams += datagram->segment == 0 ? 1 : (datagram->length - 1) / datagram->segment + 1;
    recorded++;
}

static void forget(void) {
    while (recorded > 0) {
        countdown_free(recordings[--recorded].bytes);
    }
    datagrams = 0;
}

static void begin(void) {
    world_begin(3);
    field_begin();
    world.crypto = &world_cheap_crypto;
}

static void end(void) {
    world_end();
    forget();
}

/* So many of them come to a node again, from where they came or from elsewhere. */
static void replay(size_t to, size_t count, uint8_t source) {
    for (size_t i = 0; i < count; i++) {
        struct muster_datagram datagram = recordings[i % recorded].datagram;
        if (source != 0) {
            datagram.source.ip[3] = source;
        }
        world_inject(to, &datagram);
        if (i % 50 == 0) {
            world_run(1);
        }
    }
    world_run(10);
}

static size_t count_with(const char *text) {
    size_t count = 0;
    for (size_t i = 0; i < recorded; i++) {
        count += datagram_has(&recordings[i].datagram, text) ? 1 : 0;
    }
    return count;
}

/* Nodes 0 and 1: one publishes, the other subscribes, loses some and asks for it again. */
static void record_a_pair(bool is_sealed) {
    static const char *const kinds[] = {"announce", "alive", "query", "data", "tail", "nak"};
    world.group_keys = is_sealed ? key : NULL;
    world.group_key_count = is_sealed ? 1 : 0;
    world.on_sent = record;
    world_add("pub");
    world_add("sub");
    unsigned topic = field_open(0, "a/b");
    field_subscribe(1, "#");
    world_run(3000);
    world.nodes[1].loss = 0.05;
    field_publish_many(0, topic, READINGS, 2);
    world.nodes[1].loss = 0;
    world_update(0, "pub", 81);
    world_run(5000);
    world.on_sent = NULL;
    world_run(120000); /* the announced rates have come to rest */
    field_check_all(1, READINGS);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char member[32];
        snprintf(member, sizeof member, "\"kind\":\"%s\"", kinds[i]);
        assert_int_equal(count_with(member) > 0, !is_sealed);
    }
}

/* Both go on meanwhile. */
static void replay_unmoved(size_t to, uint8_t source) {
    size_t other = 1 - to;
    struct muster_endpoint address = world_row(to, world.nodes[other].name)->address;
    uint64_t readings = field_got(to)->count;
    world_story();
    replay(to, EACH, source);
    assert_memory_equal(&world_row(to, world.nodes[other].name)->address, &address, sizeof address);
    world_run(5000);
    assert_string_equal(world_story(), "");
    assert_int_equal(world_rows(to, MUSTER_ALIVE), 1);
    assert_int_equal(field_got(to)->count, readings);
    assert_int_equal(field_got(to)->lost, 0);
}

static void replay_everywhere(bool is_sealed) {
    record_a_pair(is_sealed);
    replay_unmoved(1, 0);
    replay_unmoved(1, OTHER_SOURCE);
    replay_unmoved(0, 0);
    world_restart(0); /* with another boot */
    world_run(3000);
    replay_unmoved(1, 0);
    world_kill(0);
    world_kill(1);
    size_t late = world_add("late");
    field_subscribe(late, "#");
    world_run(3000);
    replay(late, EACH, 0);
    world_run(60000);
    assert_int_equal(world_rows(late, MUSTER_ALIVE) + world_rows(late, MUSTER_SUSPECT), 0);
    assert_int_equal(world.nodes[late].counts[MUSTER_PEER_JOINED], 0);
    assert_int_equal(field_got(late)->count, 0);
}

TEST(a_sealed_recording_moves_nothing) {
    replay_everywhere(true);
}

TEST(an_unsealed_recording_moves_nothing) {
    replay_everywhere(false);
}

/* But for the node's own, which it knows. What was lost on the way comes by the first replay. */
TEST(each_sealed_datagram_that_came_is_a_replay) {
    record_a_pair(true);
    replay(1, recorded, 0);
    uint64_t accepted = world_counters(1)->accepted + world_counters(1)->copies;
    uint64_t own = world_drops(1, MUSTER_DROP_OWN);
    uint64_t replays = world_drops(1, MUSTER_DROP_REPLAY);
    world.nodes[0].is_stopped = true;
    replay(1, recorded, 0);
    own = world_drops(1, MUSTER_DROP_OWN) - own;
    assert_int_equal(world_counters(1)->accepted + world_counters(1)->copies, accepted);
    assert_int_equal(world_drops(1, MUSTER_DROP_REPLAY) - replays + own, datagrams);
    assert_true(own > 0 && own < datagrams);
}

int main(void) {
    return test_run(begin, end);
}
