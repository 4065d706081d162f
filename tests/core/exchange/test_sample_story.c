/* SPDX-License-Identifier: MIT */
/* Where multicast does not reach, or comes too early: last values for who joins late, from the publisher or
 * from who keeps them, and streams for who is cut off from the groups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "countdown.h"
#include "field.h"
#include "limit.h"
#include "test.h"

static void begin(void) {
    world_begin(7);
    field_begin();
    world.has_streams = true;
}

/* A node that keeps the last values of a pattern. */
static size_t add_cache(const char *name, const char *pattern) {
    size_t index = world_add(name);
    struct muster_core_options options = world_options(index);
    options.caches = &pattern;
    options.cache_count = 1;
    world_start(index, &options);
    return index;
}

/* It says bye and is gone. */
static void depart(size_t index) {
    world_leave(index);
    world_run(500);
    world_kill(index);
}

#define ASK_ALL "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"#\"]}"
#define FOLLOW(pattern) \
    "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"" pattern "\"],\"follow\":true}\n"

/* ---- last values ---- */

TEST(a_late_joiner_has_last_values_at_once) {
    size_t pub = world_add("pub");
    unsigned climate = field_open(pub, "kitchen/climate");
    unsigned other = field_open(pub, "cellar/climate");
    field_publish(pub, climate, "temperature", 20);
    field_publish(pub, climate, "temperature", 21);
    field_publish(pub, climate, "humidity", 40);
    field_publish(pub, other, "temperature", 9);
    world_run(5000);
    size_t late = world_add("late");
    world_run(2000);
    uint64_t begin_ms = world.now_ms;
    field_subscribe(late, "kitchen/#");
    world_run(200);
    assert_int_equal(field_got(late)->count, 1);
    const struct arrival *arrival = &field_got(late)->arrivals[0];
    assert_int_equal(arrival->kind, MUSTER_SAMPLE_LAST);
    assert_true(arrival->at_ms - begin_ms < 20);
    assert_int_equal(arrival->seq, 0);
    assert_false(arrival->is_late);
    assert_in_range(arrival->age_ms, 6900, 7200);
    assert_string_equal(arrival->topic, "kitchen/climate");
    assert_non_null(strstr(arrival->body, "\"bn\":\"kitchen/climate/\""));
    assert_non_null(strstr(arrival->body, "\"n\":\"temperature\",\"v\":21"));
    assert_non_null(strstr(arrival->body, "\"n\":\"humidity\",\"v\":40"));
    world_run(60000);
    assert_int_equal(field_got(late)->count, 1);
    assert_int_equal(world.nodes[late].opened, 1);
}

/* It subscribes before it knows anybody. */
TEST(who_subscribes_first_asks_when_it_meets) {
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    field_publish(pub, topic, NULL, 1);
    world_run(5000);
    size_t late = world_add("late");
    field_subscribe(late, "a/#");
    world_run(700);
    assert_int_equal(field_got(late)->count, 1);
    assert_int_equal(field_got(late)->arrivals[0].kind, MUSTER_SAMPLE_LAST);
}

TEST(without_last_nobody_is_asked) {
    const char *pattern = "#";
    size_t pub = world_add("pub");
    field_publish(pub, field_open(pub, "a/b"), NULL, 1);
    size_t late = world_add("late");
    world_run(3000);
    field_subscribe_with(
        late, &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                    .patterns = &pattern,
                                                    .pattern_count = 1,
                                                    .without_last = true});
    world_run(5000);
    assert_int_equal(field_got(late)->count, 0);
    assert_int_equal(world.nodes[late].opened, 0);
}

/* A second subscription is given what the first one had; the first one is not given it again. */
TEST(each_subscription_has_them_once) {
    size_t pub = world_add("pub");
    field_publish(pub, field_open(pub, "a/b"), NULL, 1);
    size_t late = world_add("late");
    world_run(3000);
    field_subscribe(late, "a/#");
    world_run(1000);
    field_subscribe(late, "+/b");
    world_run(1000);
    assert_int_equal(field_got(late)->count, 2);
    assert_int_equal(field_got(late)->arrivals[0].subscriptions, 1);
    assert_int_equal(field_got(late)->arrivals[1].subscriptions, 2);
    field_unsubscribe(late, 0);
    field_subscribe(late, "a/b");
    world_run(1000);
    assert_int_equal(field_got(late)->count, 3);
    assert_int_equal(field_got(late)->arrivals[2].subscriptions, 1);
}

TEST(a_new_topic_and_a_restart_are_asked_for) {
    size_t pub = world_add("pub");
    size_t sub = world_add("sub");
    field_open(pub, "a/b");
    world_run(3000);
    field_subscribe(sub, "a/#");
    world_run(1000);
    unsigned opened = world.nodes[sub].opened;
    field_open(pub, "a/c");
    world_run(3000);
    assert_int_equal(world.nodes[sub].opened, opened + 1);
    field_open(pub, "x");
    world_run(3000);
    opened = world.nodes[sub].opened;
    world_kill(pub);
    world_run(100);
    world_restart(pub);
    field_publish(pub, field_open(pub, "a/b"), NULL, 5);
    world_run(3000);
    assert_true(world.nodes[sub].opened > opened);
    assert_true(field_got(sub)->count >= 1);
}

/* Who listens already is given nothing twice when topics show up, however fast they begin. */
TEST(who_listens_gets_nothing_twice) {
    size_t pub = world_add("pub");
    size_t sub = world_add("sub");
    world_run(3000);
    field_subscribe(sub, "#");
    world_run(1000);
    for (unsigned k = 0; k < 5; k++) {
        char name[16];
        snprintf(name, sizeof name, "t/%u", k);
        unsigned topic = field_open(pub, name);
        world_run(2 + k); /* until the group is joined */
        for (int i = 0; i < 30; i++) {
            field_publish(pub, topic, i % 3 == 0 ? "x" : "y", i);
            world_run(2);
        }
        world_run(3000);
    }
    assert_true(world.nodes[sub].opened >= 5);
    assert_int_equal(field_count(sub, MUSTER_SAMPLE_LIVE), 150);
    assert_int_equal(field_count(sub, MUSTER_SAMPLE_LAST), 0);
}

/* Who asks once is told what was sent, not what waits to be. */
TEST(what_waits_to_be_sent_is_no_last_value) {
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    world_run(2000);
    field_publish(pub, topic, "x", 1);
    field_publish(pub, topic, "y", 2);
    world_run(100);
    const struct muster_record record = {.name = "x", .kind = MUSTER_VALUE_NUMBER, .number = 3};
    struct pipe *pipe = pipe_connect_tcp(pub, 1);
    world_run(2);
    assert_int_equal(field_add(pub, topic, &record), 0);
    pipe_say(pipe, ASK_ALL "\n");
    world_run(2);
    assert_int_equal(pipe_count(pipe, "\"end\":\"done\",\"count\":2"), 1);
    assert_int_equal(pipe_count(pipe, "\"v\":3"), 0);
    assert_true(pipe_count(pipe, "\"v\":2") > 0);
    world_run(100);
    pipe_ask(pipe, ASK_ALL);
    assert_int_equal(pipe_count(pipe, "\"v\":3"), 1);
}

/* ---- where stream and group meet ---- */

static bool is_one_in_four_lost(size_t from, size_t to, const struct muster_datagram *datagram) {
    static const char data[] = "{\"muster\":1,\"kind\":\"data\"";
    static uint32_t count;
    (void)from, (void)to;
    return datagram->length >= sizeof data && memcmp(datagram->bytes, data, sizeof data - 1) == 0 &&
           (++count * 2654435761u >> 16) % 4 == 0;
}

/* The value of a body's only record. */
static unsigned value_of(const struct arrival *arrival) {
    const char *at = strstr(arrival->body, "\"v\":");
    assert_non_null(at);
    return (unsigned)strtoul(at + 4, NULL, 10);
}

/* Values ascend; with a history none is missing between the first and the last. */
static void check_joined(size_t node, bool has_history) {
    const struct got *got = field_got(node);
    assert_in_range(got->count, 10, 10000);
    assert_int_equal(got->lost, 0);
    for (size_t i = 1; i < got->count; i++) {
        unsigned value = value_of(&got->arrivals[i]);
        unsigned before = value_of(&got->arrivals[i - 1]);
        assert_true(has_history ? value == before + 1 : value > before);
        assert_false(got->arrivals[i].is_late);
        assert_true(got->arrivals[i].kind != MUSTER_SAMPLE_LAST ||
                    got->arrivals[i - 1].kind == MUSTER_SAMPLE_LAST);
    }
}

/* Subscribers join while 50 records a second are sent, some of which have to be repaired. */
static void join_late(uint64_t since_ms) {
    const char *pattern = "a/#";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1, .since_ms = since_ms};
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    size_t joiners[12];
    unsigned value = 0;
    world_run(1000);
    world.latency_max_ms = 8;
    world.is_lost = is_one_in_four_lost;
    for (size_t i = 0; i < 12; i++) {
        joiners[i] = world_add("late");
        for (unsigned k = 0; k < 40 + i; k++) {
            if (k == 20) {
                field_subscribe_with(joiners[i], &options);
            }
            field_publish(pub, topic, NULL, ++value);
            world_run(20);
        }
    }
    world.is_lost = NULL;
    world_run(3000);
    for (size_t i = 0; i < 12; i++) {
        check_joined(joiners[i], since_ms > 0);
    }
}

TEST(a_late_joiner_is_given_each_record_once_and_in_order) {
    join_late(0);
}

TEST(a_history_goes_over_into_live_data) {
    join_late(5000);
}

/* What is announced later brings no history again. */
TEST(a_history_is_given_once) {
    const char *pattern = "#";
    size_t pub = world_add("pub");
    field_publish_many(pub, field_open(pub, "a/b"), 5, 10);
    size_t late = world_add("late");
    world_run(3000);
    field_subscribe_with(
        late, &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                    .patterns = &pattern,
                                                    .pattern_count = 1,
                                                    .since_ms = 60000});
    world_run(1000);
    assert_int_equal(field_got(late)->count, 5);
    field_open(pub, "c/d");
    world_run(3000);
    assert_int_equal(world.nodes[late].opened, 2);
    assert_int_equal(field_got(late)->count, 5);
}

static void say_nothing(struct pipe *pipe, enum muster_stream_event event) {
    (void)pipe, (void)event;
}

/* Who does not answer holds nothing up for long, and nothing of what waited is lost. */
TEST(live_data_wait_for_a_stream_a_second_at_most) {
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    size_t late = world_add("late");
    world_run(3000);
    world.nodes[pub].script = say_nothing;
    uint64_t begin_ms = world.now_ms;
    field_subscribe(late, "a/#");
    field_publish_many(pub, topic, 20, 100);
    field_check_all(late, 20);
    assert_in_range(field_got(late)->arrivals[0].at_ms - begin_ms, 500, MUSTER_JOIN_MS + 20);
    world_run(60000);
    assert_int_equal(field_got(late)->count, 20);
}

static bool is_of_first(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to, (void)datagram;
    return from == 0;
}

/* Who went away before it could be asked is asked for its history when it comes back. */
TEST(a_history_waits_for_who_went_away) {
    const char *pattern = "a/#";
    size_t pub = world_add("pub");
    field_publish_many(pub, field_open(pub, "a/b"), 5, 10);
    size_t late = world_add("late");
    world_run(3000);
    world.nodes[pub].script = say_nothing;
    world.is_lost = is_of_first;
    field_subscribe_with(
        late, &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                    .patterns = &pattern,
                                                    .pattern_count = 1,
                                                    .since_ms = 600000});
    world_run(10000);
    assert_int_equal(world_rows(late, MUSTER_LOST), 1);
    world.nodes[pub].script = NULL;
    world.is_lost = NULL;
    world_run(20000);
    assert_int_equal(field_got(late)->count, 5);
}

static unsigned long long seq_for(const struct arrival *arrival, uint64_t subscription, const char *id) {
    bool is_of = (arrival->subscriptions & subscription) != 0 && strcmp(arrival->id, id) == 0;
    return is_of ? arrival->seq : 0;
}

/* What waits of several publishers for several subscriptions has one bound. Beyond it, it comes early, but in
 * order, and what came by other streams has room. */
TEST(what_waits_of_all_publishers_is_bounded) {
    const char *pattern = "#";
    size_t pubs[2] = {world_add("one"), world_add("two")};
    unsigned topics[2] = {field_open(pubs[0], "a/b"), field_open(pubs[1], "c/d")};
    const struct muster_record record = field_text(1000);
    size_t late = world_add("late");
    world_run(3000);
    for (unsigned i = 0; i < 2; i++) {
        world.nodes[pubs[i]].script = say_nothing;
    }
    for (unsigned i = 0; i < 6; i++) {
        field_subscribe(late, pattern);
    }
    for (unsigned i = 0; i < 450; i++) {
        field_publish_record(pubs[0], topics[0], &record);
        field_publish_record(pubs[1], topics[1], &record);
        world_run(2);
    }
    world_run(3000);
    assert_int_equal(world_counters(late)->samples_dropped, 0);
    for (unsigned k = 0; k < 12; k++) {
        unsigned long long seq = 0;
        for (size_t i = 0; i < field_got(late)->count; i++) {
            const struct arrival *arrival = &field_got(late)->arrivals[i];
            unsigned long long next = seq_for(arrival, 1u << k / 2, world.nodes[pubs[k % 2]].id);
            assert_true(next == 0 || next == seq + 1);
            seq = next == 0 ? seq : next;
        }
        assert_int_equal(seq, 450);
    }
}

/* What is older than what came live says so. Who wants the newest does not wait. */
TEST(what_comes_behind_live_data_is_flagged) {
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    field_publish(pub, topic, "x", 1);
    size_t late = world_add("late");
    world_run(3000);
    field_subscribe_newest(late, "a/#");
    field_publish(pub, topic, "y", 2);
    world_run(1000);
    bool has_live = false;
    for (size_t i = 0; i < field_got(late)->count; i++) {
        const struct arrival *arrival = &field_got(late)->arrivals[i];
        has_live = has_live || arrival->kind == MUSTER_SAMPLE_LIVE;
        assert_true(arrival->kind == MUSTER_SAMPLE_LIVE || arrival->is_late == has_live);
    }
    assert_true(has_live);
    assert_int_equal(field_count(late, MUSTER_SAMPLE_LAST), 1);
}

/* ---- history ---- */

TEST(a_history_comes_in_order) {
    const char *pattern = "a/#";
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    unsigned quiet = field_open(pub, "a/quiet");
    field_publish(pub, quiet, NULL, 77);
    world_run(20000);
    field_publish_many(pub, topic, 300, 100);
    size_t late = world_add("late");
    world_run(2000);
    field_subscribe_with(
        late, &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                    .patterns = &pattern,
                                                    .pattern_count = 1,
                                                    .since_ms = 12000});
    field_publish_many(pub, topic, 20, 10);
    world_run(1000);
    assert_int_equal(field_count(late, MUSTER_SAMPLE_LIVE), 20);
    assert_int_equal(field_got(late)->lost, 0);
    uint64_t seq = 0;
    size_t history = 0;
    bool has_quiet = false;
    for (size_t i = 0; i < field_got(late)->count; i++) {
        const struct arrival *arrival = &field_got(late)->arrivals[i];
        has_quiet = has_quiet || strcmp(arrival->topic, "a/quiet") == 0;
        if (arrival->kind == MUSTER_SAMPLE_LAST && arrival->seq > 0) {
            assert_true(seq == 0 || arrival->seq == seq + 1);
            assert_true(arrival->age_ms <= 12100);
            seq = arrival->seq;
            history++;
        }
    }
    assert_true(has_quiet);
    assert_in_range(history, 99, 102);
    const struct arrival *arrivals = field_got(late)->arrivals;
    for (size_t i = 0; i < field_got(late)->count; i++) { /* nothing twice */
        for (size_t k = 0; k < i; k++) {
            assert_true(arrivals[i].seq == 0 || arrivals[i].seq != arrivals[k].seq ||
                        strcmp(arrivals[i].topic, arrivals[k].topic) != 0);
        }
    }
}

/* ---- origins ---- */

static unsigned open_brought(size_t node, const char *topic, const char *origin) {
    const struct muster_topic described = {.name = topic, .origin = origin};
    unsigned number;
    assert_int_equal(muster_core_topic_open(world.nodes[node].core, &described, &number), 0);
    return number;
}

/* Whoever passes a reading on, and by whatever way, says where it was brought from. */
TEST(an_origin_goes_with_its_readings) {
    size_t bridge = world_add("bridge");
    size_t live = world_add("live");
    add_cache("keeper", "#");
    unsigned brought = open_brought(bridge, "door", "site \"b\"");
    unsigned own = field_open(bridge, "lamp");
    world_run(3000);
    assert_string_equal(world_row(live, "bridge")->document.topics[0].origin, "site \"b\"");
    assert_string_equal(world_row(live, "bridge")->document.topics[1].origin, "");
    field_subscribe(live, "#");
    world_run(1000);
    field_publish(bridge, brought, NULL, 1);
    field_publish(bridge, own, NULL, 1);
    world_run(100);
    assert_int_equal(field_count(live, MUSTER_SAMPLE_LIVE), 2);
    assert_string_equal(field_got(live)->arrivals[0].origin, "site \"b\"");
    assert_string_equal(field_got(live)->arrivals[1].origin, "");

    size_t late = world_add("late"); /* last values, of the bridge */
    world_run(2000);
    field_subscribe(late, "door");
    world_run(500);
    assert_int_equal(field_got(late)->count, 1);
    assert_int_equal(field_last(late)->kind, MUSTER_SAMPLE_LAST);
    assert_int_equal(field_last(late)->seq, 0);
    assert_string_equal(field_last(late)->origin, "site \"b\"");

    size_t again = world_add("again"); /* a history, of the bridge */
    const char *pattern = "door";
    world_run(500);
    field_subscribe_with(
        again, &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                     .patterns = &pattern,
                                                     .pattern_count = 1,
                                                     .since_ms = 30000});
    world_run(500);
    assert_int_equal(field_got(again)->count, 1);
    assert_true(field_last(again)->seq > 0);
    assert_string_equal(field_last(again)->origin, "site \"b\"");

    depart(bridge); /* and of the keeper */
    size_t later = world_add("later");
    world_run(2000);
    field_subscribe(later, "#");
    world_run(500);
    assert_int_equal(field_got(later)->count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct arrival *arrival = &field_got(later)->arrivals[i];
        assert_string_equal(arrival->origin, strcmp(arrival->topic, "door") == 0 ? "site \"b\"" : "");
    }
}

TEST(a_topic_with_no_right_origin_is_refused) {
    size_t pub = world_add("pub");
    char origin[MUSTER_ORIGIN_BYTES_MAX + 2];
    struct muster_topic described = {.name = "a", .origin = origin};
    unsigned number;
    memset(origin, 'x', sizeof origin - 1);
    origin[sizeof origin - 1] = '\0';
    assert_int_equal(muster_core_topic_open(world.nodes[pub].core, &described, &number), MUSTER_EINVAL);
    origin[0] = '\n';
    origin[1] = '\0';
    assert_int_equal(muster_core_topic_open(world.nodes[pub].core, &described, &number), MUSTER_EINVAL);
    origin[0] = '\0';
    assert_int_equal(muster_core_topic_open(world.nodes[pub].core, &described, &number), 0);
}

/* ---- caching peers ---- */

TEST(a_sleeping_sensor_is_known_by_its_keeper) {
    size_t value_cache = add_cache("keeper", "kitchen/#");
    size_t sensor = world_add("sensor");
    unsigned topic = field_open(sensor, "kitchen/climate");
    unsigned other = field_open(sensor, "cellar");
    world_run(3000);
    field_publish(sensor, topic, "temperature", 20);
    field_publish(sensor, topic, "temperature", 21);
    field_publish(sensor, topic, "humidity", 50);
    field_publish(sensor, other, NULL, 1);
    world_run(1000);
    depart(sensor);
    world_run(100000);
    assert_int_equal(field_got(value_cache)->count, 0); /* it keeps, and tells its own program nothing */
    size_t late = world_add("late");
    world_run(2000);
    uint64_t begin_ms = world.now_ms;
    field_subscribe(late, "+/climate/temperature");
    world_run(200);
    assert_int_equal(field_got(late)->count, 1);
    const struct arrival *arrival = &field_got(late)->arrivals[0];
    assert_true(arrival->at_ms - begin_ms < 200);
    assert_int_equal(arrival->kind, MUSTER_SAMPLE_LAST);
    assert_string_equal(arrival->id, world.nodes[sensor].id);
    assert_string_equal(arrival->topic, "kitchen/climate");
    assert_non_null(strstr(arrival->body, "{\"n\":\"kitchen/climate/temperature\",\"v\":21,\"t\":17"));
    assert_null(strstr(arrival->body, "\"v\":20"));
    assert_in_range(arrival->age_ms, 103000, 105000);
}

static void check_kept(size_t late, size_t sensor, uint64_t age_min_ms, uint64_t age_max_ms) {
    assert_int_equal(field_got(late)->count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct arrival *arrival = &field_got(late)->arrivals[i];
        const bool is_brought = strcmp(arrival->topic, "cellar") == 0;
        assert_string_equal(arrival->id, world.nodes[sensor].id);
        assert_string_equal(arrival->origin, is_brought ? "site-b" : "");
        assert_string_equal(arrival->name, "sensor");
        assert_in_range(arrival->age_ms, age_min_ms, age_max_ms);
        assert_non_null(strstr(arrival->body, is_brought ? "\"v\":5" : "\"v\":21"));
    }
}

/* What it kept outlives it as bytes: of values that say no time the age goes on. */
TEST(what_is_kept_outlives_its_keeper) {
    size_t keeper = add_cache("keeper", "#");
    size_t sensor = world_add("sensor");
    unsigned topic = field_open(sensor, "kitchen/climate");
    unsigned brought = open_brought(sensor, "cellar", "site-b");
    world_run(3000);
    field_publish(sensor, topic, "temperature", 20);
    field_publish(sensor, topic, "temperature", 21);
    field_publish(sensor, brought, NULL, 5);
    world_run(1000);
    depart(sensor);
    uint8_t *bytes;
    size_t length;
    muster_core_t *core = world.nodes[keeper].core;
    assert_int_equal(muster_core_cached_changes(core), 3);
    assert_int_equal(muster_core_cached_save(core, &bytes, &length), 0);
    depart(keeper);

    size_t again = add_cache("again", "#"); /* an hour later */
    core = world.nodes[again].core;
    assert_int_equal(muster_core_cached_load(core, bytes, length, 3600000), 0);
    assert_int_equal(muster_core_cached_load(core, bytes, length, 3600000), 0); /* twice is once */
    size_t late = world_add("late");
    world_run(2000);
    field_subscribe(late, "#");
    world_run(500);
    check_kept(late, sensor, 3602000, 3606000);

    size_t other = add_cache("other", "cellar/#"); /* which keeps less */
    assert_int_equal(muster_core_cached_load(world.nodes[other].core, bytes, length, 0), 0);
    assert_int_equal(muster_core_cached_changes(world.nodes[other].core), 1);
    free(bytes);
}

/* By another program: each has its number of the topic and whether it is to be retained. */
static void publish_for_another(struct pipe *program, const char *topic, int number, bool retains) {
    char line[256];
    snprintf(line, sizeof line,
             "{\"muster\":1,\"request\":\"publish\",\"topic\":\"%s\",\"record\":{\"u\":\"Cel\",\"v\":%d}%s}",
             topic, number, retains ? ",\"retain\":true" : "");
    assert_non_null(strstr(pipe_ask(program, line), "\"end\":\"done\""));
}

/* A node restores under the same key what it was to retain, and sends none of it anew. */
TEST(what_is_retained_outlives_its_publisher) {
    size_t node = world_add("node");
    struct pipe *program = pipe_connect_local(node);
    muster_core_t *core = world.nodes[node].core;
    world_run(1000);
    publish_for_another(program, "target", 20, true);
    publish_for_another(program, "target", 21, true);
    publish_for_another(program, "other", 5, false);
    publish_for_another(program, "ended", 6, true);
    publish_for_another(program, "ended", 7, false); /* which ends it */
    assert_int_equal(muster_core_retained_changes(core), 4);
    uint8_t *bytes;
    size_t length;
    assert_int_equal(muster_core_cached_save(core, &bytes, &length), 0);
    depart(node);

    struct muster_core_options options = world_options(node);
    world_start(node, &options);
    core = world.nodes[node].core;
    assert_int_equal(muster_core_cached_load(core, bytes, length, 60000), 0);
    assert_int_equal(muster_core_cached_load(core, bytes, length, 60000), 0);
    free(bytes);
    size_t late = world_add("late");
    field_subscribe(late, "#");
    world_run(3000);
    assert_int_equal(field_got(late)->count, 1);
    assert_int_equal(field_last(late)->kind, MUSTER_SAMPLE_LAST);
    assert_string_equal(field_last(late)->topic, "target");
    assert_non_null(strstr(field_last(late)->body, "\"u\":\"Cel\",\"v\":21"));
    assert_int_equal(world_row(late, "node")->document.topic_count, 1);
    assert_string_equal(world_row(late, "node")->document.topics[0].unit, "Cel");

    program = pipe_connect_local(node);
    publish_for_another(program, "target", 22, false);
    world_run(500);
    assert_int_equal(field_count(late, MUSTER_SAMPLE_LIVE), 1);
    assert_int_equal(muster_core_cached_save(core, &bytes, &length), 0);
    assert_null(bytes);
}

/* Who does not stay can't retain anything; all else it publishes. */
TEST(who_does_not_stay_retains_nothing) {
    size_t node = world_add("node");
    struct muster_core_options options = world_options(node);
    options.without_retained = true;
    depart(node);
    world_start(node, &options);
    struct pipe *program = pipe_connect_local(node);
    world_run(1000);
    static const char refused[] = "{\"muster\":1,\"request\":\"publish\",\"topic\":\"target\","
                                  "\"record\":{\"v\":20},\"retain\":true}";
    assert_non_null(strstr(pipe_ask(program, refused), "\"end\":\"elsewhere\""));
    publish_for_another(program, "target", 21, false);
    assert_int_equal(muster_core_retained_changes(world.nodes[node].core), 0);
}

TEST(damaged_bytes_of_a_keeper_are_told) {
    size_t keeper = add_cache("keeper", "#");
    size_t sensor = world_add("sensor");
    unsigned topic = field_open(sensor, "a");
    world_run(3000);
    field_publish(sensor, topic, NULL, 1);
    world_run(1000);
    muster_core_t *core = world.nodes[keeper].core;
    uint8_t *bytes;
    size_t length;
    assert_int_equal(muster_core_cached_save(core, &bytes, &length), 0);
    for (size_t i = 1; i < length; i++) {
        assert_int_equal(muster_core_cached_load(core, bytes, i, 0), MUSTER_EINVAL);
    }
    bytes[0] = '[';
    assert_int_equal(muster_core_cached_load(core, bytes, length, 0), MUSTER_EINVAL);
    static const char end[] = "{\"end\":\"done\",\"count\":0}\n";
    assert_int_equal(muster_core_cached_load(core, (const uint8_t *)end, strlen(end), 0), MUSTER_EINVAL);
    assert_int_equal(muster_core_cached_load(core, bytes, 0, 0), 0);
    free(bytes);
    unsigned long n = 1;
    int error = MUSTER_ENOMEM;
    for (; error != 0; n++) {
        countdown_set(n);
        error = muster_core_cached_save(core, &bytes, &length);
        countdown_set(0);
        assert_true(error == 0 || (error == MUSTER_ENOMEM && bytes == NULL));
    }
    assert_true(n > 2);
    for (error = MUSTER_ENOMEM, n = 1; error != 0; n++) {
        countdown_set(n);
        error = muster_core_cached_load(core, bytes, length, 0);
        countdown_set(0);
        assert_true(error == 0 || error == MUSTER_ENOMEM);
    }
    assert_true(n > 3);
    free(bytes);
}

TEST(publisher_and_keeper_give_a_value_once) {
    add_cache("keeper", "#");
    add_cache("second", "a/+");
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    world_run(3000);
    field_publish(pub, topic, "x", 1);
    field_publish(pub, topic, "y", 2);
    world_run(3000);
    size_t late = world_add("late");
    world_run(3000);
    field_subscribe(late, "#");
    world_run(3000);
    assert_int_equal(world.nodes[late].opened, 3);
    assert_int_equal(field_got(late)->count, 1);
}

/* A caching peer that starts late takes over what another keeps. */
TEST(keepers_learn_from_each_other) {
    size_t first = add_cache("first", "a/#");
    size_t sensor = world_add("sensor");
    unsigned topic = field_open(sensor, "a/b");
    world_run(3000);
    field_publish(sensor, topic, NULL, 4);
    world_run(1000);
    depart(sensor);
    add_cache("second", "a/b");
    world_run(5000);
    depart(first);
    size_t late = world_add("late");
    world_run(3000);
    field_subscribe(late, "#");
    world_run(1000);
    assert_int_equal(field_got(late)->count, 1);
    assert_non_null(strstr(field_got(late)->arrivals[0].body, "\"v\":4"));
}

TEST(only_patterns_are_kept) {
    const char *many[MUSTER_CACHES_MAX + 1];
    const char *none[] = {"a//b"};
    muster_core_t *core;
    size_t value_cache = world_add("keeper");
    for (size_t i = 0; i <= MUSTER_CACHES_MAX; i++) {
        many[i] = "a/#";
    }
    struct muster_core_options options = world_options(value_cache);
    options.caches = none;
    options.cache_count = 1;
    assert_int_equal(muster_core_new(&options, world.now_ms, &core), MUSTER_EINVAL);
    options.caches = many;
    options.cache_count = MUSTER_CACHES_MAX + 1;
    assert_int_equal(muster_core_new(&options, world.now_ms, &core), MUSTER_EINVAL);
    options.cache_count = MUSTER_CACHES_MAX;
    options.document = NULL;
    assert_int_equal(muster_core_new(&options, world.now_ms, &core), MUSTER_EINVAL); /* it answers nobody */
}

/* They are announced, and stay when the document changes. */
TEST(caches_are_announced) {
    size_t value_cache = add_cache("keeper", "kitchen/+/#");
    size_t other = world_add("other");
    world_run(3000);
    for (int i = 0; i < 2; i++) {
        const struct muster_document *document = &world_row(other, "keeper")->document;
        assert_int_equal(document->cache_count, 1);
        assert_string_equal(document->caches[0], "kitchen/+/#");
        assert_int_equal(world_update(value_cache, "keeper", 99), 0);
        world_run(3000);
    }
}

static uint64_t forged; /* data */

/* A caching peer of all, and a publisher, node 0, in whose name the test goes on. */
static size_t begin_forging(void) {
    size_t pub = world_add("pub");
    size_t value_cache = add_cache("keeper", "#");
    field_open(pub, "a/b");
    world_run(3000);
    world_kill(pub);
    forged = 0;
    return value_cache;
}

/* Data that the publisher seems to send; its topics are of shard 1. */
static void inject_data(size_t to, const char *topic, const char *name, const char *text) {
    char body[MUSTER_DATAGRAM_BYTES_MAX - 200];
    char datagram_text[MUSTER_DATAGRAM_BYTES_MAX];
    snprintf(body, sizeof body, "[{\"n\":\"%s%s\",\"vs\":\"%s\"}]", topic, name, text);
    field_print_data(datagram_text, 0, world.nodes[0].boot, topic, ++forged, body);
    const struct muster_datagram datagram = field_datagram(datagram_text, strlen(datagram_text), 1);
    world_inject(to, &datagram);
    world_run(forged % 10 == 0 ? 1 : 0);
}

/* A clock that was wrong at one start holds up no later one. */
TEST(a_later_start_goes_before_a_later_time) {
    size_t value_cache = add_cache("keeper", "#");
    size_t pub = world_add("pub");
    struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 1, .time_s = 4e9};
    world_run(3000);
    unsigned topic = field_open(pub, "a/b");
    world_run(1000);
    field_publish_record(pub, topic, &record);
    field_publish(pub, topic, NULL, 2); /* of the same start: the time decides */
    world_run(1000);
    struct pipe *pipe = pipe_connect_local(value_cache);
    pipe_ask(pipe, ASK_ALL);
    assert_int_equal(pipe_count(pipe, "\"v\":1,"), 1);
    world_kill(pub);
    world_run(100);
    world_restart(pub);
    topic = field_open(pub, "a/b");
    world_run(3000);
    field_publish(pub, topic, NULL, 3);
    world_run(1000);
    pipe_forget(pipe);
    pipe = pipe_connect_local(value_cache);
    pipe_ask(pipe, ASK_ALL);
    assert_int_equal(pipe_count(pipe, "\"v\":3,"), 1);
    assert_int_equal(pipe_count(pipe, "\"v\":1,"), 0);
    pipe_forget(pipe);
}

/* Samples that a node keeps for a pattern. */
static size_t kept(size_t value_cache, const char *pattern) {
    char request[128];
    struct pipe *pipe = pipe_connect_local(value_cache);
    snprintf(request, sizeof request, "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"%s\"]}",
             pattern);
    pipe_ask(pipe, request);
    world_run(1000);
    assert_int_equal(pipe_count(pipe, "{\"end\":\"done\""), 1);
    size_t count = pipe_count(pipe, "{\"sample\":");
    pipe_forget(pipe);
    return count;
}

/* Kept topics and bytes are bounded, and those without news go first. */
TEST(what_is_kept_is_bounded) {
    size_t value_cache = begin_forging();
    unsigned number = 0;
    const char *text = field_text(1100).text;
    long before = countdown_bytes();
    for (unsigned i = 0; i < 5000; i++) {
        inject_data(value_cache, field_topic_of(1, "large", &number), "", text);
    }
    world_run(1);
    assert_true(countdown_bytes() - before < 2 * MUSTER_KEPT_BYTES_MAX);
    size_t count = kept(value_cache, "#");
    assert_in_range(count, 1000, MUSTER_KEPT_BYTES_MAX / 1100);
    assert_int_equal(world_counters(value_cache)->cache_evicted, 5000 - count);
    for (unsigned i = 0; i < 6000; i++) {
        inject_data(value_cache, field_topic_of(1, "small", &number), "", "");
    }
    world_run(1);
    assert_int_equal(kept(value_cache, "large/#"), 0);
    assert_int_equal(kept(value_cache, "#"), MUSTER_KEPT_TOPICS_MAX);
}

TEST(of_a_topic_so_many_names_are_kept) {
    size_t value_cache = begin_forging();
    for (unsigned i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "/n%u", i);
        inject_data(value_cache, "a/b", name, "");
    }
    struct pipe *pipe = pipe_connect_local(value_cache);
    pipe_ask(pipe, ASK_ALL);
    assert_int_equal(pipe_count(pipe, "\"n\":\"a/b/n") + pipe_count(pipe, "{\"n\":\"n"), MUSTER_SENSORS_MAX);
    assert_int_equal(world_counters(value_cache)->cache_evicted, 200 - MUSTER_SENSORS_MAX);
}

/* ---- by stream ---- */

static size_t cut_off;

static bool filter(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from;
    return to == cut_off && datagram->destination.ip[0] == 239;
}

static void cut(size_t index) {
    cut_off = index;
    world.is_lost = filter;
}

#define PUB 0
#define SUB 1

/* A publisher, and a subscriber that multicast does not reach; the publisher's topic. */
static unsigned begin_cut_off(void) {
    world_add("pub");
    world.has_streams = true;
    world_add("sub");
    unsigned topic = field_open(PUB, "a/b");
    cut(SUB);
    world_run(3000);
    field_subscribe(SUB, "a/#");
    return topic;
}

TEST(filtered_multicast_is_replaced_by_a_stream) {
    unsigned topic = begin_cut_off();
    size_t other = world_add("other");
    field_subscribe(other, "a/#");
    world_run(1000);
    field_publish_many(PUB, topic, 200, 100);
    assert_true(field_count(SUB, MUSTER_SAMPLE_STREAM) > 100);
    assert_int_equal(field_count(SUB, MUSTER_SAMPLE_LIVE), 0);
    assert_true(field_feed(SUB).is_streamed);
    assert_int_equal(field_feed(SUB).pending, 0);
    assert_int_equal(field_got(SUB)->lost, 0);
    field_check_whole(SUB);
    uint64_t naks = field_feed(SUB).naks;
    field_publish_many(PUB, topic, 100, 100);
    assert_int_equal(field_feed(SUB).naks, naks);
    size_t streamed = field_count(SUB, MUSTER_SAMPLE_STREAM);

    world.is_lost = NULL; /* and multicast comes again */
    field_publish_many(PUB, topic, 100, 100);
    world_run(1000);
    assert_false(field_feed(SUB).is_streamed);
    assert_true(field_count(SUB, MUSTER_SAMPLE_STREAM) <= streamed + 2);
    assert_true(field_count(SUB, MUSTER_SAMPLE_LIVE) >= 97);
    field_check_whole(SUB);
    assert_int_equal(field_got(SUB)->lost, 0);
    assert_int_equal(field_last(SUB)->seq, 400);
    assert_int_equal(field_count(other, MUSTER_SAMPLE_LIVE), 400);
    assert_int_equal(pipes_open(SUB), 0);
}

TEST(an_origin_goes_by_stream) {
    begin_cut_off();
    unsigned brought = open_brought(PUB, "a/c", "site-b");
    world_run(1000);
    field_publish_many(PUB, brought, 100, 100);
    assert_true(field_count(SUB, MUSTER_SAMPLE_STREAM) > 30);
    assert_int_equal(field_last(SUB)->kind, MUSTER_SAMPLE_STREAM);
    for (size_t i = 0; i < field_got(SUB)->count; i++) {
        assert_string_equal(field_got(SUB)->arrivals[i].origin, "site-b");
    }
}

/* What the shard's other topics send leaves no gap. */
TEST(a_stream_leaves_out_what_nobody_wants) {
    unsigned number = 0;
    unsigned wanted = begin_cut_off();
    unsigned unwanted = field_open(PUB, field_topic_of(1, "x", &number));
    for (int k = 0; k < 300; k++) {
        field_publish(PUB, k % 5 == 0 ? wanted : unwanted, NULL, k);
        world_run(50);
    }
    assert_true(field_count(SUB, MUSTER_SAMPLE_STREAM) >= 40);
    assert_int_equal(field_count(SUB, MUSTER_SAMPLE_STREAM), field_feed(SUB).received);
    assert_int_equal(field_got(SUB)->lost, 0);
}

TEST(a_stream_that_breaks_is_opened_again) {
    unsigned topic = begin_cut_off();
    field_publish_many(PUB, topic, 100, 100);
    assert_true(field_feed(SUB).is_streamed);
    for (int i = 0; i < 3; i++) {
        pipe_break_all();
        field_publish_many(PUB, topic, 30, 100);
        assert_true(field_feed(SUB).is_streamed);
    }
    assert_int_equal(field_got(SUB)->lost, 0);
    field_check_whole(SUB);
    world_run(10);
    assert_int_equal(field_last(SUB)->seq, 190);
    field_unsubscribe(SUB, 0);
    world_run(1000);
    assert_int_equal(pipes_open(SUB), 0);
}

/* A publisher without streams is left to naks, and what is missed is reported. */
TEST(without_a_stream_losses_are_told) {
    world.has_streams = false; /* of the publisher */
    unsigned topic = begin_cut_off();
    field_publish_many(PUB, topic, 200, 100);
    world_run(3000);
    assert_false(field_feed(SUB).is_streamed);
    assert_true(field_feed(SUB).lost_wire > 100);
}

/* ---- who asks ---- */

TEST(who_follows_is_told_as_it_is_sent) {
    size_t pub = world_add("pub");
    unsigned topic = field_open(pub, "a/b");
    unsigned other = field_open(pub, "c");
    field_publish(pub, topic, NULL, 1);
    world_run(2000);
    struct pipe *tcp = pipe_connect_tcp(pub, 1);
    struct pipe *local = pipe_connect_local(pub);
    pipe_say(tcp, FOLLOW("a/+"));
    pipe_say(local, FOLLOW("a/+"));
    world_run(100);
    assert_int_equal(pipe_count(tcp, "{\"sample\":"), 1);
    assert_null(strstr(tcp->text, "\"seq\""));
    assert_string_equal(tcp->text, local->text);
    field_publish(pub, topic, NULL, 2);
    field_publish(pub, other, NULL, 3);
    field_publish(pub, topic, NULL, 4);
    world_run(100);
    assert_int_equal(pipe_count(tcp, "{\"sample\":"), 3);
    assert_non_null(strstr(tcp->text, "\"seq\":2,\"age_ms\":"));
    assert_non_null(strstr(tcp->text, "\"v\":4}]\n"));
    assert_null(strstr(tcp->text, "\"v\":3}"));
    assert_null(strstr(tcp->text, "\"end\""));
    world_run(100000);
    assert_false(tcp->is_ended);
    field_publish(pub, topic, NULL, 5);
    world_run(10);
    assert_int_equal(pipe_count(tcp, "{\"sample\":"), 4);
    pipe_finish(tcp);
    world_run(10);
    assert_true(tcp->is_ended);
}

/* Who follows and reads nothing is cut; nobody else is slower for it. */
TEST(a_slow_follower_is_cut) {
    size_t pub = world_add("pub");
    size_t sub = world_add("sub");
    unsigned topic = field_open(pub, "a/b");
    world_run(2000);
    field_subscribe(sub, "a/#");
    struct pipe *slow = pipe_connect_tcp(pub, 1);
    struct pipe *quick = pipe_connect_tcp(pub, 1);
    slow->is_deaf = true;
    pipe_say(slow, FOLLOW("#"));
    pipe_say(quick, FOLLOW("#"));
    world_run(100);
    const struct muster_record record = field_text(1000);
    for (int i = 0; i < 2000; i++) {
        field_publish_record(pub, topic, &record);
        world_run(2);
    }
    world_run(100);
    assert_true(slow->is_ended);
    assert_false(quick->is_ended);
    assert_int_equal(world_counters(pub)->streams_cut, 1);
    assert_int_equal(pipe_count(quick, "{\"sample\":"), 2000);
    assert_int_equal(field_count(sub, MUSTER_SAMPLE_LIVE), 2000);
    for (size_t i = 0; i < field_got(sub)->count; i++) {
        assert_int_equal(field_got(sub)->arrivals[i].at_ms, field_got(sub)->arrivals[0].at_ms + 2 * i);
    }
}

TEST(followers_count_as_watchers) {
    struct pipe *pipes[MUSTER_STREAMS_WATCHERS_MAX + 1];
    size_t pub = world_add("pub");
    world_run(1000);
    for (size_t i = 0; i <= MUSTER_STREAMS_WATCHERS_MAX; i++) {
        pipes[i] = pipe_connect_tcp(pub, (uint8_t)i);
        pipe_say(pipes[i], i % 2 == 0 ? FOLLOW("#") : "{\"muster\":1,\"request\":\"watch\"}\n");
        world_run(10);
    }
    assert_null(strstr(pipes[0]->text, "busy"));
    assert_non_null(strstr(pipes[MUSTER_STREAMS_WATCHERS_MAX]->text, "\"end\":\"busy\""));
}

/* ---- hostile answers ---- */

static const char *hostile; /* what is said behind the boot */

static void say_hostile(struct pipe *pipe, enum muster_stream_event event) {
    const struct node *node = &world.nodes[pipe->server];
    if (event == MUSTER_STREAM_BYTES) {
        pipe_say(pipe, "{\"sample\":{\"id\":\"%s\",\"boot\":%llu%s", node->id, (unsigned long long)node->boot,
                 hostile);
    }
}

/* What of a hostile answer is delivered. */
static size_t ask_hostile(const char *answer) {
    begin();
    size_t liar = world_add("liar");
    field_open(liar, "a/b");
    size_t sub = world_add("sub");
    world_run(3000);
    hostile = answer;
    world.nodes[liar].script = say_hostile;
    field_subscribe(sub, "a/#");
    world_run(60000);
    size_t count = field_got(sub)->count;
    assert_in_range(world.nodes[sub].opened, 1, MUSTER_ASK_TRIES);
    return count;
}

#define PACK "[{\"n\":\"a/b\",\"v\":1}]\n"
#define END "{\"end\":\"done\",\"count\":1}\n"

static const struct {
    const char *answer;
    size_t delivered;
} answers[] = {
    {",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK END, 1},
    {",\"topic\":\"a b\",\"age_ms\":5},\"lines\":1}\n" PACK END, 0},
    {",\"topic\":\"x\",\"age_ms\":5},\"lines\":1}\n" PACK END, 0},
    {",\"topic\":\"a/b\",\"seq\":3,\"age_ms\":5},\"lines\":1}\n" PACK END, 0},
    {",\"topic\":\"a/b\",\"age_ms\":-5},\"lines\":1}\n" PACK END, 0},
    {",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":2}\n" PACK PACK END, 0},
    {",\"topic\":\"a/b\",\"age_ms\":5}}\n" END, 0},
    {",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\nno pack\n" END, 0},
    {"1,\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK END, 0}, /* another boot */
    {"}}{\n", 0},
    /* of somebody else, without keeping for others */
    {"},\"lines\":0}\n{\"sample\":{\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":5,"
     "\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK END,
     0},
};

TEST(hostile_answers_do_nothing) {
    static char text[6100];
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        assert_int_equal(ask_hostile(answers[i].answer), answers[i].delivered);
    }
    snprintf(text, sizeof text, ",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n%-1450s\n" END,
             "[{\"n\":\"a/b\",\"v\":1}]");
    assert_int_equal(ask_hostile(text), 0);
    snprintf(text, sizeof text, "%6000s", ""); /* endless */
    assert_int_equal(ask_hostile(text), 0);
}

static void say_for_ever(struct pipe *pipe, enum muster_stream_event event) {
    static const char part[] = ",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK;
    hostile = part;
    if (event == MUSTER_STREAM_BYTES || event == MUSTER_STREAM_DRAINED) {
        say_hostile(pipe, MUSTER_STREAM_BYTES);
    }
}

TEST(an_endless_answer_is_cut_short) {
    size_t liar = world_add("liar");
    field_open(liar, "a/b");
    size_t sub = world_add("sub");
    world_run(3000);
    world.nodes[liar].script = say_for_ever;
    field_subscribe(sub, "a/#");
    world_run(100000);
    assert_in_range(field_got(sub)->count, 1,
                    60); /* the same value, of an age that makes it a newer one each second */
    assert_int_equal(pipes_open(sub), 0);
    assert_in_range(world_counters(sub)->fetches_failed, 1, MUSTER_ASK_TRIES);
    assert_int_equal(world_counters(sub)->histories_failed, 1);
}

/* ---- memory ---- */

static void follow_and_catch_up(void *unused) {
    (void)unused;
    const char *pattern = "a/#";
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1, .since_ms = 2000};
    unsigned subscription;
    begin();
    size_t value_cache = add_cache("keeper", "a/#");
    size_t pub = world_add("pub");
    size_t sub = world_add("sub");
    unsigned topic = field_open(pub, "a/b");
    world_run(3000);
    field_publish(pub, topic, "x", 1);
    world_run(500);
    cut(sub);
    countdown_begin();
    while (muster_core_subscribe(world.nodes[sub].core, &options, &subscription) != 0) {
        assert_true(countdown_has_failed());
    }
    world_tick(sub);
    for (int i = 0; i < 100; i++) {
        const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = i};
        field_add(pub, topic, &record);
        muster_core_topic_flush(world.nodes[pub].core, topic);
        world_tick(pub);
        world_run(100);
    }
    countdown_end();
    world_run(5000);
    field_publish(pub, topic, NULL, 1000);
    world_run(5000);
    assert_true(field_got(sub)->count > 20);
    assert_non_null(strstr(field_last(sub)->body, "\"v\":1000"));
    assert_int_equal(field_got(value_cache)->count, 0);
}

/* Then something may lack, and nothing else is wrong. */
TEST(any_allocation_may_fail) {
    unsigned long allocations =
        countdown_walk(follow_and_catch_up, NULL, 8); /* the later ones are much the same */
    print_message("up to allocation %lu\n", allocations);
}

int main(void) {
    return test_run(begin, world_end);
}
