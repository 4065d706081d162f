/* SPDX-License-Identifier: MIT */
/* What becomes of records on the way out: when a node leaves, changes its key, or has too much to announce.
 */
#include <stdio.h>

#include "field.h"
#include "limit.h"
#include "test.h"

#define LARGEST_BOOT 9007199254740991

static const struct muster_record one = {.kind = MUSTER_VALUE_NUMBER, .number = 1};

static unsigned topic; /* of node 0 */

static int add(const struct muster_record *record) {
    return field_add(0, topic, record);
}

/* A publisher that lingers for a minute, and a subscriber. */
static void begin_at(uint64_t rate_bytes_s) {
    world_begin(3);
    field_begin();
    world_add("pub");
    world_add("sub");
    struct muster_core_options options = world_options(0);
    options.linger_ms = 60000;
    options.rate_bytes_s = rate_bytes_s;
    world_start(0, &options);
    topic = field_open(0, "a/b");
    field_subscribe(1, "a/#");
    world_run(3000);
}

static void begin(void) {
    begin_at(1000000);
}

static size_t delivered(void) {
    return field_got(1)->count;
}

static void assert_comes_to_rest(void) {
    muster_core_t *core = world.nodes[0].core;
    unsigned steps = 0;
    while (muster_core_deadline(core) <= world.now_ms) {
        world_tick(0);
        assert_true(steps++ < 100);
    }
}

TEST(what_lingers_leaves_with_the_node) {
    assert_int_equal(add(&one), 0);
    world_run(100);
    assert_int_equal(delivered(), 0);
    world_leave(0);
    world_run(1000);
    assert_true(world.nodes[0].has_left);
    assert_int_equal(delivered(), 1);
}

/* What pacing holds back is not forgotten either: the end is told when it has left. */
TEST(the_end_waits_for_what_is_queued) {
    begin_at(10000);
    const struct muster_record record = field_text(1000);
    size_t added = 0;
    for (; add(&record) == 0; added++) {
    }
    world_leave(0);
    world_run(400);
    assert_false(world.nodes[0].has_left);
    world_run(10000);
    assert_true(world.nodes[0].has_left);
    assert_int_equal(delivered(), added);
}

TEST(a_node_that_left_comes_to_rest) {
    const struct muster_record new = {.name = "new", .kind = MUSTER_VALUE_NUMBER, .number = 1};
    assert_int_equal(add(&new), 0);
    world_leave(0);
    assert_comes_to_rest();
    muster_core_topic_close(world.nodes[0].core, topic);
    assert_comes_to_rest();
}

/* True when a record waits in a pack for others; what refers to one that fits no datagram leaves at once. */
static bool fits(const struct muster_record *record) {
    uint64_t sent = muster_core_sender(world.nodes[0].core)->datagrams;
    assert_int_equal(add(record), 0);
    world_tick(0);
    return muster_core_sender(world.nodes[0].core)->datagrams == sent;
}

/* The room in a pack was measured by the old header, which the new one may outgrow. */
TEST(open_packs_do_not_outlive_their_key) {
    size_t length = MUSTER_DATAGRAM_BYTES_MAX;
    struct muster_record longest = field_text(length);
    while (!fits(&longest)) {
        longest = field_text(--length);
        world_run(20);
    }
    uint64_t dropped = world_counters(0)->outputs_dropped;
    assert_int_equal(world_rekey(0, LARGEST_BOOT), 0);
    assert_int_equal(world_counters(0)->outputs_dropped, dropped + 1);
    world_run(3000);
    assert_int_equal(add(&one), 0);
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_run(2000);
    assert_int_equal(delivered(), 1);
}

TEST(a_value_of_no_kind_is_refused_each_time) {
    const struct muster_record bad = {.kind = (enum muster_value_kind)77};
    assert_int_equal(add(&bad), MUSTER_EINVAL);
    assert_int_equal(add(&one), 0);
    assert_int_equal(add(&bad), MUSTER_EINVAL);
}

/* Names that nobody declared fill no document up. */
TEST(too_many_names_hinder_no_topic) {
    for (unsigned i = 0; i < MUSTER_SENSORS_MAX; i++) {
        char name[MUSTER_NAME_BYTES_MAX + 1];
        snprintf(name, sizeof name, "%050u", i);
        const struct muster_record record = {.name = name, .unit = "Cel", .kind = MUSTER_VALUE_BOOLEAN};
        assert_int_equal(add(&record), 0);
    }
    world_run(2000);
    field_open(0, "a/c");
    muster_core_topic_close(world.nodes[0].core, topic);
    world_run(2000);
    assert_string_equal(world_seen(1), "pub http/tcp:8080 a/c");
}

/* One address that asks for all there is does not keep the others from what they miss. */
static bool lose_each_tenth(size_t from, size_t to, const struct muster_datagram *datagram) {
    static unsigned count;
    return from == 0 && to == 1 && datagram->destination.ip[0] == 239 && ++count % 10 == 0;
}

TEST(nobody_takes_all_repairs) {
    const struct muster_record record = field_text(1000);
    world.is_lost = lose_each_tenth;
    for (int i = 0; i < 1000; i++) {
        field_publish_record(0, topic, &record);
        if (i % 100 == 0) {
            field_nak(0, world.nodes[0].boot, "[1,9007199254740991]");
        }
        world_run(2);
    }
    world_run(3000);
    assert_int_equal(delivered(), 1000);
}

/* ---- MTU ---- */

static size_t longest; /* datagram that was sent */

static void record_length(size_t from, const struct muster_datagram *datagram) {
    size_t length = datagram->segment != 0 ? datagram->segment : datagram->length;
    (void)from;
    longest = length > longest ? length : longest;
}

static void set_mtu(uint32_t mtu) {
    const struct muster_path path = {
        .interface = WORLD_INTERFACE, .kind = MUSTER_PATH_M4, .name = "eth0", .mtu = mtu};
    assert_int_equal(world_paths(0, &path, 1), 0);
}

TEST(data_fits_the_mtu) {
    static const struct muster_record small = {.kind = MUSTER_VALUE_NUMBER, .number = 21.5};
    static const uint32_t mtus[] = {1500, 1420, 1280, 1228};
    world.on_sent = record_length;
    for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
        size_t before = delivered();
        set_mtu(mtus[i]);
        longest = 0;
        for (unsigned k = 0; k < 600; k++) {
            assert_int_equal(add(&small), 0);
        }
        muster_core_topic_flush(world.nodes[0].core, topic);
        world_tick(0);
        world_run(1000);
        assert_true(delivered() > before + 3);
        assert_in_range(longest, mtus[i] < 1428 ? mtus[i] - 28 - 64 : 1336,
                        mtus[i] < 1428 ? mtus[i] - 28 : 1400);
        assert_int_equal(field_got(1)->lost, 0);
    }
}

static bool fits_beside_nothing(size_t length) {
    const struct muster_record record = field_text(length);
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_run(100);
    return fits(&record);
}

/* By stream; and so does one that would fit another network. */
TEST(a_record_that_fits_no_datagram_goes_otherwise) {
    world.on_sent = record_length;
    longest = 0;
    set_mtu(1280);
    size_t fitting = 1300;
    while (!fits_beside_nothing(fitting)) {
        fitting--;
    }
    set_mtu(1228);
    assert_false(fits_beside_nothing(fitting));
    assert_true(fits_beside_nothing(fitting - (1280 - 1228)));
    world_run(100);
    assert_in_range(longest, 1280 - 28 - 64, 1280 - 28);
}

/* What was sealed, or was being filled, for the larger MTU is told as gone. */
TEST(what_is_too_long_when_the_mtu_shrinks_is_told_as_gone) {
    const struct muster_record large = field_text(1200);
    assert_int_equal(add(&large), 0);
    set_mtu(1280);
    longest = 0;
    world.on_sent = record_length;
    assert_int_equal(add(&one), 0);
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_tick(0);
    world_run(3000);
    assert_true(longest <= 1280 - 28);
    assert_int_equal(delivered(), 1);
    assert_int_equal(world_counters(0)->outputs_dropped, 1);
    assert_int_equal(field_feed(1).lost_gone, 1);
    assert_int_equal(field_feed(1).received, 1);
}

TEST(what_is_too_long_to_be_repaired_is_told_as_gone) {
    const struct muster_record large = field_text(1200);
    assert_int_equal(add(&one), 0);
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_tick(0);
    world_run(100);
    assert_int_equal(delivered(), 1);
    field_lose_for_ever(2);
    assert_int_equal(add(&large), 0);
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_tick(0);
    set_mtu(1280);
    field_lose(UINT64_MAX); /* nothing from now on */
    assert_int_equal(add(&one), 0);
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_tick(0);
    longest = 0;
    world.on_sent = record_length;
    world_run(3000);
    assert_true(longest <= 1280 - 28);
    assert_int_equal(delivered(), 2);
    assert_int_equal(field_feed(1).lost_gone, 1);
    assert_int_equal(field_feed(1).lost_wire, 0);
}

int main(void) {
    return test_run(begin, world_end);
}
