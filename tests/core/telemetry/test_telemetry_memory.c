/* SPDX-License-Identifier: MIT */
/* Telemetry and memory: each allocation fails once, and later data flows all the same; and data that flows
 * without loss asks for none. */
#include <limits.h>
#include <string.h>

#include "countdown.h"
#include "limit.h"
#include "test.h"
#include "world.h"

/* What the subscriber got. */
static uint64_t samples;
static uint64_t lost;
static uint64_t last_seqs[MUSTER_SHARDS];
static uint64_t records;

static void read_body(const struct muster_sample *sample) {
    struct muster_pack pack;
    struct muster_record record;
    muster_pack_open(&pack, sample->body, sample->length, 1700000000);
    while (muster_pack_next(&pack, &record) == 1) {
        records++;
    }
    assert_null(muster_pack_fault(&pack, NULL));
}

static void on_arrival(size_t index, const struct muster_arrival *arrival) {
    (void)index;
    if (arrival->kind == MUSTER_ARRIVAL_LOSS) {
        lost += arrival->loss.last - arrival->loss.first + 1;
        return;
    }
    assert_true(arrival->sample.seq > last_seqs[arrival->sample.shard]);
    last_seqs[arrival->sample.shard] = arrival->sample.seq;
    samples++;
    read_body(&arrival->sample);
}

static void begin(void) {
    world_begin(1);
    world.crypto = &world_cheap_crypto;
    world.on_arrival = on_arrival;
    samples = lost = records = 0;
    memset(last_seqs, 0, sizeof last_seqs);
    world_add("pub");
    world_add("sub");
}

/* ---- each allocation fails ---- */

static unsigned topics[2];
static const char *const names[2] = {"a/b", "a/climate"};
static unsigned lost_once;

/* Some data is lost, but not its repairs. */
static bool lose_some(size_t from, size_t to, const struct muster_datagram *datagram) {
    static const char *const unlucky[] = {"\"seq\":3}\n[", "\"seq\":4}\n[", "\"seq\":9}\n[",
                                          "\"seq\":20}\n["};
    if (world_lose_copies(from, to, datagram)) {
        return true;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (datagram_has(datagram, unlucky[i]) && (lost_once & 1u << i) == 0) {
            lost_once |= 1u << i;
            return true;
        }
    }
    return false;
}

/* What is refused for want of memory is refused once. */
static bool is_refused(int error) {
    assert_true(error == 0 || (error == MUSTER_ENOMEM && countdown_has_failed()));
    return error != 0;
}

static void open_topics(void) {
    const struct muster_text units[] = {{"temperature", "Cel"}, {"state", ""}};
    for (int i = 0; i < 2; i++) {
        const struct muster_topic described = {
            .name = names[i], .unit = i == 0 ? "W" : "", .units = units, .unit_count = i == 0 ? 0 : 1};
        while (is_refused(muster_core_topic_open(world.nodes[0].core, &described, &topics[i]))) {
        }
    }
}

static void subscribe(bool newest) {
    static const char *const patterns[] = {"a/+", "a/climate/#"};
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = patterns, .pattern_count = 2, .newest = newest};
    unsigned number;
    while (is_refused(muster_core_subscribe(world.nodes[1].core, &options, &number))) {
    }
}

static void add(size_t index, const struct muster_record *record) {
    muster_core_t *core = world.nodes[0].core;
    assert_int_equal(muster_core_topic_add(core, topics[index], record, world.now_ms, 1700000000), 0);
    muster_core_topic_flush(core, topics[index]);
}

static void publish(int times) {
    const struct muster_record number = {.kind = MUSTER_VALUE_NUMBER, .number = 1, .unit = "W"};
    const struct muster_record text = {.kind = MUSTER_VALUE_TEXT, .name = "state", .text = "open"};
    for (int i = 0; i < times; i++) {
        add(0, &number);
        add(1, &text);
        world_tick(0);
        world_run(2);
    }
}

static void check_feeds(void) {
    struct muster_feed feeds[4];
    size_t count = muster_core_feeds(world.nodes[1].core, feeds, 4);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        const struct muster_feed *feed = &feeds[i];
        assert_int_equal(feed->received + feed->pending + feed->lost_wire + feed->lost_gone +
                             feed->lost_kernel + feed->lost_program,
                         feed->sent - feed->since + 1);
        assert_int_equal(feed->pending, 0);
    }
}

static uint64_t least; /* samples of a run in which an allocation failed */

/* A publisher and a subscriber that know each other: from the first topic to the last repair. */
static void tell(void *unused) {
    (void)unused;
    begin();
    world.is_lost = lose_some;
    lost_once = 0;
    world_run(500);
    countdown_begin();
    open_topics();
    world_run(1500); /* all has been announced, and is not again */
    subscribe(false);
    world_run(100);
    publish(30);
    world_run(200);
    least = countdown_end() && samples < least ? samples : least;
    world_run(4000);
    uint64_t before = samples;
    publish(20);
    world_run(100);
    assert_int_equal(samples - before, 40);
    check_feeds();
}

TEST(data_flows_after_any_failure) {
    least = UINT64_MAX;
    unsigned long allocations = countdown_walk(tell, NULL, 0);
    print_message("%lu allocations, at least %llu of 60 samples\n", allocations, (unsigned long long)least);
    assert_true(allocations > 100 && least >= 59); /* one failure costs one sample at most */
}

/* ---- none is needed ---- */

#define STEADY 100000

static void take_arrivals(muster_core_t *core) {
    struct muster_arrival arrival;
    while (muster_core_next_arrival(core, &arrival)) {
        on_arrival(1, &arrival);
    }
}

/* What the publisher sends goes to the subscriber, without the world, whose flights are memory. */
static void carry(void) {
    muster_core_t *publisher = world.nodes[0].core;
    muster_core_t *subscriber = world.nodes[1].core;
    struct muster_output output;
    while (muster_core_next(publisher, &output)) {
        assert_int_equal(output.kind, MUSTER_OUTPUT_DATAGRAM);
        struct muster_event event = {
            .kind = MUSTER_EVENT_DATAGRAM, .now_ms = world.now_ms, .datagram = output.datagram};
        event.datagram.source = world.nodes[0].endpoint;
        assert_int_equal(muster_core_step(subscriber, &event), 0);
        take_arrivals(subscriber);
    }
}

static void begin_steady(void) {
    begin();
    struct muster_core_options options = world_options(0);
    options.rate_bytes_s = MUSTER_RATE_BYTES_S_MAX;
    options.ring_bytes = MUSTER_RING_BYTES_DEFAULT;
    world_start(0, &options);
    open_topics();
    subscribe(false);
    subscribe(true);
    world_run(3000);
    publish(10); /* what is learnt once */
    world_run(100);
}

/* each: datagrams of a topic in a row. */
static unsigned long allocations_of(uint64_t each, bool in_batches) {
    const struct muster_record readings[] = {
        {.kind = MUSTER_VALUE_NUMBER, .number = 21.5, .unit = "W"},
        {.kind = MUSTER_VALUE_TEXT, .name = "state", .text = "open"},
        {.kind = MUSTER_VALUE_NUMBER, .name = "temperature", .number = 3.25, .unit = "Cel"}};
    muster_core_t *core = world.nodes[0].core;
    uint64_t before = samples;
    countdown_set(ULONG_MAX); /* counts what cJSON asks for as well */
    unsigned long allocations = countdown_count();
    for (uint64_t i = 0; i < STEADY; i++) {
        unsigned topic = topics[i / each % 2];
        const struct muster_record *record = &readings[topic == topics[0] ? 0 : 1 + i % 2];
        assert_int_equal(muster_core_topic_add(core, topic, record, world.now_ms, 1700000000), 0);
        muster_core_topic_flush(core, topic);
        if (!in_batches || muster_core_has_batch(core)) {
            carry();
        }
    }
    carry();
    allocations = countdown_count() - allocations;
    countdown_set(0);
    assert_int_equal(samples - before, STEADY);
    return allocations;
}

TEST(data_needs_no_memory) {
    begin_steady();
    assert_int_equal(allocations_of(1, false), 0);
    assert_int_equal(allocations_of(64, true), 0);
    assert_int_equal(allocations_of(3, true), 0);
    assert_int_equal(lost, 0);
    assert_true(records >= 3 * STEADY);
    check_feeds();
}

int main(void) {
    return test_run(NULL, world_end);
}
