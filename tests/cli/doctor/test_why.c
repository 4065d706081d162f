/* SPDX-License-Identifier: MIT */
/* Rows of a table, and why they are as they are. */
#include <string.h>

#include "fixture.h"
#include "hidden.h"
#include "why.h"

static const char *what(const struct muster_peer *peer) {
    static struct why why;
    why_explain(peer, 3, &why);
    assert_true(why.rule[0] != '\0' && why.change[0] != '\0');
    return why.what;
}

TEST(test_states) {
    struct muster_peer peer = {.state = MUSTER_ALIVE, .verified = true, .age_ms = 200, .next_ms = 2300};
    assert_string_equal(what(&peer),
                        "is alive: it was heard 0.2s ago, and promised to speak again within 2.3s");
    peer.next_ms = -100;
    assert_string_equal(what(&peer), "is alive: it was heard 0.2s ago, and should have spoken 0.1s ago");
    peer.state = MUSTER_SUSPECT;
    peer.age_ms = 5000;
    assert_string_equal(what(&peer), "is suspect: it was last heard 5.0s ago, and is overdue by 0.1s");
    peer.state = MUSTER_LOST;
    assert_string_equal(what(&peer), "is lost: it was last heard 5.0s ago");
    peer.state = MUSTER_LEFT;
    assert_string_equal(what(&peer), "has left: it said bye 5.0s ago");
    peer.state = MUSTER_ALIVE;
    peer.provisional = true;
    peer.since_ms = 3000;
    assert_string_equal(what(&peer), "was not heard here: another peer told of it 3.0s ago");
    peer.self = true;
    assert_string_equal(what(&peer), "is the muster that was asked, on this host");
}

TEST(test_this_host_may_be_the_cause) {
    struct muster_peer peers[3] = {
        {.state = MUSTER_ALIVE, .self = true}, {.state = MUSTER_SUSPECT}, {.state = MUSTER_LOST}};
    const struct muster_peer_list table = {.peers = peers, .count = 3};
    struct why why = {.rule = "rule"};
    why_blame_this_host(&peers[1], &table, true, &why);
    assert_string_equal(why.rule, "rule; but all 2 other peers are silent: look here first (muster doctor)");
    why = (struct why){.rule = "rule"};
    why_blame_this_host(&peers[0], &table, false, &why);
    assert_string_equal(why.rule, "rule");
    why_blame_this_host(&peers[2], &table, false, &why);
    assert_string_equal(why.rule, "rule; but this host has no network: look here first (muster doctor)");
    why = (struct why){.rule = "rule"};
    peers[1].state = MUSTER_ALIVE; /* somebody is heard */
    why_blame_this_host(&peers[2], &table, true, &why);
    assert_string_equal(why.rule, "rule");
}

TEST(test_keys_and_pins) {
    static const struct muster_pin pin = {.name = "nas", .id = {0xab}};
    const struct trusted trusted = {.pins = &pin, .count = 1};
    struct muster_peer peer = {.state = MUSTER_ALIVE};
    peer.document.name = "nas";
    assert_string_equal(trusted_row_text(&trusted, &peer),
                        "no key vouches for what it says: anybody on the link can speak in its name");
    peer.verified = true;
    assert_string_equal(trusted_row_text(&trusted, &peer),
                        "a key vouches for what it says, but its name is pinned to another one");
    peer.id[0] = 0xab;
    assert_string_equal(trusted_row_text(&trusted, &peer),
                        "a key vouches for what it says, and its name is pinned to that key");
    peer.document.name = "lamp";
    assert_string_equal(trusted_row_text(&trusted, &peer),
                        "a key vouches for what it says; its name is pinned to none");
    peer.provisional = true;
    assert_non_null(strstr(trusted_row_text(&trusted, &peer), "it has not proven itself here"));
}

/* The table of PROTOCOL.md, 8.3. */
TEST(test_patience) {
    assert_int_equal(why_patience(0, 30), 1);
    assert_int_equal(why_patience(0.3, 8), 4);
    assert_int_equal(why_patience(0.9, 1000), 8);
    assert_int_equal(why_patience(0, 0), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_states),
                                       cmocka_unit_test(test_this_host_may_be_the_cause),
                                       cmocka_unit_test(test_keys_and_pins), cmocka_unit_test(test_patience)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
