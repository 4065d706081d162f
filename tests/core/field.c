/* SPDX-License-Identifier: MIT */
#include "field.h"

#include <stdio.h>
#include <string.h>

#include "countdown.h"
#include "test.h"

#define WALL_S 1700000000.0

static struct got got[WORLD_NODES_MAX];
static size_t capacities[WORLD_NODES_MAX];

/* ---- what a node got ---- */

static struct arrival *add_arrival(size_t node) {
    struct got *one = &got[node];
    if (one->count == capacities[node]) {
        capacities[node] = 2 * capacities[node] + 64;
        one->arrivals = countdown_realloc(one->arrivals, capacities[node] * sizeof *one->arrivals);
        assert_non_null(one->arrivals);
    }
    return &one->arrivals[one->count++];
}

static void collect(size_t node, const struct muster_arrival *arrival) {
    const struct muster_sample *sample = &arrival->sample;
    if (arrival->kind == MUSTER_ARRIVAL_LOSS) {
        got[node].lost += arrival->loss.last - arrival->loss.first + 1;
        got[node].lost_to = arrival->subscriptions;
        return;
    }
    struct arrival *added = add_arrival(node);
    added->kind = sample->kind;
    added->seq = sample->seq;
    added->at_ms = world.now_ms;
    added->age_ms = sample->age_ms;
    added->subscriptions = arrival->subscriptions;
    added->is_late = sample->is_late;
    assert_int_equal(sample->shard, muster_topic_shard(sample->topic));
    muster_id_text(sample->id, added->id);
    snprintf(added->topic, sizeof added->topic, "%s", sample->topic);
    snprintf(added->name, sizeof added->name, "%s", sample->name);
    snprintf(added->origin, sizeof added->origin, "%s", sample->origin);
    snprintf(added->body, sizeof added->body, "%.*s", (int)sample->length, sample->body);
}

void field_begin(void) {
    for (size_t i = 0; i < WORLD_NODES_MAX; i++) {
        got[i].count = 0;
        got[i].lost = got[i].lost_to = 0;
    }
    world.on_arrival = collect;
}

const struct got *field_got(size_t node) {
    return &got[node];
}

const struct arrival *field_last(size_t node) {
    assert_true(got[node].count > 0);
    return &got[node].arrivals[got[node].count - 1];
}

size_t field_count(size_t node, enum muster_sample_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < got[node].count; i++) {
        count += got[node].arrivals[i].kind == kind ? 1 : 0;
    }
    return count;
}

void field_check_whole(size_t node) {
    uint64_t seq = 0;
    for (size_t i = 0; i < got[node].count; i++) {
        const struct arrival *arrival = &got[node].arrivals[i];
        if (arrival->kind != MUSTER_SAMPLE_LAST) {
            assert_true(seq == 0 || arrival->seq == seq + 1);
            seq = arrival->seq;
        }
    }
}

void field_check_all(size_t node, size_t count) {
    assert_int_equal(got[node].count, count);
    assert_int_equal(got[node].lost, 0);
    assert_int_equal(got[node].arrivals[0].seq, 1);
    field_check_whole(node);
}

struct muster_feed field_feed(size_t node) {
    struct muster_feed feed;
    assert_true(muster_core_feeds(world.nodes[node].core, &feed, 1) > 0);
    assert_int_equal(feed.received + feed.pending + feed.lost_wire + feed.lost_gone + feed.lost_kernel +
                         feed.lost_program,
                     feed.sent - feed.since + 1);
    return feed;
}

size_t field_feed_count(size_t node) {
    return muster_core_feeds(world.nodes[node].core, NULL, 0);
}

/* ---- who publishes, and who subscribes ---- */

unsigned field_open(size_t node, const char *topic) {
    const struct muster_topic described = {.name = topic};
    unsigned number;
    assert_int_equal(muster_core_topic_open(world.nodes[node].core, &described, &number), 0);
    return number;
}

int field_add(size_t node, unsigned topic, const struct muster_record *record) {
    double wall_s = WALL_S + (double)world.now_ms / 1000;
    return muster_core_topic_add(world.nodes[node].core, topic, record, world.now_ms, wall_s);
}

struct muster_record field_text(size_t length) {
    static char text[MUSTER_DATAGRAM_BYTES_MAX + 1];
    assert_true(length < sizeof text);
    memset(text, 'x', length);
    text[length] = '\0';
    return (struct muster_record){.kind = MUSTER_VALUE_TEXT, .text = text};
}

void field_publish_record(size_t node, unsigned topic, const struct muster_record *record) {
    assert_int_equal(field_add(node, topic, record), 0);
    muster_core_topic_flush(world.nodes[node].core, topic);
    world_tick(node);
}

void field_publish(size_t node, unsigned topic, const char *name, double number) {
    const struct muster_record record = {.name = name, .kind = MUSTER_VALUE_NUMBER, .number = number};
    field_publish_record(node, topic, &record);
}

void field_publish_many(size_t node, unsigned topic, size_t count, uint64_t each_ms) {
    for (size_t i = 0; i < count; i++) {
        field_publish(node, topic, NULL, (double)i);
        world_run(each_ms);
    }
}

unsigned field_subscribe_with(size_t node, const struct muster_subscription_options *options) {
    unsigned number;
    assert_int_equal(muster_core_subscribe(world.nodes[node].core, options, &number), 0);
    world_tick(node);
    return number;
}

unsigned field_subscribe(size_t node, const char *pattern) {
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1};
    return field_subscribe_with(node, &options);
}

unsigned field_subscribe_newest(size_t node, const char *pattern) {
    const struct muster_subscription_options options = {
        .size = sizeof options, .patterns = &pattern, .pattern_count = 1, .newest = true};
    return field_subscribe_with(node, &options);
}

void field_unsubscribe(size_t node, unsigned number) {
    muster_core_unsubscribe(world.nodes[node].core, number);
    world_tick(node);
}

const char *field_topic_of(unsigned shard, const char *prefix, unsigned *number) {
    static char topic[32];
    do {
        snprintf(topic, sizeof topic, "%s/%u", prefix, (*number)++);
    } while (muster_topic_shard(topic) != shard);
    return topic;
}

/* ---- loss ---- */

static char lost_part[64];
static bool is_for_ever;

static bool lose(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to;
    return from == 0 && (is_for_ever || world.naks == 0) && datagram_has(datagram, "\"kind\":\"data\"") &&
           datagram_has(datagram, lost_part);
}

void field_lose(uint64_t seq) {
    strcpy(lost_part, "}\n[");
    if (seq != 0) {
        snprintf(lost_part, sizeof lost_part, "\"seq\":%llu}\n[", (unsigned long long)seq);
    }
    is_for_ever = false;
    world.is_lost = lose;
}

void field_lose_for_ever(uint64_t seq) {
    field_lose(seq);
    is_for_ever = true;
}

/* ---- what others say in a publisher's name ---- */

struct muster_datagram field_datagram(const void *bytes, size_t length, unsigned group) {
    uint8_t last = (uint8_t)(group == MUSTER_SHARDS ? 15 : 16 + group);
    return (struct muster_datagram){.bytes = bytes,
                                    .length = length,
                                    .source = {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798},
                                    .destination = {.family = 4, .ip = {239, 255, 77, last}, .port = 19796},
                                    .interface = WORLD_INTERFACE,
                                    .ttl = 1};
}

void field_print_data(char text[MUSTER_DATAGRAM_BYTES_MAX], size_t node, uint64_t boot, const char *topic,
                      uint64_t seq, const char *body) {
    snprintf(text, MUSTER_DATAGRAM_BYTES_MAX,
             "{\"muster\":1,\"kind\":\"data\",\"id\":\"%s\",\"boot\":%llu,\"topic\":\"%s\",\"shard\":%u,"
             "\"seq\":%llu}\n%s\n",
             world.nodes[node].id, (unsigned long long)boot, topic, muster_topic_shard(topic),
             (unsigned long long)seq, body);
}

void field_print_nak(char text[MUSTER_DATAGRAM_BYTES_MAX], uint64_t of_boot, const char *missing) {
    snprintf(text, MUSTER_DATAGRAM_BYTES_MAX,
             "{\"muster\":1,\"kind\":\"nak\",\"id\":\"00000000000000000000000000000001\",\"boot\":1,"
             "\"of\":\"%s\",\"of_boot\":%llu,\"shard\":1,\"missing\":[%s]}\n",
             world.nodes[0].id, (unsigned long long)of_boot, missing);
}

void field_nak(size_t to, uint64_t of_boot, const char *missing) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    field_print_nak(text, of_boot, missing);
    struct muster_datagram datagram = field_datagram(text, strlen(text), MUSTER_SHARDS);
    datagram.source = (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, 99}, .port = 5};
    world_inject(to, &datagram);
    world_run(1);
}
