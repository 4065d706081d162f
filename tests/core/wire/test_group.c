/* SPDX-License-Identifier: MIT */
/* The groups of PROTOCOL.md, and what a destination tells. */
#include "group.h"

#include <string.h>

#include "test.h"

#define PORT 19797
#define TELEMETRY_PORT (PORT - 1)

static void check(const struct muster_endpoint *endpoint, uint16_t port, const uint8_t ip[4]) {
    assert_int_equal(endpoint->family, 4);
    assert_int_equal(endpoint->port, port);
    assert_memory_equal(endpoint->ip, ip, 4);
}

TEST(a_control_destination_tells_the_path) {
    const struct muster_endpoint group = group_control(MUSTER_PATH_M4, PORT);
    const struct muster_endpoint broadcast = group_control(MUSTER_PATH_B4, PORT);
    const struct muster_endpoint unicast = {.family = 4, .ip = {10, 0, 0, 1}, .port = PORT};
    check(&group, PORT, (uint8_t[]){224, 0, 0, 254});
    check(&broadcast, PORT, (uint8_t[]){255, 255, 255, 255});
    assert_int_equal(group_path_kind(&group), MUSTER_PATH_M4);
    assert_int_equal(group_path_kind(&broadcast), MUSTER_PATH_B4);
    assert_int_equal(group_path_kind(&unicast), MUSTER_PATH_U4);
}

TEST(a_telemetry_destination_tells_the_shard) {
    for (unsigned group = 0; group <= MUSTER_SHARDS; group++) {
        bool is_repair = group == MUSTER_SHARDS;
        struct muster_endpoint endpoint = is_repair ? group_repair(PORT) : group_telemetry(group, PORT);
        unsigned shard = 99;
        check(&endpoint, TELEMETRY_PORT, (uint8_t[]){239, 255, 77, (uint8_t)(is_repair ? 15 : 16 + group)});
        assert_int_equal(group_ttl(&endpoint), 1);
        assert_true(group_is_telemetry(&endpoint, PORT, &shard));
        assert_int_equal(shard, group);
        endpoint.port = PORT + 1; /* a unicast socket on which the kernel let it through */
        assert_false(group_is_telemetry(&endpoint, PORT, &shard));
    }
}

TEST(other_addresses_are_not_telemetry) {
    static const uint8_t others[][4] = {{239, 255, 77, 14}, {239, 255, 77, 32}, {239, 255, 76, 16},
                                        {239, 254, 77, 16}, {224, 0, 0, 254},   {10, 0, 0, 1}};
    unsigned shard;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct muster_endpoint endpoint = {.family = 4, .port = TELEMETRY_PORT};
        memcpy(endpoint.ip, others[i], 4);
        assert_false(group_is_telemetry(&endpoint, PORT, &shard));
        assert_int_equal(group_ttl(&endpoint), 255);
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
