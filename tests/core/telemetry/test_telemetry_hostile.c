/* SPDX-License-Identifier: MIT */
/* What others may do to a publisher and a subscriber: numbers out of reach, wrong addresses, old boots, naks
 * by the thousand, broken batches. Nothing is delivered that was not sent, work and memory stay bounded,
 * every datagram is counted once, and afterwards data flows as before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "tape.h"
#include "test.h"

#define TOPIC "a/b" /* of shard 1 */
#define BIGGEST 9007199254740991
#define PUBLISHER 0
#define SUBSCRIBER 1

static unsigned topic;
static uint64_t boot; /* of the publisher */

static void publish(size_t times) {
    field_publish_many(PUBLISHER, topic, times, 1);
}

static size_t count(void) {
    return field_got(SUBSCRIBER)->count;
}

static uint64_t lost(void) {
    return field_got(SUBSCRIBER)->lost;
}

static struct muster_feed feed(void) {
    return field_feed(SUBSCRIBER);
}

static uint64_t drops(enum muster_drop reason) {
    return world_drops(SUBSCRIBER, reason);
}

static const struct muster_sender *sender(void) {
    return muster_core_sender(world.nodes[PUBLISHER].core);
}

/* Publisher and subscriber know each other, and data flows. */
static void meet(const char *publisher) {
    field_begin();
    world_add(publisher);
    world_add("sub");
    topic = field_open(PUBLISHER, TOPIC);
    field_subscribe(SUBSCRIBER, "a/#");
    world_run(3000);
    publish(5);
    assert_int_equal(count(), 5);
    boot = world.nodes[PUBLISHER].boot;
}

static void begin(void) {
    world_begin(3);
    meet("pub");
}

/* What is published now arrives, all of it. */
static void check_flows(void) {
    world_run(1500);
    size_t before = count();
    publish(20);
    world_run(100);
    assert_int_equal(count() - before, 20);
    feed();
}

/* ---- saying something in the publisher's name ---- */

static const struct muster_endpoint second = {.family = 4, .ip = {10, 0, 0, 201}, .port = 19798};

static void inject(const char *text, unsigned group, const struct muster_endpoint *source) {
    struct muster_datagram datagram = field_datagram(text, strlen(text), group);
    datagram.source = source == NULL ? datagram.source : *source;
    world_inject(SUBSCRIBER, &datagram);
}

static void say(const char *text, unsigned group, const struct muster_endpoint *source) {
    inject(text, group, source);
    world_run(1);
}

static void print_data(char text[MUSTER_DATAGRAM_BYTES_MAX], uint64_t seq) {
    field_print_data(text, PUBLISHER, boot, TOPIC, seq, "[]");
}

static void say_data(uint64_t of_boot, uint64_t seq, const struct muster_endpoint *source) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_data(text, PUBLISHER, of_boot, TOPIC, seq, "[]");
    say(text, 1, source);
}

static void say_tail(uint64_t oldest, uint64_t seq) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    snprintf(text, sizeof text,
             "{\"muster\":1,\"kind\":\"tail\",\"id\":\"%s\",\"boot\":%llu,\"shard\":1,\"oldest\":%llu,"
             "\"seq\":%llu}\n",
             world.nodes[PUBLISHER].id, (unsigned long long)boot, (unsigned long long)oldest,
             (unsigned long long)seq);
    say(text, 1, NULL);
}

/* A step with one datagram, without pulling. */
static void step_only(size_t node, const char *text, unsigned group) {
    const struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                       .now_ms = world.now_ms,
                                       .datagram = field_datagram(text, strlen(text), group)};
    assert_int_equal(muster_core_step(world.nodes[node].core, &event), 0);
}

/* ---- tails ---- */

TEST(a_tail_far_ahead_is_not_believed) {
    say_tail(1, BIGGEST);
    say_tail(BIGGEST, BIGGEST);
    assert_int_equal(feed().sent, 5);
    assert_int_equal(lost(), 0);
    check_flows();
    assert_int_equal(lost(), 0);
}

TEST(a_tail_that_contradicts_itself_is_dropped) {
    say_tail(7, 5);
    say_tail(BIGGEST, 5);
    assert_int_equal(drops(MUSTER_DROP_RANGE), 2);
    assert_int_equal(feed().sent, 5);
    check_flows();
}

/* A tail says more than was sent: it is waited for, in vain, and what is sent then is not taken for it. */
TEST(a_feed_recovers_from_a_forged_tail) {
    say_tail(1, 1000);
    assert_int_equal(feed().pending, 995);
    world_run(8000);
    assert_int_equal(lost(), 995);
    check_flows();
}

/* ---- data ---- */

TEST(a_number_out_of_reach_is_dropped) {
    say_data(boot, BIGGEST, NULL);
    say_data(boot, 100000000000, NULL);
    assert_int_equal(drops(MUSTER_DROP_RANGE), 2);
    assert_int_equal(feed().sent, 5);
    check_flows();
}

/* As far ahead as is believed, with everything between given up: the feed is deaf until the publisher has
 * said twice how far it really is. */
TEST(a_feed_recovers_from_a_forged_number) {
    world_run(1000);
    say_data(boot, 5000000, NULL);
    assert_int_equal(feed().sent, 5000000);
    world_run(8000);
    check_flows();
    assert_int_equal(feed().sent, 25);
}

TEST(data_from_elsewhere_is_not_taken) {
    const struct muster_endpoint other_port = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19799};
    const struct muster_endpoint other_address = {.family = 4, .ip = {10, 0, 0, 66}, .port = 19798};
    uint64_t unknown = drops(MUSTER_DROP_UNKNOWN);
    say_data(boot, 6, &other_port);
    say_data(boot, 6, &other_address);
    assert_int_equal(drops(MUSTER_DROP_UNKNOWN), unknown + 2);
    assert_int_equal(count(), 5);
    check_flows();
}

TEST(data_of_another_start_is_not_taken) {
    world_kill(0);
    world_restart(PUBLISHER);
    boot = world.nodes[PUBLISHER].boot;
    topic = field_open(PUBLISHER, TOPIC);
    world_run(3000);
    uint64_t stale = drops(MUSTER_DROP_STALE);
    uint64_t unknown = drops(MUSTER_DROP_UNKNOWN);
    say_data(boot - 1, 6, NULL);
    assert_int_equal(drops(MUSTER_DROP_STALE), stale + 1);
    say_data(boot + 1, 6, NULL);
    assert_int_equal(drops(MUSTER_DROP_UNKNOWN), unknown + 1);
    assert_int_equal(count(), 5);
    check_flows();
}

/* What is known by heart is of one start: the beginning differs for the next one. */
TEST(a_restart_is_asked_for_and_heard) {
    world_kill(0);
    world_restart(PUBLISHER);
    boot = world.nodes[PUBLISHER].boot;
    topic = field_open(PUBLISHER, TOPIC);
    publish(1000);
    world_run(100);
    assert_true(count() > 5 + 400);
    assert_int_equal(field_last(SUBSCRIBER)->seq, 1000);
    check_flows();
}

TEST(the_wrong_group_is_dropped) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_data(text, PUBLISHER, boot, "a", 6, "[]");
    say(text, 1, NULL);
    assert_int_equal(drops(MUSTER_DROP_PATH), 1);
    print_data(text, 6);
    say(text, MUSTER_SHARDS, NULL);
    assert_int_equal(drops(MUSTER_DROP_PATH), 2);
    field_print_nak(text, boot, "[1,1]");
    say(text, 1, NULL);
    assert_int_equal(drops(MUSTER_DROP_PATH), 3);
    char *shard = strstr(text, "\"shard\":1,");
    shard[8] = '2';
    say(text, 2, NULL);
    assert_int_equal(drops(MUSTER_DROP_PATH), 4);
    assert_int_equal(count(), 5);
    check_flows();
}

TEST(the_wrong_shard_is_dropped) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    print_data(text, 6);
    char *shard = strstr(text, "\"shard\":1,");
    shard[8] = '2';
    say(text, 2, NULL);
    assert_int_equal(drops(MUSTER_DROP_RANGE), 1);
    check_flows();
}

TEST(another_interface_is_dropped) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    print_data(text, 6);
    struct muster_datagram datagram = field_datagram(text, strlen(text), 1);
    datagram.interface = WORLD_INTERFACE + 1;
    world_inject(1, &datagram);
    world_run(1);
    assert_int_equal(drops(MUSTER_DROP_PATH), 1);
    assert_int_equal(count(), 5);
    check_flows();
}

/* Its sender would be asked there who it is. */
TEST(another_source_is_dropped) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    print_data(text, 6);
    struct muster_datagram datagram = field_datagram(text, strlen(text), 1);
    datagram.source.ip[0] = 239;
    world_inject(1, &datagram);
    world_run(1);
    assert_int_equal(drops(MUSTER_DROP_SOURCE), 1);
    assert_int_equal(count(), 5);
    check_flows();
}

/* It is white space to who reads the pack, and nobody else looks. */
TEST(a_body_may_be_anything) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_data(text, PUBLISHER, boot, TOPIC, 6, "[\n{\"bn\":\"a/b\",\n\"v\":1}]");
    say(text, 1, NULL);
    assert_int_equal(count(), 6);
    struct muster_pack pack;
    struct muster_record record;
    const char *body = field_last(SUBSCRIBER)->body;
    muster_pack_open(&pack, body, strlen(body), 1700000000);
    assert_int_equal(muster_pack_next(&pack, &record), 1);
    assert_string_equal(record.name, TOPIC);
    assert_int_equal(muster_pack_next(&pack, &record), 0);
    field_print_data(text, PUBLISHER, boot, TOPIC, 7, "\x01\xff}{");
    say(text, 1, NULL);
    field_print_data(text, PUBLISHER, boot, TOPIC, 8, "");
    say(text, 1, NULL);
    assert_int_equal(count(), 8);
    assert_string_equal(field_last(SUBSCRIBER)->body, "");
}

/* Data of so many topics, one each. */
static void inject_topics(uint64_t seq, unsigned topics) {
    unsigned number = 0;
    for (unsigned i = 0; i < topics; i++) {
        char text[MUSTER_DATAGRAM_BYTES_MAX];
        field_print_data(text, PUBLISHER, boot, field_topic_of(1, "a", &number), seq + i, "[]");
        inject(text, 1, NULL);
    }
    world_run(1);
}

/* More topics than are known by heart, in the form of somebody else. */
TEST(many_headers_are_taken) {
    inject_topics(6, 2 * MUSTER_HEADERS_MAX);
    long bytes = countdown_bytes();
    inject_topics(6 + 2 * MUSTER_HEADERS_MAX, 2 * MUSTER_HEADERS_MAX);
    assert_int_equal(count(), 5 + 4 * MUSTER_HEADERS_MAX);
    assert_true(countdown_bytes() < bytes + 1000);
}

/* All headers are of what is held: who comes with one more ends the waiting for what is missing. */
TEST(headers_in_use_are_not_pushed_out) {
    inject_topics(7, MUSTER_HEADERS_MAX + 5);
    assert_int_equal(drops(MUSTER_DROP_MEMORY), 0);
    assert_int_equal(count(), 5 + MUSTER_HEADERS_MAX + 5);
    assert_int_equal(lost(), 1);
}

/* ---- batches ---- */

/* Blanks make it as long as a segment. */
static void fill_segment(char *bytes, size_t segment, const char *text) {
    size_t length = strlen(text) - 1;
    memset(bytes, ' ', segment);
    memcpy(bytes, text, length);
    bytes[segment - 1] = '\n';
}

static void put_data(char *bytes, size_t segment, uint64_t seq) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    print_data(text, seq);
    fill_segment(bytes, segment, text);
}

static void say_batch(const char *bytes, size_t length, size_t segment) {
    struct muster_datagram datagram = field_datagram(bytes, length, 1);
    datagram.segment = segment;
    world_inject(1, &datagram);
    world_run(1);
}

/* One of a batch is broken, in whatever way: the others are delivered, and it is asked for. */
TEST(a_broken_datagram_takes_none_along) {
    enum { SEGMENT = 160, SEGMENTS = 10 };
    char bytes[SEGMENT * SEGMENTS];
    for (uint64_t i = 0; i < SEGMENTS; i++) {
        put_data(bytes + i * SEGMENT, SEGMENT, 6 + i);
    }
    memset(bytes + 3 * SEGMENT, 'x', SEGMENT);
    bytes[5 * SEGMENT + SEGMENT - 1] = ' ';
    memcpy(bytes + 7 * SEGMENT, "{\"muster\":1,\"kind\":\"tail\"}\n", 27);
    say_batch(bytes, sizeof bytes - 20, SEGMENT); /* and the last one is cut short */
    assert_int_equal(drops(MUSTER_DROP_TRUNCATED), 3);
    assert_int_equal(drops(MUSTER_DROP_SYNTAX) + drops(MUSTER_DROP_MISSING), 1);
    assert_int_equal(count(), 8); /* 6, 7, 8; the rest is held */
    say_data(boot, 9, NULL);
    say_data(boot, 11, NULL);
    say_data(boot, 13, NULL);
    assert_int_equal(count(), 14);
    field_check_whole(SUBSCRIBER);
}

TEST(long_segments_are_dropped_each) {
    static char bytes[3 * (MUSTER_DATAGRAM_BYTES_MAX + 1)];
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
    assert_int_equal(count(), 8);
}

TEST(an_empty_batch_is_nothing) {
    say_batch("", 0, 0);
    say_batch("", 0, 100);
    check_flows();
}

/* ---- naks ---- */

TEST(naks_for_what_was_not_sent_earn_nothing) {
    field_nak(PUBLISHER, boot, "[6,6]");
    field_nak(PUBLISHER, boot, "[6,9007199254740991]");
    field_nak(PUBLISHER, boot, "[9007199254740991,9007199254740991]");
    field_nak(PUBLISHER, boot + 1, "[1,5]");
    field_nak(PUBLISHER, boot, "[1,9007199254740992]");
    world_run(200);
    assert_int_equal(sender()->repairs, 0);
    assert_int_equal(sender()->naks, 3);
    assert_int_equal(sender()->naks_refused, 3);
    assert_int_equal(world_drops(0, MUSTER_DROP_RANGE), 1);
    check_flows();
}

TEST(each_is_repaired_once_however_often_it_is_named) {
    char missing[1200] = "[1,5]";
    for (int i = 1; i < MUSTER_NAK_RANGES_MAX; i++) {
        strcat(missing, i % 2 == 0 ? ",[2,4]" : ",[1,5]");
    }
    field_nak(PUBLISHER, boot, missing);
    world_run(5);
    assert_int_equal(sender()->repairs, 5);
    field_nak(PUBLISHER, boot, missing);
    assert_int_equal(sender()->repairs, 5); /* too soon */
    assert_int_equal(sender()->naks_refused, 1);
    world_run(MUSTER_REPAIR_SPACING_MS);
    field_nak(PUBLISHER, boot, "[5,9007199254740991],[1,2]");
    world_run(5);
    assert_int_equal(sender()->repairs, 8);
    check_flows();
}

/* Whoever forges thousands of addresses gets no more than the repairs' share, and the data flows on. */
TEST(thousands_of_askers_get_one_share_of_repairs) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    publish(2000);
    uint64_t before = sender()->repair_bytes;
    uint64_t begin_ms = world.now_ms;
    size_t begin_count = count();
    field_print_nak(text, boot, "[1,2000],[1000,2000],[1,9007199254740991]");
    for (unsigned i = 0; i < 20000; i++) {
        struct muster_datagram datagram = field_datagram(text, strlen(text), MUSTER_SHARDS);
        datagram.source = (struct muster_endpoint){
            .family = 4, .ip = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}, .port = (uint16_t)(1024 + i % 5000)};
        world_inject(0, &datagram);
        if (i % 20 == 0) {
            publish(1);
        }
    }
    uint64_t rate = MUSTER_RATE_BYTES_S / 1000;
    assert_true(sender()->repair_bytes - before <= (world.now_ms - begin_ms) * rate + 2 * MUSTER_BURST_BYTES);
    world_run(100);
    assert_int_equal(count() - begin_count, 1000);
    uint64_t repairs = sender()->repairs;
    world_run(10000);
    assert_true(sender()->repairs - repairs <= MUSTER_REPAIRS_MAX);
    check_flows();
}

/* Others' naks, of any shape, put off ours, and the gap is repaired all the same: the publisher heard them
 * too. */
TEST(overheard_naks_do_no_harm) {
    char missing[1200] = "[7,7]";
    say_data(boot, 500, NULL);
    for (int i = 1; i < MUSTER_NAK_RANGES_MAX; i++) {
        char range[32];
        snprintf(range, sizeof range, ",[%d,%d]", 7 + 6 * i, 7 + 6 * i + i % 9);
        strcat(missing, range);
    }
    for (int i = 0; i < 50; i++) {
        field_nak(SUBSCRIBER, boot, missing);
        field_nak(SUBSCRIBER, boot, "[1,9007199254740991]");
        field_nak(SUBSCRIBER, boot + 1, "[1,500]");
        feed();
    }
    world_run(8000);
    check_flows();
}

static bool lose_each_50th_once(size_t from, size_t to, const struct muster_datagram *datagram) {
    static uint64_t highest;
    if (from != 0 || to != 1 || memmem(datagram->bytes, datagram->length, "\"data\"", 6) == NULL) {
        return false;
    }
    const char *at = memmem(datagram->bytes, datagram->length, "\"seq\":", 6);
    uint64_t seq = strtoull(at + strlen("\"seq\":"), NULL, 10);
    bool is_new = seq > highest || seq + 1000 < highest;
    highest = is_new ? seq : highest;
    return is_new && seq % 50 == 0;
}

/* The publisher sends no more of it, so the others are asked for at once. */
TEST(of_a_nak_so_many_numbers_count) {
    char expected[64];
    world_kill(PUBLISHER);
    say_data(boot, 2000, NULL);
    field_nak(SUBSCRIBER, boot, "[1,9007199254740991],[1900,1900]");
    tape_begin(SUBSCRIBER);
    world_run(MUSTER_NAK_T_MS);
    snprintf(expected, sizeof expected, "\"missing\":[[%d,1999]]", MUSTER_NAK_SEQS_MAX + 1);
    assert_true(datagram_has(&tape_said("nak", 0)->datagram, expected));
}

/* Whoever asks for everything again and again, and is refused, keeps nobody from asking. */
TEST(a_nak_for_everything_silences_nobody) {
    world.is_lost = lose_each_50th_once;
    for (unsigned i = 0; i < 3000; i++) {
        publish(1);
        if (i % 10 == 0) {
            field_nak(PUBLISHER, boot, "[1,9007199254740991]");
            field_nak(SUBSCRIBER, boot, "[1,9007199254740991]");
        }
    }
    world_run(3000);
    assert_int_equal(lost(), 0);
    assert_in_range(feed().repaired, 55, 60); /* some come unasked */
    assert_int_equal(count(), 3005);
    world.is_lost = NULL;
    check_flows();
}

/* ---- floods ---- */

/* Data of strangers at a rate that no address is allowed: counted, and nothing kept of it. */
TEST(a_flood_of_strangers_changes_nothing) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    size_t rows = world_rows(1, MUSTER_ALIVE);
    uint64_t received = world_counters(1)->received;
    for (unsigned i = 0; i < 30000; i++) {
        const struct muster_endpoint stranger = {
            .family = 4, .ip = {10, 2, 0, (uint8_t)(i % 3)}, .port = (uint16_t)(1024 + i % 50000)};
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"data\",\"id\":\"%032x\",\"boot\":1,\"topic\":\"a/"
                 "b\",\"shard\":1,\"seq\":%u}\n[]\n",
                 i, i + 1);
        inject(text, 1, &stranger);
        if (i % 100 == 99) {
            publish(1);
        }
    }
    assert_int_equal(count(), 5 + 300);
    assert_true(drops(MUSTER_DROP_FLOOD) > 10000);
    assert_true(drops(MUSTER_DROP_FLOOD) + drops(MUSTER_DROP_UNKNOWN) >= 30000);
    assert_true(world_counters(1)->received - received >= 30300);
    assert_int_equal(world_rows(1, MUSTER_ALIVE), rows);
    assert_int_equal(world_counters(1)->evicted, 0);
    assert_int_equal(field_feed_count(SUBSCRIBER), 1);
    check_flows();
}

/* A publisher that is not known yet sends at full rate: that must not keep it from becoming known. */
TEST(a_loud_stranger_is_introduced) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    const struct muster_endpoint loud = {.family = 4, .ip = {10, 0, 0, 3}, .port = 19798};
    for (unsigned i = 0; i < 60000; i++) {
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"data\",\"id\":\"%032x\",\"boot\":1,\"topic\":\"a/"
                 "b\",\"shard\":1,\"seq\":%u}\n[]\n",
                 77, i + 1);
        inject(text, 1, &loud);
        if (i % 20 == 19) {
            world_run(1);
        }
        if (i == 40000) {
            world_add("loud"); /* at that address */
        }
    }
    assert_true(drops(MUSTER_DROP_FLOOD) > 10000);
    assert_true(world_has_row(SUBSCRIBER, "loud"));
    check_flows();
}

/* ---- two addresses of one publisher ---- */

/* Who has two interfaces here sends each datagram from two addresses: both vouch once they have answered, and
 * nobody is asked again and again. */
TEST(copies_from_an_unproven_address_are_not_taken) {
    for (unsigned i = 0; i < 2000; i++) {
        publish(1);
        say_data(boot, 6 + i, &second);
    }
    /* Nobody answers there: it is asked for a proof, a few times, and not believed. */
    assert_int_equal(count(), 2005);
    assert_true(drops(MUSTER_DROP_UNKNOWN) >= 1900);
    assert_true(world_counters(1)->questions < 30);
    check_flows();
}

TEST(copies_of_an_unverified_publisher_ask_nobody) {
    world_begin(3);
    meet("pub!");
    uint64_t questions = world_counters(1)->questions;
    for (unsigned i = 0; i < 2000; i++) {
        publish(1);
        say_data(boot, 6 + i, &second);
    }
    assert_int_equal(count(), 2005);
    assert_int_equal(world_counters(1)->questions, questions);
    check_flows();
}

/* The publisher answers from its second address; data that comes from the first one is its own all the same.
 */
static void move_publisher(void) {
    world.nodes[PUBLISHER].endpoint = second;
    world_run(6000);
    assert_int_equal(world_row(SUBSCRIBER, "pub")->address.ip[3], second.ip[3]);
}

TEST(a_proven_address_vouches_too) {
    move_publisher();
    uint64_t unknown = drops(MUSTER_DROP_UNKNOWN);
    say_data(boot, 6, &second);
    assert_int_equal(count(), 6);
    say_data(boot, 6, NULL);
    assert_int_equal(count(), 6);
    assert_int_equal(feed().duplicates, 1);
    assert_int_equal(drops(MUSTER_DROP_UNKNOWN), unknown);
}

/* Ten datagrams a millisecond, more than an address may send that no feed is heard from. */
static void say_much(uint64_t first, unsigned batches, const struct muster_endpoint *source,
                     const struct muster_endpoint *copies) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    for (unsigned i = 0; i < batches; i++) {
        for (unsigned k = 0; k < 10; k++) {
            print_data(text, first++);
            inject(text, 1, source);
        }
        inject(text, 1, copies);
        world_run(1);
    }
}

/* The row is heard from another address than the data: that is read at full rate all the same. */
TEST(data_is_heard_where_it_came_from) {
    move_publisher();
    world_kill(PUBLISHER); /* it would say that it did not send so much */
    say_much(6, 1000, NULL, &second);
    assert_int_equal(count(), 5 + 10000);
    assert_int_equal(drops(MUSTER_DROP_FLOOD), 0);
    world_run(MUSTER_FEED_MOVE_MS);
    say_much(6 + 10000, 1000, &second, NULL);
    assert_int_equal(count(), 5 + 20000);
    assert_int_equal(drops(MUSTER_DROP_FLOOD), 0);
}

TEST(naks_leave_where_data_comes) {
    const struct muster_path paths[2] = {
        {.interface = WORLD_INTERFACE, .kind = MUSTER_PATH_M4, .name = "one"},
        {.interface = WORLD_INTERFACE + 1, .kind = MUSTER_PATH_M4, .name = "two"}};
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    assert_int_equal(world_paths(SUBSCRIBER, paths, 2), 0);
    world_run(1500); /* there are tails until then */
    tape_begin(SUBSCRIBER);
    print_data(text, 7);
    struct muster_datagram datagram = field_datagram(text, strlen(text), 1);
    datagram.interface = WORLD_INTERFACE + 1;
    world_inject(SUBSCRIBER, &datagram);
    world_run(MUSTER_NAK_T_MS + 2);
    assert_int_equal(tape_said("nak", 0)->datagram.interface, WORLD_INTERFACE + 1);
}

/* ---- what nobody wants ---- */

/* Another's topic shares the shard: it is heard, and nothing of it is asked for. */
static bool lose_half(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to;
    return from == 2 && datagram->destination.ip[0] == 239 && world.sent % 2 == 0;
}

TEST(nothing_is_asked_of_topics_that_nobody_wants) {
    unsigned number = 0;
    world_add("other");
    unsigned other = field_open(2, field_topic_of(1, "x", &number));
    world_run(3000);
    world.is_lost = lose_half;
    field_publish_many(2, other, 200, 1);
    world_run(3000);
    assert_int_equal(world.naks, 0);
    assert_int_equal(count(), 5);
    field_subscribe(SUBSCRIBER, "x/#");
    world.is_lost = NULL;
    world_run(100);
    field_publish_many(2, other, 10, 10);
    world_run(100);
    assert_int_equal(count(), 15);
    struct muster_feed feeds[2];
    assert_int_equal(muster_core_feeds(world.nodes[SUBSCRIBER].core, feeds, 2), 2);
    assert_int_equal(feeds[1].received, 10);
    assert_int_equal(feeds[1].sent - feeds[1].since + 1, 10);
}

/* ---- who does not pull ---- */

/* A subscription in order and one of the newest: what was given to one of them early, and not taken, has its
 * turn yet, and is counted once. */
TEST(what_is_not_pulled_is_counted_once) {
    static char texts[4][MUSTER_DATAGRAM_BYTES_MAX]; /* stay until they are pulled */
    field_subscribe_newest(SUBSCRIBER, "a/#");
    for (uint64_t seq = 8; seq >= 6; seq--) {
        print_data(texts[seq - 6], seq);
        step_only(SUBSCRIBER, texts[seq - 6], 1);
    }
    say_data(boot, 9, NULL);
    assert_int_equal(feed().lost_program, 3);
    assert_int_equal(feed().received, 6);
}

/* ---- what is kept ---- */

/* From here the bytes of a datagram are gone when the step is over. */
static void step_and_forget(size_t node, const char *text, unsigned group) {
    char *bytes = strdup(text);
    step_only(node, bytes, group);
    countdown_free(bytes);
}

TEST(naks_are_read_in_the_step) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_nak(text, boot, "[1,2]");
    step_and_forget(PUBLISHER, text, MUSTER_SHARDS);
    assert_int_equal(sender()->naks, 1);
    step_and_forget(SUBSCRIBER, text, MUSTER_SHARDS);
    check_flows();
}

/* Without a subscription nothing is for anybody. */
TEST(what_is_for_nobody_is_not_kept) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    struct muster_arrival arrival;
    muster_core_unsubscribe(world.nodes[SUBSCRIBER].core, 0);
    for (uint64_t seq = 6; seq < 9; seq++) {
        print_data(text, seq);
        step_and_forget(SUBSCRIBER, text, 1);
    }
    assert_false(muster_core_next_arrival(world.nodes[SUBSCRIBER].core, &arrival));
}

/* ---- many feeds ---- */

static void begin_crowd(void) {
    world_begin(3);
    world.crypto = &world_cheap_crypto;
    meet("pub");
}

static void add_publishers(size_t publishers) {
    for (size_t i = 0; i < publishers; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%u", (unsigned)i);
        world_add(name);
    }
    world_run(10000);
}

/* A topic in each of the first shards. */
static void open_topics(size_t node, unsigned shards) {
    unsigned number = 0;
    for (unsigned shard = 0; shard < shards; shard++) {
        field_open(node, field_topic_of(shard, "a", &number));
    }
}

/* All publishers but the first. */
static void open_all_topics(unsigned shards) {
    for (size_t node = 2; node < world.count; node++) {
        open_topics(node, shards);
    }
    world_run(3000);
}

static void inject_as(size_t node, const char *text, unsigned shard) {
    inject(text, shard, &world.nodes[node].endpoint);
}

/* The first data of a topic. */
static void inject_data(size_t node, const char *name) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_data(text, node, world.nodes[node].boot, name, 1, "[]");
    inject_as(node, text, muster_topic_shard(name));
}

/* Data, and a tail that tells of more, of each shard of each publisher. */
static void forge_tails(size_t begin_index, unsigned shards) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    for (size_t node = begin_index; node < world.count; node++) {
        unsigned number = 0;
        for (unsigned shard = 0; shard < shards; shard++) {
            const char *name = field_topic_of(shard, "a", &number);
            inject_data(node, name);
            snprintf(text, sizeof text,
                     "{\"muster\":1,\"kind\":\"tail\",\"id\":\"%s\",\"boot\":%llu,\"shard\":%u,\"oldest\":1,"
                     "\"seq\":1000}\n",
                     world.nodes[node].id, (unsigned long long)world.nodes[node].boot, shard);
            inject_as(node, text, shard);
        }
    }
}

/* Whoever makes us miss something in hundreds of feeds makes us no flood of naks. */
TEST(naks_that_leave_are_bounded) {
    begin_crowd();
    add_publishers(40);
    open_all_topics(MUSTER_SHARDS);
    uint64_t naks = world.naks;
    forge_tails(2, MUSTER_SHARDS);
    world_run(1000);
    assert_in_range(world.naks - naks, MUSTER_NAK_RATE / 2, MUSTER_NAK_RATE + MUSTER_NAK_BURST);
    assert_int_equal(world_counters(SUBSCRIBER)->outputs_dropped, 0);
    world_run(10000);
    check_flows();
}

enum { SEGMENT = 1400, SEGMENTS = 46 };

/* Each second datagram of a publisher, in a batch. */
static void inject_gaps(size_t node, unsigned round) {
    static char bytes[SEGMENT * SEGMENTS];
    for (unsigned k = 0; k < SEGMENTS; k++) {
        char text[MUSTER_DATAGRAM_BYTES_MAX];
        field_print_data(text, node, world.nodes[node].boot, TOPIC, 7 + 2 * (round * SEGMENTS + k), "[]");
        fill_segment(bytes + k * SEGMENT, SEGMENT, text);
    }
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                 .datagram = field_datagram(bytes, sizeof bytes, 1)};
    event.datagram.segment = SEGMENT;
    event.datagram.source = world.nodes[node].endpoint;
    world_step(SUBSCRIBER, &event);
}

/* Each second datagram of many publishers lacks: what is held back is bounded, windows and gaps included. */
TEST(what_is_held_is_bounded) {
    begin_crowd();
    add_publishers(38);
    open_all_topics(2);
    long before = countdown_bytes();
    long most = 0;
    for (unsigned round = 0; round < 22; round++) {
        for (size_t node = 2; node < world.count; node++) {
            inject_gaps(node, round);
            long held = countdown_bytes() - before;
            most = held > most ? held : most;
        }
    }
    assert_in_range(most, MUSTER_HELD_BYTES_MAX / 2, MUSTER_HELD_BYTES_MAX + MUSTER_HELD_BYTES_MAX / 16);
    assert_true(lost() > 1000);
    assert_int_equal(drops(MUSTER_DROP_MEMORY), 0);
    world_run(100000);
    assert_true(countdown_bytes() - before < MUSTER_HELD_BYTES_MAX / 50);
    check_flows();
}

/* A record of a topic that the publisher opened just now is delivered. */
static bool is_heard(size_t node, const char *name) {
    unsigned number = field_open(node, name);
    world_run(3000); /* in a crowd news is spread */
    size_t before = count();
    field_publish_many(node, number, 1, 100);
    return count() > before;
}

TEST(feeds_make_room_for_others) {
    begin_crowd();
    size_t watched = world_add("watched");
    size_t no_key = world_add("unsigned!");
    size_t wanted = world_add("wanted0");
    world_add("wanted1");
    world_add("wanted2");
    const unsigned feeds = MUSTER_FEEDS_MAX - 3; /* beside those of the publisher and of the first two */
    add_publishers(feeds / MUSTER_SHARDS + 1);
    for (unsigned i = 0; i <= feeds / MUSTER_SHARDS; i++) {
        open_topics(world.count - 1 - i, i == 0 ? feeds % MUSTER_SHARDS : MUSTER_SHARDS);
    }
    world_run(5000);
    inject_data(no_key, TOPIC);
    inject_data(watched, "x/2");
    world_run(1);
    const struct muster_counters *counters = world_counters(SUBSCRIBER);
    assert_int_equal(counters->drops[MUSTER_DROP_TABLE_FULL], 0);
    assert_true(is_heard(wanted, TOPIC)); /* instead of what is only watched */
    assert_int_equal(counters->feeds_evicted, 1);
    inject_data(watched, "x/2"); /* which pushes nobody out */
    world_run(1);
    assert_int_equal(counters->drops[MUSTER_DROP_TABLE_FULL], 1);
    assert_true(is_heard(wanted + 1, TOPIC)); /* instead of an unverified one */
    assert_int_equal(counters->feeds_evicted, 2);
    assert_false(is_heard(wanted + 2, TOPIC)); /* others are in use */
    assert_int_equal(counters->feeds_evicted, 2);
    publish(1);
    assert_int_equal(field_last(SUBSCRIBER)->seq, 6);
}

/* ---- the end of a publisher ---- */

TEST(feeds_of_the_dead_are_forgotten) {
    world_kill(PUBLISHER);
    world_run(600000);
    assert_int_equal(field_feed_count(SUBSCRIBER), 0);
}

/* What was given out may still be read. */
TEST(a_feed_in_use_is_not_forgotten) {
    static char text[MUSTER_DATAGRAM_BYTES_MAX];
    muster_core_t *core = world.nodes[SUBSCRIBER].core;
    struct muster_arrival arrival;
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(world.nodes[PUBLISHER].core, id);
    print_data(text, 6);
    step_only(SUBSCRIBER, text, 1);
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
    assert_int_equal(field_feed_count(SUBSCRIBER), 0);
}

/* ---- want of memory ---- */

/* What is refused is refused whole; what is not has its feeds soon, but does not try without a pause. */
static void subscribe_once_more(void *unused) {
    (void)unused;
    const char *pattern = "a/+";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1};
    unsigned number;
    begin();
    muster_core_t *core = world.nodes[SUBSCRIBER].core;
    field_unsubscribe(SUBSCRIBER, 0);
    world_run(MUSTER_FEED_IDLE_MS + 1000);
    countdown_begin();
    int error = muster_core_subscribe(core, &options, &number);
    world_tick(SUBSCRIBER);
    assert_int_equal(error, countdown_end() && error != 0 ? MUSTER_ENOMEM : 0);
    world_tick(SUBSCRIBER);
    assert_true(muster_core_deadline(core) > world.now_ms);
    world_run(MUSTER_ROWS_RETRY_MS + 1);
    size_t before = count();
    publish(5);
    world_run(100);
    assert_int_equal(count() - before, error == 0 ? 5 : 0);
}

TEST(a_subscription_for_which_memory_lacks_has_its_feeds_soon) {
    assert_true(countdown_walk(subscribe_once_more, NULL, 0) > 1);
}

/* Who wants the newest has it, who wants order is told. */
TEST(what_cannot_be_held_is_given_and_told) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_subscribe_newest(SUBSCRIBER, "a/#");
    say_data(boot, 7, NULL);
    assert_int_equal(count(), 6);
    print_data(text, 8);
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM,
                                 .datagram = field_datagram(text, strlen(text), 1)};
    countdown_set(1);
    world_step(SUBSCRIBER, &event);
    assert_true(countdown_has_failed());
    countdown_set(0);
    assert_int_equal(count(), 7);
    assert_int_equal(drops(MUSTER_DROP_MEMORY), 0);
    say_data(boot, 6, NULL);
    assert_int_equal(lost(), 1);
    assert_int_equal(feed().lost_program, 1);
}

int main(void) {
    return test_run(begin, world_end);
}
