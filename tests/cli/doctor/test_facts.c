/* SPDX-License-Identifier: MIT */
/* Files of /proc as a kernel wrote them. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "facts.h"
#include "fixture.h"

static struct facts facts;

static void make_file(const char *name, const char *text) {
    FILE *file = fopen(fixture_path(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int begin(void **state) {
    static const char *const directories[] = {
        "proc",     "proc/net",     "proc/net/stat",    "proc/net/dev_snmp6",
        "proc/sys", "proc/sys/net", "proc/sys/net/core"};
    if (fixture_make_directory(state) != 0) {
        return -1;
    }
    for (size_t i = 0; i < COUNT(directories); i++) {
        mkdir(fixture_path(directories[i]), 0755);
    }
    facts = (struct facts){.interface_count = 2};
    strcpy(facts.interfaces[0].name, "lo");
    strcpy(facts.interfaces[1].name, "eth0");
    return 0;
}

TEST(test_addresses) {
    make_file("proc/net/if_inet6", "fe800000000000000000000000000002 02 40 20 80     eth0\n"
                                   "00000000000000000000000000000001 01 80 10 80       lo\n");
    facts_read_proc(&facts, fixture_directory, 19797);
    assert_true(facts.interfaces[1].has_ipv6 && facts.interfaces[1].has_link_local);
    assert_false(facts.interfaces[1].has_duplicate || facts.interfaces[0].has_link_local);
    make_file("proc/net/if_inet6", "fe800000000000000000000000000099 02 40 20 c8     eth0\n");
    facts.interfaces[1] = (struct facts_interface){.name = "eth0"};
    facts_read_proc(&facts, fixture_directory, 19797);
    assert_true(facts.interfaces[1].has_duplicate && !facts.interfaces[1].has_link_local);
}

/* muster sends from an address of fe80::/10, which the kernel lists behind others. */
TEST(test_a_link_local_address_is_taken) {
    struct facts_interface eth0 = {.name = "eth0"};
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = {{{0x20, 1, [15] = 1}}}};
    facts_add_address(&eth0, (const struct sockaddr *)&address);
    assert_int_equal(eth0.ipv6[0], 0x20);
    address.sin6_addr = (struct in6_addr){{{0xfe, 0x80, [15] = 1}}};
    facts_add_address(&eth0, (const struct sockaddr *)&address);
    assert_int_equal(eth0.ipv6[0], 0xfe);
    address.sin6_addr = (struct in6_addr){{{0x20, 1, [15] = 2}}};
    facts_add_address(&eth0, (const struct sockaddr *)&address);
    assert_int_equal(eth0.ipv6[0], 0xfe);
}

TEST(test_routes) {
    make_file("proc/net/route",
              "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
              "eth0\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
    make_file("proc/net/ipv6_route",
              "ff000000000000000000000000000000 08 00000000000000000000000000000000 00 "
              "00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0\n");
    facts_read_proc(&facts, fixture_directory, 19797);
    assert_true(facts.interfaces[1].has_route && facts.interfaces[1].has_multicast_route);
    assert_false(facts.interfaces[0].has_route || facts.interfaces[0].has_multicast_route);
}

TEST(test_counters) {
    struct facts_counters counters;
    make_file("proc/net/netstat", "TcpExt: SyncookiesSent IPReversePathFilter TCPTimeWait\nTcpExt: 1 17 3\n"
                                  "IpExt: InNoRoutes\nIpExt: 4\n");
    make_file("proc/net/snmp", "Ip: Forwarding\nIp: 2\nUdp: InDatagrams RcvbufErrors\nUdp: 5 6\n");
    make_file("proc/net/stat/arp_cache",
              "entries  allocs table_fulls\n0000000a  00000001 00000010\n0000000a  0 2\n");
    make_file("proc/net/dev_snmp6/eth0",
              "ifIndex                         \t2\n"
              "Icmp6InGroupMembQueries         \t21\nIcmp6OutMLDv2Reports            \t9\n");
    make_file("proc/sys/net/core/rmem_max", "212992\n");
    facts_read_counters(&facts, fixture_directory, &counters);
    assert_int_equal(counters.rp_filtered, 17);
    assert_int_equal(counters.buffer_dropped, 6);
    assert_int_equal(counters.arp_full, 18);
    assert_int_equal(counters.mld_queries[1], 21);
    assert_int_equal(counters.mld_reports[1], 9);
    facts_read_proc(&facts, fixture_directory, 19797);
    assert_int_equal(facts.rmem_max, 212992);
}

TEST(test_rules_without_end) {
    char search[256];
    const char *path = getenv("PATH");
    make_file("nft", "#!/bin/sh\nhead -c 9000000 /dev/zero | tr '\\0' x\n");
    assert_int_equal(chmod(fixture_path("nft"), 0755), 0);
    snprintf(search, sizeof(search), "%s:/usr/bin:/bin", fixture_directory);
    char *former = strdup(path != NULL ? path : "/usr/bin:/bin");
    setenv("PATH", search, 1);
    facts.unseen_count = 0;
    facts_read_firewall(&facts, fixture_directory, 19797);
    setenv("PATH", former, 1);
    free(former);
    assert_int_equal(facts.unseen_count, 1);
    assert_string_equal(facts.unseen[0], "the firewall's rules: nft was ended, or printed too many");
}

TEST(test_state_directory) {
    make_file("file", "");
    assert_int_equal(facts_try_state(fixture_path("state/that/would/be/made")), 0);
    assert_int_equal(facts_try_state(fixture_directory), 0);
    assert_int_equal(chdir(fixture_directory), 0);
    assert_int_equal(facts_try_state("state"), 0);
    assert_int_not_equal(facts_try_state("/proc/nowhere"), 0);
    assert_int_equal(facts_try_state("state/below"), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(facts_try_state(fixture_path("file/state")), ENOTDIR);
    assert_int_not_equal(facts_try_state("/proc/nowhere"), 0); /* /proc is there, and takes none */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_link_local_address_is_taken),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_rules_without_end),
        cmocka_unit_test(test_state_directory),
    };
    return cmocka_run_group_tests(tests, begin, fixture_remove_directory);
}
