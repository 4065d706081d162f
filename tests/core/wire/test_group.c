/* SPDX-License-Identifier: MIT */
/* The groups of PROTOCOL.md, and what a destination tells. */
#include "group.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

#define PORT 19797
#define TELEMETRY_PORT (PORT - 1)

static struct muster_endpoint endpoint_at(const char *ip, uint16_t port) {
    struct muster_endpoint endpoint = {.family = strchr(ip, ':') != NULL ? 6 : 4, .port = port};
    assert_int_equal(inet_pton(endpoint.family == 6 ? AF_INET6 : AF_INET, ip, endpoint.ip), 1);
    return endpoint;
}

static void check(const struct muster_endpoint *endpoint, const char *ip, uint16_t port) {
    struct muster_endpoint expected = endpoint_at(ip, port);
    assert_memory_equal(endpoint, &expected, sizeof expected);
}

TEST(a_control_destination_tells_the_path) {
    static const struct {
        const char *ip;
        enum muster_path_kind kind;
    } rows[] = {{"224.0.0.254", MUSTER_PATH_M4},
                {"ff02::114", MUSTER_PATH_M6},
                {"255.255.255.255", MUSTER_PATH_B4},
                {"10.0.0.1", MUSTER_PATH_U4},
                {"fe80::1", MUSTER_PATH_U6},
                {"e000:fe::", MUSTER_PATH_U6}}; /* its first bytes are those of m4 */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct muster_endpoint endpoint = endpoint_at(rows[i].ip, PORT);
        assert_int_equal(group_path_kind(&endpoint), rows[i].kind);
        assert_int_equal(group_family(rows[i].kind), endpoint.family);
        assert_int_equal(group_is_unicast(rows[i].kind), i >= GROUP_KINDS);
        assert_int_equal(group_ttl(&endpoint), 255);
        if (i < GROUP_KINDS) {
            struct muster_endpoint group = group_control(rows[i].kind, GROUP_LINK, PORT);
            check(&group, rows[i].ip, PORT);
        }
    }
}

TEST(a_telemetry_destination_tells_the_shard) {
    for (unsigned group = 0; group <= MUSTER_SHARDS; group++) {
        for (uint8_t family = 4; family <= 6; family += 2) {
            bool is_repair = group == MUSTER_SHARDS;
            unsigned place = is_repair ? 15 : 16 + group;
            unsigned shard = 99;
            char ip[32];
            struct muster_endpoint endpoint =
                group_telemetry(family, is_repair ? MUSTER_SHARDS : group, GROUP_LINK, PORT);
            snprintf(ip, sizeof ip, family == 6 ? "ff12::6d75:7374:%x" : "239.255.77.%u", place);
            check(&endpoint, ip, TELEMETRY_PORT);
            assert_int_equal(group_ttl(&endpoint), 1);
            assert_true(group_is_multicast(&endpoint));
            assert_true(group_is_telemetry(&endpoint, PORT, &shard));
            assert_int_equal(shard, group);
            endpoint.port = PORT + 1; /* a unicast socket on which the kernel let it through */
            assert_false(group_is_telemetry(&endpoint, PORT, &shard));
        }
    }
}

TEST(other_addresses_are_not_telemetry) {
    static const char *const others[] = {
        "239.255.77.14", "239.255.77.32",      "239.255.76.16",      "239.254.77.16", "224.0.0.254",
        "10.0.0.1",      "ff12::6d75:7374:e",  "ff12::6d75:7374:20", "ff02::114",     "ff02::6d75:7374:10",
        "fe80::1",       "ff12::6d75:7375:10", "efff:4d10::"};
    unsigned shard;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct muster_endpoint endpoint = endpoint_at(others[i], TELEMETRY_PORT);
        assert_false(group_is_telemetry(&endpoint, PORT, &shard));
        assert_int_equal(group_ttl(&endpoint), 255);
    }
}

TEST(groups_of_a_site_are_known_too) {
    unsigned shard;
    static const struct {
        const char *ip;
        enum muster_path_kind kind;
    } rows[] = {{"239.255.77.14", MUSTER_PATH_M4}, {"ff05::114", MUSTER_PATH_M6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct muster_endpoint group = group_control(rows[i].kind, GROUP_SITE, PORT);
        check(&group, rows[i].ip, PORT);
        assert_int_equal(group_path_kind(&group), rows[i].kind);
    }
    struct muster_endpoint endpoint = group_telemetry(6, 3, GROUP_SITE, PORT);
    check(&endpoint, "ff15::6d75:7374:13", TELEMETRY_PORT);
    assert_true(group_is_telemetry(&endpoint, PORT, &shard));
    assert_int_equal(shard, 3);
    endpoint = group_telemetry(4, 3, GROUP_SITE, PORT);
    check(&endpoint, "239.255.77.19", TELEMETRY_PORT);
}

TEST(multicast_is_told_from_unicast) {
    static const char *const groups[] = {"224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"};
    static const char *const others[] = {"10.0.0.1", "255.255.255.255", "fe80::1", "e000::1", "::"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        struct muster_endpoint endpoint = endpoint_at(groups[i], PORT);
        assert_true(group_is_multicast(&endpoint));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct muster_endpoint endpoint = endpoint_at(others[i], PORT);
        assert_false(group_is_multicast(&endpoint));
    }
    assert_false(group_is_multicast(&(struct muster_endpoint){.family = 0, .ip = {0xe0}}));
}

int main(void) {
    return test_run(NULL, NULL);
}
