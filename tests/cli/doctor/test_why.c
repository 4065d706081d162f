/* SPDX-License-Identifier: MIT */
/* Rows of a table, and why they are as they are. */
#include <string.h>

#include "fixture.h"
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
                                       cmocka_unit_test(test_patience)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
