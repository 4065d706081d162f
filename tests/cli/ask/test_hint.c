/* SPDX-License-Identifier: MIT */
/* The end of a complaint names the likely cause. */
#include <string.h>

#include "fixture.h"
#include "hint.h"

static const struct muster_service services[] = {
    {"", "http", "tcp", 80, NULL, 0},
    {"", "smb", "tcp", 445, NULL, 0},
    {"", "ipp", "tcp", 631, NULL, 0},
    {"", "coap", "udp", 5683, NULL, 0},
};

static struct muster_peer peers[] = {
    {.id = {1}, .state = MUSTER_ALIVE, .document = {"nas", services, 2, NULL, 0}},
    {.id = {2}, .state = MUSTER_LEFT, .document = {"printer", services + 2, 1, NULL, 0}, .age_ms = 3000},
    {.id = {3}, .state = MUSTER_LOST, .document = {"camera", NULL, 0, NULL, 0}, .age_ms = 60000},
    {.id = {4}, .state = MUSTER_SUSPECT, .document = {"hub", services, 4, NULL, 0}},
    {.id = {5}, .state = MUSTER_ALIVE, .document = {"clock", NULL, 0, NULL, 0}},
};

static const struct muster_peer_list list = {.peers = peers, .count = COUNT(peers)};

static void check_missing(const char *text, const char *expected) {
    struct selector selector;
    struct reason reason;
    assert_int_equal(selector_parse(text, SELECTOR_TYPE | SELECTOR_PEER, &selector, &reason), 0);
    assert_string_equal(hint_of_missing(&selector, &list).text, expected);
}

TEST(test_what_is_missing) {
    check_missing("printer", "; printer has left, 3.0s ago");
    check_missing("ipp", "; hub offers http:80, smb:445, ipp:631 and 1 more");
    check_missing("camera", "; camera was lost, heard last 1m ago: see muster doctor");
    check_missing("clock", "; clock offers no service");
    check_missing("nas", "; nas offers http:80, smb:445");
    check_missing("pritner", "; did you mean 'printer'?");
    check_missing("htpp", "; did you mean 'http' or 'ipp'?");
    check_missing("elsewhere", "; muster services lists what is offered");
    assert_string_equal(hint_of_missing(NULL, &list).text, "");
}

TEST(test_only_silence_leads_to_the_doctor) {
    const struct muster_peer own = {.self = true, .document = {.name = "nas"}};
    struct muster_peer row = own;
    const struct muster_peer_list alone = {.peers = &row, .count = 1};
    struct selector selector;
    struct reason reason;
    assert_int_equal(selector_parse("elsewhere", SELECTOR_PEER, &selector, &reason), 0);
    assert_string_equal(hint_of_missing(&selector, &alone).text, "; see muster doctor");
    assert_string_equal(hint_of_missing(&selector, &list).text, "; muster peers lists who is here");
}

TEST(test_who_is_gone_is_counted_apart) {
    struct muster_peer_list some = {.peers = peers, .count = 1};
    assert_string_equal(hint_count(&list).text, "3 peers, and 2 that are gone");
    assert_string_equal(hint_count(&some).text, "1 peer");
    some.count = 2;
    assert_string_equal(hint_count(&some).text, "1 peer, and 1 that is gone");
    some.count = 0;
    assert_string_equal(hint_count(&some).text, "0 peers");
}

TEST(test_silence_has_a_cause) {
    struct muster_counters counters = {0};
    assert_string_equal(hint_of_silence(&counters).text,
                        "; not even what this host sent came back: a firewall of this host is likely "
                        "(muster doctor says more)");
    counters.received = 9;
    counters.drops[MUSTER_DROP_OWN] = 6;
    counters.drops[MUSTER_DROP_STALE] = 2;
    assert_string_equal(
        hint_of_silence(&counters).text,
        "; there are others that ask, but none that announces itself (muster doctor says more)");
    counters.received = 6;
    assert_string_equal(hint_of_silence(&counters).text,
                        "; only what this host sent came back: does a muster announce run elsewhere? "
                        "(muster doctor says more)");
    assert_string_equal(hint_of_drops(&counters).text, "");
    counters.drops[MUSTER_DROP_VERSION] = 1;
    assert_string_equal(hint_of_silence(&counters).text,
                        "; 1 datagram of others was dropped: who sent them speaks another version of the "
                        "protocol (muster doctor says more)");
    counters.drops[MUSTER_DROP_VERSION] = 0;
    counters.drops[MUSTER_DROP_TTL] = 2;
    assert_string_equal(hint_of_drops(&counters).text,
                        "; 2 datagrams of others were dropped: they came through a router; --peer names who "
                        "is behind one");
}

TEST(test_topics) {
    static const struct muster_topic topics[] = {{.name = "kitchen/climate"}, {.name = "load"}};
    struct muster_peer two[] = {{.id = {1}, .document = {.name = "a"}},
                                {.id = {2}, .document = {.name = "b", .topics = topics, .topic_count = 2}}};
    struct muster_peer_list some = {.peers = two, .count = 1};
    assert_string_equal(hint_of_topics("load", &some).text, "; none of them publishes anything");
    some.count = 2;
    assert_string_equal(hint_of_topics("laod", &some).text, "; did you mean 'load'?");
    assert_string_equal(hint_of_topics("garage/#", &some).text, "; muster topics lists the 2 that there are");
    two[1].state = MUSTER_LEFT;
    assert_string_equal(hint_of_topics("load", &some).text, "; none of them publishes anything");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_only_silence_leads_to_the_doctor),
        cmocka_unit_test(test_who_is_gone_is_counted_apart),
        cmocka_unit_test(test_silence_has_a_cause),
        cmocka_unit_test(test_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
