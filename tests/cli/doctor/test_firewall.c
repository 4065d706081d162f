/* SPDX-License-Identifier: MIT */
/* Rules as nft 1.0.6 and iptables-legacy-save 1.8.9 printed them. */
#include <string.h>

#include "firewall.h"
#include "fixture.h"

#define ALL_GROUPS (1U << FIREWALL_GROUP_IN | 1U << FIREWALL_BROADCAST_IN)

static struct firewall_packet packets[FIREWALL_USES];
static size_t packet_count;
static struct firewall firewall;

static int begin(void **state) {
    static const uint8_t ipv4[4] = {10, 0, 0, 1};
    static const uint8_t ipv6[16] = {0xfe, 0x80, [15] = 1};
    (void)state;
    firewall = (struct firewall){.count = 0};
    packet_count = firewall_packets("eth0", ipv4, ipv6, 19797, packets);
    assert_int_equal(packet_count, FIREWALL_USES);
    return 0;
}

#define TABLE(family) \
    "{\"nftables\": [{\"table\": {\"family\": \"" family "\", \"name\": \"f\", \"handle\": 1}}, "
#define INPUT(family, policy)                                                                         \
    "{\"chain\": {\"family\": \"" family "\", \"table\": \"f\", \"name\": \"input\", \"handle\": 2, " \
    "\"type\": \"filter\", \"hook\": \"input\", \"prio\": 0, \"policy\": \"" policy "\"}}"
#define RULE(family, chain, handle, expr)                                             \
    ", {\"rule\": {\"family\": \"" family "\", \"table\": \"f\", \"chain\": \"" chain \
    "\", \"handle\": " handle ", \"expr\": [" expr "]}}"
#define DPORT(right)                                                                                        \
    "{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"udp\", \"field\": \"dport\"}}, " \
    "\"right\": " right "}}"
#define META(key, right) \
    "{\"match\": {\"op\": \"==\", \"left\": {\"meta\": {\"key\": \"" key "\"}}, \"right\": " right "}}"
#define DROP "{\"drop\": null}"

/* The chain input has these rules; all of them together drop these uses, for certain or not. */
static void check_nft(const char *policy_and_rules, unsigned uses, bool is_certain) {
    char json[4096];
    begin(NULL);
    snprintf(json, sizeof(json), TABLE("inet") "%s]}", policy_and_rules);
    assert_true(firewall_read_nft(&firewall, json, "", packets, packet_count));
    unsigned found = 0;
    for (size_t i = 0; i < firewall.count; i++) {
        found |= firewall.findings[i].uses;
        assert_int_equal(firewall.findings[i].is_certain, is_certain);
    }
    assert_int_equal(found, uses);
}

#define CHECK_RULE(expr, uses, is_certain) \
    check_nft(INPUT("inet", "accept") RULE("inet", "input", "5", expr), uses, is_certain)

TEST(test_matches) {
    const unsigned groups = ALL_GROUPS | 1U << FIREWALL_GROUP6_IN;
    const unsigned unicast = 1U << FIREWALL_QUESTION_IN | 1U << FIREWALL_ANSWER_IN;
    const unsigned readings = 1U << FIREWALL_READINGS_IN;
    CHECK_RULE(DPORT("19797") ", " DROP, groups, true);
    CHECK_RULE(DPORT("80") ", " DROP, 0, true);
    CHECK_RULE(DPORT("{\"range\": [19796, 19829]}") ", {\"counter\": {\"packets\": 0, \"bytes\": 0}}, " DROP,
               groups | unicast | readings, true);
    CHECK_RULE(DPORT("{\"set\": [53, {\"range\": [19798, 19810]}]}") ", {\"reject\": null}", unicast, true);
    CHECK_RULE(META("pkttype", "\"multicast\"") ", " DROP,
               1U << FIREWALL_GROUP_IN | 1U << FIREWALL_GROUP6_IN | readings, true);
    CHECK_RULE(META("iifname", "\"wlan0\"") ", " DROP, 0, true);
    CHECK_RULE(META("iifname", "\"eth*\"") ", " DPORT("19797") ", " DROP, groups, true);
    CHECK_RULE(META("l4proto", "17") ", " DPORT("19797") ", " DROP, groups, true);
    CHECK_RULE(
        "{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", \"field\": \"daddr\"}}, "
        "\"right\": {\"prefix\": {\"addr\": \"224.0.0.0\", \"len\": 4}}}}, " DROP,
        1U << FIREWALL_GROUP_IN | readings, true);
    CHECK_RULE(
        "{\"match\": {\"op\": \"!=\", \"left\": {\"payload\": {\"protocol\": \"ip\", \"field\": \"saddr\"}}, "
        "\"right\": {\"prefix\": {\"addr\": \"10.0.0.0\", \"len\": 8}}}}, " DROP,
        0, true);
    CHECK_RULE(
        "{\"match\": {\"op\": \"==\", \"left\": {\"fib\": {\"result\": \"type\", \"flags\": [\"daddr\"]}}, "
        "\"right\": \"broadcast\"}}, " DROP,
        1U << FIREWALL_BROADCAST_IN, true);
    CHECK_RULE("{\"vmap\": {\"key\": {\"payload\": {\"protocol\": \"udp\", \"field\": \"dport\"}}, \"data\": "
               "{\"set\": "
               "[[53, {\"accept\": null}], [19797, {\"drop\": null}]]}}}",
               groups, true);
}

#define RAW(left, right) \
    "{\"match\": {\"op\": \"==\", \"left\": {\"payload\": " left "}, \"right\": " right "}}"
#define ACCEPT "{\"accept\": null}"

/* What may accept a datagram makes all drops behind it uncertain. */
TEST(test_what_is_not_understood_may_accept) {
    static const char *const accepts[] = {
        RAW("{\"base\": \"nh\", \"offset\": 96, \"len\": 8}", "10") ", " ACCEPT,
        RAW("{\"protocol\": \"ether\", \"field\": \"saddr\"}", "\"00:11:22:33:44:55\"") ", " ACCEPT,
        "{\"queue\": {\"num\": 3}}",
        "{\"xt\": {\"type\": \"target\", \"name\": \"NFQUEUE\"}}",
    };
    for (size_t i = 0; i < COUNT(accepts); i++) {
        char rules[2048];
        snprintf(rules, sizeof(rules),
                 INPUT("inet", "accept") RULE("inet", "input", "5", "%s")
                     RULE("inet", "input", "6", DPORT("19797") ", " DROP),
                 accepts[i]);
        check_nft(rules, ALL_GROUPS | 1U << FIREWALL_GROUP6_IN, false);
    }
    check_nft(
        INPUT("inet", "accept")
            RULE("inet", "input", "5", RAW("{\"protocol\": \"sctp\", \"field\": \"dport\"}", "7") ", " ACCEPT)
                RULE("inet", "input", "6", DPORT("19797") ", " DROP),
        ALL_GROUPS | 1U << FIREWALL_GROUP6_IN, true);
}

#define SADDR(address) RAW("{\"protocol\": \"ip\", \"field\": \"saddr\"}", "\"" address "\"")

/* Nothing is known of others but their network. */
TEST(test_single_addresses_are_never_certain) {
    const unsigned groups = ALL_GROUPS | 1U << FIREWALL_READINGS_IN;
    const unsigned all =
        groups | 1U << FIREWALL_QUESTION_IN | 1U << FIREWALL_ANSWER_IN | 1U << FIREWALL_STREAM_IN;
    CHECK_RULE(SADDR("10.0.0.1") ", " DROP, all, false);
    CHECK_RULE(SADDR("10.0.0.7") ", " DROP, all, false);
    check_nft(INPUT("inet", "accept") RULE("inet", "input", "5", SADDR("10.0.0.7") ", " ACCEPT) RULE(
                  "inet", "input", "6",
                  DPORT("19797") ", " RAW("{\"protocol\": \"ip\", \"field\": \"daddr\"}",
                                          "{\"prefix\": {\"addr\": \"224.0.0.0\", \"len\": 4}}") ", " DROP),
              1U << FIREWALL_GROUP_IN, false);
}

/* A rule that certainly drops is recorded behind many that may. */
TEST(test_what_is_certain_replaces_what_is_not) {
    for (int i = 0; i < FIREWALL_FINDINGS_MAX; i++) {
        char text[32];
        snprintf(text, sizeof(text), "rule %d", i);
        firewall_record(&firewall, text, FIREWALL_GROUP_IN, false);
    }
    firewall_record(&firewall, "another rule", FIREWALL_GROUP_IN, false);
    firewall_record(&firewall, "udp dport 19797 drop", FIREWALL_GROUP_IN, false);
    firewall_record(&firewall, "the rule", FIREWALL_GROUP_OUT, true);
    assert_int_equal(firewall.count, FIREWALL_FINDINGS_MAX);
    assert_string_equal(firewall.findings[0].text, "udp dport 19797 drop");
    assert_string_equal(firewall.findings[1].text, "the rule");
    assert_true(firewall.findings[1].is_certain);
    assert_int_equal(firewall.findings[1].uses, 1U << FIREWALL_GROUP_OUT);
}

TEST(test_a_target_of_xt_rejects) {
    CHECK_RULE(DPORT("19797") ", {\"xt\": {\"type\": \"target\", \"name\": \"REJECT\"}}",
               ALL_GROUPS | 1U << FIREWALL_GROUP6_IN, true);
}

TEST(test_a_map_with_a_name) {
    check_nft(
        "{\"map\": {\"family\": \"inet\", \"name\": \"m\", \"table\": \"f\", \"type\": \"inet_service\", "
        "\"handle\": 4, \"map\": \"verdict\", \"elem\": [[53, {\"drop\": null}], [19797, {\"accept\": "
        "null}]]}}, " INPUT("inet", "drop")
            RULE("inet", "input", "5",
                 "{\"vmap\": {\"key\": {\"payload\": {\"protocol\": \"th\", \"field\": \"dport\"}}, "
                 "\"data\": \"@m\"}}"),
        1U << FIREWALL_QUESTION_IN | 1U << FIREWALL_ANSWER_IN | 1U << FIREWALL_STREAM_IN |
            1U << FIREWALL_READINGS_IN,
        true);
}

TEST(test_what_leaves_has_no_packet_type) {
    check_nft("{\"chain\": {\"family\": \"inet\", \"table\": \"f\", \"name\": \"output\", \"handle\": 2, "
              "\"type\": \"filter\", \"hook\": \"output\", \"prio\": 0, \"policy\": \"accept\"}}" RULE(
                  "inet", "output", "5", META("pkttype", "\"multicast\"") ", " DROP),
              0, true);
}

TEST(test_a_dormant_table_drops_nothing) {
    static const char *const flags[] = {"\"dormant\"", "[\"owner\", \"dormant\"]", "\"inet\""};
    for (size_t i = 0; i < COUNT(flags); i++) {
        char json[1024];
        snprintf(json, sizeof(json),
                 "{\"nftables\": [{\"table\": {\"family\": \"inet\", \"name\": \"f\", \"handle\": 1, "
                 "\"flags\": %s}}, " INPUT("inet", "drop") "]}",
                 flags[i]);
        assert_true(firewall_read_nft(&firewall, json, "", packets, packet_count));
        assert_int_equal(firewall.count, 0);
    }
}

TEST(test_xt_is_never_certain) {
    CHECK_RULE(META("l4proto", "\"udp\"") ", {\"xt\": {\"type\": \"match\", \"name\": \"multiport\"}}, " DROP,
               ALL_GROUPS | 1U << FIREWALL_GROUP6_IN | 1U << FIREWALL_QUESTION_IN | 1U << FIREWALL_ANSWER_IN |
                   1U << FIREWALL_READINGS_IN,
               false);
}

TEST(test_default_deny) {
    check_nft(INPUT("inet", "drop")
                  RULE("inet", "input", "5",
                       "{\"match\": {\"op\": \"in\", \"left\": {\"ct\": {\"key\": \"state\"}}, \"right\": "
                       "[\"established\", \"related\"]}}, {\"accept\": null}"),
              ALL_GROUPS | 1U << FIREWALL_GROUP6_IN | 1U << FIREWALL_QUESTION_IN | 1U << FIREWALL_STREAM_IN |
                  1U << FIREWALL_READINGS_IN,
              true);
    assert_string_equal(firewall.findings[0].text, "nft, table inet f, chain input: policy drop");
}

TEST(test_chains_sets_and_wording) {
    static const char json[] = TABLE(
        "ip") "{\"set\": {\"family\": \"ip\", \"name\": \"p\", \"table\": \"f\", \"type\": \"inet_service\", "
              "\"handle\": 3, \"elem\": [53, 19797]}}, " INPUT("ip", "accept")
                  RULE("ip", "input", "5", "{\"jump\": {\"target\": \"udp_in\"}}")
                      RULE("ip", "udp_in", "8", DPORT("\"@p\"") ", " DROP) "]}";
    static const char text[] = "table ip other { # handle 2\n\t\tx # handle 8\n}\n"
                               "table ip f { # handle 1\n\tchain udp_in { # handle 4\n"
                               "\t\tudp dport @p drop # handle 8\n\t}\n}\n";
    assert_true(firewall_read_nft(&firewall, json, text, packets, packet_count));
    assert_int_equal(firewall.count, 1);
    assert_int_equal(firewall.findings[0].uses, ALL_GROUPS);
    assert_string_equal(firewall.findings[0].text, "nft, table ip f, chain udp_in: udp dport @p drop");
}

/* An element of a set of interface names may look like the name of a set. */
TEST(test_a_set_that_seems_to_hold_itself) {
    static const char json[] =
        TABLE("inet") "{\"set\": {\"family\": \"inet\", \"name\": \"a\", \"table\": \"f\", \"type\": "
                      "\"ifname\", \"handle\": 3, \"elem\": [\"@a\"]}}, " INPUT("inet", "accept")
                          RULE("inet", "input", "5", META("iifname", "\"@a\"") ", " DROP) "]}";
    assert_true(firewall_read_nft(&firewall, json, "", packets, packet_count));
    assert_int_equal(firewall.count, 0);
}

/* Each of 14 chains jumps to the next one 8 times. */
#define LEVELS 14
#define JUMPS 8

TEST(test_chains_that_multiply_are_cut) {
    static char json[65536];
    static char saved[65536];
    size_t length = (size_t)snprintf(json, sizeof(json), TABLE("inet") INPUT("inet", "accept"));
    size_t saved_length = (size_t)snprintf(saved, sizeof(saved), "*filter\n:INPUT ACCEPT [0:0]\n");
    for (int i = 0; i < LEVELS * JUMPS; i++) {
        char chain[16] = "input";
        char legacy[16] = "INPUT";
        if (i >= JUMPS) {
            snprintf(chain, sizeof(chain), "c%d", i / JUMPS);
            snprintf(legacy, sizeof(legacy), "c%d", i / JUMPS);
        }
        length += (size_t)snprintf(json + length, sizeof(json) - length,
                                   RULE("inet", "%s", "5", "{\"jump\": {\"target\": \"c%d\"}}"), chain,
                                   i / JUMPS + 1);
        saved_length += (size_t)snprintf(saved + saved_length, sizeof(saved) - saved_length, "-A %s -j c%d\n",
                                         legacy, i / JUMPS + 1);
    }
    snprintf(json + length, sizeof(json) - length, "]}");
    snprintf(saved + saved_length, sizeof(saved) - saved_length, "COMMIT\n");
    assert_true(firewall_read_nft(&firewall, json, "", packets, packet_count));
    assert_true(firewall.is_cut);
    begin(NULL);
    firewall_read_iptables(&firewall, saved, false, packets, packet_count);
    assert_true(firewall.is_cut);
    assert_int_equal(firewall.count, 0);
}

TEST(test_an_accept_before_makes_a_drop_uncertain) {
    check_nft(INPUT("inet", "accept") RULE("inet", "input", "5", "{\"xt\": null}, {\"accept\": null}")
                  RULE("inet", "input", "6", DPORT("19797") ", " DROP),
              ALL_GROUPS | 1U << FIREWALL_GROUP6_IN, false);
}

TEST(test_no_rules_are_no_json) {
    assert_false(firewall_read_nft(&firewall, "", "", packets, packet_count));
    assert_false(firewall_read_nft(&firewall, "{}", "", packets, packet_count));
    assert_true(firewall_read_nft(&firewall, "{\"nftables\": []}", "", packets, packet_count));
    assert_int_equal(firewall.count, 0);
}

static void check_iptables(const char *rules, unsigned uses, bool is_certain) {
    char saved[1024];
    begin(NULL);
    snprintf(saved, sizeof(saved),
             "# Generated by iptables-save v1.8.9\n*filter\n:INPUT %s\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT "
             "[0:0]\n"
             "COMMIT\n",
             rules);
    firewall_read_iptables(&firewall, saved, false, packets, packet_count);
    unsigned found = 0;
    for (size_t i = 0; i < firewall.count; i++) {
        found |= firewall.findings[i].uses;
        assert_int_equal(firewall.findings[i].is_certain, is_certain);
    }
    assert_int_equal(found, uses);
}

TEST(test_iptables_legacy) {
    const unsigned all =
        ALL_GROUPS | 1U << FIREWALL_QUESTION_IN | 1U << FIREWALL_ANSWER_IN | 1U << FIREWALL_READINGS_IN;
    check_iptables("ACCEPT [0:0]\n-A INPUT -p udp -m udp --dport 19797 -j DROP", ALL_GROUPS, true);
    check_iptables(
        "ACCEPT [0:0]\n-A INPUT -p udp -m multiport --dports 19796:19829 -j REJECT --reject-with x", all,
        true);
    check_iptables("ACCEPT [0:0]\n-A INPUT -i wlan+ -p udp -j DROP", 0, true);
    check_iptables("ACCEPT [0:0]\n-A INPUT -d 224.0.0.0/4 -m comment --comment \"no multicast\" -j DROP",
                   1U << FIREWALL_GROUP_IN | 1U << FIREWALL_READINGS_IN, true);
    check_iptables("ACCEPT [0:0]\n-A INPUT -m socket --transparent -j ACCEPT\n-A INPUT -p udp -j DROP", all,
                   false);
    check_iptables("ACCEPT [0:0]\n-A INPUT -j NFQUEUE --queue-num 0\n-A INPUT -p udp -j DROP", all, false);
    check_iptables("ACCEPT [0:0]\n-A INPUT -s 10.0.0.7/32 -p udp -j DROP", all, false);
    check_iptables("ACCEPT [0:0]\n-A INPUT ! -s 10.0.0.0/8 -j DROP", 0, true);
    check_iptables("ACCEPT [0:0]\n-A INPUT -p udp -m u32 --u32 0x0 -j DROP", all, false);
    check_iptables("DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                   ALL_GROUPS | 1U << FIREWALL_QUESTION_IN | 1U << FIREWALL_STREAM_IN |
                       1U << FIREWALL_READINGS_IN,
                   true);
    check_iptables(
        "ACCEPT [0:0]\n:wall - [0:0]\n-A INPUT -p udp -j wall\n-A wall -p udp -m udp --dport 19797 -j DROP",
        ALL_GROUPS, true);
    assert_true(firewall.findings[0].names_us);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_matches, begin),
        cmocka_unit_test_setup(test_what_is_not_understood_may_accept, begin),
        cmocka_unit_test_setup(test_single_addresses_are_never_certain, begin),
        cmocka_unit_test_setup(test_what_is_certain_replaces_what_is_not, begin),
        cmocka_unit_test_setup(test_a_target_of_xt_rejects, begin),
        cmocka_unit_test_setup(test_a_map_with_a_name, begin),
        cmocka_unit_test_setup(test_what_leaves_has_no_packet_type, begin),
        cmocka_unit_test_setup(test_a_dormant_table_drops_nothing, begin),
        cmocka_unit_test_setup(test_xt_is_never_certain, begin),
        cmocka_unit_test_setup(test_default_deny, begin),
        cmocka_unit_test_setup(test_chains_sets_and_wording, begin),
        cmocka_unit_test_setup(test_a_set_that_seems_to_hold_itself, begin),
        cmocka_unit_test_setup(test_chains_that_multiply_are_cut, begin),
        cmocka_unit_test_setup(test_an_accept_before_makes_a_drop_uncertain, begin),
        cmocka_unit_test_setup(test_no_rules_are_no_json, begin),
        cmocka_unit_test_setup(test_iptables_legacy, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
