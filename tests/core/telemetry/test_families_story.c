/* SPDX-License-Identifier: MIT */
/* Readings where hosts have IPv4, IPv6 or both: which groups they go to, and who hears them. */
#include <string.h>

#include "field.h"
#include "test.h"

#define V4_PATHS WORLD_GROUP_PATHS
#define V6_PATHS (1u << MUSTER_PATH_M6)

static uint64_t data[2]; /* datagrams of data that node 0 sent, to IPv4's group and to IPv6's */

static void record_data(size_t from, const struct muster_datagram *datagram) {
    if (from == 0 && datagram_has(datagram, "\"kind\":\"data\"")) {
        size_t segment = datagram->segment == 0 ? datagram->length : datagram->segment;
        data[datagram->destination.family == 6 ? 1 : 0] += (datagram->length + segment - 1) / segment;
    }
}

static void begin(void) {
    world_begin(1);
    field_begin();
    memset(data, 0, sizeof data);
    world.on_sent = record_data;
}

static void add(const char *name, unsigned kinds) {
    world.kinds = kinds;
    size_t index = world_add(name);
    if (index > 0) {
        field_subscribe(index, "#");
    }
}

/* The publisher is known, and its topic. */
static unsigned gather(unsigned publisher, const unsigned *subscribers, size_t count) {
    add("pub", publisher);
    unsigned topic = field_open(0, "a/b");
    for (size_t i = 0; i < count; i++) {
        add((const char[]){i % 2 == 0 ? '?' : 's', (char)('a' + i), '\0'}, subscribers[i]);
        world_query(i + 1);
    }
    world_run(5000);
    return topic;
}

TEST(hosts_of_both_families_get_one_copy) {
    unsigned topic = gather(WORLD_DUAL_PATHS, (const unsigned[]){WORLD_DUAL_PATHS, WORLD_DUAL_PATHS}, 2);
    field_publish_many(0, topic, 100, 2);
    field_check_all(1, 100);
    field_check_all(2, 100);
    assert_int_equal(data[0], 100);
    assert_int_equal(data[1], 0);
    assert_int_equal(world.nodes[1].groups6, MUSTER_GROUP_REPAIR); /* the publisher comes by IPv4 */
}

TEST(a_host_of_ipv6_alone_is_enough_for_ipv6) {
    const unsigned kinds[] = {V6_PATHS, WORLD_DUAL_PATHS, V4_PATHS, V6_PATHS};
    for (size_t only = 0; only < 2; only++) { /* a subscriber without a row, then one with a row */
        begin();
        unsigned topic = gather(WORLD_DUAL_PATHS, kinds + 2 * (only == 0 ? 0 : 1), 2);
        field_publish_many(0, topic, 1000, 2);
        field_check_all(1, 1000);
        field_check_all(2, 1000);
        assert_int_equal(data[0], 1000);
        assert_int_equal(data[1], 1000);
        world_end();
    }
    begin();
}

TEST(ipv6_alone_repairs_what_is_lost) {
    unsigned topic = gather(V6_PATHS, (const unsigned[]){V6_PATHS, V6_PATHS}, 2);
    world.nodes[1].loss = world.nodes[2].loss = 0.1;
    field_publish_many(0, topic, 1000, 2);
    world_run(3000);
    field_check_all(1, 1000);
    field_check_all(2, 1000);
    assert_int_equal(data[0], 0);
    assert_true(field_feed(1).repaired > 0);
}

int main(void) {
    return test_run(begin, world_end);
}
