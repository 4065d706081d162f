/* What becomes of records on the way out: when a node leaves, changes its key, or has too much to announce.
 */
#include <stdio.h>
#include <string.h>

#include "node.h"
#include "test.h"
#include "world.h"

#define LARGEST_BOOT 9007199254740991

static size_t delivered;

static void on_arrival(size_t index, const struct muster_arrival *arrival) {
    delivered += index == 1 && arrival->kind == MUSTER_ARRIVAL_SAMPLE ? 1 : 0;
}

static unsigned open_topic(const char *name) {
    const struct muster_topic topic = {.name = name};
    unsigned number;
    assert_int_equal(muster_core_topic_open(world.nodes[0].core, &topic, &number), 0);
    return number;
}

static int add(unsigned topic, const struct muster_record *record) {
    return muster_core_topic_add(world.nodes[0].core, topic, record, world.now_ms, 1700000000);
}

static const struct muster_record one = {.kind = MUSTER_VALUE_NUMBER, .number = 1};

/* A publisher that lingers for a minute, and a subscriber. */
static unsigned begin(uint64_t rate_bytes_s) {
    const char *pattern = "a/#";
    const struct muster_subscription_options wanted = {.patterns = &pattern, .pattern_count = 1};
    const struct muster_document document = {.name = "pub"};
    struct muster_core_options options;
    unsigned number;
    world_begin(3);
    world.on_arrival = on_arrival;
    delivered = 0;
    world_add("pub");
    world_add("sub");
    world_options(0, &document, &options);
    options.linger_ms = 60000;
    options.rate_bytes_s = rate_bytes_s;
    world_start(0, &options);
    unsigned topic = open_topic("a/b");
    assert_int_equal(muster_core_subscribe(world.nodes[1].core, &wanted, &number), 0);
    world_run(3000);
    return topic;
}

static void assert_comes_to_rest(void) {
    muster_core_t *core = world.nodes[0].core;
    unsigned steps = 0;
    while (muster_core_deadline(core) <= world.now_ms) {
        struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
        world_step(0, &event);
        assert_true(steps++ < 100);
    }
}

TEST(what_lingers_leaves_with_the_node) {
    unsigned topic = begin(1000000);
    assert_int_equal(add(topic, &one), 0);
    world_run(100);
    assert_int_equal(delivered, 0);
    world_leave(0);
    world_run(1000);
    assert_true(world.nodes[0].has_left);
    assert_int_equal(delivered, 1);
}

/* What pacing holds back is not forgotten either: the end is told when it has left. */
TEST(the_end_waits_for_what_is_queued) {
    char text[1001] = "";
    unsigned topic = begin(10000);
    memset(text, 'x', sizeof text - 1);
    const struct muster_record record = {.kind = MUSTER_VALUE_TEXT, .text = text};
    size_t added = 0;
    for (; add(topic, &record) == 0; added++) {
    }
    world_leave(0);
    world_run(400);
    assert_false(world.nodes[0].has_left);
    world_run(10000);
    assert_true(world.nodes[0].has_left);
    assert_int_equal(delivered, added);
}

TEST(a_node_that_left_comes_to_rest) {
    unsigned topic = begin(1000000);
    const struct muster_record new = {.name = "new", .kind = MUSTER_VALUE_NUMBER, .number = 1};
    assert_int_equal(add(topic, &new), 0);
    world_leave(0);
    assert_comes_to_rest();
    muster_core_topic_close(world.nodes[0].core, topic);
    assert_comes_to_rest();
}

/* The room in a pack was measured by the old header, which the new one may outgrow. */
TEST(open_packs_do_not_outlive_their_key) {
    static char text[1401];
    unsigned topic = begin(1000000);
    memset(text, 'x', sizeof text - 1);
    struct muster_record longest = {.kind = MUSTER_VALUE_TEXT, .text = text, .text_length = 1400};
    while (add(topic, &longest) != 0) {
        longest.text_length--;
    }
    struct muster_command rekey = {
        .kind = MUSTER_COMMAND_REKEY, .key = world.nodes[0].key, .boot = LARGEST_BOOT};
    assert_int_equal(muster_crypto_ed25519(&rekey.crypto, world.nodes[0].secret), 0);
    uint64_t dropped = muster_core_counters(world.nodes[0].core)->outputs_dropped;
    assert_int_equal(world_command(0, &rekey), 0);
    assert_int_equal(muster_core_counters(world.nodes[0].core)->outputs_dropped, dropped + 1);
    world_run(3000);
    assert_int_equal(add(topic, &one), 0);
    muster_core_topic_flush(world.nodes[0].core, topic);
    world_run(2000);
    assert_int_equal(delivered, 1);
}

TEST(a_value_of_no_kind_is_refused_each_time) {
    const struct muster_record bad = {.kind = (enum muster_value_kind)77};
    unsigned topic = begin(1000000);
    assert_int_equal(add(topic, &bad), MUSTER_EINVAL);
    assert_int_equal(add(topic, &one), 0);
    assert_int_equal(add(topic, &bad), MUSTER_EINVAL);
}

/* Names that nobody declared fill no document up. */
TEST(too_many_names_hinder_no_topic) {
    struct muster_peer_list list;
    unsigned topic = begin(1000000);
    for (unsigned i = 0; i < MUSTER_SENSORS_MAX; i++) {
        char name[MUSTER_NAME_BYTES_MAX + 1];
        snprintf(name, sizeof name, "%050u", i);
        const struct muster_record record = {.name = name, .unit = "Cel", .kind = MUSTER_VALUE_BOOLEAN};
        assert_int_equal(add(topic, &record), 0);
    }
    world_run(2000);
    open_topic("a/c");
    muster_core_topic_close(world.nodes[0].core, topic);
    world_run(2000);
    assert_int_equal(muster_core_peers(world.nodes[1].core, &list), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.peers[0].document.topic_count, 1);
    assert_string_equal(list.peers[0].document.topics[0].name, "a/c");
    muster_peer_list_free(&list);
}

/* One address that asks for all there is does not keep the others from what they miss. */
static bool lose_each_tenth(size_t from, size_t to, const struct muster_datagram *datagram) {
    static unsigned count;
    return from == 0 && to == 1 && datagram->destination.ip[0] == 239 && ++count % 10 == 0;
}

TEST(nobody_takes_all_repairs) {
    char nak[512];
    char of[MUSTER_ID_TEXT_BYTES];
    char text[1001] = "";
    uint8_t id[MUSTER_ID_BYTES];
    unsigned topic = begin(1000000);
    memset(text, 'x', sizeof text - 1);
    const struct muster_record record = {.kind = MUSTER_VALUE_TEXT, .text = text};
    muster_core_id(world.nodes[0].core, id);
    muster_id_text(id, of);
    snprintf(
        nak, sizeof nak,
        "{\"muster\":1,\"kind\":\"nak\",\"id\":\"00000000000000000000000000000001\",\"boot\":1,\"of\":\"%s\","
        "\"of_boot\":%llu,\"shard\":%u,\"missing\":[[1,9007199254740991]]}\n",
        of, (unsigned long long)muster_core_boot(world.nodes[0].core), muster_topic_shard("a/b"));
    const struct muster_datagram attack = {
        .bytes = (const uint8_t *)nak,
        .length = strlen(nak),
        .source = {.family = 4, .ip = {10, 0, 0, 99}, .port = 5},
        .destination = {.family = 4, .ip = {239, 255, 77, 15}, .port = 19796},
        .interface = WORLD_INTERFACE,
        .ttl = 1};
    world.is_lost = lose_each_tenth;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(add(topic, &record), 0);
        muster_core_topic_flush(world.nodes[0].core, topic);
        if (i % 100 == 0) {
            world_inject(0, &attack);
        }
        world_run(2);
    }
    world_run(3000);
    assert_int_equal(delivered, 1000);
}

int main(void) {
    return test_run(NULL, world_end);
}
