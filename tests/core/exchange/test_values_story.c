/* SPDX-License-Identifier: MIT */
/* Values that fit no datagram: what refers to them is heard by all, and who wants them fetches them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "test.h"

#define PICTURE_BYTES 200000

static char story[32768];
static uint64_t said; /* datagrams of the liar */

static void tell(const char *format, ...) {
    size_t length = strlen(story);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(story + length, sizeof story - length, format, arguments);
    va_end(arguments);
}

/* "late: live 3 a/b text of 200000" */
static void record_arrival(size_t node, const struct muster_arrival *arrival) {
    static struct muster_pack pack;
    struct muster_record record;
    if (arrival->kind == MUSTER_ARRIVAL_LOSS) {
        tell("%s: lost %d %s\n", world.nodes[node].name, (int)arrival->loss.first,
             muster_loss_reason_name(arrival->loss.reason));
        return;
    }
    muster_pack_open_sample(&pack, &arrival->sample, 0);
    while (muster_pack_next(&pack, &record) == 1) {
        tell("%s: %s %d %s ", world.nodes[node].name, muster_sample_kind_name(arrival->sample.kind),
             (int)arrival->sample.seq, record.name);
        if (record.kind == MUSTER_VALUE_NUMBER) {
            tell("%g\n", record.number);
        } else {
            assert_int_equal(strlen(record.text), record.text_length);
            assert_int_equal(strspn(record.text, "x"), record.text_length);
            tell("text of %zu\n", record.text_length);
        }
    }
    if (muster_pack_fault(&pack, NULL) != NULL) {
        tell("%s: %s\n", world.nodes[node].name, muster_pack_fault(&pack, NULL));
    }
}

static void begin(void) {
    world_begin(7);
    field_begin();
    world.on_arrival = record_arrival;
    world.has_streams = true;
    story[0] = '\0';
    said = 0;
}

static void assert_story(const char *expected) {
    assert_string_equal(story, expected);
    story[0] = '\0';
}

static int add_picture(size_t node, unsigned topic, size_t length) {
    char *text = countdown_malloc(length + 1);
    assert_non_null(text);
    memset(text, 'x', length);
    text[length] = '\0';
    const struct muster_record record = {.kind = MUSTER_VALUE_TEXT, .text = text};
    int error = field_add(node, topic, &record);
    countdown_free(text);
    world_tick(node);
    return error;
}

static void publish_picture(size_t node, unsigned topic, size_t length) {
    assert_int_equal(add_picture(node, topic, length), 0);
}

/* "pub" with an open topic "camera/picture", which "sub" subscribes to. */
static unsigned gather(void) {
    world_add("pub");
    world_add("sub");
    unsigned topic = field_open(0, "camera/picture");
    field_subscribe(1, "camera/#");
    world_run(3000);
    return topic;
}

/* ---- who wants it ---- */

TEST(a_subscriber_is_given_the_value) {
    unsigned topic = gather();
    size_t other = world_add("other");
    field_subscribe(other, "kitchen/#");
    world_run(3000);
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(1000);
    assert_story("sub: live 1 camera/picture text of 200000\n");
    assert_int_equal(world.nodes[other].opened, 0);
    assert_int_equal(field_feed(1).received, 1);
}

/* The smallest that fits no datagram, and the largest that there may be. */
TEST(values_of_all_sizes) {
    unsigned topic = gather();
    publish_picture(0, topic, MUSTER_DATAGRAM_BYTES_MAX);
    publish_picture(0, topic, MUSTER_LARGE_BYTES_MAX);
    assert_int_equal(add_picture(0, topic, MUSTER_LARGE_BYTES_MAX + 1), MUSTER_ETOOBIG);
    world_run(3000);
    assert_story("sub: live 1 camera/picture text of 1400\n"
                 "sub: live 2 camera/picture text of 1048576\n");
}

TEST(only_matching_names_are_fetched) {
    world_add("pub");
    world_add("sub");
    unsigned topic = field_open(0, "camera");
    field_subscribe(1, "camera/other");
    world_run(3000);
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(3000);
    assert_story("");
    assert_int_equal(world.nodes[1].opened, 1); /* for last values */
}

TEST(two_subscriptions_fetch_once) {
    unsigned topic = gather();
    field_subscribe_newest(1, "+/picture");
    world_run(1000);
    unsigned opened = world.nodes[1].opened;
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(1000);
    assert_story("sub: live 1 camera/picture text of 200000\n");
    assert_int_equal(world.nodes[1].opened, opened + 1);
}

/* Others take all of the publisher's places until they are cut off: that costs no try. */
TEST(who_finds_the_publisher_busy_asks_again) {
    unsigned topic = gather();
    for (unsigned i = 0; i < MUSTER_STREAMS_MAX; i++) {
        pipe_connect_tcp(0, (uint8_t)(100 + i / MUSTER_STREAMS_PER_ADDRESS));
    }
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(MUSTER_STREAM_IDLE_MS - 500);
    assert_story("");
    assert_true(world_counters(0)->streams_refused > 2 * MUSTER_VALUE_TRIES);
    world_run(2000);
    assert_story("sub: live 1 camera/picture text of 200000\n");
}

/* ---- order ---- */

TEST(what_comes_behind_waits) {
    unsigned topic = gather();
    field_publish(0, topic, NULL, 1);
    publish_picture(0, topic, PICTURE_BYTES);
    field_publish(0, topic, NULL, 2);
    publish_picture(0, topic, 2000);
    field_publish(0, topic, NULL, 3);
    world_run(2000);
    assert_story("sub: live 1 camera/picture 1\n"
                 "sub: live 2 camera/picture text of 200000\n"
                 "sub: live 3 camera/picture 2\n"
                 "sub: live 4 camera/picture text of 2000\n"
                 "sub: live 5 camera/picture 3\n");
}

TEST(who_wants_the_newest_does_not_wait) {
    world_add("pub");
    world_add("sub");
    unsigned topic = field_open(0, "camera/picture");
    field_subscribe_newest(1, "camera/#");
    world_run(3000);
    publish_picture(0, topic, PICTURE_BYTES);
    field_publish(0, topic, NULL, 2);
    world_run(2000);
    assert_story("sub: live 2 camera/picture 2\n"
                 "sub: live 1 camera/picture text of 200000\n");
}

TEST(a_lost_reference_is_repaired) {
    unsigned topic = gather();
    field_lose(1);
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(2000);
    assert_story("sub: repaired 1 camera/picture text of 200000\n");
}

static void say_nothing(struct pipe *pipe, enum muster_stream_event event) {
    (void)pipe;
    (void)event;
}

TEST(who_is_slow_does_not_hold_up_others) {
    unsigned topic = gather();
    size_t slow = world_add("slow");
    unsigned other = field_open(slow, "camera/other");
    world_run(3000);
    world.nodes[slow].script = say_nothing;
    for (unsigned i = 0; i < 2 * MUSTER_VALUE_FETCHES_MAX; i++) {
        publish_picture(slow, other, 2000 + i);
    }
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(MUSTER_FETCH_IDLE_MS - 500);
    assert_story("sub: live 1 camera/picture text of 200000\n");
    world_run(60000);
    assert_non_null(strstr(story, "sub: lost 8 stream\n"));
}

/* Its number may be that of one that ended while it waited. */
TEST(a_new_subscription_does_not_wait_for_what_others_wait_for) {
    unsigned topic = gather();
    field_subscribe(1, "camera/#");
    world_run(1000);
    world.nodes[0].script = say_nothing;
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(500);
    field_unsubscribe(1, 0);
    assert_int_equal(field_subscribe(1, "camera/#"), 0);
    world_run(1500);
    field_publish(0, topic, NULL, 2);
    world_run(100);
    assert_story("sub: live 2 camera/picture 2\n");
}

/* ---- late ---- */

TEST(a_late_joiner_is_given_the_last_value) {
    unsigned topic = gather();
    field_publish(0, topic, "exposure", 1);
    publish_picture(0, topic, 5000);
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(5000);
    story[0] = '\0';
    size_t late = world_add("late");
    field_subscribe(late, "camera/#");
    world_run(3000);
    assert_story("late: last 0 camera/picture/exposure 1\n"
                 "late: last 0 camera/picture text of 200000\n");
    field_publish(0, topic, NULL, 7);
    world_run(1000);
    assert_story("sub: live 4 camera/picture 7\n"
                 "late: live 4 camera/picture 7\n");
}

TEST(a_history_has_values_too) {
    const char *pattern = "camera/#";
    unsigned topic = gather();
    publish_picture(0, topic, 5000);
    field_publish(0, topic, NULL, 2);
    world_run(5000);
    story[0] = '\0';
    size_t late = world_add("late");
    field_subscribe_with(
        late, &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                    .patterns = &pattern,
                                                    .pattern_count = 1,
                                                    .since_ms = 60000});
    world_run(3000);
    assert_story("late: last 1 camera/picture text of 5000\n"
                 "late: last 2 camera/picture 2\n");
}

/* It keeps no large values, and not what they replaced. */
TEST(who_keeps_values_forgets_what_a_large_one_replaced) {
    const char *all = "#";
    size_t pub = world_add("pub");
    size_t cache = world_add("cache");
    struct muster_core_options options = world_options(cache);
    options.caches = &all;
    options.cache_count = 1;
    world_start(cache, &options);
    unsigned topic = field_open(pub, "camera/picture");
    world_run(3000);
    field_publish(pub, topic, NULL, 1);
    field_publish(pub, topic, "exposure", 2);
    publish_picture(pub, topic, PICTURE_BYTES);
    world_run(3000);
    world_leave(pub);
    world_run(500);
    world_kill(pub);
    story[0] = '\0';
    size_t late = world_add("late");
    field_subscribe(late, "#");
    world_run(5000);
    assert_story("late: last 0 camera/picture/exposure 2\n");
}

/* ---- what is lost ---- */

TEST(a_publisher_that_is_gone_loses_it) {
    unsigned topic = gather();
    publish_picture(0, topic, PICTURE_BYTES);
    world_kill(0);
    world_run(60000);
    assert_story("sub: lost 1 stream\n");
}

TEST(a_publisher_that_says_bye_loses_it) {
    unsigned topic = gather();
    world.nodes[0].has_streams = false;
    publish_picture(0, topic, PICTURE_BYTES);
    world_leave(0);
    world_run(5000);
    assert_story("sub: lost 1 gone\n");
}

/* As behind a firewall; after four tries for the first one, the next ones are tried once. */
TEST(where_tcp_does_not_come_through_it_is_lost) {
    unsigned topic = gather();
    world.nodes[0].has_streams = false;
    publish_picture(0, topic, PICTURE_BYTES);
    field_publish(0, topic, NULL, 2);
    unsigned opened = world.nodes[1].opened;
    world_run(20000);
    assert_story("sub: lost 1 stream\n"
                 "sub: live 2 camera/picture 2\n");
    assert_int_equal(world.nodes[1].opened - opened, MUSTER_VALUE_TRIES);
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(20000);
    assert_story("sub: lost 3 stream\n");
    assert_int_equal(world.nodes[1].opened - opened, MUSTER_VALUE_TRIES + 1);
    world.nodes[0].has_streams = true;
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(5000);
    assert_story("sub: live 4 camera/picture text of 200000\n");
}

/* The publisher keeps so many bytes: more than four values are asked for in turn, and the first are gone. */
TEST(what_the_publisher_keeps_no_longer_is_gone) {
    unsigned topic = gather();
    for (unsigned i = 0; i < 20; i++) {
        publish_picture(0, topic, MUSTER_LARGE_BYTES_MAX - i);
    }
    world_run(10000);
    assert_non_null(strstr(story, "sub: lost 1 gone\n"));
    assert_null(strstr(story, "sub: lost 16 gone\n"));
    assert_non_null(strstr(story, "sub: live 20 camera/picture text of 1048557\n"));
}

/* ---- liars ---- */

static void say(const char *body) {
    char data[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_data(data, 0, world.nodes[0].boot, "camera/picture", ++said, body);
    struct muster_event event = {
        .kind = MUSTER_EVENT_DATAGRAM,
        .datagram = field_datagram(data, strlen(data), muster_topic_shard("camera/picture"))};
    assert_int_equal(world_step(1, &event), 0);
}

#define HASH "0011223344556677889900112233445566778899001122334455667788990011"

TEST(a_forged_reference_is_gone) {
    gather();
    say("[{\"size_\":2000,\"hash_\":\"" HASH "\",\"bn\":\"camera/picture\",\"bt\":1767225661.5}]");
    world_run(5000);
    assert_story("sub: lost 1 gone\n");
}

/* Who is named in them is not asked as fast as they come; what is true comes when they are over. */
TEST(forged_references_make_few_questions) {
    char body[256];
    unsigned topic = gather();
    size_t opened = world.nodes[1].opened;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(body, sizeof body, "[{\"size_\":2000,\"hash_\":\"%064x\",\"bn\":\"camera/picture\"}]", i);
        say(body);
    }
    world_run(1000);
    assert_true(world.nodes[1].opened - opened > 0);
    assert_true(world.nodes[1].opened - opened <=
                MUSTER_VALUE_MISS_BURST + MUSTER_VALUE_MISS_RATE + MUSTER_VALUE_FETCHES_MAX);
    world_run(20000);
    assert_null(strstr(story, "program"));
    story[0] = '\0';
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(2000);
    assert_null(strstr(story, "lost"));
}

/* More than 256 wait at no time. */
TEST(forged_references_are_bounded) {
    char body[256];
    gather();
    world.nodes[0].has_streams = false;
    for (unsigned i = 0; i < 2 * MUSTER_VALUES_WAITING_MAX; i++) {
        snprintf(body, sizeof body, "[{\"size_\":2000,\"hash_\":\"%064x\",\"bn\":\"camera/picture\"}]", i);
        say(body);
    }
    assert_null(strstr(story, "stream"));
    assert_non_null(strstr(story, "program"));
    story[0] = '\0';
}

static void give_another(struct pipe *pipe, enum muster_stream_event event) {
    if (event == MUSTER_STREAM_BYTES) {
        pipe_say(pipe,
                 "{\"document\":{\"id\":\"%s\",\"hash\":\"" HASH
                 "\"},\"lines\":1}\n[{\"n\":\"a\",\"v\":1}]\n",
                 world.nodes[0].id);
        pipe_say(pipe, "{\"end\":\"done\",\"count\":1}\n");
    }
}

TEST(another_value_is_none) {
    unsigned topic = gather();
    world.nodes[0].script = give_another;
    publish_picture(0, topic, PICTURE_BYTES);
    world_run(20000);
    assert_story("sub: lost 1 stream\n");
}

/* ---- the end of a subscription ---- */

TEST(a_subscription_that_ends_waits_for_nothing) {
    unsigned topic = gather();
    publish_picture(0, topic, PICTURE_BYTES);
    field_publish(0, topic, NULL, 2);
    world_run(2);
    field_unsubscribe(1, 0);
    world_run(3000);
    assert_story("");
}

/* ---- memory ---- */

/* A record that was taken is given, or told as lost; without memory for its reference its body is a fault. */
static void share_pictures(void *context) {
    (void)context;
    world_end();
    begin();
    unsigned topic = gather();
    countdown_begin();
    int error = add_picture(0, topic, 5000);
    field_add(0, topic, &(struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = 2});
    world_run(3000);
    countdown_end();
    world_run(3000);
    assert_true(error == 0 || error == MUSTER_ENOMEM);
    assert_true(error != 0 || strstr(story, "text of 5000") != NULL || strstr(story, "lost 1") != NULL ||
                strstr(story, "sub: a member that") != NULL);
}

TEST(without_memory_nothing_is_lost_in_silence) {
    assert_in_range(countdown_walk(share_pictures, NULL, 0), 10, 1000);
}

int main(void) {
    return test_run(begin, world_end);
}
