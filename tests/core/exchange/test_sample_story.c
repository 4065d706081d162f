/* Where multicast does not reach, or comes too early: last values for who joins late, from the publisher or
 * from who keeps them, and streams for who is cut off from the groups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "countdown.h"
#include "limit.h"
#include "node.h"
#include "world.h"

#define SEEN_MAX 4096
#define WALL_S 1700000000.0

/* What one node got. */
struct seen {
    enum muster_sample_kind kind;
    uint64_t seq;
    uint64_t at_ms;
    uint64_t age_ms;
    uint64_t subscriptions;
    bool is_late;
    char id[MUSTER_ID_TEXT_BYTES];
    char topic[32];
    char body[256];
};

struct got {
    size_t count;
    uint64_t lost;
    struct seen seen[SEEN_MAX];
};

static const struct muster_stream stranger = {.remote = {.family = 4, .ip = {10, 0, 0, 200}, .port = 4000},
                                              .interface = WORLD_INTERFACE};

static struct world world;
static struct got got[WORLD_NODES_MAX];

static void on_arrival(struct world *of, size_t index, const struct muster_arrival *arrival) {
    struct got *one = &got[index];
    const struct muster_sample *sample = &arrival->sample;
    if (arrival->kind == MUSTER_ARRIVAL_LOSS) {
        one->lost += arrival->loss.last - arrival->loss.first + 1;
        return;
    }
    assert_true(one->count < SEEN_MAX);
    struct seen *seen = &one->seen[one->count++];
    *seen = (struct seen){.kind = sample->kind,
                          .seq = sample->seq,
                          .at_ms = of->now_ms,
                          .age_ms = sample->age_ms,
                          .subscriptions = arrival->subscriptions,
                          .is_late = sample->is_late};
    assert_int_equal(sample->shard, muster_topic_shard(sample->topic));
    muster_id_text(sample->id, seen->id);
    snprintf(seen->topic, sizeof seen->topic, "%s", sample->topic);
    snprintf(seen->body, sizeof seen->body, "%.*s", (int)sample->length, sample->body);
}

static void begin(void) {
    world_init(&world, 7);
    memset(got, 0, sizeof got);
    world.on_arrival = on_arrival;
    world.has_streams = true;
}

static size_t add(const char *name) {
    size_t index = world_add(&world, name);
    world.nodes[index].is_quiet = true;
    return index;
}

/* A node that keeps the last values of a pattern. */
static size_t add_keeper(const char *name, const char *pattern) {
    size_t index = add(name);
    const struct muster_document document = {.name = world.nodes[index].name};
    struct muster_core_options options;
    world_options(&world, index, &document, &options);
    options.keeps = &pattern;
    options.keep_count = 1;
    world_start(&world, index, &options);
    return index;
}

static unsigned open_topic(size_t index, const char *name) {
    const struct muster_topic topic = {.name = name};
    unsigned number;
    assert_int_equal(muster_core_topic_open(world.nodes[index].core, &topic, &number), 0);
    return number;
}

static void run(uint64_t for_ms) {
    world_run(&world, for_ms);
}

static void nudge(size_t index) {
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    world_step(&world, index, &event);
}

static unsigned subscribe_as(size_t index, const struct muster_subscription_options *options) {
    unsigned number;
    assert_int_equal(muster_core_subscribe(world.nodes[index].core, options, &number), 0);
    nudge(index);
    return number;
}

static unsigned subscribe(size_t index, const char *pattern) {
    return subscribe_as(
        index, &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                     .patterns = &pattern,
                                                     .pattern_count = 1});
}

/* A number of a sensor, in a datagram of its own, stamped with the world's time. */
static void publish(size_t index, unsigned topic, const char *name, double number) {
    const struct muster_record record = {.name = name, .kind = MUSTER_VALUE_NUMBER, .number = number};
    muster_core_t *core = world.nodes[index].core;
    double wall_s = WALL_S + (double)world.now_ms / 1000;
    assert_int_equal(muster_core_topic_add(core, topic, &record, world.now_ms, wall_s), 0);
    muster_core_topic_flush(core, topic);
    nudge(index);
}

static size_t count_kind(size_t index, enum muster_sample_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < got[index].count; i++) {
        count += got[index].seen[i].kind == kind ? 1 : 0;
    }
    return count;
}

static const struct muster_counters *counters(size_t index) {
    return muster_core_counters(world.nodes[index].core);
}

static void end(void) {
    world_deinit(&world);
}

/* ---- last values ---- */

static void a_late_joiner_has_last_values_at_once(void **state) {
    (void)state;
    begin();
    size_t pub = add("pub");
    unsigned climate = open_topic(pub, "kitchen/climate");
    unsigned other = open_topic(pub, "cellar/climate");
    publish(pub, climate, "temperature", 20);
    publish(pub, climate, "temperature", 21);
    publish(pub, climate, "humidity", 40);
    publish(pub, other, "temperature", 9);
    run(5000);
    size_t late = add("late");
    run(2000);
    uint64_t begin_ms = world.now_ms;
    subscribe(late, "kitchen/#");
    run(200);
    assert_int_equal(got[late].count, 1);
    const struct seen *seen = &got[late].seen[0];
    assert_int_equal(seen->kind, MUSTER_SAMPLE_LAST);
    assert_true(seen->at_ms - begin_ms < 20);
    assert_int_equal(seen->seq, 0);
    assert_false(seen->is_late);
    assert_in_range(seen->age_ms, 6900, 7200);
    assert_string_equal(seen->topic, "kitchen/climate");
    assert_non_null(strstr(seen->body, "\"bn\":\"kitchen/climate/\""));
    assert_non_null(strstr(seen->body, "\"n\":\"temperature\",\"v\":21"));
    assert_non_null(strstr(seen->body, "\"n\":\"humidity\",\"v\":40"));
    run(60000);
    assert_int_equal(got[late].count, 1);
    assert_int_equal(world.nodes[late].opened, 1);
    end();
}

/* It subscribes before it knows anybody. */
static void who_subscribes_first_asks_when_it_meets(void **state) {
    (void)state;
    begin();
    size_t pub = add("pub");
    unsigned topic = open_topic(pub, "a/b");
    publish(pub, topic, NULL, 1);
    run(5000);
    size_t late = add("late");
    subscribe(late, "a/#");
    run(700);
    assert_int_equal(got[late].count, 1);
    assert_int_equal(got[late].seen[0].kind, MUSTER_SAMPLE_LAST);
    end();
}

static void without_last_nobody_is_asked(void **state) {
    (void)state;
    const char *pattern = "#";
    begin();
    size_t pub = add("pub");
    publish(pub, open_topic(pub, "a/b"), NULL, 1);
    size_t late = add("late");
    run(3000);
    subscribe_as(late,
                 &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                       .patterns = &pattern,
                                                       .pattern_count = 1,
                                                       .without_last = true});
    run(5000);
    assert_int_equal(got[late].count, 0);
    assert_int_equal(world.nodes[late].opened, 0);
    end();
}

/* A second subscription is given what the first one had; the first one is not given it again. */
static void each_subscription_has_them_once(void **state) {
    (void)state;
    begin();
    size_t pub = add("pub");
    publish(pub, open_topic(pub, "a/b"), NULL, 1);
    size_t late = add("late");
    run(3000);
    subscribe(late, "a/#");
    run(1000);
    subscribe(late, "+/b");
    run(1000);
    assert_int_equal(got[late].count, 2);
    assert_int_equal(got[late].seen[0].subscriptions, 1);
    assert_int_equal(got[late].seen[1].subscriptions, 2);
    muster_core_unsubscribe(world.nodes[late].core, 0);
    subscribe(late, "a/b");
    run(1000);
    assert_int_equal(got[late].count, 3);
    assert_int_equal(got[late].seen[2].subscriptions, 1);
    end();
}

static void a_new_topic_and_a_restart_are_asked_for(void **state) {
    struct muster_core_options options;
    const struct muster_document document = {.name = "pub"};
    (void)state;
    begin();
    size_t pub = add("pub");
    size_t sub = add("sub");
    open_topic(pub, "a/b");
    run(3000);
    subscribe(sub, "a/#");
    run(1000);
    unsigned opened = world.nodes[sub].opened;
    open_topic(pub, "a/c");
    run(3000);
    assert_int_equal(world.nodes[sub].opened, opened + 1);
    open_topic(pub, "x");
    run(3000);
    opened = world.nodes[sub].opened;
    world_kill(&world, pub);
    run(100);
    world_options(&world, pub, &document, &options);
    world_start(&world, pub, &options);
    publish(pub, open_topic(pub, "a/b"), NULL, 5);
    run(3000);
    assert_true(world.nodes[sub].opened > opened);
    assert_true(got[sub].count >= 1);
    end();
}

/* Who listens already is given nothing twice when topics show up, however fast they begin. */
static void who_listens_gets_nothing_twice(void **state) {
    (void)state;
    begin();
    size_t pub = add("pub");
    size_t sub = add("sub");
    run(3000);
    subscribe(sub, "#");
    run(1000);
    for (unsigned k = 0; k < 5; k++) {
        char name[16];
        snprintf(name, sizeof name, "t/%u", k);
        unsigned topic = open_topic(pub, name);
        run(2 + k); /* until the group is joined */
        for (int i = 0; i < 30; i++) {
            publish(pub, topic, i % 3 == 0 ? "x" : "y", i);
            run(2);
        }
        run(3000);
    }
    assert_true(world.nodes[sub].opened >= 5);
    assert_int_equal(count_kind(sub, MUSTER_SAMPLE_LIVE), 150);
    assert_int_equal(count_kind(sub, MUSTER_SAMPLE_LAST), 0);
    end();
}

/* Who asks once is told what was sent, not what waits to be. */
static void what_waits_to_be_sent_is_no_last_value(void **state) {
    (void)state;
    begin();
    size_t pub = add("pub");
    unsigned topic = open_topic(pub, "a/b");
    run(2000);
    publish(pub, topic, "x", 1);
    publish(pub, topic, "y", 2);
    run(100);
    const struct muster_record record = {.name = "x", .kind = MUSTER_VALUE_NUMBER, .number = 3};
    struct pipe *pipe = pipe_connect(&world, pub, &stranger);
    run(2);
    assert_int_equal(muster_core_topic_add(world.nodes[pub].core, topic, &record, world.now_ms, WALL_S), 0);
    pipe_say(&world, pipe, "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"#\"]}\n");
    run(2);
    assert_non_null(strstr(pipe->text, "\"end\":\"done\",\"count\":2"));
    assert_null(strstr(pipe->text, "\"v\":3"));
    assert_non_null(strstr(pipe->text, "\"v\":2"));
    run(100);
    pipe_clear(pipe);
    pipe_say(&world, pipe, "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"#\"]}\n");
    run(10);
    assert_non_null(strstr(pipe->text, "\"v\":3"));
    end();
}

/* What is older than what came live says so. */
static void what_comes_behind_live_data_is_flagged(void **state) {
    (void)state;
    begin();
    size_t pub = add("pub");
    unsigned topic = open_topic(pub, "a/b");
    publish(pub, topic, "x", 1);
    size_t late = add("late");
    run(3000);
    subscribe(late, "a/#");
    publish(pub, topic, "y", 2);
    run(1000);
    bool has_live = false;
    for (size_t i = 0; i < got[late].count; i++) {
        const struct seen *seen = &got[late].seen[i];
        has_live = has_live || seen->kind == MUSTER_SAMPLE_LIVE;
        assert_true(seen->kind == MUSTER_SAMPLE_LIVE || seen->is_late == has_live);
    }
    assert_true(has_live);
    assert_int_equal(count_kind(late, MUSTER_SAMPLE_LAST), 1);
    end();
}

/* ---- history ---- */

static void a_history_comes_in_order(void **state) {
    const char *pattern = "a/#";
    (void)state;
    begin();
    size_t pub = add("pub");
    unsigned topic = open_topic(pub, "a/b");
    unsigned quiet = open_topic(pub, "a/quiet");
    publish(pub, quiet, NULL, 77);
    run(20000);
    for (int i = 0; i < 300; i++) {
        publish(pub, topic, NULL, i);
        run(100);
    }
    size_t late = add("late");
    run(2000);
    subscribe_as(late,
                 &(struct muster_subscription_options){.size = sizeof(struct muster_subscription_options),
                                                       .patterns = &pattern,
                                                       .pattern_count = 1,
                                                       .since_ms = 12000});
    for (int i = 0; i < 20; i++) {
        publish(pub, topic, NULL, 300 + i);
        run(10);
    }
    run(1000);
    assert_int_equal(count_kind(late, MUSTER_SAMPLE_LIVE), 20);
    assert_int_equal(got[late].lost, 0);
    uint64_t seq = 0;
    size_t history = 0;
    bool has_quiet = false;
    for (size_t i = 0; i < got[late].count; i++) {
        const struct seen *seen = &got[late].seen[i];
        has_quiet = has_quiet || strcmp(seen->topic, "a/quiet") == 0;
        if (seen->kind == MUSTER_SAMPLE_LAST && seen->seq > 0) {
            assert_true(seq == 0 || seen->seq == seq + 1);
            assert_true(seen->age_ms <= 12100);
            seq = seen->seq;
            history++;
        }
    }
    assert_true(has_quiet);
    assert_in_range(history, 99, 102);
    for (size_t i = 0; i < got[late].count; i++) { /* nothing twice */
        for (size_t k = 0; k < i; k++) {
            assert_true(got[late].seen[i].seq == 0 || got[late].seen[i].seq != got[late].seen[k].seq ||
                        strcmp(got[late].seen[i].topic, got[late].seen[k].topic) != 0);
        }
    }
    end();
}

/* ---- keepers ---- */

static void a_sleeping_sensor_is_known_by_its_keeper(void **state) {
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES];
    (void)state;
    begin();
    size_t keeper = add_keeper("keeper", "kitchen/#");
    size_t sensor = add("sensor");
    unsigned topic = open_topic(sensor, "kitchen/climate");
    unsigned other = open_topic(sensor, "cellar");
    run(3000);
    publish(sensor, topic, "temperature", 20);
    publish(sensor, topic, "temperature", 21);
    publish(sensor, topic, "humidity", 50);
    publish(sensor, other, NULL, 1);
    run(1000);
    muster_core_id(world.nodes[sensor].core, bytes);
    muster_id_text(bytes, id);
    world_leave(&world, sensor);
    run(500);
    world_kill(&world, sensor);
    run(100000);
    assert_int_equal(got[keeper].count, 0); /* it keeps, and tells its own program nothing */
    size_t late = add("late");
    run(2000);
    uint64_t begin_ms = world.now_ms;
    subscribe(late, "+/climate/temperature");
    run(200);
    assert_int_equal(got[late].count, 1);
    const struct seen *seen = &got[late].seen[0];
    assert_true(seen->at_ms - begin_ms < 200);
    assert_int_equal(seen->kind, MUSTER_SAMPLE_LAST);
    assert_string_equal(seen->id, id);
    assert_string_equal(seen->topic, "kitchen/climate");
    assert_non_null(strstr(seen->body, "{\"n\":\"kitchen/climate/temperature\",\"v\":21,\"t\":17"));
    assert_null(strstr(seen->body, "\"v\":20"));
    assert_in_range(seen->age_ms, 103000, 105000);
    end();
}

static void publisher_and_keeper_give_a_value_once(void **state) {
    (void)state;
    begin();
    size_t keeper = add_keeper("keeper", "#");
    size_t second = add_keeper("second", "a/+");
    size_t pub = add("pub");
    unsigned topic = open_topic(pub, "a/b");
    run(3000);
    publish(pub, topic, "x", 1);
    publish(pub, topic, "y", 2);
    run(3000);
    size_t late = add("late");
    run(3000);
    subscribe(late, "#");
    run(3000);
    assert_int_equal(world.nodes[late].opened, 3);
    assert_int_equal(got[late].count, 1);
    (void)keeper;
    (void)second;
    end();
}

/* A keeper that starts late takes over what another keeps. */
static void keepers_learn_from_each_other(void **state) {
    (void)state;
    begin();
    size_t first = add_keeper("first", "a/#");
    size_t sensor = add("sensor");
    unsigned topic = open_topic(sensor, "a/b");
    run(3000);
    publish(sensor, topic, NULL, 4);
    run(1000);
    world_leave(&world, sensor);
    run(500);
    world_kill(&world, sensor);
    add_keeper("second", "a/b");
    run(5000);
    world_leave(&world, first);
    run(500);
    world_kill(&world, first);
    size_t late = add("late");
    run(3000);
    subscribe(late, "#");
    run(1000);
    assert_int_equal(got[late].count, 1);
    assert_non_null(strstr(got[late].seen[0].body, "\"v\":4"));
    end();
}

static void only_patterns_are_kept(void **state) {
    const char *many[MUSTER_KEEPS_MAX + 1];
    const char *none[] = {"a//b"};
    const struct muster_document document = {.name = "keeper"};
    struct muster_core_options options;
    muster_core_t *core;
    (void)state;
    begin();
    size_t keeper = add("keeper");
    for (size_t i = 0; i <= MUSTER_KEEPS_MAX; i++) {
        many[i] = "a/#";
    }
    world_options(&world, keeper, &document, &options);
    options.keeps = none;
    options.keep_count = 1;
    assert_int_equal(muster_core_new(&options, world.now_ms, &core), MUSTER_EINVAL);
    options.keeps = many;
    options.keep_count = MUSTER_KEEPS_MAX + 1;
    assert_int_equal(muster_core_new(&options, world.now_ms, &core), MUSTER_EINVAL);
    options.keep_count = MUSTER_KEEPS_MAX;
    options.document = NULL;
    assert_int_equal(muster_core_new(&options, world.now_ms, &core), MUSTER_EINVAL); /* it answers nobody */
    end();
}

/* They are announced, and stay when the document changes. */
static void keeps_are_announced(void **state) {
    struct muster_peer_list list;
    (void)state;
    begin();
    size_t keeper = add_keeper("keeper", "kitchen/+/#");
    size_t other = add("other");
    run(3000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(muster_core_peers(world.nodes[other].core, &list), 0);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.peers[0].document.keep_count, 1);
        assert_string_equal(list.peers[0].document.keeps[0], "kitchen/+/#");
        muster_peer_list_free(&list);
        assert_int_equal(world_update(&world, keeper, "keeper", 99), 0);
        run(3000);
    }
    end();
}

/* Kept topics and bytes are bounded, and those without news go first. */
static void what_is_kept_is_bounded(void **state) {
    (void)state;
    begin();
    size_t keeper = add_keeper("keeper", "#");
    muster_core_t *core = world.nodes[keeper].core;
    char body[1400];
    char text[1201];
    memset(text, 'x', 1200);
    text[1200] = '\0';
    uint8_t id[MUSTER_ID_BYTES] = {1};
    struct muster_sample sample = {.kind = MUSTER_SAMPLE_LIVE, .id = id, .boot = 1, .body = body};
    for (unsigned i = 0; i < 5000; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "t%u", i);
        sample.topic = topic;
        sample.length = (size_t)snprintf(body, sizeof body, "[{\"n\":\"%s\",\"vs\":\"%s\"}]", topic, text);
        keeper_take(&core->telemetry, &sample);
        assert_true(core->telemetry.keeper.bytes <= MUSTER_KEPT_BYTES_MAX);
    }
    assert_true(core->telemetry.keeper.topic_count > 1000);
    assert_true(counters(keeper)->keeps_evicted == 5000 - core->telemetry.keeper.topic_count);
    for (unsigned i = 0; i < 6000; i++) {
        char topic[16];
        snprintf(topic, sizeof topic, "u%u", i);
        sample.topic = topic;
        sample.length = (size_t)snprintf(body, sizeof body, "[{\"n\":\"%s\",\"v\":%u}]", topic, i);
        keeper_take(&core->telemetry, &sample);
        assert_true(core->telemetry.keeper.topic_count <= MUSTER_KEPT_TOPICS_MAX);
    }
    sample.topic = "many"; /* names of one topic are bounded too */
    for (unsigned i = 0; i < 200; i++) {
        sample.length = (size_t)snprintf(body, sizeof body, "[{\"n\":\"many/n%u\",\"v\":%u}]", i, i);
        keeper_take(&core->telemetry, &sample);
    }
    assert_int_equal(core->telemetry.keeper.topics->prev->value_count, MUSTER_SENSORS_MAX);
    sample.length = (size_t)snprintf(body, sizeof body, "nothing like it");
    sample.topic = "junk";
    keeper_take(&core->telemetry, &sample);
    assert_int_equal(core->telemetry.keeper.topics->prev->value_count, MUSTER_SENSORS_MAX);
    end();
}

/* ---- by stream ---- */

static size_t cut_off;

static bool filter(struct world *of, size_t from, size_t to, const struct muster_datagram *datagram) {
    (void)of;
    (void)from;
    return to == cut_off && datagram->destination.ip[0] == 239;
}

static void publish_for(size_t pub, unsigned topic, unsigned count, uint64_t each_ms, double *number) {
    for (unsigned i = 0; i < count; i++) {
        publish(pub, topic, NULL, (*number)++);
        run(each_ms);
    }
}

static struct muster_feed feed_of(size_t index) {
    struct muster_feed feed;
    assert_int_equal(muster_core_feeds(world.nodes[index].core, &feed, 1), 1);
    return feed;
}

static void assert_books(size_t index) {
    struct muster_feed feed = feed_of(index);
    assert_int_equal(feed.received + feed.pending + feed.lost_wire + feed.lost_gone + feed.lost_kernel +
                         feed.lost_program,
                     feed.sent - feed.since + 1);
}

/* In order, each once, none missing, from the first one on. */
static void assert_whole(size_t index) {
    uint64_t seq = 0;
    for (size_t i = 0; i < got[index].count; i++) {
        const struct seen *seen = &got[index].seen[i];
        if (seen->kind == MUSTER_SAMPLE_LAST) {
            continue;
        }
        assert_true(seq == 0 || seen->seq == seq + 1);
        seq = seen->seq;
    }
}

static void filtered_multicast_is_replaced_by_a_stream(void **state) {
    double number = 0;
    (void)state;
    begin();
    size_t pub = add("pub");
    size_t sub = add("sub");
    size_t other = add("other");
    unsigned topic = open_topic(pub, "a/b");
    cut_off = sub;
    world.is_lost = filter;
    run(3000);
    subscribe(sub, "a/#");
    subscribe(other, "a/#");
    run(1000);
    publish_for(pub, topic, 200, 100, &number);
    assert_true(count_kind(sub, MUSTER_SAMPLE_STREAM) > 100);
    assert_int_equal(count_kind(sub, MUSTER_SAMPLE_LIVE), 0);
    assert_true(feed_of(sub).is_by_stream);
    assert_int_equal(feed_of(sub).pending, 0);
    assert_books(sub);
    assert_int_equal(got[sub].lost, 0);
    assert_whole(sub);
    uint64_t naks = feed_of(sub).naks;
    publish_for(pub, topic, 100, 100, &number);
    assert_int_equal(feed_of(sub).naks, naks);
    size_t by_stream = count_kind(sub, MUSTER_SAMPLE_STREAM);

    world.is_lost = NULL; /* and multicast comes again */
    publish_for(pub, topic, 100, 100, &number);
    run(1000);
    assert_false(feed_of(sub).is_by_stream);
    assert_true(count_kind(sub, MUSTER_SAMPLE_STREAM) <= by_stream + 2);
    assert_true(count_kind(sub, MUSTER_SAMPLE_LIVE) >= 97);
    assert_whole(sub);
    assert_books(sub);
    assert_int_equal(got[sub].lost, 0);
    assert_int_equal(got[sub].seen[got[sub].count - 1].seq, 400);
    assert_int_equal(count_kind(other, MUSTER_SAMPLE_LIVE), 400);
    assert_int_equal(world.nodes[sub].core->exchange.follows.items[0].owner.boot, 0);
    end();
}

/* What the shard's other topics send leaves no gap. */
static void a_stream_leaves_out_what_nobody_wants(void **state) {
    char twin[16];
    unsigned i = 0;
    (void)state;
    begin();
    size_t pub = add("pub");
    size_t sub = add("sub");
    do {
        snprintf(twin, sizeof twin, "x/%u", i++);
    } while (muster_topic_shard(twin) != muster_topic_shard("a/b"));
    unsigned wanted = open_topic(pub, "a/b");
    unsigned unwanted = open_topic(pub, twin);
    cut_off = sub;
    world.is_lost = filter;
    run(3000);
    subscribe(sub, "a/#");
    for (int k = 0; k < 300; k++) {
        publish(pub, k % 5 == 0 ? wanted : unwanted, NULL, k);
        run(50);
    }
    assert_true(count_kind(sub, MUSTER_SAMPLE_STREAM) >= 40);
    assert_int_equal(count_kind(sub, MUSTER_SAMPLE_STREAM), feed_of(sub).received);
    assert_int_equal(got[sub].lost, 0);
    assert_books(sub);
    end();
}

static void a_stream_that_breaks_is_opened_again(void **state) {
    double number = 0;
    (void)state;
    begin();
    size_t pub = add("pub");
    size_t sub = add("sub");
    unsigned topic = open_topic(pub, "a/b");
    cut_off = sub;
    world.is_lost = filter;
    run(3000);
    subscribe(sub, "a/#");
    publish_for(pub, topic, 100, 100, &number);
    assert_true(feed_of(sub).is_by_stream);
    for (int i = 0; i < 3; i++) {
        pipes_break(&world);
        publish_for(pub, topic, 30, 100, &number);
        assert_true(feed_of(sub).is_by_stream);
        assert_books(sub);
    }
    assert_int_equal(got[sub].lost, 0);
    assert_whole(sub);
    run(10);
    assert_int_equal(got[sub].seen[got[sub].count - 1].seq, 190);
    muster_core_unsubscribe(world.nodes[sub].core, 0);
    nudge(sub);
    run(1000);
    assert_int_equal(world.nodes[sub].core->exchange.follows.items[0].owner.boot, 0);
    end();
}

/* A publisher without streams is left to naks, and what is missed is reported. */
static void without_a_stream_losses_are_told(void **state) {
    double number = 0;
    (void)state;
    begin();
    world.has_streams = false;
    size_t pub = add("pub");
    world.has_streams = true;
    size_t sub = add("sub");
    unsigned topic = open_topic(pub, "a/b");
    cut_off = sub;
    world.is_lost = filter;
    run(3000);
    subscribe(sub, "a/#");
    publish_for(pub, topic, 200, 100, &number);
    run(3000);
    assert_false(feed_of(sub).is_by_stream);
    assert_true(feed_of(sub).lost_wire > 100);
    assert_books(sub);
    end();
}

/* ---- who asks ---- */

static size_t count_text(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void who_follows_is_told_as_it_is_sent(void **state) {
    (void)state;
    begin();
    size_t pub = add("pub");
    unsigned topic = open_topic(pub, "a/b");
    unsigned other = open_topic(pub, "c");
    publish(pub, topic, NULL, 1);
    run(2000);
    struct pipe *tcp = pipe_connect(&world, pub, &stranger);
    struct pipe *local = pipe_connect(&world, pub, &(struct muster_stream){.is_local = true});
    const char *request = "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"a/+\"],\"follow\":true}\n";
    pipe_say(&world, tcp, request);
    pipe_say(&world, local, request);
    run(100);
    assert_int_equal(count_text(tcp->text, "{\"sample\":"), 1);
    assert_null(strstr(tcp->text, "\"seq\""));
    assert_string_equal(tcp->text, local->text);
    publish(pub, topic, NULL, 2);
    publish(pub, other, NULL, 3);
    publish(pub, topic, NULL, 4);
    run(100);
    assert_int_equal(count_text(tcp->text, "{\"sample\":"), 3);
    assert_non_null(strstr(tcp->text, "\"seq\":2,\"age_ms\":"));
    assert_non_null(strstr(tcp->text, "\"v\":4}]\n"));
    assert_null(strstr(tcp->text, "\"v\":3}"));
    assert_null(strstr(tcp->text, "\"end\""));
    run(100000);
    assert_false(tcp->is_ended);
    publish(pub, topic, NULL, 5);
    run(10);
    assert_int_equal(count_text(tcp->text, "{\"sample\":"), 4);
    pipe_finish(&world, tcp);
    run(10);
    assert_true(tcp->is_ended);
    end();
}

/* Who follows and reads nothing is cut; nobody else is slower for it. */
static void a_slow_follower_is_cut(void **state) {
    char text[1001];
    (void)state;
    begin();
    size_t pub = add("pub");
    size_t sub = add("sub");
    unsigned topic = open_topic(pub, "a/b");
    memset(text, 'x', 1000);
    text[1000] = '\0';
    run(2000);
    subscribe(sub, "a/#");
    struct pipe *slow = pipe_connect(&world, pub, &stranger);
    struct pipe *quick = pipe_connect(&world, pub, &stranger);
    slow->is_deaf = true;
    pipe_say(&world, slow, "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"#\"],\"follow\":true}\n");
    pipe_say(&world, quick, "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"#\"],\"follow\":true}\n");
    run(100);
    const struct muster_record record = {.kind = MUSTER_VALUE_TEXT, .text = text};
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(muster_core_topic_add(world.nodes[pub].core, topic, &record, world.now_ms, WALL_S),
                         0);
        muster_core_topic_flush(world.nodes[pub].core, topic);
        nudge(pub);
        run(2);
    }
    run(100);
    assert_true(slow->is_ended);
    assert_false(quick->is_ended);
    assert_int_equal(counters(pub)->streams_cut, 1);
    assert_int_equal(count_text(quick->text, "{\"sample\":"), 2000);
    assert_int_equal(count_kind(sub, MUSTER_SAMPLE_LIVE), 2000);
    for (size_t i = 0; i < got[sub].count; i++) {
        assert_int_equal(got[sub].seen[i].at_ms, got[sub].seen[0].at_ms + 2 * i);
    }
    end();
}

static void followers_count_as_watchers(void **state) {
    struct pipe *pipes[MUSTER_STREAMS_WATCHERS_MAX + 1];
    (void)state;
    begin();
    size_t pub = add("pub");
    run(1000);
    for (size_t i = 0; i <= MUSTER_STREAMS_WATCHERS_MAX; i++) {
        struct muster_stream from = stranger;
        from.remote.ip[3] = (uint8_t)(200 + i);
        pipes[i] = pipe_connect(&world, pub, &from);
        pipe_say(&world, pipes[i],
                 i % 2 == 0 ? "{\"muster\":1,\"request\":\"samples\",\"patterns\":[\"#\"],\"follow\":true}\n"
                            : "{\"muster\":1,\"request\":\"watch\"}\n");
        run(10);
    }
    assert_null(strstr(pipes[0]->text, "busy"));
    assert_non_null(strstr(pipes[MUSTER_STREAMS_WATCHERS_MAX]->text, "\"end\":\"busy\""));
    end();
}

/* ---- hostile answers ---- */

static const char *hostile; /* what is said behind "sample":{ */
static char hostile_head[400];

static void say_hostile(struct world *of, struct pipe *pipe, enum muster_stream_event event) {
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES];
    char text[8192];
    if (event != MUSTER_STREAM_BYTES) {
        return;
    }
    muster_core_id(of->nodes[pipe->server].core, bytes);
    muster_id_text(bytes, id);
    snprintf(hostile_head, sizeof hostile_head, "{\"sample\":{\"id\":\"%s\",\"boot\":%llu", id,
             (unsigned long long)muster_core_boot(of->nodes[pipe->server].core));
    snprintf(text, sizeof text, "%s%s", hostile_head, hostile);
    pipe_say(of, pipe, text);
}

/* What of a hostile answer is delivered. */
static size_t ask_hostile(const char *answer) {
    begin();
    size_t liar = add("liar");
    open_topic(liar, "a/b");
    size_t sub = add("sub");
    run(3000);
    hostile = answer;
    world.nodes[liar].script = say_hostile;
    subscribe(sub, "a/#");
    run(60000);
    size_t count = got[sub].count;
    assert_in_range(world.nodes[sub].opened, 1, MUSTER_ASK_TRIES);
    end();
    return count;
}

#define PACK "[{\"n\":\"a/b\",\"v\":1}]\n"
#define END "{\"end\":\"done\",\"count\":1}\n"

static void hostile_answers_do_nothing(void **state) {
    static char endless[6000];
    static char long_body[2600];
    (void)state;
    assert_int_equal(ask_hostile(",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK END), 1);
    assert_int_equal(ask_hostile(",\"topic\":\"a b\",\"age_ms\":5},\"lines\":1}\n" PACK END), 0);
    assert_int_equal(ask_hostile(",\"topic\":\"x\",\"age_ms\":5},\"lines\":1}\n" PACK END), 0);
    assert_int_equal(ask_hostile(",\"topic\":\"a/b\",\"seq\":3,\"age_ms\":5},\"lines\":1}\n" PACK END), 0);
    assert_int_equal(ask_hostile(",\"topic\":\"a/b\",\"age_ms\":-5},\"lines\":1}\n" PACK END), 0);
    assert_int_equal(ask_hostile(",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":2}\n" PACK PACK END), 0);
    assert_int_equal(ask_hostile(",\"topic\":\"a/b\",\"age_ms\":5}}\n" END), 0);
    assert_int_equal(ask_hostile(",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\nno pack\n" END), 0);
    assert_int_equal(ask_hostile("1,\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK END), 0); /* boot */
    assert_int_equal(ask_hostile("}}{\n"), 0);
    /* of somebody else, without keeping for others */
    assert_int_equal(
        ask_hostile("},\"lines\":0}\n{\"sample\":{\"id\":\"00112233445566778899aabbccddeeff\",\"boot\":5,"
                    "\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK END),
        0);
    memset(long_body, ' ', sizeof long_body - 1);
    int head = snprintf(long_body, sizeof long_body, ",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK);
    memset(long_body + head - 1, ' ', 1400);
    snprintf(long_body + head + 1399, 40, "\n" END);
    assert_int_equal(ask_hostile(long_body), 0);
    memset(endless, 'x', sizeof endless - 1);
    assert_int_equal(ask_hostile(endless), 0);
}

static void say_for_ever(struct world *of, struct pipe *pipe, enum muster_stream_event event) {
    static const char part[] = ",\"topic\":\"a/b\",\"age_ms\":5},\"lines\":1}\n" PACK;
    hostile = part;
    if (event == MUSTER_STREAM_BYTES || event == MUSTER_STREAM_DRAINED) {
        say_hostile(of, pipe, MUSTER_STREAM_BYTES);
    }
}

static void an_endless_answer_is_cut_short(void **state) {
    (void)state;
    begin();
    size_t liar = add("liar");
    open_topic(liar, "a/b");
    size_t sub = add("sub");
    run(3000);
    world.nodes[liar].script = say_for_ever;
    subscribe(sub, "a/#");
    run(100000);
    assert_in_range(got[sub].count, 1,
                    60); /* the same value, of an age that makes it a newer one each second */
    assert_null(world.nodes[sub].core->exchange.fetches.items);
    assert_in_range(counters(sub)->fetches_failed, 1, MUSTER_ASK_TRIES);
    end();
}

/* ---- memory ---- */

/* Any allocation may fail: then something may lack, and nothing else is wrong. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    bool has_failed = true;
    unsigned long n = 0;
    while (has_failed) {
        double number = 0;
        begin();
        size_t keeper = add_keeper("keeper", "a/#");
        size_t pub = add("pub");
        size_t sub = add("sub");
        unsigned topic = open_topic(pub, "a/b");
        run(3000);
        publish(pub, topic, "x", 1);
        run(500);
        cut_off = sub;
        world.is_lost = filter;
        countdown_set(++n);
        const char *pattern = "a/#";
        unsigned subscription;
        const struct muster_subscription_options options = {
            .size = sizeof options, .patterns = &pattern, .pattern_count = 1, .since_ms = 2000};
        muster_core_t *core = world.nodes[sub].core;
        while (muster_core_subscribe(core, &options, &subscription) != 0) {
            assert_true(countdown_has_failed());
        }
        nudge(sub);
        for (int i = 0; i < 100; i++) {
            const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = number++};
            muster_core_topic_add(world.nodes[pub].core, topic, &record, world.now_ms, WALL_S);
            muster_core_topic_flush(world.nodes[pub].core, topic);
            nudge(pub);
            run(100);
        }
        has_failed = countdown_has_failed();
        countdown_set(0);
        run(5000);
        publish(pub, topic, NULL, 1000);
        run(5000);
        assert_true(got[sub].count > 20);
        assert_non_null(strstr(got[sub].seen[got[sub].count - 1].body, "\"v\":1000"));
        assert_int_equal(got[keeper].count, 0);
        end();
        n += n / 8; /* the later ones are much the same */
    }
    print_message("up to allocation %lu\n", n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_joiner_has_last_values_at_once),
        cmocka_unit_test(who_subscribes_first_asks_when_it_meets),
        cmocka_unit_test(without_last_nobody_is_asked),
        cmocka_unit_test(each_subscription_has_them_once),
        cmocka_unit_test(a_new_topic_and_a_restart_are_asked_for),
        cmocka_unit_test(who_listens_gets_nothing_twice),
        cmocka_unit_test(what_waits_to_be_sent_is_no_last_value),
        cmocka_unit_test(what_comes_behind_live_data_is_flagged),
        cmocka_unit_test(a_history_comes_in_order),
        cmocka_unit_test(a_sleeping_sensor_is_known_by_its_keeper),
        cmocka_unit_test(publisher_and_keeper_give_a_value_once),
        cmocka_unit_test(keepers_learn_from_each_other),
        cmocka_unit_test(only_patterns_are_kept),
        cmocka_unit_test(keeps_are_announced),
        cmocka_unit_test(what_is_kept_is_bounded),
        cmocka_unit_test(filtered_multicast_is_replaced_by_a_stream),
        cmocka_unit_test(a_stream_leaves_out_what_nobody_wants),
        cmocka_unit_test(a_stream_that_breaks_is_opened_again),
        cmocka_unit_test(without_a_stream_losses_are_told),
        cmocka_unit_test(who_follows_is_told_as_it_is_sent),
        cmocka_unit_test(a_slow_follower_is_cut),
        cmocka_unit_test(followers_count_as_watchers),
        cmocka_unit_test(hostile_answers_do_nothing),
        cmocka_unit_test(an_endless_answer_is_cut_short),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
