/* Telemetry and memory: each allocation fails once, and later data flows all the same; and data that flows
 * without loss asks for none. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "node.h"
#include "test.h"
#include "world.h"

/* Signatures that cost nothing. */
static int sign_nothing(void *context, const uint8_t *bytes, size_t length,
                        uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)bytes;
    (void)length;
    memset(signature, 0, MUSTER_SIGNATURE_BYTES);
    return 0;
}

static int believe(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                   const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)key;
    (void)bytes;
    (void)length;
    (void)signature;
    return 0;
}

static const struct muster_crypto cheap_crypto = {.sign = sign_nothing, .verify = believe};

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

static void begin_world(bool (*is_lost)(size_t, size_t, const struct muster_datagram *)) {
    world_begin(1);
    world.crypto = &cheap_crypto;
    world.on_arrival = on_arrival;
    world.is_lost = is_lost;
    samples = lost = records = 0;
    memset(last_seqs, 0, sizeof last_seqs);
}

/* ---- each allocation fails ---- */

static unsigned topics[2];
static const char *const names[2] = {"a/b", "a/climate"};
static unsigned lost_once;

/* One copy of each message is enough here; and some data is lost, but not its repairs. */
static bool is_superfluous_or_lost(size_t from, size_t to, const struct muster_datagram *datagram) {
    static const char *const unlucky[] = {"\"seq\":3}\n[", "\"seq\":4}\n[", "\"seq\":9}\n[",
                                          "\"seq\":20}\n["};
    if (from == to || datagram->destination.ip[0] == 255) {
        return true;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (memmem(datagram->bytes, datagram->length, unlucky[i], strlen(unlucky[i])) != NULL &&
            (lost_once & 1u << i) == 0) {
            lost_once |= 1u << i;
            return true;
        }
    }
    return false;
}

static void check_error(int error) {
    if (error != 0) {
        assert_int_equal(error, MUSTER_ENOMEM);
        assert_true(countdown_has_failed());
    }
}

static void open_topics(void) {
    const struct muster_text units[] = {{"temperature", "Cel"}, {"state", ""}};
    for (int i = 0; i < 2; i++) {
        const struct muster_topic described = {
            .name = names[i], .unit = i == 0 ? "W" : "", .units = units, .unit_count = i == 0 ? 0 : 1};
        int error = muster_core_topic_open(world.nodes[0].core, &described, &topics[i]);
        check_error(error);
        if (error != 0) {
            assert_int_equal(muster_core_topic_open(world.nodes[0].core, &described, &topics[i]), 0);
        }
    }
}

static void subscribe(bool newest) {
    static const char *const patterns[] = {"a/+", "a/climate/#"};
    const struct muster_subscription_options options = {
        .patterns = patterns, .pattern_count = 2, .newest = newest};
    unsigned number;
    int error = muster_core_subscribe(world.nodes[1].core, &options, &number);
    check_error(error);
    if (error != 0) {
        assert_int_equal(muster_core_subscribe(world.nodes[1].core, &options, &number), 0);
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
        struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
        world_step(0, &event);
        world_run(2);
    }
}

static void check_books(void) {
    for (size_t i = 0; i < world.count; i++) {
        const struct muster_counters *counters = muster_core_counters(world.nodes[i].core);
        uint64_t counted = counters->accepted + counters->copies;
        for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
            counted += counters->drops[drop];
        }
        assert_int_equal(counters->received, counted);
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

/* A publisher and a subscriber that know each other: from the first topic to the last repair. */
static void tell(void) {
    open_topics();
    world_run(1500); /* all has been announced, and is not again */
    subscribe(false);
    world_run(100);
    publish(30);
    world_run(200);
}

static uint64_t fail_at(unsigned long n) {
    lost_once = 0;
    begin_world(is_superfluous_or_lost);
    world_add("pub");
    world_add("sub");
    world_run(500);
    countdown_set(n);
    tell();
    uint64_t got = samples;
    bool has_failed = countdown_has_failed();
    countdown_set(0);
    check_books();
    world_run(4000);
    uint64_t before = samples;
    publish(20);
    world_run(100);
    assert_int_equal(samples - before, 40);
    check_feeds();
    check_books();
    return has_failed ? got : UINT64_MAX;
}

TEST(data_flows_after_any_failure) {
    unsigned long n = 0;
    uint64_t got = 0;
    uint64_t least = UINT64_MAX;
    while (got != UINT64_MAX) {
        least = got < least && n > 0 ? got : least;
        got = fail_at(++n);
    }
    print_message("%lu allocations, at least %llu of 60 samples\n", n - 1, (unsigned long long)least);
    assert_true(n > 100 && least >= 59); /* one failure costs one sample at most */
}

/* ---- none is needed ---- */

#define STEADY 100000

static uint64_t arrivals_of(muster_core_t *core) {
    struct muster_arrival arrival;
    uint64_t count = 0;
    while (muster_core_next_arrival(core, &arrival)) {
        on_arrival(1, &arrival);
        count++;
    }
    return count;
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
        arrivals_of(subscriber);
    }
}

static void begin_steady(void) {
    struct muster_core_options options;
    const struct muster_document document = {.name = "pub"};
    begin_world(NULL);
    world_add("pub");
    world_add("sub");
    world_options(0, &document, &options);
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
    check_books();
}

int main(void) {
    return test_run(NULL, world_end);
}
