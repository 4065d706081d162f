/* SPDX-License-Identifier: MIT */
/* One publisher, some subscribers, a network that loses: what arrives, in which order, and what it costs. */
#include <stdio.h>
#include <string.h>

#include "field.h"
#include "limit.h"
#include "test.h"

static void begin(void) {
    world_begin(7);
    field_begin();
    world_add("pub");
}

/* So many subscribers who know the publisher's topic, which is returned. */
static unsigned add_subscribers(size_t count, unsigned (*subscribe)(size_t node, const char *pattern)) {
    unsigned topic = field_open(0, "a/b");
    for (unsigned i = 1; i <= count; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        world_add(name);
        subscribe(i, "a/#");
    }
    world_run(3000);
    return topic;
}

static const struct muster_sender *sender(void) {
    return muster_core_sender(world.nodes[0].core);
}

TEST(one_copy_reaches_all) {
    unsigned topic = add_subscribers(3, field_subscribe);
    uint64_t before = world.telemetry_bytes;
    field_publish(0, topic, NULL, 21.5);
    world_run(10);
    assert_true(world.telemetry_bytes - before < 300);
    for (size_t i = 1; i <= 3; i++) {
        field_check_all(i, 1);
        assert_string_equal(field_last(i)->topic, "a/b");
        assert_non_null(strstr(field_last(i)->body, "[{\"bn\":\"a/b\",\"bt\":1700001003,\"v\":21.5}]"));
    }
}

/* world.c looks whether it is true. */
TEST(samples_alone_leave_nothing_to_do) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_publish_many(0, topic, 1, 2); /* the header is read in full */
    uint64_t before = world.rests;
    field_publish_many(0, topic, 100, 2);
    assert_int_equal(world.rests - before, 100);
}

TEST(only_needed_groups_are_heard) {
    world_add("sub");
    field_subscribe(1, "a/+");
    world_run(100);
    assert_int_equal(world.nodes[1].groups, MUSTER_GROUP_REPAIR);
    field_open(0, "a/b/c");
    world_run(2000);
    assert_int_equal(world.nodes[1].groups, MUSTER_GROUP_REPAIR); /* "a/+" is no name below a/b/c */
    field_open(0, "a/x");
    world_run(2000);
    assert_int_equal(world.nodes[1].groups, MUSTER_GROUP_REPAIR | 1u << muster_topic_shard("a/x"));
    field_unsubscribe(1, 0);
    assert_int_equal(world.nodes[1].groups, 0);
}

TEST(lost_datagrams_are_repaired_in_order) {
    unsigned topic = add_subscribers(8, field_subscribe);
    for (size_t i = 1; i <= 8; i++) {
        world.nodes[i].loss = 0.1;
    }
    field_publish_many(0, topic, 1000, 2);
    world_run(1500);
    for (size_t i = 1; i <= 8; i++) {
        field_check_all(i, 1000);
    }
    assert_true((double)(sender()->bytes + sender()->repair_bytes) <= 1.8 * (double)sender()->bytes);
}

TEST(newest_comes_at_once_and_history_fills) {
    unsigned topic = add_subscribers(1, field_subscribe_newest);
    world.nodes[1].loss = 0.2;
    uint64_t begin_ms = world.now_ms;
    field_publish_many(0, topic, 500, 2);
    world_run(1500);
    bool is_seen[501] = {false};
    size_t late = 0;
    assert_int_equal(field_got(1)->count, 500);
    for (size_t i = 0; i < 500; i++) {
        const struct arrival *arrival = &field_got(1)->arrivals[i];
        assert_false(is_seen[arrival->seq]);
        is_seen[arrival->seq] = true;
        late += arrival->is_late ? 1 : 0;
        assert_true(arrival->is_late || arrival->kind == MUSTER_SAMPLE_REPAIRED ||
                    arrival->at_ms <= begin_ms + 2 * (arrival->seq - 1) + 1);
    }
    assert_true(late > 50);
}

/* Overtaken by a tail, or by another topic, is not late; nor is anything for who wants order. */
TEST(late_is_what_comes_behind_a_later_one) {
    unsigned topic = add_subscribers(2, field_subscribe_newest);
    field_unsubscribe(2, 0);
    field_subscribe(2, "a/#");
    field_publish_many(0, topic, 1, 2);
    world.latency_max_ms = 15;
    field_publish_many(0, topic, 499, 2);
    world_run(1500);
    size_t late = 0;
    uint64_t highest = 0;
    assert_int_equal(field_got(1)->count, 500);
    field_check_all(2, 500);
    for (size_t i = 0; i < 500; i++) {
        const struct arrival *arrival = &field_got(1)->arrivals[i];
        assert_int_equal(arrival->is_late, arrival->seq < highest);
        highest = arrival->seq > highest ? arrival->seq : highest;
        late += arrival->is_late ? 1 : 0;
        assert_false(field_got(2)->arrivals[i].is_late);
    }
    assert_true(late > 50);
}

/* Nothing of a publisher comes through: who may want what it announces is told, and nobody else. */
TEST(losses_of_the_unheard_are_told) {
    world_add("sub");
    unsigned topic = field_open(0, "a/b");
    field_publish_many(0, topic, 3, 1); /* before anybody subscribes */
    field_subscribe(1, "a/#");
    field_subscribe(1, "x/#");
    world_run(6000);
    field_lose_for_ever(0);
    field_publish_many(0, topic, 5, 1);
    world_run(6000);
    assert_int_equal(field_got(1)->count, 0);
    assert_int_equal(field_got(1)->lost, 5);
    assert_int_equal(field_got(1)->lost_to, 1);
}

/* Subscriptions that began or ended since the last datagram count as they are now. */
TEST(losses_are_told_to_who_subscribes_now) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_publish_many(0, topic, 3, 1);
    field_subscribe(1, "a/b");
    field_lose_for_ever(0);
    field_publish_many(0, topic, 1, 1);
    world_run(2000);
    assert_int_equal(field_got(1)->lost, 1);
    assert_int_equal(field_got(1)->lost_to, 3);
    field_unsubscribe(1, 1);
    field_subscribe(1, "x/y");
    field_publish_many(0, topic, 1, 1);
    world_run(2000);
    assert_int_equal(field_got(1)->lost, 2);
    assert_int_equal(field_got(1)->lost_to, 1);
}

/* Nothing was heard of it yet, and then this machine slept while much was sent. */
TEST(a_sleeper_hears_again) {
    world_begin(7);
    field_begin();
    world_add("pub!");
    world_add("sub");
    field_publish_many(0, field_open(0, "a/b"), 3, 1);
    field_subscribe(1, "a/#");
    world_run(6000);
    world.nodes[1].is_stopped = true;
    world.nodes[0].is_stopped = true; /* it is the test that goes on in its name */
    world_run(3600000);
    world.nodes[1].is_stopped = false;
    world_say(1, 1, MUSTER_PATH_M4,
              "{\"muster\":1,\"kind\":\"alive\",\"id\":\"%s\",\"boot\":1,\"seq\":2000,\"rev\":2,"
              "\"next_ms\":60000,\"peers\":1,\"sent\":{\"1\":11000000}}\n", /* 3,055 a second */
              world.nodes[0].id);
    world_run(10000);
    for (uint64_t i = 1; i <= 100; i++) {
        char text[MUSTER_DATAGRAM_BYTES_MAX];
        field_print_data(text, 0, 1, "a/b", 11000000 + i, "[]");
        const struct muster_datagram datagram = field_datagram(text, strlen(text), 1);
        world_inject(1, &datagram);
        world_run(1);
    }
    assert_int_equal(field_got(1)->count, 100);
}

TEST(lost_tail_is_noticed) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_lose(5);
    field_publish_many(0, topic, 5, 1);
    world_run(100);
    field_check_all(1, 5);
}

/* Who heard of a topic before anything was sent misses nothing of it: not even when it is all there is. */
TEST(lost_begin_is_noticed) {
    unsigned topic = add_subscribers(2, field_subscribe);
    field_lose(1);
    field_publish_many(0, topic, 1, 1);
    world_run(200);
    field_check_all(1, 1);
    field_check_all(2, 1);
}

/* What waits for a datagram that its publisher took with it is delivered, and the gap is told. */
/* Also by who subscribes once more before anything was sent. */
TEST(lost_begin_is_noticed_again) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_unsubscribe(1, 0);
    field_subscribe(1, "a/#");
    world_run(3000);
    field_lose(1);
    field_publish_many(0, topic, 1, 6000); /* an announcement tells of it */
    field_check_all(1, 1);
}

TEST(restart_ends_the_waiting) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_lose_for_ever(8);
    field_publish_many(0, topic, 15, 1);
    world_kill(0);
    world_restart(0);
    world_run(300);
    assert_int_equal(field_got(1)->count, 14);
    assert_int_equal(field_got(1)->arrivals[7].seq, 9);
    assert_int_equal(field_last(1)->seq, 15);
    assert_int_equal(field_got(1)->lost, 1);
}

TEST(restart_is_no_gap) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_publish_many(0, topic, 20, 1);
    world_kill(0);
    world_run(100);
    world_restart(0);
    topic = field_open(0, "a/b");
    world_run(1000);
    field_publish_many(0, topic, 5, 1);
    world_run(100);
    assert_int_equal(field_got(1)->count, 25);
    assert_int_equal(field_last(1)->seq, 5);
    assert_int_equal(field_got(1)->lost, 0);
}

TEST(late_joiner_does_not_ask_backwards) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_publish_many(0, topic, 50, 1);
    size_t late = world_add("late");
    field_subscribe(late, "#");
    world_run(3000);
    uint64_t naks = world.naks;
    field_publish_many(0, topic, 5, 1);
    world_run(2000);
    assert_int_equal(field_got(late)->count, 5);
    assert_int_equal(field_got(late)->arrivals[0].seq, 51);
    assert_int_equal(world.naks, naks);
}

/* Everybody misses the same datagram, and few ask for it. */
TEST(naks_of_a_crowd_are_few) {
    unsigned topic = add_subscribers(100, field_subscribe);
    field_lose(3);
    field_publish_many(0, topic, 10, 2);
    world_run(1500);
    for (size_t i = 1; i <= 100; i++) {
        field_check_all(i, 10);
    }
    assert_in_range(world.naks, 1, 8);
    assert_in_range(sender()->repairs, 1, 3);
}

/* One subscriber hears almost nothing; the others don't notice, and the publisher keeps its pace. */
TEST(a_broken_subscriber_harms_nobody) {
    unsigned topic = add_subscribers(4, field_subscribe);
    world.nodes[4].loss = 0.95;
    uint64_t begin_ms = world.now_ms;
    field_publish_many(0, topic, 1000, 2);
    world_run(100);
    for (size_t i = 1; i <= 3; i++) {
        field_check_all(i, 1000);
        for (size_t k = 0; k < 1000; k++) {
            assert_true(field_got(i)->arrivals[k].at_ms <= begin_ms + 2 * k + 2);
        }
    }
    assert_int_equal(sender()->datagrams, 1000);
    world_run(3000);
    field_feed(4);
}

/* What the publisher keeps no longer is told to be gone, at once. */
TEST(hopeless_asking_ends) {
    world_add("sub");
    struct muster_core_options options = world_options(0);
    options.ring_bytes = MUSTER_DATAGRAM_BYTES_MAX * 64;
    options.rate_bytes_s = 1000000000;
    world_start(0, &options);
    unsigned topic = field_open(0, "a/b");
    field_subscribe(1, "a/#");
    world_run(3000);
    field_publish_many(0, topic, 1, 1);
    world.nodes[1].loss = 1;
    field_publish_many(0, topic, 1000, 0);
    world_run(1);
    world.nodes[1].loss = 0;
    uint64_t begin_ms = world.now_ms;
    field_publish(0, topic, NULL, 1);
    world_run(1500);
    assert_true(field_got(1)->lost > 100);
    assert_int_equal(field_got(1)->count + field_got(1)->lost, 1002);
    assert_true(field_last(1)->at_ms - begin_ms < 150);
    assert_int_equal(field_feed(1).lost_gone, field_got(1)->lost);
}

/* Whoever asks for everything again and again gets no more than the repairs' share. */
TEST(a_flood_of_naks_earns_its_share_only) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_publish_many(0, topic, 2000, 1);
    for (int i = 0; i < 1000; i++) {
        field_nak(0, world.nodes[0].boot, "[1,2000]");
    }
    assert_true(sender()->repairs > 0);
    assert_true(sender()->repair_bytes < 1000000 + 17000);
    assert_int_equal(sender()->naks, 1000);
    field_check_all(1, 2000);
}

/* Published data leaves no faster than it may, and whoever adds too much is told to wait. */
TEST(pace_is_kept) {
    unsigned topic = add_subscribers(1, field_subscribe);
    const struct muster_record record = field_text(1000);
    uint64_t begin_ms = world.now_ms;
    uint64_t waits = 0;
    for (int i = 0; i < 2000;) {
        int error = field_add(0, topic, &record);
        if (error == MUSTER_EAGAIN) {
            waits++;
            world_run(5);
        } else {
            assert_int_equal(error, 0);
            i++;
        }
    }
    world_run(100);
    assert_true(waits > 100);
    assert_in_range(field_got(1)->count, 1999, 2000);
    uint64_t took_ms = field_got(1)->arrivals[1998].at_ms - begin_ms;
    uint64_t bytes = sender()->bytes;
    assert_in_range(took_ms, bytes / 1000 - 50, bytes / 1000 + 50); /* 1 MB a second */
}

/* How often a topic is published is announced, and not each time it varies a little. */
TEST(the_rate_of_a_topic_is_announced) {
    unsigned topic = add_subscribers(1, field_subscribe);
    field_publish_many(0, topic, 150, 100);
    uint64_t rev = muster_core_rev(world.nodes[0].core);
    const struct muster_document *document = &world_row(1, "pub")->document;
    assert_int_equal(document->topic_count, 1);
    assert_true(document->topics[0].rate > 9.9 && document->topics[0].rate < 10.1);
    field_publish_many(0, topic, 150, 120);
    assert_int_equal(muster_core_rev(world.nodes[0].core), rev);
}

TEST(a_rate_is_that_of_one_reading) {
    unsigned topic = add_subscribers(1, field_subscribe);
    for (unsigned i = 0; i < 300; i++) {
        field_publish(0, topic, i % 2 == 0 ? "x" : "y", i);
        world_run(50);
    }
    const struct muster_document *document = &world_row(1, "pub")->document;
    assert_true(document->topics[0].rate > 9.9 && document->topics[0].rate < 10.1);
}

int main(void) {
    return test_run(begin, world_end);
}
