/* One publisher, some subscribers, a network that loses: what arrives, in which order, and what it costs. */
#include <stdio.h>
#include <string.h>

#include "node.h"
#include "test.h"
#include "world.h"

#define SUBSCRIBERS_MAX 100
#define SEEN_MAX 4096

/* What one subscriber got. */
struct got {
    size_t count;
    uint64_t seqs[SEEN_MAX];
    enum muster_sample_kind kinds[SEEN_MAX];
    uint64_t at_ms[SEEN_MAX];
    bool is_late[SEEN_MAX];
    uint64_t lost;
    uint64_t lost_to; /* subscriptions */
    char bodies[2048];
};

static struct got got[WORLD_NODES_MAX];
static uint64_t sent_ms[SEEN_MAX];

static void note_sample(struct got *one, const struct muster_sample *sample) {
    assert_true(one->count < SEEN_MAX);
    one->seqs[one->count] = sample->seq;
    one->kinds[one->count] = sample->kind;
    one->is_late[one->count] = sample->is_late;
    one->at_ms[one->count++] = world.now_ms;
    size_t used = strlen(one->bodies);
    if (used + sample->length < sizeof one->bodies) {
        snprintf(one->bodies + used, sizeof one->bodies - used, "%s %.*s\n", sample->topic,
                 (int)sample->length, sample->body);
    }
}

static void on_arrival(size_t index, const struct muster_arrival *arrival) {
    if (arrival->kind == MUSTER_ARRIVAL_SAMPLE) {
        note_sample(&got[index], &arrival->sample);
    } else {
        got[index].lost += arrival->loss.last - arrival->loss.first + 1;
        got[index].lost_to |= arrival->subscriptions;
    }
}

static void begin(void) {
    world_begin(7);
    memset(got, 0, sizeof got);
    world.on_arrival = on_arrival;
}

static unsigned open_topic(size_t index, const char *name) {
    const struct muster_topic topic = {.name = name};
    unsigned number;
    assert_int_equal(muster_core_topic_open(world.nodes[index].core, &topic, &number), 0);
    return number;
}

static void subscribe(size_t index, const char *pattern, bool newest) {
    const struct muster_subscription_options options = {
        .patterns = &pattern, .pattern_count = 1, .newest = newest};
    unsigned number;
    assert_int_equal(muster_core_subscribe(world.nodes[index].core, &options, &number), 0);
}

/* Publishes a number, in a datagram of its own. */
static void publish(size_t index, unsigned topic, double number) {
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = number};
    muster_core_t *core = world.nodes[index].core;
    assert_int_equal(muster_core_topic_add(core, topic, &record, world.now_ms, 1700000000), 0);
    muster_core_topic_flush(core, topic);
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    world_step(index, &event);
}

/* A publisher with a topic and so many subscribers who know it. */
static unsigned meet(size_t subscribers, bool newest) {
    begin();
    world_add("pub");
    for (size_t i = 0; i < subscribers; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", (unsigned)i);
        world.nodes[world_add(name)].is_quiet = true;
    }
    unsigned topic = open_topic(0, "a/b");
    for (size_t i = 1; i <= subscribers; i++) {
        subscribe(i, "a/#", newest);
    }
    world_run(3000);
    world_story();
    return topic;
}

static void publish_many(unsigned topic, size_t count, uint64_t each_ms) {
    for (size_t i = 0; i < count; i++) {
        sent_ms[i + 1] = world.now_ms;
        publish(0, topic, (double)i);
        world_run(each_ms);
    }
}

static void assert_all_in_order(size_t index, size_t count) {
    assert_int_equal(got[index].count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got[index].seqs[i], i + 1);
    }
    assert_int_equal(got[index].lost, 0);
}

TEST(one_copy_reaches_all) {
    unsigned topic = meet(3, false);
    uint64_t before = world.telemetry_bytes;
    publish(0, topic, 21.5);
    world_run(10);
    assert_true(world.telemetry_bytes - before < 300);
    for (size_t i = 1; i <= 3; i++) {
        assert_all_in_order(i, 1);
        assert_non_null(strstr(got[i].bodies, "a/b [{\"bn\":\"a/b\",\"bt\":1700000000,\"v\":21.5}]"));
    }
}

/* world.c looks whether it is true. */
TEST(samples_alone_leave_nothing_to_do) {
    unsigned topic = meet(1, false);
    publish_many(topic, 1, 2); /* the header is read in full */
    uint64_t before = world.rests;
    publish_many(topic, 100, 2);
    assert_int_equal(world.rests - before, 100);
}

TEST(only_needed_groups_are_heard) {
    begin();
    world_add("pub");
    world_add("sub");
    subscribe(1, "a/+", false);
    world_run(100);
    assert_int_equal(world.nodes[1].groups, MUSTER_GROUP_REPAIR);
    open_topic(0, "a/b/c");
    world_run(2000);
    assert_int_equal(world.nodes[1].groups, MUSTER_GROUP_REPAIR); /* "a/+" is no name below a/b/c */
    open_topic(0, "a/x");
    world_run(2000);
    assert_int_equal(world.nodes[1].groups, MUSTER_GROUP_REPAIR | 1u << muster_topic_shard("a/x"));
    muster_core_unsubscribe(world.nodes[1].core, 0);
    world_step(1, &(struct muster_event){.kind = MUSTER_EVENT_TIMER});
    assert_int_equal(world.nodes[1].groups, 0);
}

TEST(lost_datagrams_are_repaired_in_order) {
    unsigned topic = meet(8, false);
    for (size_t i = 1; i <= 8; i++) {
        world.nodes[i].loss = 0.1;
    }
    publish_many(topic, 1000, 2);
    world_run(1500);
    for (size_t i = 1; i <= 8; i++) {
        assert_all_in_order(i, 1000);
    }
    const struct muster_sender *sender = muster_core_sender(world.nodes[0].core);
    assert_true((double)(sender->bytes + sender->repair_bytes) <= 1.8 * (double)sender->bytes);
}

TEST(newest_comes_at_once_and_history_fills) {
    unsigned topic = meet(1, true);
    world.nodes[1].loss = 0.2;
    publish_many(topic, 500, 2);
    world_run(1500);
    bool is_seen[501] = {false};
    size_t late = 0;
    assert_int_equal(got[1].count, 500);
    for (size_t i = 0; i < 500; i++) {
        assert_false(is_seen[got[1].seqs[i]]);
        is_seen[got[1].seqs[i]] = true;
        late += got[1].is_late[i] ? 1 : 0;
        if (!got[1].is_late[i]) {
            assert_true(got[1].at_ms[i] <= sent_ms[got[1].seqs[i]] + 1 ||
                        got[1].kinds[i] == MUSTER_SAMPLE_REPAIRED);
        }
    }
    assert_true(late > 50);
}

/* Overtaken by a tail, or by another topic, is not late; nor is anything for who wants order. */
TEST(late_is_what_comes_behind_a_later_one) {
    unsigned topic = meet(2, true);
    muster_core_unsubscribe(world.nodes[2].core, 0);
    subscribe(2, "a/#", false);
    publish_many(topic, 1, 2);
    world.latency_max_ms = 15;
    publish_many(topic, 499, 2);
    world_run(1500);
    size_t late = 0;
    uint64_t highest = 0;
    assert_int_equal(got[1].count, 500);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(got[1].is_late[i], got[1].seqs[i] < highest);
        highest = got[1].seqs[i] > highest ? got[1].seqs[i] : highest;
        late += got[1].is_late[i] ? 1 : 0;
        assert_false(got[2].is_late[i]);
    }
    assert_true(late > 50);
    assert_all_in_order(2, 500);
}

static bool lose_data(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to;
    return from == 0 && datagram->destination.ip[0] == 239 &&
           memmem(datagram->bytes, datagram->length, "\"data\"", 6) != NULL;
}

/* Nothing of a publisher comes through: who may want what it announces is told, and nobody else. */
TEST(losses_of_the_unheard_are_told) {
    begin();
    world_add("pub");
    world_add("sub");
    unsigned topic = open_topic(0, "a/b");
    publish_many(topic, 3, 1); /* before anybody subscribes */
    subscribe(1, "a/#", false);
    subscribe(1, "x/#", false);
    world_run(6000);
    world.is_lost = lose_data;
    publish_many(topic, 5, 1);
    world_run(6000);
    assert_int_equal(got[1].count, 0);
    assert_int_equal(got[1].lost, 5);
    assert_int_equal(got[1].lost_to, 1);
}

/* Subscriptions that began or ended since the last datagram count as they are now. */
TEST(losses_are_told_to_who_subscribes_now) {
    unsigned topic = meet(1, false);
    publish_many(topic, 3, 1);
    subscribe(1, "a/b", false);
    world.is_lost = lose_data;
    publish_many(topic, 1, 1);
    world_run(2000);
    assert_int_equal(got[1].lost, 1);
    assert_int_equal(got[1].lost_to, 3);
    muster_core_unsubscribe(world.nodes[1].core, 1);
    subscribe(1, "x/y", false);
    publish_many(topic, 1, 1);
    got[1].lost_to = 0;
    world_run(2000);
    assert_int_equal(got[1].lost, 2);
    assert_int_equal(got[1].lost_to, 1);
}

/* Nothing was heard of it yet, and then this machine slept while much was sent. */
TEST(a_sleeper_hears_again) {
    begin();
    world_add("pub");
    world_add("sub");
    unsigned topic = open_topic(0, "a/b");
    publish_many(topic, 3, 1);
    subscribe(1, "a/#", false);
    world_run(6000);
    world.nodes[1].is_stopped = true;
    world_run(3600000);
    world.nodes[1].is_stopped = false;
    struct muster_core *publisher = world.nodes[0].core;
    unsigned shard = muster_topic_shard("a/b");
    publisher->publisher.ring.seqs[shard] = publisher->sent[shard] = 11000000; /* 3,055 a second */
    publisher->publisher.ring.gone[shard] = 11000000;
    world_run(10000);
    publish_many(topic, 100, 1);
    world_run(1000);
    assert_int_equal(got[1].count, 100);
}

static bool lose_last(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from;
    (void)to;
    return world.random != 0 && memmem(datagram->bytes, datagram->length, "\"seq\":5}\n[", 10) != NULL &&
           world.naks == 0;
}

TEST(lost_tail_is_noticed) {
    unsigned topic = meet(1, false);
    world.is_lost = lose_last;
    publish_many(topic, 5, 1);
    world_run(100);
    assert_all_in_order(1, 5);
}

static bool lose_first(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from;
    (void)to;
    return world.naks == 0 && memmem(datagram->bytes, datagram->length, "\"seq\":1}\n[", 10) != NULL;
}

/* Who heard of a topic before anything was sent misses nothing of it: not even when it is all there is. */
TEST(lost_begin_is_noticed) {
    unsigned topic = meet(2, false);
    world.is_lost = lose_first;
    publish_many(topic, 1, 1);
    world_run(200);
    assert_all_in_order(1, 1);
    assert_all_in_order(2, 1);
}

static bool lose_eighth(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)from;
    (void)to;
    return memmem(datagram->bytes, datagram->length, "\"seq\":8}\n[", 10) != NULL;
}

/* What waits for a datagram that its publisher took with it is delivered, and the gap is told. */
TEST(restart_ends_the_waiting) {
    struct muster_core_options options;
    const struct muster_document document = {.name = "pub"};
    unsigned topic = meet(1, false);
    world.is_lost = lose_eighth;
    publish_many(topic, 15, 1);
    world_kill(0);
    world_options(0, &document, &options);
    world_start(0, &options);
    world_run(300);
    assert_int_equal(got[1].count, 14);
    assert_int_equal(got[1].seqs[7], 9);
    assert_int_equal(got[1].seqs[13], 15);
    assert_int_equal(got[1].lost, 1);
}

TEST(restart_is_no_gap) {
    struct muster_core_options options;
    const struct muster_document document = {.name = "pub"};
    unsigned topic = meet(1, false);
    publish_many(topic, 20, 1);
    world_kill(0);
    world_run(100);
    world_options(0, &document, &options);
    world_start(0, &options);
    topic = open_topic(0, "a/b");
    world_run(1000);
    publish_many(topic, 5, 1);
    world_run(100);
    assert_int_equal(got[1].count, 25);
    assert_int_equal(got[1].seqs[24], 5);
    assert_int_equal(got[1].lost, 0);
}

TEST(late_joiner_does_not_ask_backwards) {
    unsigned topic = meet(1, false);
    publish_many(topic, 50, 1);
    size_t late = world_add("late");
    subscribe(late, "#", false);
    world_run(3000);
    uint64_t naks = world.naks;
    publish_many(topic, 5, 1);
    world_run(2000);
    assert_int_equal(got[late].count, 5);
    assert_int_equal(got[late].seqs[0], 51);
    assert_int_equal(world.naks, naks);
}

/* Everybody misses the same datagram, and few ask for it. */
static bool lose_third_once(size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)to;
    return from == 0 && world.naks == 0 &&
           memmem(datagram->bytes, datagram->length, "\"seq\":3}\n[", 10) != NULL;
}

TEST(naks_of_a_crowd_are_few) {
    unsigned topic = meet(SUBSCRIBERS_MAX, false);
    world.is_lost = lose_third_once;
    publish_many(topic, 10, 2);
    world_run(1500);
    for (size_t i = 1; i <= SUBSCRIBERS_MAX; i++) {
        assert_all_in_order(i, 10);
    }
    assert_in_range(world.naks, 1, 8);
    assert_in_range(muster_core_sender(world.nodes[0].core)->repairs, 1, 3);
}

/* One subscriber hears almost nothing; the others don't notice, and the publisher keeps its pace. */
TEST(a_broken_subscriber_harms_nobody) {
    unsigned topic = meet(4, false);
    world.nodes[4].loss = 0.95;
    publish_many(topic, 1000, 2);
    world_run(100);
    for (size_t i = 1; i <= 3; i++) {
        assert_all_in_order(i, 1000);
        for (size_t k = 0; k < 1000; k++) {
            assert_true(got[i].at_ms[k] <= sent_ms[k + 1] + 2);
        }
    }
    const struct muster_sender *sender = muster_core_sender(world.nodes[0].core);
    assert_int_equal(sender->datagrams, 1000);
    world_run(3000);
    struct muster_feed feed;
    assert_int_equal(muster_core_feeds(world.nodes[4].core, &feed, 1), 1);
    assert_int_equal(feed.received + feed.pending + feed.lost_wire + feed.lost_gone + feed.lost_program,
                     feed.sent - feed.since + 1);
}

/* What the publisher keeps no longer is told to be gone, at once. */
TEST(hopeless_asking_ends) {
    struct muster_core_options options;
    const struct muster_document document = {.name = "pub"};
    begin();
    world_add("pub");
    world_add("sub");
    world_options(0, &document, &options);
    options.ring_bytes = MUSTER_DATAGRAM_BYTES_MAX * 64;
    options.rate_bytes_s = 1000000000;
    world_start(0, &options);
    unsigned topic = open_topic(0, "a/b");
    subscribe(1, "a/#", false);
    world_run(3000);
    publish_many(topic, 1, 1);
    world.nodes[1].loss = 1;
    publish_many(topic, 1000, 0);
    world_run(1);
    world.nodes[1].loss = 0;
    uint64_t begin_ms = world.now_ms;
    publish(0, topic, 1);
    world_run(1500);
    assert_true(got[1].lost > 100);
    assert_int_equal(got[1].count + got[1].lost, 1002);
    assert_true(got[1].at_ms[got[1].count - 1] - begin_ms < 150);
    struct muster_feed feed;
    muster_core_feeds(world.nodes[1].core, &feed, 1);
    assert_int_equal(feed.lost_gone, got[1].lost);
}

/* Whoever asks for everything again and again gets no more than the repairs' share. */
TEST(a_flood_of_naks_earns_its_share_only) {
    char nak[512];
    char of[MUSTER_ID_TEXT_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    unsigned topic = meet(1, false);
    publish_many(topic, 2000, 1);
    muster_core_id(world.nodes[0].core, id);
    muster_id_text(id, of);
    snprintf(
        nak, sizeof nak,
        "{\"muster\":1,\"kind\":\"nak\",\"id\":\"00000000000000000000000000000001\",\"boot\":1,\"of\":\"%s\","
        "\"of_boot\":%llu,\"shard\":%u,\"missing\":[[1,2000]]}\n",
        of, (unsigned long long)muster_core_boot(world.nodes[0].core), muster_topic_shard("a/b"));
    struct muster_datagram datagram = {.bytes = (const uint8_t *)nak,
                                       .length = strlen(nak),
                                       .source = {.family = 4, .ip = {10, 0, 0, 99}, .port = 5},
                                       .destination = {.family = 4, .ip = {239, 255, 77, 15}, .port = 19796},
                                       .interface = WORLD_INTERFACE,
                                       .ttl = 1};
    for (int i = 0; i < 1000; i++) {
        world_inject(0, &datagram);
        world_run(1);
    }
    const struct muster_sender *sender = muster_core_sender(world.nodes[0].core);
    assert_true(sender->repairs > 0);
    assert_true(sender->repair_bytes < 1000000 + 17000);
    assert_int_equal(sender->naks, 1000);
    assert_all_in_order(1, 2000);
}

/* Published data leaves no faster than it may, and whoever adds too much is told to wait. */
TEST(pace_is_kept) {
    unsigned topic = meet(1, false);
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    const struct muster_record record = {.kind = MUSTER_VALUE_TEXT, .text = text};
    uint64_t begin_ms = world.now_ms;
    uint64_t waits = 0;
    for (int i = 0; i < 2000;) {
        int error = muster_core_topic_add(world.nodes[0].core, topic, &record, world.now_ms, 1700000000);
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
    assert_in_range(got[1].count, 1999, 2000);
    uint64_t took_ms = got[1].at_ms[1998] - begin_ms;
    uint64_t bytes = muster_core_sender(world.nodes[0].core)->bytes;
    assert_in_range(took_ms, bytes / 1000 - 50, bytes / 1000 + 50); /* 1 MB a second */
}

/* How often a topic is published is announced, and not each time it varies a little. */
TEST(the_rate_of_a_topic_is_announced) {
    struct muster_peer_list list;
    unsigned topic = meet(1, false);
    publish_many(topic, 150, 100);
    uint64_t rev = muster_core_rev(world.nodes[0].core);
    assert_int_equal(muster_core_peers(world.nodes[1].core, &list), 0);
    assert_int_equal(list.peers[0].document.topic_count, 1);
    assert_true(list.peers[0].document.topics[0].rate > 9.9 && list.peers[0].document.topics[0].rate < 10.1);
    muster_peer_list_free(&list);
    publish_many(topic, 150, 120);
    assert_int_equal(muster_core_rev(world.nodes[0].core), rev);
}

int main(void) {
    return test_run(NULL, world_end);
}
