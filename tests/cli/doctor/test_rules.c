/* SPDX-License-Identifier: MIT */
/* Evidence as it was seen, and what it means. */
#include <string.h>

#include "fixture.h"
#include "rules.h"

#define PORT 19797

static struct facts facts;
static struct live live;
static struct verdicts verdicts;
static struct trusted trusted;

/* A host with one interface and one peer, where nothing is wrong. */
static int begin(void **state) {
    (void)state;
    trusted = (struct trusted){.level = MUSTER_TRUST_ANY};
    facts =
        (struct facts){.interface_count = 2, .rmem_max = 212992, .clock_s = 1800000000, .state_dir = "/s"};
    facts.interfaces[0] =
        (struct facts_interface){.name = "lo", .flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
    facts.interfaces[1] = (struct facts_interface){.name = "eth0",
                                                   .flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST,
                                                   .has_ipv4 = true,
                                                   .has_ipv6 = true,
                                                   .has_link_local = true,
                                                   .has_route = true,
                                                   .has_multicast_route = true};
    live = (struct live){.has_path = true, .report = {.path_count = 3, .peer_count = 1, .rounds = 8}};
    for (unsigned kind = MUSTER_PATH_M4; kind <= MUSTER_PATH_B4; kind++) {
        live.report.paths[kind] = (struct muster_probe_path){
            .path = {.interface = 2, .kind = (enum muster_path_kind)kind, .name = "eth0"},
            .sent = 8,
            .looped = 8};
    }
    struct muster_probe_peer *peer = &live.report.peers[0];
    *peer = (struct muster_probe_peer){.name = "nas",
                                       .interface = 2,
                                       .interface_name = "eth0",
                                       .is_signed = true,
                                       .stream = 19798,
                                       .address = {.family = 4, .ip = {10, 0, 0, 2}, .port = 19798},
                                       .address6 = {.family = 6, .ip = {0xfe, 0x80}, .port = 19798},
                                       .called = 8,
                                       .answered = 22,
                                       .answered_group = 8,
                                       .asked_long = 8,
                                       .answered_long = 8,
                                       .asked_short = 6,
                                       .answered_short = 6,
                                       .rtt_ms = 1};
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        peer->asked[kind] = peer->reached[kind] = peer->heard[kind] = 8;
    }
    live.streams[0] = LIVE_STREAM_OPEN;
    return 0;
}

/* Judges, and compares the ids: "a b" of certain ones, "c?" of one that is likely. */
static void check(const char *expected) {
    char ids[512] = "";
    rules_judge(&(struct evidence){&facts, &live, PORT, 0, trusted}, &verdicts);
    for (size_t i = 0; i < verdicts.count; i++) {
        const struct verdict *verdict = &verdicts.items[i];
        const size_t used = strlen(ids);
        snprintf(ids + used, sizeof(ids) - used, "%s%s%s", used > 0 ? " " : "", verdict->id,
                 verdict->is_certain ? "" : "?");
        assert_true(verdict->what[0] != '\0' && verdict->evidence[0] != '\0' && verdict->fix[0] != '\0');
    }
    assert_string_equal(ids, expected);
}

static void lose_everything(void) {
    live.has_path = false;
    live.report = (struct muster_probe_report){.path_count = 0};
}

static void note_line(const char *line) {
    snprintf(live.lines[live.line_count++], sizeof(live.lines[0]), "%s", line);
}

static void find_rule(const char *text, bool is_certain, bool names_us, unsigned uses) {
    struct firewall_finding *finding = &facts.firewall.findings[facts.firewall.count++];
    *finding = (struct firewall_finding){.is_certain = is_certain, .names_us = names_us, .uses = uses};
    snprintf(finding->text, sizeof(finding->text), "%s", text);
}

TEST(test_nothing_is_wrong) {
    check("");
    live.report.peer_count = 0;
    check("");
}

TEST(test_interfaces) {
    facts.interfaces[0].flags = IFF_LOOPBACK;
    check("loopback.down");
    begin(NULL);
    lose_everything();
    note_line("interface eth0 is left out: it is not asked for");
    check("interface.denied");
    snprintf(live.lines[0], sizeof(live.lines[0]), "no interface to use yet; eth0 is denied");
    check("interface.denied");
    begin(NULL);
    lose_everything();
    facts.interfaces[1].flags = IFF_MULTICAST;
    check("interface.down");
    assert_string_equal(verdicts.items[0].what, "Interface eth0 is down");
    facts.interfaces[1].flags = IFF_UP | IFF_MULTICAST;
    check("interface.down");
    assert_string_equal(verdicts.items[0].what, "Interface eth0 has no carrier");
    begin(NULL);
    lose_everything();
    facts.interfaces[1].has_ipv4 = facts.interfaces[1].has_ipv6 = false;
    check("interface.no_address");
    facts.interface_count = 1;
    check("interface.none");
}

TEST(test_mtu_and_flags) {
    facts.interfaces[1].flags &= ~(unsigned)IFF_MULTICAST;
    live.report.path_count = 1;
    live.report.paths[0] = live.report.paths[MUSTER_PATH_B4];
    check("interface.no_multicast");
    begin(NULL);
    note_line("no network yet: nobody can be heard; eth0 has an MTU below 1228 bytes");
    check(""); /* another interface is used */
    lose_everything();
    check("interface.mtu");
    assert_non_null(strstr(verdicts.items[0].fix, "mtu 1500"));
}

TEST(test_addresses_and_routes) {
    facts.interfaces[1].has_duplicate = true;
    check("ipv6.duplicate");
    begin(NULL);
    facts.interfaces[1].has_multicast_route = false;
    live.report.paths[MUSTER_PATH_M6].looped = 0; /* follows from it */
    check("ipv6.no_multicast_route");
    begin(NULL);
    facts.interfaces[1].has_route = false;
    live.streams[0] = LIVE_STREAM_OPEN; /* another table has one */
    check("");
    live.streams[0] = LIVE_STREAM_SILENT;
    check("route.missing?");
    begin(NULL);
    facts.interfaces[1].rp_filter = 1;
    check("");
    facts.after.rp_filtered = facts.before.rp_filtered + 3;
    check(""); /* peers of that network are heard */
    facts.after.rp_filtered = facts.before.rp_filtered + 9;
    check("route.rp_filter?");
    live.report.peer_count = 0;
    check("route.rp_filter");
}

TEST(test_this_host) {
    note_line("eth0 (m4) is heard by unicast alone: port 19797: Address already in use");
    snprintf(facts.port_owner, sizeof(facts.port_owner), "python3 (pid 7)");
    live.report.paths[MUSTER_PATH_M4].looped = 0;
    check("port.taken");
    assert_non_null(strstr(verdicts.items[0].evidence, "python3 (pid 7)"));
    begin(NULL);
    facts.state_error = 13;
    check("state.unwritable");
    find_rule("nft, table inet f, chain input: udp dport 19797 drop", true, true, 1U << FIREWALL_GROUP_IN);
    check("firewall.rule? state.unwritable"); /* what keeps more from working comes first */
    begin(NULL);
    facts.clock_s = 252460800; /* 1978 */
    check("clock.wrong");
    begin(NULL);
    facts.rmem_max = 65536;
    check("buffer.small?");
    facts.after.buffer_dropped = 5;
    check("buffer.small");
    begin(NULL);
    facts.arp_limit = facts.arp_entries = 1024;
    check("neighbours.full?");
    facts.after.arp_full = 1;
    check("neighbours.full");
    begin(NULL);
    live.error = MUSTER_ENOPORT;
    lose_everything();
    check("node.closed");
}

TEST(test_firewall_of_this_host) {
    find_rule("nft, table inet f, chain input: udp dport 19797 drop", true, true,
              1U << FIREWALL_GROUP_IN | 1U << FIREWALL_ANSWER_IN);
    check("firewall.rule?"); /* but others are heard by m4 */
    live.report.paths[MUSTER_PATH_M4].looped = 0;
    live.report.peers[0].heard[MUSTER_PATH_M4] = 0;
    check("firewall.rule");
    begin(NULL);
    find_rule("policy drop", true, false,
              1U << FIREWALL_GROUP_IN | 1U << FIREWALL_BROADCAST_IN | 1U << FIREWALL_QUESTION_IN |
                  1U << FIREWALL_STREAM_IN);
    live.report.paths[MUSTER_PATH_M4].looped = live.report.paths[MUSTER_PATH_B4].looped = 0;
    live.report.peer_count = 0;
    check("firewall.stateful");
    begin(NULL);
    find_rule("nft, table ip filter, chain INPUT: udp dport 19796-19829 drop", false, true,
              1U << FIREWALL_GROUP_IN);
    check("firewall.likely?");
    begin(NULL);
    find_rule("nft, table ip filter, chain INPUT: xt drop", false, false, 1U << FIREWALL_GROUP_IN);
    check(""); /* it may drop anything, and nothing is dropped */
    live.report.paths[MUSTER_PATH_M4].looped = 0;
    check("firewall.likely?");
}

/* Who may not read the rules still hears what is missing. */
TEST(test_firewall_that_is_not_seen) {
    struct muster_probe_peer *peer = &live.report.peers[0];
    live.report.paths[MUSTER_PATH_M4].looped = live.report.paths[MUSTER_PATH_B4].looped = 0;
    peer->heard[MUSTER_PATH_M4] = peer->heard[MUSTER_PATH_B4] = 0;
    check("firewall.stateful");
    find_rule("nft, table ip filter, chain INPUT: policy drop", false, false, 1U << FIREWALL_GROUP_IN);
    check("firewall.stateful");
    assert_non_null(strstr(verdicts.items[0].evidence, "likely by this rule: nft"));
    facts.firewall.count = 0;
    live.report.peer_count = 0;
    check("firewall.here?");
}

TEST(test_paths) {
    struct muster_probe_peer *peer = &live.report.peers[0];
    static const struct {
        enum muster_path_kind kind;
        const char *expected;
    } kinds[] = {{MUSTER_PATH_M4, "path.m4?"}, {MUSTER_PATH_M6, "path.m6?"}, {MUSTER_PATH_B4, "path.b4?"}};
    for (size_t i = 0; i < 3; i++) {
        begin(NULL);
        peer->reached[kinds[i].kind] = 0;
        check(kinds[i].expected);
        peer->heard[kinds[i].kind] = 0;
        check(kinds[i].expected);
        peer->reached[kinds[i].kind] = 8;
        check(kinds[i].expected);
        peer->heard[kinds[i].kind] = 1; /* much is lost, but not all */
        check("");
    }
    begin(NULL);
    peer->address6 = (struct muster_endpoint){.family = 0}; /* it has no IPv6 */
    peer->reached[MUSTER_PATH_M6] = peer->heard[MUSTER_PATH_M6] = 0;
    check("");
    begin(NULL); /* one interface of two */
    live.report.path_count = 5;
    live.report.paths[3] = live.report.paths[0];
    live.report.paths[4] = live.report.paths[2];
    live.report.peers[1] = live.report.peers[0];
    live.report.peer_count = 2;
    live.report.paths[3].path.interface = live.report.paths[4].path.interface =
        live.report.peers[1].interface = 3;
    strcpy(live.report.paths[3].path.name, "wlan0");
    live.report.peers[1].reached[MUSTER_PATH_M4] = 0;
    check("path.m4?");
    assert_non_null(strstr(verdicts.items[0].what, "wlan0"));
    begin(NULL);
    peer->reached[MUSTER_PATH_M4] = 0;
    peer->answered_group = 1; /* it is asked by many, and answers few questions of each */
    check("");
    peer->answered_group = 0;
    peer->reached[MUSTER_PATH_B4] = peer->reached[MUSTER_PATH_M6] = 0; /* but all that were to it alone */
    check("path.m4? path.b4? path.m6?");
    begin(NULL);
    live.is_here[0] = true; /* a muster of this machine tells nothing of the network */
    peer->reached[MUSTER_PATH_M4] = 0;
    check("");
    const struct evidence evidence = {.facts = &facts, .live = &live};
    assert_int_equal(evidence_sum_others(&evidence, &live.report, 0).peers, 0); /* nobody else */
}

TEST(test_peers) {
    struct muster_probe_peer *peer = &live.report.peers[0];
    peer->answered = 0;
    memset(peer->reached, 0, sizeof(peer->reached));
    check("peer.silent?");
    peer->answered_plain = 1; /* an older make */
    check("");
    peer->answered_plain = 0;
    peer->is_signed = false; /* a small device that only speaks */
    check("");
    begin(NULL);
    peer->answered_long = 0;
    check("mtu.small");
    begin(NULL);
    peer->answered = 0; /* but to short questions */
    peer->answered_plain = 4;
    memset(peer->reached, 0, sizeof(peer->reached));
    peer->heard[MUSTER_PATH_U4] = peer->heard[MUSTER_PATH_U6] = 0;
    check("mtu.tiny?");
    begin(NULL);
    live.streams[0] = LIVE_STREAM_SILENT;
    check("tcp.closed?");
    for (size_t i = 0; i < 2; i++) {
        live.report.paths[2 * i].path.address = (struct muster_endpoint){.family = 4, .ip = {10, 0, 0, 1}};
        live.report.paths[2 * i].path.prefix_bits = 24;
    }
    check("tcp.closed?");
    peer->address.ip[1] = 9;
    check("peer.subnet?");
    live.streams[0] = LIVE_STREAM_OPEN; /* there is a route */
    check("");
    begin(NULL);
    live.report.peers[1] = *peer;
    live.report.peer_count = 2;
    check(""); /* one that is heard twice */
    live.report.peers[1].id[0] = 1;
    live.streams[0] = live.streams[1] = LIVE_STREAM_REFUSED;
    check("address.duplicate?");
    live.streams[0] = live.streams[1] = LIVE_STREAM_OPEN;
    live.report.peers[1].address.port++; /* two musters of one host */
    check("");
}

TEST(test_other_groups) {
    live.counters.drops[MUSTER_DROP_SEALED] = 3;
    live.counters.drops[MUSTER_DROP_UNSEALED] = 1;
    check(""); /* beside its own */
    live.is_here[0] = true;
    check("group.other? group.none?");
    assert_non_null(strstr(verdicts.items[0].evidence, "3 datagrams came that no key"));
    assert_non_null(strstr(verdicts.items[1].evidence, "1 datagram came that was not sealed"));
}

/* What the muster that runs here knows beyond what is heard now. */
TEST(test_who_fell_silent) {
    live.known_count = 1;
    live.known[0] = (struct live_known){.id = {7},
                                        .name = "thermo",
                                        .interface_name = "eth0",
                                        .address = {.family = 4, .ip = {10, 0, 0, 11}, .port = 19798},
                                        .state = MUSTER_LOST,
                                        .age_ms = 15000};
    check("peer.gone?");
    assert_string_equal(verdicts.items[0].what,
                        "thermo (10.0.0.11) was here until 15s ago, and does not answer");
    assert_non_null(strstr(verdicts.items[0].fix, "muster doctor"));
    live.known[0].is_without_answer = true;
    check("peer.gone?");
    assert_non_null(strstr(verdicts.items[0].evidence, "does not answer ARP"));
    live.known[1] = live.known[0];
    live.known[1].id[0] = 8;
    live.known_count = 2;
    check("peer.gone? peer.gone?");
    live.is_here[0] = true; /* who is heard is on this machine */
    check("peers.gone?");
    live.known[0].state = MUSTER_LEFT;
    live.known[1].state = MUSTER_ALIVE;
    check("");
    live.known[1].state = MUSTER_SUSPECT;
    live.report.peers[0].id[0] = 8; /* the probe found it */
    check("");
}

/* What a pin or a level hides is named, with what was pinned and what was seen. */
TEST(test_who_is_hidden) {
    static const struct muster_pin pins[] = {{.name = "nas", .id = {0xab}}, {.name = "lamp", .id = {0xcd}}};
    struct muster_probe_peer *peer = &live.report.peers[0];
    trusted = (struct trusted){.pins = pins, .count = 2};
    peer->id[0] = 0xab;
    check("");
    peer->id[0] = 0x12;
    check("trust.pin");
    assert_string_equal(verdicts.items[0].what,
                        "nas (10.0.0.2) is hidden: its name is pinned to another key");
    assert_non_null(strstr(verdicts.items[0].evidence, "for the key of ab0000"));
    assert_non_null(strstr(verdicts.items[0].evidence, "has the key of 120000"));
    assert_non_null(strstr(verdicts.items[0].fix, "muster trust pin NAME 120000"));
    peer->is_signed = false;
    check("trust.pin");
    assert_non_null(strstr(verdicts.items[0].evidence, "has no key, and the id 120000"));
    peer->id[0] = 0xab;
    check("trust.pin");
    assert_non_null(strstr(verdicts.items[0].what, "the id of a pinned key, and not the key"));
    peer->name[0] = '\0';
    check("trust.pin");
    peer->id[0] = 0x12;
    check("");
}

TEST(test_whom_a_level_hides) {
    static const struct muster_pin pin = {.name = "lamp", .id = {0xcd}};
    struct muster_probe_peer *peers = live.report.peers;
    trusted = (struct trusted){.level = MUSTER_TRUST_SIGNED, .pins = &pin, .count = 1};
    check("");
    peers[0].is_signed = false;
    check("trust.level");
    assert_string_equal(verdicts.items[0].evidence,
                        "--trust signed lists nobody without a key; nobody is heard who may be listed, of 1");
    peers[0].is_signed = true;
    trusted.level = MUSTER_TRUST_PINNED;
    check("trust.level");
    assert_non_null(strstr(verdicts.items[0].fix, "muster trust pin NAME 000000"));
    peers[1] = peers[0];
    peers[1].address.ip[3] = 3;
    peers[1].address6.ip[15] = 3;
    peers[1].id[0] = 0xcd;
    snprintf(peers[1].name, sizeof(peers[1].name), "lamp");
    live.report.peer_count = 2;
    live.streams[1] = LIVE_STREAM_OPEN;
    check(""); /* one that is wanted is here */
}

TEST(test_names_of_the_table) {
    struct muster_probe_peer *peer = &live.report.peers[0];
    live.known_count = 2;
    live.known[0] = (struct live_known){.id = {7}, .name = "other"};
    live.known[1] = (struct live_known){.name = "thermo"};
    live_take_names(&live);
    assert_string_equal(peer->name, "nas"); /* it said it */
    peer->name[0] = '\0';
    live_take_names(&live);
    assert_string_equal(peer->name, "thermo");
}

TEST(test_switches) {
    facts.after.mld_queries[1] = 20;
    facts.after.mld_reports[1] = 9;
    check("mld.querier?");
    facts.after.mld_reports[1] = 25;
    check("");
    live.is_long = true;
    live.first = live.report;
    live.report.peers[0].reached[MUSTER_PATH_M6] = live.report.peers[0].heard[MUSTER_PATH_M6] = 0;
    check("path.forgotten?");
}

TEST(test_the_schema_has_every_id) {
    static char schema[65536];
    char quoted[64];
    FILE *file = fopen(GOLDEN_DIR "/../doctor.schema.json", "r");
    assert_non_null(file);
    schema[fread(schema, 1, sizeof(schema) - 1, file)] = '\0';
    fclose(file);
    size_t count = 0;
    for (; rules_id(count) != NULL; count++) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", rules_id(count));
        assert_non_null(strstr(schema, quoted));
    }
    assert_true(count > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_is_wrong, begin),
        cmocka_unit_test_setup(test_interfaces, begin),
        cmocka_unit_test_setup(test_mtu_and_flags, begin),
        cmocka_unit_test_setup(test_addresses_and_routes, begin),
        cmocka_unit_test_setup(test_this_host, begin),
        cmocka_unit_test_setup(test_firewall_of_this_host, begin),
        cmocka_unit_test_setup(test_firewall_that_is_not_seen, begin),
        cmocka_unit_test_setup(test_paths, begin),
        cmocka_unit_test_setup(test_peers, begin),
        cmocka_unit_test_setup(test_other_groups, begin),
        cmocka_unit_test_setup(test_who_fell_silent, begin),
        cmocka_unit_test_setup(test_who_is_hidden, begin),
        cmocka_unit_test_setup(test_whom_a_level_hides, begin),
        cmocka_unit_test_setup(test_names_of_the_table, begin),
        cmocka_unit_test_setup(test_switches, begin),
        cmocka_unit_test(test_the_schema_has_every_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
