/* What others may do to a publisher and a subscriber: numbers out of reach, wrong addresses, old boots, naks
 * by the thousand, broken batches. Nothing is delivered that was not sent, work and memory stay bounded,
 * every datagram is counted once, and afterwards data flows as before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "countdown.h"
#include "node.h"
#include "signal.h"
#include "world.h"

#define TOPIC "a/b"
#define BIGGEST 9007199254740991

static struct world world;
static unsigned topic;

/* What the subscriber got, in order. */
static uint64_t seqs[100000];
static size_t count;
static uint64_t lost;
static char last_body[MUSTER_DATAGRAM_BYTES_MAX + 1];

static void on_arrival(struct world *unused, size_t index, const struct muster_arrival *arrival) {
    (void)unused;
    if (index != 1) {
        return;
    }
    if (arrival->kind == MUSTER_ARRIVAL_LOSS) {
        lost += arrival->loss.last - arrival->loss.first + 1;
        return;
    }
    assert_true(count < sizeof seqs / sizeof *seqs);
    seqs[count++] = arrival->sample.seq;
    snprintf(last_body, sizeof last_body, "%.*s", (int)arrival->sample.length, arrival->sample.body);
}

static unsigned open_topic(size_t index, const char *name) {
    const struct muster_topic described = {.name = name};
    unsigned number;
    assert_int_equal(muster_core_topic_open(world.nodes[index].core, &described, &number), 0);
    return number;
}

static void publish(size_t times) {
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 1};
    for (size_t i = 0; i < times; i++) {
        assert_int_equal(muster_core_topic_add(world.nodes[0].core, topic, &record, world.now_ms, 1700000000),
                         0);
        muster_core_topic_flush(world.nodes[0].core, topic);
        struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
        world_step(&world, 0, &event);
        world_run(&world, 1);
    }
}

static void subscribe(size_t index, const char *pattern) {
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1};
    unsigned number;
    assert_int_equal(muster_core_subscribe(world.nodes[index].core, &options, &number), 0);
}

static int begin_named(const char *publisher) {
    world_init(&world, 3);
    count = 0;
    lost = 0;
    world.on_arrival = on_arrival;
    world_add(&world, publisher);
    world_add(&world, "sub");
    topic = open_topic(0, TOPIC);
    subscribe(1, "a/#");
    world_run(&world, 3000);
    world_story(&world);
    publish(5);
    assert_int_equal(count, 5);
    return 0;
}

static int begin(void **state) {
    (void)state;
    return begin_named("pub");
}

static int begin_unsigned(void **state) {
    (void)state;
    return begin_named("pub!");
}

static int end(void **state) {
    (void)state;
    countdown_set(0);
    world_deinit(&world);
    return 0;
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

static struct muster_feed feed_of(size_t index) {
    struct muster_feed feed;
    assert_int_equal(muster_core_feeds(world.nodes[index].core, &feed, 1), 1);
    assert_int_equal(feed.received + feed.pending + feed.lost_wire + feed.lost_gone + feed.lost_kernel +
                         feed.lost_program,
                     feed.sent - feed.since + 1);
    return feed;
}

/* What is published now arrives, all of it. */
static void check_flows(void) {
    world_run(&world, 1500);
    size_t before = count;
    publish(20);
    world_run(&world, 100);
    assert_int_equal(count - before, 20);
    feed_of(1);
    check_books();
}

/* The same where there are other feeds. */
static void check_flows_of_one(void) {
    world_run(&world, 1500);
    size_t before = count;
    publish(20);
    world_run(&world, 100);
    assert_int_equal(count - before, 20);
    check_books();
}

/* ---- saying something in another's name ---- */

static const char *id_of(size_t index) {
    static char text[MUSTER_ID_TEXT_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[index].core, id);
    muster_id_text(id, text);
    return text;
}

static uint64_t boot_of(size_t index) {
    return muster_core_boot(world.nodes[index].core);
}

/* From the publisher's own address, to a shard's group, or, 16, that for naks. */
static struct muster_datagram datagram_of(const void *bytes, size_t length, unsigned group) {
    return (struct muster_datagram){
        .bytes = bytes,
        .length = length,
        .source = world.nodes[0].endpoint,
        .destination = {.family = 4,
                        .ip = {239, 255, 77, (uint8_t)(group == 16 ? 15 : 16 + group)},
                        .port = 19796},
        .interface = WORLD_INTERFACE,
        .ttl = 1};
}

static void say_from(const char *text, unsigned group, const struct muster_endpoint *source, size_t to) {
    struct muster_datagram datagram = datagram_of(text, strlen(text), group);
    datagram.source = source == NULL ? datagram.source : *source;
    world_inject(&world, to, &datagram);
    world_run(&world, 1);
}

static void data_text(char text[MUSTER_DATAGRAM_BYTES_MAX], const char *name, uint64_t boot, uint64_t seq,
                      const char *body) {
    snprintf(text, MUSTER_DATAGRAM_BYTES_MAX,
             "{\"muster\":1,\"kind\":\"data\",\"id\":\"%s\",\"boot\":%llu,\"topic\":\"%s\",\"shard\":%u,"
             "\"seq\":%llu}\n%s\n",
             id_of(0), (unsigned long long)boot, name, muster_topic_shard(name), (unsigned long long)seq,
             body);
}

static void say_data(uint64_t boot, uint64_t seq, const struct muster_endpoint *source) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    data_text(text, TOPIC, boot, seq, "[]");
    say_from(text, 1, source, 1);
}

static void say_tail(uint64_t oldest, uint64_t seq) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"tail\",\"id\":\"%s\",\"boot\":%llu,\"shard\":1,\"oldest\":%llu,"
             "\"seq\":%llu}\n",
             id_of(0), (unsigned long long)boot_of(0), (unsigned long long)oldest, (unsigned long long)seq);
    say_from(text, 1, NULL, 1);
}

static void nak_text(char text[MUSTER_DATAGRAM_BYTES_MAX], uint64_t of_boot, const char *missing) {
    snprintf(
        text, MUSTER_DATAGRAM_BYTES_MAX,
        "{\"muster\":1,\"kind\":\"nak\",\"id\":\"00000000000000000000000000000001\",\"boot\":1,\"of\":\"%s\","
        "\"of_boot\":%llu,\"shard\":1,\"missing\":[%s]}\n",
        id_of(0), (unsigned long long)of_boot, missing);
}

static void say_nak_to(size_t to, uint64_t of_boot, const char *missing) {
    static const struct muster_endpoint somebody = {.family = 4, .ip = {10, 0, 0, 99}, .port = 5};
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    nak_text(text, of_boot, missing);
    say_from(text, 16, &somebody, to);
}

static void say_nak(uint64_t of_boot, const char *missing) {
    say_nak_to(0, of_boot, missing);
}

static uint64_t drops(enum muster_drop reason) {
    return world_drops(&world, 1, reason);
}

static const struct muster_sender *sender(void) {
    return muster_core_sender(world.nodes[0].core);
}

/* ---- tails ---- */

static void a_tail_far_ahead_is_not_believed(void **state) {
    (void)state;
    say_tail(1, BIGGEST);
    say_tail(BIGGEST, BIGGEST);
    assert_int_equal(feed_of(1).sent, 5);
    assert_int_equal(lost, 0);
    check_flows();
    assert_int_equal(lost, 0);
}

static void a_tail_that_contradicts_itself_is_dropped(void **state) {
    (void)state;
    say_tail(7, 5);
    say_tail(BIGGEST, 5);
    assert_int_equal(drops(MUSTER_DROP_RANGE), 2);
    assert_int_equal(feed_of(1).sent, 5);
    check_flows();
}

/* A tail says more than was sent: it is waited for, in vain, and what is sent then is not taken for it. */
static void a_forged_tail_is_got_over(void **state) {
    (void)state;
    say_tail(1, 1000);
    assert_int_equal(feed_of(1).pending, 995);
    world_run(&world, 8000);
    assert_int_equal(lost, 995);
    check_flows();
}

/* ---- data ---- */

static void a_number_out_of_reach_is_dropped(void **state) {
    (void)state;
    say_data(boot_of(0), BIGGEST, NULL);
    say_data(boot_of(0), 100000000000, NULL);
    assert_int_equal(drops(MUSTER_DROP_RANGE), 2);
    assert_int_equal(feed_of(1).sent, 5);
    check_flows();
}

/* As far ahead as is believed, with everything between given up: the feed is deaf until the publisher has
 * said twice how far it really is. */
static void a_forged_number_is_got_over(void **state) {
    (void)state;
    world_run(&world, 1000);
    say_data(boot_of(0), 5000000, NULL);
    assert_int_equal(feed_of(1).sent, 5000000);
    world_run(&world, 8000);
    check_flows();
    assert_int_equal(feed_of(1).sent, 25);
}

static void data_from_elsewhere_is_not_taken(void **state) {
    const struct muster_endpoint other_port = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19799};
    const struct muster_endpoint other_address = {.family = 4, .ip = {10, 0, 0, 66}, .port = 19798};
    (void)state;
    say_data(boot_of(0), 6, &other_port);
    say_data(boot_of(0), 6, &other_address);
    assert_int_equal(drops(MUSTER_DROP_UNKNOWN), 2);
    assert_int_equal(count, 5);
    check_flows();
}

static void data_of_another_start_is_not_taken(void **state) {
    (void)state;
    world_kill(&world, 0);
    struct muster_core_options options;
    const struct muster_document document = {.name = "pub"};
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    topic = open_topic(0, TOPIC);
    world_run(&world, 3000);
    uint64_t stale = drops(MUSTER_DROP_STALE);
    uint64_t unknown = drops(MUSTER_DROP_UNKNOWN);
    say_data(boot_of(0) - 1, 6, NULL);
    assert_int_equal(drops(MUSTER_DROP_STALE), stale + 1);
    say_data(boot_of(0) + 1, 6, NULL);
    assert_int_equal(drops(MUSTER_DROP_UNKNOWN), unknown + 1);
    assert_int_equal(count, 5);
    check_flows();
}

/* What is known by heart is of one start: the beginning differs for the next one. */
static void a_restart_is_asked_for_and_heard(void **state) {
    (void)state;
    world_kill(&world, 0);
    struct muster_core_options options;
    const struct muster_document document = {.name = "pub"};
    world_options(&world, 0, &document, &options);
    world_start(&world, 0, &options);
    topic = open_topic(0, TOPIC);
    publish(1000);
    world_run(&world, 100);
    assert_true(count > 5 + 400);
    assert_int_equal(seqs[count - 1], 1000);
    check_flows();
}

static void the_wrong_group_is_dropped(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    data_text(text, "a", boot_of(0), 6, "[]");
    say_from(text, 1, NULL, 1);
    assert_int_equal(drops(MUSTER_DROP_PATH), 1);
    data_text(text, TOPIC, boot_of(0), 6, "[]");
    say_from(text, 16, NULL, 1);
    assert_int_equal(drops(MUSTER_DROP_PATH), 2);
    nak_text(text, boot_of(0), "[1,1]");
    say_from(text, 1, NULL, 1);
    assert_int_equal(drops(MUSTER_DROP_PATH), 3);
    char *shard = strstr(text, "\"shard\":1,");
    shard[8] = '2';
    say_from(text, 2, NULL, 1);
    assert_int_equal(drops(MUSTER_DROP_PATH), 4);
    assert_int_equal(count, 5);
    check_flows();
}

static void the_wrong_shard_is_dropped(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    data_text(text, TOPIC, boot_of(0), 6, "[]");
    char *shard = strstr(text, "\"shard\":1,");
    shard[8] = '2';
    say_from(text, 2, NULL, 1);
    assert_int_equal(drops(MUSTER_DROP_RANGE), 1);
    check_flows();
}

static void another_interface_is_dropped(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    data_text(text, TOPIC, boot_of(0), 6, "[]");
    struct muster_datagram datagram = datagram_of(text, strlen(text), 1);
    datagram.interface = WORLD_INTERFACE + 1;
    world_inject(&world, 1, &datagram);
    world_run(&world, 1);
    assert_int_equal(drops(MUSTER_DROP_PATH), 1);
    assert_int_equal(count, 5);
    check_flows();
}

/* It is white space to who reads the pack, and nobody else looks. */
static void a_body_may_be_anything(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    data_text(text, TOPIC, boot_of(0), 6, "[\n{\"bn\":\"a/b\",\n\"v\":1}]");
    say_from(text, 1, NULL, 1);
    assert_int_equal(count, 6);
    struct muster_pack pack;
    struct muster_record record;
    muster_pack_open(&pack, last_body, strlen(last_body), 1700000000);
    assert_int_equal(muster_pack_next(&pack, &record), 1);
    assert_string_equal(record.name, TOPIC);
    assert_int_equal(muster_pack_next(&pack, &record), 0);
    data_text(text, TOPIC, boot_of(0), 7, "\x01\xff}{");
    say_from(text, 1, NULL, 1);
    data_text(text, TOPIC, boot_of(0), 8, "");
    say_from(text, 1, NULL, 1);
    assert_int_equal(count, 8);
    assert_string_equal(last_body, "");
    check_books();
}

/* More topics than are known by heart, in the form of somebody else. */
static void many_headers_are_taken(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    char name[32];
    uint64_t seq = 6;
    (void)state;
    for (unsigned i = 0; seq < 6 + 3 * MUSTER_HEADERS_MAX; i++) {
        snprintf(name, sizeof name, "a/%u", i);
        if (muster_topic_shard(name) == 1) {
            data_text(text, name, boot_of(0), seq++, "[]");
            say_from(text, 1, NULL, 1);
        }
    }
    assert_int_equal(count, seq - 1);
    const struct feed *feed = world.nodes[1].core->subscriber.feeds.all;
    assert_int_equal(feed->header_count, MUSTER_HEADERS_MAX);
    check_books();
}

/* All headers are of what is held: who comes with one more ends the waiting for what is missing. */
static void headers_in_use_are_not_pushed_out(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    char name[32];
    uint64_t seq = 7;
    (void)state;
    for (unsigned i = 0; seq < 7 + MUSTER_HEADERS_MAX + 5; i++) {
        snprintf(name, sizeof name, "a/%u", i);
        if (muster_topic_shard(name) == 1) {
            data_text(text, name, boot_of(0), seq++, "[]");
            struct muster_datagram datagram = datagram_of(text, strlen(text), 1);
            world_inject(&world, 1, &datagram);
        }
    }
    world_run(&world, 1);
    assert_int_equal(drops(MUSTER_DROP_MEMORY), 0);
    assert_int_equal(count, 5 + MUSTER_HEADERS_MAX + 5);
    assert_int_equal(lost, 1);
    check_books();
}

/* ---- batches ---- */

static size_t put_data(char *bytes, size_t segment, uint64_t seq) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    data_text(text, TOPIC, boot_of(0), seq, "[]");
    size_t length = strlen(text);
    memset(bytes, ' ', segment);
    memcpy(bytes, text, length - 1);
    bytes[segment - 1] = '\n';
    return segment;
}

static void say_batch(const char *bytes, size_t length, size_t segment) {
    struct muster_datagram datagram = datagram_of(bytes, length, 1);
    datagram.segment = segment;
    world_inject(&world, 1, &datagram);
    world_run(&world, 1);
}

/* One of a batch is broken, in whatever way: the others are delivered, and it is asked for. */
static void a_broken_datagram_takes_none_along(void **state) {
    enum { SEGMENT = 160, SEGMENTS = 10 };
    char bytes[SEGMENT * SEGMENTS];
    (void)state;
    for (uint64_t i = 0; i < SEGMENTS; i++) {
        put_data(bytes + i * SEGMENT, SEGMENT, 6 + i);
    }
    memset(bytes + 3 * SEGMENT, 'x', SEGMENT);
    bytes[5 * SEGMENT + SEGMENT - 1] = ' ';
    memcpy(bytes + 7 * SEGMENT, "{\"muster\":1,\"kind\":\"tail\"}\n", 27);
    say_batch(bytes, sizeof bytes - 20, SEGMENT); /* and the last one is cut short */
    assert_int_equal(drops(MUSTER_DROP_TRUNCATED), 3);
    assert_int_equal(drops(MUSTER_DROP_SYNTAX) + drops(MUSTER_DROP_MISSING), 1);
    assert_int_equal(count, 8); /* 6, 7, 8; the rest is held */
    say_data(boot_of(0), 9, NULL);
    say_data(boot_of(0), 11, NULL);
    say_data(boot_of(0), 13, NULL);
    assert_int_equal(count, 14);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seqs[i], i + 1);
    }
    check_books();
}

static void long_segments_are_dropped_each(void **state) {
    static char bytes[3 * (MUSTER_DATAGRAM_BYTES_MAX + 1)];
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        put_data(bytes + i * (MUSTER_DATAGRAM_BYTES_MAX + 1), MUSTER_DATAGRAM_BYTES_MAX + 1, 6 + i);
    }
    say_batch(bytes, sizeof bytes, MUSTER_DATAGRAM_BYTES_MAX + 1);
    assert_int_equal(drops(MUSTER_DROP_TOO_LONG), 3);
    say_batch(bytes, sizeof bytes, 0);
    assert_int_equal(drops(MUSTER_DROP_TOO_LONG), 4);
    for (uint64_t i = 0; i < 3; i++) {
        put_data(bytes + i * MUSTER_DATAGRAM_BYTES_MAX, MUSTER_DATAGRAM_BYTES_MAX, 6 + i);
    }
    say_batch(bytes, 3 * MUSTER_DATAGRAM_BYTES_MAX, MUSTER_DATAGRAM_BYTES_MAX);
    assert_int_equal(count, 8);
    check_books();
}

static void an_empty_batch_is_nothing(void **state) {
    (void)state;
    say_batch("", 0, 0);
    say_batch("", 0, 100);
    check_flows();
}

/* ---- naks ---- */

static void naks_for_what_was_not_sent_earn_nothing(void **state) {
    (void)state;
    say_nak(boot_of(0), "[6,6]");
    say_nak(boot_of(0), "[6,9007199254740991]");
    say_nak(boot_of(0), "[9007199254740991,9007199254740991]");
    say_nak(boot_of(0) + 1, "[1,5]");
    say_nak(boot_of(0), "[1,9007199254740992]");
    world_run(&world, 200);
    assert_int_equal(sender()->repairs, 0);
    assert_int_equal(sender()->naks, 3);
    assert_int_equal(sender()->naks_refused, 3);
    assert_int_equal(world_drops(&world, 0, MUSTER_DROP_RANGE), 1);
    check_flows();
}

static void each_is_repaired_once_however_often_it_is_named(void **state) {
    char missing[1200] = "[1,5]";
    (void)state;
    for (int i = 1; i < MUSTER_NAK_RANGES_MAX; i++) {
        strcat(missing, i % 2 == 0 ? ",[2,4]" : ",[1,5]");
    }
    say_nak(boot_of(0), missing);
    world_run(&world, 5);
    assert_int_equal(sender()->repairs, 5);
    say_nak(boot_of(0), missing);
    assert_int_equal(sender()->repairs, 5); /* too soon */
    assert_int_equal(sender()->naks_refused, 1);
    world_run(&world, MUSTER_REPAIR_SPACING_MS);
    say_nak(boot_of(0), "[5,9007199254740991],[1,2]");
    world_run(&world, 5);
    assert_int_equal(sender()->repairs, 8);
    check_flows();
}

/* Whoever forges thousands of addresses gets no more than the repairs' share, and the data flows on. */
static void thousands_of_askers_share_the_share(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    publish(2000);
    uint64_t before = sender()->repair_bytes;
    uint64_t begin_ms = world.now_ms;
    size_t begin_count = count;
    nak_text(text, boot_of(0), "[1,2000],[1000,2000],[1,9007199254740991]");
    for (unsigned i = 0; i < 20000; i++) {
        struct muster_datagram datagram = datagram_of(text, strlen(text), 16);
        datagram.source = (struct muster_endpoint){
            .family = 4, .ip = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}, .port = (uint16_t)(1024 + i % 5000)};
        world_inject(&world, 0, &datagram);
        if (i % 20 == 0) {
            publish(1);
        }
    }
    uint64_t rate = MUSTER_RATE_BYTES_S / 1000;
    assert_true(sender()->repair_bytes - before <= (world.now_ms - begin_ms) * rate + 2 * MUSTER_BURST_BYTES);
    assert_true(world.nodes[0].core->sender.repair_count <= MUSTER_REPAIRS_MAX);
    world_run(&world, 100);
    assert_int_equal(count - begin_count, 1000);
    check_flows();
}

/* Others' naks put off ours, and the gap is repaired all the same: the publisher heard them too. */
static void overheard_naks_of_any_shape(void **state) {
    char missing[1200] = "[7,7]";
    (void)state;
    say_data(boot_of(0), 500, NULL);
    for (int i = 1; i < MUSTER_NAK_RANGES_MAX; i++) {
        char range[32];
        snprintf(range, sizeof range, ",[%d,%d]", 7 + 6 * i, 7 + 6 * i + i % 9);
        strcat(missing, range);
    }
    for (int i = 0; i < 50; i++) {
        say_nak_to(1, boot_of(0), missing);
        say_nak_to(1, boot_of(0), "[1,9007199254740991]");
        say_nak_to(1, boot_of(0) + 1, "[1,500]");
        feed_of(1);
    }
    assert_true(world.nodes[1].core->subscriber.feeds.all->gap_count <= MUSTER_GAPS_HEARSAY_MAX);
    world_run(&world, 8000);
    check_flows();
}

static bool lose_each_50th_once(struct world *unused, size_t from, size_t to,
                                const struct muster_datagram *datagram) {
    static uint64_t highest;
    (void)unused;
    if (from != 0 || to != 1 || memmem(datagram->bytes, datagram->length, "\"data\"", 6) == NULL) {
        return false;
    }
    const char *at = memmem(datagram->bytes, datagram->length, "\"seq\":", 6);
    uint64_t seq = strtoull(at + strlen("\"seq\":"), NULL, 10);
    bool is_new = seq > highest || seq + 1000 < highest;
    highest = is_new ? seq : highest;
    return is_new && seq % 50 == 0;
}

/* The publisher sends no more of it. */
static void of_a_nak_so_many_numbers_count(void **state) {
    (void)state;
    say_data(boot_of(0), 2000, NULL);
    say_nak_to(1, boot_of(0), "[1,9007199254740991],[1900,1900]");
    const struct feed *feed = world.nodes[1].core->subscriber.feeds.all;
    assert_int_equal(feed->gap_count, 2);
    assert_true(feed->gaps[0].is_asked);
    assert_int_equal(feed->gaps[0].last, MUSTER_NAK_SEQS_MAX);
    assert_false(feed->gaps[1].is_asked);
}

/* Whoever asks for everything again and again, and is refused, keeps nobody from asking. */
static void a_nak_for_everything_silences_nobody(void **state) {
    (void)state;
    world.is_lost = lose_each_50th_once;
    for (unsigned i = 0; i < 3000; i++) {
        publish(1);
        if (i % 10 == 0) {
            say_nak_to(0, boot_of(0), "[1,9007199254740991]");
            say_nak_to(1, boot_of(0), "[1,9007199254740991]");
        }
    }
    world_run(&world, 3000);
    assert_int_equal(lost, 0);
    assert_in_range(feed_of(1).repaired, 55, 60); /* some come unasked */
    assert_int_equal(count, 3005);
    world.is_lost = NULL;
    check_flows();
}

/* ---- floods ---- */

/* Data of strangers at a rate that no address is allowed: counted, and nothing kept of it. */
static void a_flood_of_strangers_changes_nothing(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    size_t rows = world_rows(&world, 1, MUSTER_ALIVE);
    uint64_t received = muster_core_counters(world.nodes[1].core)->received;
    for (unsigned i = 0; i < 30000; i++) {
        const struct muster_endpoint stranger = {
            .family = 4, .ip = {10, 2, 0, (uint8_t)(i % 3)}, .port = (uint16_t)(1024 + i % 50000)};
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"data\",\"id\":\"%032x\",\"boot\":1,\"topic\":\"a/"
                 "b\",\"shard\":1,\"seq\":%u}\n[]\n",
                 i, i + 1);
        struct muster_datagram datagram = datagram_of(text, strlen(text), 1);
        datagram.source = stranger;
        world_inject(&world, 1, &datagram);
        if (i % 100 == 99) {
            publish(1);
        }
    }
    assert_int_equal(count, 5 + 300);
    assert_true(drops(MUSTER_DROP_FLOOD) > 10000);
    assert_true(drops(MUSTER_DROP_FLOOD) + drops(MUSTER_DROP_UNKNOWN) >= 30000);
    assert_true(muster_core_counters(world.nodes[1].core)->received - received >= 30300);
    assert_int_equal(world_rows(&world, 1, MUSTER_ALIVE), rows);
    assert_int_equal(muster_core_counters(world.nodes[1].core)->evicted, 0);
    assert_int_equal(world.nodes[1].core->subscriber.feeds.count, 1);
    check_flows();
}

/* A publisher that is not known yet sends at full rate: that must not keep it from becoming known. */
static void a_loud_stranger_is_introduced(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    const struct muster_endpoint loud = {.family = 4, .ip = {10, 0, 0, 3}, .port = 19798};
    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"data\",\"id\":\"%032x\",\"boot\":1,\"topic\":\"a/"
                 "b\",\"shard\":1,\"seq\":%u}\n[]\n",
                 77, i + 1);
        struct muster_datagram datagram = datagram_of(text, strlen(text), 1);
        datagram.source = loud;
        world_inject(&world, 1, &datagram);
        if (i % 20 == 19) {
            world_run(&world, 1);
        }
        if (i == 40000) {
            world_add(&world, "loud"); /* at that address */
        }
    }
    assert_true(drops(MUSTER_DROP_FLOOD) > 10000);
    struct muster_peer row;
    assert_true(world_row(&world, 1, "loud", &row));
    check_flows();
}

/* ---- two addresses of one publisher ---- */

/* Who has two interfaces here sends each datagram from two addresses: both vouch once they have answered, and
 * nobody is asked again and again. */
static void copies_from_another_address_are_copies(void **state) {
    const struct muster_endpoint second = {.family = 4, .ip = {10, 0, 0, 201}, .port = 19798};
    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        publish(1);
        say_data(boot_of(0), 6 + i, &second);
    }
    /* Nobody answers there: it is asked for a proof, a few times, and not believed. */
    assert_int_equal(count, 2005);
    assert_true(drops(MUSTER_DROP_UNKNOWN) >= 1900);
    assert_true(muster_core_counters(world.nodes[1].core)->questions < 30);
    check_flows();
}

static void copies_of_an_unverified_publisher_ask_nobody(void **state) {
    const struct muster_endpoint second = {.family = 4, .ip = {10, 0, 0, 201}, .port = 19798};
    (void)state;
    uint64_t questions = muster_core_counters(world.nodes[1].core)->questions;
    for (unsigned i = 0; i < 2000; i++) {
        publish(1);
        say_data(boot_of(0), 6 + i, &second);
    }
    assert_int_equal(count, 2005);
    assert_int_equal(muster_core_counters(world.nodes[1].core)->questions, questions);
    check_flows();
}

static void a_proven_address_vouches_too(void **state) {
    const struct muster_endpoint second = {.family = 4, .ip = {10, 0, 0, 201}, .port = 19798};
    (void)state;
    struct peer *peer = peer_table_find(&world.nodes[1].core->table, world.nodes[0].core->identity.id);
    struct muster_datagram answer = {
        .source = second, .destination = world.nodes[1].endpoint, .interface = WORLD_INTERFACE};
    assert_int_equal(peer_reserve_evidence(peer), 0);
    peer_add_evidence(peer, &answer, EVIDENCE_PROOF, world.now_ms);
    say_data(boot_of(0), 6, &second);
    assert_int_equal(count, 6);
    say_data(boot_of(0), 6, NULL);
    assert_int_equal(count, 6);
    assert_int_equal(feed_of(1).duplicates, 1);
    assert_int_equal(drops(MUSTER_DROP_UNKNOWN), 0);
    check_books();
}

/* Its second address, which has answered. */
static void prove(const struct muster_endpoint *source) {
    struct peer *peer = peer_table_find(&world.nodes[1].core->table, world.nodes[0].core->identity.id);
    struct muster_datagram answer = {
        .source = *source, .destination = world.nodes[1].endpoint, .interface = WORLD_INTERFACE};
    assert_int_equal(peer_reserve_evidence(peer), 0);
    peer_add_evidence(peer, &answer, EVIDENCE_PROOF, world.now_ms);
}

/* The row is heard from another address than the data: that is read at full rate all the same. */
static void data_is_heard_where_it_came_from(void **state) {
    const struct muster_endpoint second = {.family = 4, .ip = {10, 0, 0, 201}, .port = 19798};
    struct peer *peer = peer_table_find(&world.nodes[1].core->table, world.nodes[0].core->identity.id);
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    uint64_t seq = 6;
    (void)state;
    prove(&second);
    prove(&world.nodes[0].endpoint);
    world.nodes[0].is_stopped = true; /* it would say that it did not send so much */
    for (unsigned i = 0; i < 1000; i++) {
        peer->address = second;
        say_data(boot_of(0), seq - 1, &second); /* and a copy */
        assert_int_equal(world.nodes[1].core->subscriber.feeds.all->source.ip[3], 1);
        for (unsigned k = 0; k < 10; k++) {
            data_text(text, TOPIC, boot_of(0), seq++, "[]");
            struct muster_datagram datagram = datagram_of(text, strlen(text), 1);
            world_inject(&world, 1, &datagram);
        }
        world_run(&world, 1);
    }
    assert_int_equal(count, 5 + 10000);
    assert_int_equal(drops(MUSTER_DROP_FLOOD), 0);
    const struct feed *feed = world.nodes[1].core->subscriber.feeds.all;
    assert_int_equal(feed->source.ip[3], 1);
    world_run(&world, MUSTER_FEED_MOVE_MS);
    say_data(boot_of(0), seq, &second);
    assert_int_equal(feed->source.ip[3], 201);
    assert_int_equal(count, 5 + 10000 + 1);
    check_books();
}

static void naks_leave_where_data_comes(void **state) {
    const struct muster_path paths[2] = {
        {.interface = WORLD_INTERFACE, .kind = MUSTER_PATH_M4, .name = "one"},
        {.interface = WORLD_INTERFACE + 1, .kind = MUSTER_PATH_M4, .name = "two"}};
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    assert_int_equal(world_paths(&world, 1, paths, 2), 0);
    world_run(&world, 1500); /* there are tails until then */
    data_text(text, TOPIC, boot_of(0), 7, "[]");
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                 .now_ms = world.now_ms,
                                 .datagram = datagram_of(text, strlen(text), 1)};
    event.datagram.interface = WORLD_INTERFACE + 1;
    muster_core_t *core = world.nodes[1].core;
    assert_int_equal(muster_core_step(core, &event), 0);
    struct muster_arrival arrival;
    assert_false(muster_core_next_arrival(core, &arrival));
    struct muster_event timer = {.kind = MUSTER_EVENT_TIMER, .now_ms = world.now_ms + MUSTER_NAK_T_MS + 1};
    assert_int_equal(muster_core_step(core, &timer), 0);
    struct muster_output output;
    bool has_asked = false;
    while (muster_core_next(core, &output)) {
        if (output.kind == MUSTER_OUTPUT_DATAGRAM && output.datagram.destination.ip[3] == 15) {
            assert_int_equal(output.datagram.interface, WORLD_INTERFACE + 1);
            has_asked = true;
        }
    }
    assert_true(has_asked);
}

/* ---- what nobody wants ---- */

/* Another's topic shares the shard: it is heard, and nothing of it is asked for. */
static bool lose_half(struct world *one, size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to;
    return from == 2 && datagram->destination.ip[0] == 239 && one->sent % 2 == 0;
}

static void nothing_is_asked_of_topics_that_nobody_wants(void **state) {
    char name[32];
    unsigned number = 0;
    (void)state;
    world_add(&world, "other");
    do {
        snprintf(name, sizeof name, "x/%u", number++);
    } while (muster_topic_shard(name) != 1);
    unsigned other = open_topic(2, name);
    world_run(&world, 3000);
    world.is_lost = lose_half;
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 1};
    for (int i = 0; i < 200; i++) {
        assert_int_equal(muster_core_topic_add(world.nodes[2].core, other, &record, world.now_ms, 1700000000),
                         0);
        muster_core_topic_flush(world.nodes[2].core, other);
        struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
        world_step(&world, 2, &event);
        world_run(&world, 1);
    }
    world_run(&world, 3000);
    assert_int_equal(world.naks, 0);
    assert_int_equal(count, 5);
    subscribe(1, "x/#");
    world.is_lost = NULL;
    world_run(&world, 100);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(muster_core_topic_add(world.nodes[2].core, other, &record, world.now_ms, 1700000000),
                         0);
        muster_core_topic_flush(world.nodes[2].core, other);
        world_run(&world, 10);
    }
    world_run(&world, 100);
    assert_int_equal(count, 15);
    struct muster_feed feeds[2];
    assert_int_equal(muster_core_feeds(world.nodes[1].core, feeds, 2), 2);
    assert_int_equal(feeds[1].received, 10);
    assert_int_equal(feeds[1].sent - feeds[1].since + 1, 10);
    check_books();
}

/* ---- who does not pull ---- */

/* A subscription in order and one of the newest: what was given to one of them early, and not taken, has its
 * turn yet, and is counted once. */
static void what_is_not_pulled_is_counted_once(void **state) {
    static char texts[4][MUSTER_DATAGRAM_BYTES_MAX]; /* stay until they are pulled */
    const char *pattern = "a/#";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1, .newest = true};
    unsigned number;
    muster_core_t *core = world.nodes[1].core;
    (void)state;
    assert_int_equal(muster_core_subscribe(core, &options, &number), 0);
    for (uint64_t seq = 8; seq >= 6; seq--) { /* step without pulling */
        char *text = texts[seq - 6];
        data_text(text, TOPIC, boot_of(0), seq, "[]");
        struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                     .now_ms = world.now_ms,
                                     .datagram = datagram_of(text, strlen(text), 1)};
        assert_int_equal(muster_core_step(core, &event), 0);
    }
    data_text(texts[3], TOPIC, boot_of(0), 9, "[]");
    say_from(texts[3], 1, NULL, 1);
    struct muster_feed feed = feed_of(1);
    assert_int_equal(feed.lost_program, 3);
    assert_int_equal(feed.received, 6);
    check_books();
}

/* ---- what is kept ---- */

/* From here the bytes of a datagram are gone when the step is over. */
static void step_and_forget(size_t index, const char *text, unsigned group) {
    uint8_t *bytes = malloc(strlen(text));
    memcpy(bytes, text, strlen(text));
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                 .now_ms = world.now_ms,
                                 .datagram = datagram_of(bytes, strlen(text), group)};
    assert_int_equal(muster_core_step(world.nodes[index].core, &event), 0);
    free(bytes);
}

static void naks_are_read_in_the_step(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    nak_text(text, boot_of(0), "[1,2]");
    step_and_forget(0, text, 16);
    assert_int_equal(sender()->naks, 1);
    step_and_forget(1, text, 16);
    check_books();
    check_flows();
}

/* Without a subscription nothing is for anybody. */
static void what_is_for_nobody_is_not_kept(void **state) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    (void)state;
    muster_core_unsubscribe(world.nodes[1].core, 0);
    for (uint64_t seq = 6; seq < 9; seq++) {
        data_text(text, TOPIC, boot_of(0), seq, "[]");
        step_and_forget(1, text, 1);
    }
    struct muster_arrival arrival;
    assert_false(muster_core_next_arrival(world.nodes[1].core, &arrival));
    check_books();
}

/* ---- many feeds ---- */

static struct feed_table *feeds(void) {
    return &world.nodes[1].core->subscriber.feeds;
}

/* More publishers, each with a topic in each shard up to so many. */
static void add_publishers(size_t end, unsigned shards) {
    for (size_t i = world.count; i < end; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%u", (unsigned)i);
        world.nodes[world_add(&world, name)].is_quiet = true;
        unsigned number = 0;
        for (unsigned shard = 0; shard < shards; number++) {
            char shard_topic[32];
            snprintf(shard_topic, sizeof shard_topic, "a/%u", number);
            if (muster_topic_shard(shard_topic) == shard) {
                open_topic(i, shard_topic);
                shard++;
            }
        }
    }
    world_run(&world, 10000);
}

static void say_as(size_t index, const char *text, unsigned shard) {
    struct muster_datagram datagram = datagram_of(text, strlen(text), shard);
    datagram.source = world.nodes[index].endpoint;
    world_inject(&world, 1, &datagram);
}

/* Data, and a tail that tells of more, of each shard of each publisher. */
static void forge_tails(size_t begin_index, unsigned shards) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    char beginning[256];
    for (size_t i = begin_index; i < world.count; i++) {
        for (unsigned shard = 0, number = 0; shard < shards; number++) {
            char name[32];
            snprintf(name, sizeof name, "a/%u", number);
            if (muster_topic_shard(name) != shard) {
                continue;
            }
            snprintf(beginning, sizeof beginning, "\"id\":\"%s\",\"boot\":%llu,\"shard\":%u", id_of(i),
                     (unsigned long long)boot_of(i), shard);
            snprintf(text, sizeof text,
                     "{\"muster\":1,\"kind\":\"data\",%s,\"topic\":\"%s\",\"seq\":1}\n[]\n", beginning, name);
            say_as(i, text, shard);
            snprintf(text, sizeof text, "{\"muster\":1,\"kind\":\"tail\",%s,\"oldest\":1,\"seq\":1000}\n",
                     beginning);
            say_as(i, text, shard);
            shard++;
        }
    }
}

/* Whoever makes us miss something in hundreds of feeds makes us no flood of naks. */
static void naks_that_leave_are_bounded(void **state) {
    (void)state;
    add_publishers(42, MUSTER_SHARDS);
    uint64_t naks = world.naks;
    forge_tails(2, MUSTER_SHARDS);
    world_run(&world, 1000);
    assert_in_range(world.naks - naks, MUSTER_NAK_RATE / 2, MUSTER_NAK_RATE + MUSTER_NAK_BURST);
    assert_int_equal(muster_core_counters(world.nodes[1].core)->outputs_dropped, 0);
    world_run(&world, 10000);
    check_flows_of_one();
}

/* Each second datagram of many publishers lacks: what is held back is bounded, windows and gaps included. */
static void what_is_held_is_bounded(void **state) {
    enum { SEGMENT = 1400, SEGMENTS = 46 };
    static char bytes[SEGMENT * SEGMENTS];
    size_t most = 0;
    (void)state;
    add_publishers(40, 2);
    for (unsigned round = 0; round < 22; round++) {
        for (size_t i = 2; i < world.count; i++) {
            for (unsigned k = 0; k < SEGMENTS; k++) {
                char header[256];
                int length =
                    snprintf(header, sizeof header,
                             "{\"muster\":1,\"kind\":\"data\",\"id\":\"%s\",\"boot\":%llu,"
                             "\"topic\":\"" TOPIC "\",\"shard\":1,\"seq\":%u}\n[]",
                             id_of(i), (unsigned long long)boot_of(i), 7 + 2 * (round * SEGMENTS + k));
                memset(bytes + k * SEGMENT, ' ', SEGMENT);
                memcpy(bytes + k * SEGMENT, header, (size_t)length);
                bytes[k * SEGMENT + SEGMENT - 1] = '\n';
            }
            struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                         .datagram = datagram_of(bytes, sizeof bytes, 1)};
            event.datagram.segment = SEGMENT;
            event.datagram.source = world.nodes[i].endpoint;
            world_step(&world, 1, &event);
            most = feeds()->held_bytes > most ? feeds()->held_bytes : most;
        }
    }
    assert_in_range(most, MUSTER_HELD_BYTES_MAX / 2, MUSTER_HELD_BYTES_MAX);
    assert_true(lost > 1000);
    assert_int_equal(drops(MUSTER_DROP_MEMORY), 0);
    check_books();
    world_run(&world, 100000);
    assert_true(feeds()->held_bytes < MUSTER_HELD_BYTES_MAX / 100);
    check_flows_of_one();
}

static struct feed *feed_at(size_t index) {
    return feed_table_find(feeds(), world.nodes[index].core->identity.id, 1);
}

/* As if there were no room for one more. */
static void fill_table(void) {
    feeds()->count = MUSTER_FEEDS_MAX;
}

static void say_first(size_t index) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"data\",\"id\":\"%s\",\"boot\":%llu,\"topic\":\"" TOPIC
             "\",\"shard\":1,\"seq\":1}\n[]\n",
             id_of(index), (unsigned long long)boot_of(index));
    say_as(index, text, 1);
    world_run(&world, 1);
}

/* A feed begins with the announce of its topic. */
static void announce_first(size_t index) {
    open_topic(index, TOPIC);
    world_run(&world, 500);
}

static void feeds_make_room_for_others(void **state) {
    (void)state;
    size_t watched = world_add(&world, "watched");
    size_t unsigned_one = world_add(&world, "unsigned!");
    size_t wanted[3];
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "wanted%u", i);
        wanted[i] = world_add(&world, name);
    }
    world_run(&world, 3000);
    say_first(unsigned_one);
    const struct muster_counters *counters = muster_core_counters(world.nodes[1].core);
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"data\",\"id\":\"%s\",\"boot\":%llu,\"topic\":\"x/2\",\"shard\":%u,"
             "\"seq\":1}\n[]\n",
             id_of(watched), (unsigned long long)boot_of(watched), muster_topic_shard("x/2"));
    say_as(watched, text, muster_topic_shard("x/2"));
    world_run(&world, 1);
    assert_int_equal(feeds()->count, 3);
    fill_table();
    announce_first(wanted[0]); /* instead of what is only watched */
    assert_int_equal(counters->feeds_evicted, 1);
    assert_null(feed_table_find(feeds(), world.nodes[watched].core->identity.id, muster_topic_shard("x/2")));
    say_as(watched, text, muster_topic_shard("x/2")); /* which pushes nobody out */
    world_run(&world, 1);
    assert_int_equal(drops(MUSTER_DROP_TABLE_FULL), 1);
    announce_first(wanted[1]); /* instead of an unverified one */
    assert_int_equal(counters->feeds_evicted, 2);
    assert_null(feed_at(unsigned_one));
    announce_first(wanted[2]); /* others are in use */
    assert_int_equal(counters->feeds_evicted, 2);
    assert_null(feed_at(wanted[2]));
    assert_non_null(feed_at(0));
    assert_non_null(feed_at(wanted[0]));
    assert_non_null(feed_at(wanted[1]));
    check_books();
    feeds()->count = 3;
}

/* ---- the end of a publisher ---- */

static void feeds_of_the_dead_are_forgotten(void **state) {
    (void)state;
    world_kill(&world, 0);
    world_run(&world, 600000);
    assert_null(feeds()->all);
}

/* What was given out may still be read. */
static void a_feed_in_use_is_not_forgotten(void **state) {
    static char text[MUSTER_DATAGRAM_BYTES_MAX];
    muster_core_t *core = world.nodes[1].core;
    struct muster_arrival arrival;
    uint8_t id[MUSTER_ID_BYTES];
    (void)state;
    muster_core_id(world.nodes[0].core, id);
    data_text(text, TOPIC, boot_of(0), 6, "[]");
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                 .now_ms = world.now_ms,
                                 .datagram = datagram_of(text, strlen(text), 1)};
    assert_int_equal(muster_core_step(core, &event), 0);
    assert_true(muster_core_next_arrival(core, &arrival));
    struct muster_event timer = {.kind = MUSTER_EVENT_TIMER, .now_ms = world.now_ms};
    for (unsigned i = 0; i < 2000; i++) {
        timer.now_ms += 500;
        assert_int_equal(muster_core_step(core, &timer), 0);
    }
    assert_memory_equal(arrival.sample.id, id, sizeof id);
    assert_string_equal(arrival.sample.topic, TOPIC);
    assert_false(muster_core_next_arrival(core, &arrival));
    timer.now_ms += MUSTER_FEED_IDLE_MS;
    assert_int_equal(muster_core_step(core, &timer), 0);
    assert_null(feeds()->all);
}

/* ---- want of memory ---- */

static void rows_are_looked_at_again_but_not_at_once(void **state) {
    struct subscriber *subscriber = &world.nodes[1].core->subscriber;
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    (void)state;
    subscriber->has_missed_rows = true;
    countdown_set(1);
    world_step(&world, 1, &event);
    assert_true(countdown_has_failed());
    countdown_set(0);
    assert_true(subscriber->has_missed_rows);
    world_step(&world, 1, &event);
    assert_true(subscriber->has_missed_rows);
    world_run(&world, MUSTER_ROWS_RETRY_MS + 1);
    assert_false(subscriber->has_missed_rows);
}

/* Who wants the newest has it, who wants order is told. */
static void what_cannot_be_held_is_given_and_told(void **state) {
    const char *pattern = "a/#";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1, .newest = true};
    unsigned number;
    (void)state;
    assert_int_equal(muster_core_subscribe(world.nodes[1].core, &options, &number), 0);
    say_data(boot_of(0), 7, NULL);
    assert_int_equal(count, 6);
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    data_text(text, TOPIC, boot_of(0), 8, "[]");
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                 .datagram = datagram_of(text, strlen(text), 1)};
    countdown_set(1);
    world_step(&world, 1, &event);
    assert_true(countdown_has_failed());
    countdown_set(0);
    assert_int_equal(count, 7);
    assert_int_equal(drops(MUSTER_DROP_MEMORY), 0);
    say_data(boot_of(0), 6, NULL);
    assert_int_equal(lost, 1);
    assert_int_equal(feed_of(1).lost_program, 1);
    check_books();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tail_far_ahead_is_not_believed, begin, end),
        cmocka_unit_test_setup_teardown(a_tail_that_contradicts_itself_is_dropped, begin, end),
        cmocka_unit_test_setup_teardown(a_forged_tail_is_got_over, begin, end),
        cmocka_unit_test_setup_teardown(a_number_out_of_reach_is_dropped, begin, end),
        cmocka_unit_test_setup_teardown(a_forged_number_is_got_over, begin, end),
        cmocka_unit_test_setup_teardown(data_from_elsewhere_is_not_taken, begin, end),
        cmocka_unit_test_setup_teardown(data_of_another_start_is_not_taken, begin, end),
        cmocka_unit_test_setup_teardown(a_restart_is_asked_for_and_heard, begin, end),
        cmocka_unit_test_setup_teardown(the_wrong_group_is_dropped, begin, end),
        cmocka_unit_test_setup_teardown(the_wrong_shard_is_dropped, begin, end),
        cmocka_unit_test_setup_teardown(another_interface_is_dropped, begin, end),
        cmocka_unit_test_setup_teardown(a_body_may_be_anything, begin, end),
        cmocka_unit_test_setup_teardown(many_headers_are_taken, begin, end),
        cmocka_unit_test_setup_teardown(headers_in_use_are_not_pushed_out, begin, end),
        cmocka_unit_test_setup_teardown(a_broken_datagram_takes_none_along, begin, end),
        cmocka_unit_test_setup_teardown(long_segments_are_dropped_each, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_batch_is_nothing, begin, end),
        cmocka_unit_test_setup_teardown(naks_for_what_was_not_sent_earn_nothing, begin, end),
        cmocka_unit_test_setup_teardown(each_is_repaired_once_however_often_it_is_named, begin, end),
        cmocka_unit_test_setup_teardown(thousands_of_askers_share_the_share, begin, end),
        cmocka_unit_test_setup_teardown(overheard_naks_of_any_shape, begin, end),
        cmocka_unit_test_setup_teardown(of_a_nak_so_many_numbers_count, begin, end),
        cmocka_unit_test_setup_teardown(a_nak_for_everything_silences_nobody, begin, end),
        cmocka_unit_test_setup_teardown(a_flood_of_strangers_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_loud_stranger_is_introduced, begin, end),
        cmocka_unit_test_setup_teardown(copies_from_another_address_are_copies, begin, end),
        cmocka_unit_test_setup_teardown(copies_of_an_unverified_publisher_ask_nobody, begin_unsigned, end),
        cmocka_unit_test_setup_teardown(a_proven_address_vouches_too, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_asked_of_topics_that_nobody_wants, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_pulled_is_counted_once, begin, end),
        cmocka_unit_test_setup_teardown(naks_are_read_in_the_step, begin, end),
        cmocka_unit_test_setup_teardown(what_is_for_nobody_is_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(naks_that_leave_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(what_is_held_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(feeds_make_room_for_others, begin, end),
        cmocka_unit_test_setup_teardown(feeds_of_the_dead_are_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(a_feed_in_use_is_not_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(rows_are_looked_at_again_but_not_at_once, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_held_is_given_and_told, begin, end),
        cmocka_unit_test_setup_teardown(data_is_heard_where_it_came_from, begin, end),
        cmocka_unit_test_setup_teardown(naks_leave_where_data_comes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
