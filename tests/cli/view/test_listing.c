/* SPDX-License-Identifier: MIT */
/* Who is meant, in which order and under which label a snapshot is shown, and through which template. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "fixture.h"
#include "offer.h"
#include "roster.h"
#include "selector.h"
#include "template.h"
#include "text.h"

static const struct muster_text txt[] = {{"path", "/a"}, {"evil", "\x1b[2J"}};
static const struct muster_service web[] = {{"Front door", "http", "tcp", 80, txt, COUNT(txt)},
                                            {"", "coap", "udp", 5683, NULL, 0}};

static struct muster_peer peers[] = {
    {.id = {0xab, 0xcd, 1, 9}, .verified = true, .document = {.name = "printer"}, .loss = 0.5},
    {.id = {0xab, 0xcd, 1, 2}, .verified = false, .document = {.name = "printer"}, .loss = 0.1},
    {.id = {0x11},
     .state = MUSTER_SUSPECT,
     .verified = true,
     .document = {"nas", web, 2, NULL, 0},
     .address = {4, {10, 0, 0, 1}, 19798}},
    {.id = {0x22},
     .state = MUSTER_ALIVE,
     .verified = false,
     .document = {"cafe", web, 2, NULL, 0},
     .address = {4, {10, 0, 0, 2}, 19798},
     .other_address = {6, {0xfe, 0x80, [15] = 2}, 19798}},
    {.id = {0x33}, .state = MUSTER_LOST, .verified = true, .document = {"gone", web, 2, NULL, 0}},
    {.id = {0x44},
     .state = MUSTER_ALIVE,
     .verified = true,
     .document = {"web\x1b", web, 1, NULL, 0},
     .address = {4, {10, 0, 0, 4}, 19798},
     .interface_name = "eth0"},
};

static const struct muster_peer_list list = {.peers = peers, .count = COUNT(peers)};

/* ---- selectors ---- */

static void check_matches(const char *text, unsigned bare, const char *expected) {
    struct selector selector;
    struct reason reason;
    char matches[COUNT(peers) + 1] = "";
    assert_int_equal(selector_parse(text, bare, &selector, &reason), 0);
    for (size_t i = 0; i < COUNT(peers); i++) {
        matches[i] = selector_matches_peer(&selector, &peers[i]) ? 'x' : '.';
    }
    assert_string_equal(matches, expected);
}

static void check_refused(const char *text, unsigned bare, const char *expected) {
    struct selector selector;
    struct reason reason;
    assert_int_equal(selector_parse(text, bare, &selector, &reason), -1);
    assert_string_equal(reason.text, expected);
}

TEST(test_bare_selectors) {
    check_matches("p*", SELECTOR_GLOB | SELECTOR_ID, "xx....");
    check_matches("abcd", SELECTOR_GLOB | SELECTOR_ID, "xx....");
    check_matches("ABCD0102", SELECTOR_GLOB | SELECTOR_ID, ".x....");
    check_matches("abc", SELECTOR_GLOB | SELECTOR_ID, "......"); /* too short for an id */
    check_matches("p*", SELECTOR_NAME | SELECTOR_ID, "......");
    check_matches("printer", SELECTOR_NAME | SELECTOR_ID, "xx....");
    check_matches("http", SELECTOR_TYPE | SELECTOR_NAME, "..xxxx");
    check_matches("COAP", SELECTOR_TYPE | SELECTOR_NAME, "..xxx.");
    check_matches("nas", SELECTOR_TYPE | SELECTOR_NAME, "..x...");
    check_matches("NAS", SELECTOR_TYPE | SELECTOR_NAME, "......");
    check_matches("10.0.0.2", SELECTOR_PEER, "...x..");
    check_matches("10.0.0.2", SELECTOR_PEER & ~SELECTOR_ADDRESS, "......");
    check_matches("10.0.0", SELECTOR_PEER, "......");
    check_matches("fe80::2", SELECTOR_PEER, "...x..");
    check_matches("[fe80::2%eth0]", SELECTOR_PEER, "...x..");
    check_refused("a b", SELECTOR_TYPE, "expected a service type such as http, got 'a b'");
}

TEST(test_explicit_selectors) {
    check_matches("type:http", SELECTOR_NAME, "..xxxx");
    check_matches("name:cafe", SELECTOR_TYPE | SELECTOR_NAME, "...x..");
    check_matches("name:c?fe", SELECTOR_TYPE, "...x..");
    check_matches("id:1", SELECTOR_TYPE, "..x...");
    check_refused("type:", SELECTOR_NAME, "expected a service type such as http, got ''");
    check_refused("name:", SELECTOR_NAME, "expected a name that is not empty");
    check_refused("id:", SELECTOR_NAME, "expected up to 32 hexadecimal digits after id:, got ''");
    check_refused("id:xyz", SELECTOR_NAME, "expected up to 32 hexadecimal digits after id:, got 'xyz'");
    check_refused("id:000000000000000000000000000000000", SELECTOR_NAME,
                  "expected up to 32 hexadecimal digits after id:, got '000000000000000000000000000000000'");
}

static void check_settled(void (*settle)(struct selector *, const struct muster_peer_list *),
                          const char *text, const char *expected) {
    struct selector selector;
    struct reason reason;
    char matches[COUNT(peers) + 1] = "";
    assert_int_equal(selector_parse(text, SELECTOR_PEER, &selector, &reason), 0);
    settle(&selector, &list);
    for (size_t i = 0; i < COUNT(peers); i++) {
        matches[i] = selector_matches_peer(&selector, &peers[i]) ? 'x' : '.';
    }
    assert_string_equal(matches, expected);
}

TEST(test_case_counts_where_it_matters) {
    check_settled(selector_settle, "NAS", "..x...");
    check_settled(selector_settle, "PRINT*", "xx....");
    check_settled(selector_settle, "nas", "..x...");
    check_settled(selector_settle, "nobody", "......");
}

TEST(test_the_way_that_says_most) {
    const char *before = peers[4].document.name;
    check_settled(selector_narrow, "CAFE", "...x..");
    check_settled(selector_narrow, "abcd", "xx....");
    check_settled(selector_narrow, "10.0.0.4", ".....x");
    check_settled(selector_narrow, "[cn]a*", "..xx..");
    peers[4].document.name = "ABCD";
    check_settled(selector_narrow, "abcd", "....x."); /* a name goes before an id */
    peers[4].document.name = "[cn]a*";
    check_settled(selector_narrow, "[cn]a*", "....x.");
    peers[4].document.name = "Cafe";
    check_settled(selector_narrow, "cafe", "...x..");
    check_settled(selector_narrow, "Cafe", "....x.");
    check_settled(selector_narrow, "CAFE", "...xx.");
    check_settled(selector_settle, "cafe", "...x..");
    peers[4].document.name = before;
}

/* ---- rosters ---- */

/* The labels of a roster, "a|b|c". */
static void check_labels(const struct roster *roster, const char *expected) {
    capture_begin(&stdout);
    for (size_t i = 0; i < roster->count; i++) {
        fputs(i > 0 ? "|" : "", stdout);
        fputs(roster_label(&roster->rows[i]).text, stdout);
    }
    capture_check(expected);
}

static bool is_lossy(const struct muster_peer *peer, const void *context) {
    (void)context;
    return peer->loss > 0;
}

static int compare_loss(const struct muster_peer *a, const struct muster_peer *b) {
    return a->loss < b->loss ? -1 : a->loss > b->loss;
}

TEST(test_roster) {
    struct roster roster;
    assert_int_equal(roster_init(&roster, &list), 0);
    check_labels(&roster, "cafe|gone|nas|printer (abcd0102)|printer (abcd0109)|web\\u{001B}");
    roster_sort(&roster, compare_loss, true);
    check_labels(&roster, "printer (abcd0109)|printer (abcd0102)|cafe|gone|nas|web\\u{001B}");
    roster_keep(&roster, is_lossy, NULL);
    roster_sort(&roster, compare_loss, false);
    check_labels(&roster, "printer (abcd0102)|printer (abcd0109)");
    roster_deinit(&roster);
}

TEST(test_labels_show_six_digits_at_least) {
    struct muster_peer two[] = {{.id = {0x10}, .document = {.name = "a"}},
                                {.id = {0x20}, .document = {.name = "a"}}};
    struct muster_peer_list short_list = {.peers = two, .count = COUNT(two)};
    struct roster roster;
    assert_int_equal(roster_init(&roster, &short_list), 0);
    check_labels(&roster, "a (100000)|a (200000)");
    roster_deinit(&roster);
    short_list.count = 0;
    assert_int_equal(roster_init(&roster, &short_list), 0);
    assert_int_equal(roster.count, 0);
    roster_deinit(&roster);
}

/* ---- columns ---- */

TEST(test_columns) {
    struct column_choice choice;
    struct reason reason;
    column_choose_default(&choice);
    assert_int_equal(choice.count, 9);
    assert_int_equal(column_choose("+id,Attrs", &choice, &reason), 0);
    assert_int_equal(choice.count, 11);
    assert_string_equal(choice.headings[9], "ID");
    assert_string_equal(choice.headings[10], "ATTRS");
    assert_int_equal(column_choose("LOSS", &choice, &reason), 0);
    assert_int_equal(choice.count, 1);
    assert_int_equal(column_choose("+NAME,foo", &choice, &reason), -1);
    assert_string_equal(
        reason.text,
        "no such column 'foo', expected one of NAME, STATE, ADDRESS, IF, AGE, NEXT, LOSS, PATHS, "
        "SERVICES, ID, OTHER, VERIFIED, PORT, BOOT, REV, SINCE, RECEIVED, COPIES, ATTRS");
    assert_int_equal(choice.count, 1);
    static const char *const wrong[] = {"", "+", "NAME,", ",NAME", "NAMES"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(column_choose(wrong[i], &choice, &reason), -1);
    }
    while (choice.count < TABLE_COLUMNS_MAX) {
        assert_int_equal(column_choose("+NAME", &choice, &reason), 0);
    }
    assert_int_equal(column_choose("+NAME", &choice, &reason), -1);
}

/* ---- offers ---- */

static void check_offers_of(enum offer_source source, const char *text, enum offer_order order,
                            const char *template, const char *expected) {
    struct roster roster;
    struct offers offers;
    struct selector selector = {0};
    const struct selector owner = {0};
    struct reason reason;
    const char *parsed = NULL;
    if (text != NULL) {
        assert_int_equal(selector_parse(text, SELECTOR_TYPE | SELECTOR_NAME, &selector, &reason), 0);
    }
    assert_int_equal(template_parse(template, &parsed, &reason), 0);
    assert_ptr_equal(parsed, template);
    assert_int_equal(roster_init(&roster, &list), 0);
    assert_int_equal(offers_init(&offers, &roster, &selector, &owner, source, order), 0);
    capture_begin(&stdout);
    for (size_t i = 0; i < offers.count; i++) {
        template_print(&offers.offers[i], template);
    }
    capture_check(expected);
    offers_deinit(&offers);
    roster_deinit(&roster);
}

static void check_offers(const char *text, enum offer_order order, const char *template,
                         const char *expected) {
    check_offers_of(OFFER_OF_ALL, text, order, template, expected);
}

TEST(test_offers_of_verified_peers) {
    check_offers_of(OFFER_OF_VERIFIED, NULL, OFFER_BY_TYPE, "{type} {name}",
                    "coap nas\nhttp nas\nhttp web\\u{001B}\n");
}

TEST(test_offers_in_order) {
    check_offers(NULL, OFFER_BY_TYPE, "{type} {name}",
                 "coap cafe\ncoap nas\nhttp cafe\nhttp nas\nhttp web\\u{001B}\n");
    check_offers("http", OFFER_BY_TRUST, "{name}", "web\\u{001B}\ncafe\nnas\n");
    check_offers("nas", OFFER_BY_TRUST, "{type}", "coap\nhttp\n");
    check_offers("gone", OFFER_BY_TRUST, "{type}", "");
    check_offers("printer", OFFER_BY_TRUST, "{type}", "");
}

/* Two bridges brought the same printer; one of them also brings what it offers itself there. */
TEST(test_offers_that_were_brought) {
    static const struct muster_endpoint at[] = {{.family = 4, .ip = {10, 20, 0, 9}},
                                                {.family = 6, .ip = {0xfd, [15] = 9}}};
    static const struct muster_service services[] = {
        {.name = "", .type = "http", .proto = "tcp", .port = 80, .origin = "", .host = ""},
        {.name = "Flur",
         .type = "ipp",
         .proto = "tcp",
         .port = 631,
         .origin = "site-b",
         .host = "print",
         .addresses = at,
         .address_count = 2},
        {.name = "", .type = "ipp", .proto = "tcp", .port = 631, .origin = "site-b", .host = ""}};
    static const struct muster_endpoint here = {.family = 4, .ip = {10, 0, 0, 1}};
    struct muster_peer bridges[] = {
        {.id = {1}, .address = here, .document = {.name = "one", .services = services, .service_count = 3}},
        {.id = {2}, .address = here, .document = {.name = "two", .services = services, .service_count = 3}}};
    static const struct {
        const char *text;
        const char *owner;
        const char *expected;
    } cases[] = {{NULL, NULL,
                  "one 10.0.0.1\ntwo 10.0.0.1\none~site-b 10.0.0.1\nprint~site-b 10.20.0.9\n"
                  "two~site-b 10.0.0.1\n"},
                 {"print~site-b", NULL, "print~site-b 10.20.0.9\n"},
                 {"ipp", "print~site-b", "print~site-b 10.20.0.9\n"},
                 {"ipp", "one", ""},
                 {"one", NULL, "one 10.0.0.1\n"},
                 {"*~site-b", NULL, "one~site-b 10.0.0.1\nprint~site-b 10.20.0.9\ntwo~site-b 10.0.0.1\n"},
                 {"10.20.0.9", NULL, "print~site-b 10.20.0.9\n"},
                 {"fd00::9", NULL, "print~site-b 10.20.0.9\n"},
                 {"print", NULL, ""}};
    const struct muster_peer_list brought = {.peers = bridges, .count = COUNT(bridges)};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct selector selector = {0};
        struct selector owner = {0};
        struct reason reason;
        struct roster roster;
        struct offers offers;
        const unsigned kinds = SELECTOR_TYPE | SELECTOR_NAME | SELECTOR_GLOB | SELECTOR_ADDRESS;
        if (cases[i].text != NULL) {
            assert_int_equal(selector_parse(cases[i].text, kinds, &selector, &reason), 0);
        }
        if (cases[i].owner != NULL) {
            assert_int_equal(selector_parse(cases[i].owner, SELECTOR_NAME, &owner, &reason), 0);
        }
        assert_int_equal(roster_init(&roster, &brought), 0);
        assert_int_equal(offers_init(&offers, &roster, &selector, &owner, OFFER_OF_ALL, OFFER_BY_TYPE), 0);
        capture_begin(&stdout);
        for (size_t j = 0; j < offers.count; j++) {
            template_print(&offers.offers[j], "{name} {address}");
        }
        capture_check(cases[i].expected);
        offers_deinit(&offers);
        roster_deinit(&roster);
    }
    struct selector selector;
    struct reason reason;
    assert_int_equal(selector_parse("*~site-b", SELECTOR_GLOB, &selector, &reason), 0);
    assert_true(selector_matches_peer(&selector, &bridges[0])); /* who brings it */
    assert_int_equal(selector_parse("pr*", SELECTOR_GLOB, &selector, &reason), 0);
    assert_false(selector_matches_peer(&selector, &bridges[0]));
}

TEST(test_templates) {
    const char *template =
        "{address}:{port} {proto} {service} {interface} {id} {txt.path}{txt.no} {txt.evil} {{}}";
    check_offers("name:web\x1b", OFFER_BY_TYPE, template,
                 "10.0.0.4:80 tcp Front door eth0 44000000000000000000000000000000 /a \\u{001B}[2J {}\n");
    check_offers("type:coap", OFFER_BY_TRUST, "{service}", "cafe\nnas\n");
}

TEST(test_templates_refused) {
    struct reason reason;
    const char *parsed = NULL;
    static const char *const wrong[] = {"",      "{",      "}",      "{}",     "{name",
                                        "{nam}", "{name{", "{txt.}", "{Name}", "a}b"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(template_parse(wrong[i], &parsed, &reason), -1);
    }
    template_parse("{nam}", &parsed, &reason);
    assert_string_equal(
        reason.text,
        "no such placeholder '{nam}', expected {name}, {type}, {proto}, {address}, {host}, {port}, "
        "{service}, {interface}, {id} or {txt.KEY}");
}

/* ---- text ---- */

static void check_duration(int64_t ms, const char *expected) {
    assert_string_equal(text_duration(ms).text, expected);
}

TEST(test_durations) {
    check_duration(0, "0.0s");
    check_duration(1299, "1.2s");
    check_duration(-1299, "-1.2s");
    check_duration(9999, "9.9s");
    check_duration(10000, "10s");
    check_duration(59999, "59s");
    check_duration(60000, "1m");
    check_duration(200999, "3m20s");
    check_duration(3600000, "1h");
    check_duration(18600000, "5h10m");
    check_duration(187200000, "2d4h");
    check_duration(INT64_MIN, "-106751991167d7h");
}

static void check_share(double share, const char *expected) {
    assert_string_equal(text_share(share).text, expected);
}

TEST(test_shares) {
    check_share(0, "0%");
    check_share(0.0041, "0.4%");
    check_share(0.0994, "9.9%");
    check_share(0.0996, "10%");
    check_share(1, "100%");
}

static void check_paths(unsigned paths, const char *expected) {
    assert_string_equal(text_paths(paths).text, expected);
}

TEST(test_hosts) {
    static const struct {
        struct muster_endpoint endpoint;
        const char *expected;
    } rows[] = {{{.family = 4, .ip = {10, 0, 0, 1}}, "10.0.0.1"},
                {{.family = 6, .ip = {0xfe, 0x80, [15] = 1}}, "[fe80::1%eth0]"},
                {{.family = 6, .ip = {0xfd, [15] = 1}}, "[fd00::1]"},
                {{.family = 4, .ip = {0xfe, 0x80, 0, 1}}, "254.128.0.1"},
                {{.family = 0}, "-"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(text_host(&rows[i].endpoint, "eth0").text, rows[i].expected);
    }
}

TEST(test_paths) {
    const unsigned m4 = 1U << MUSTER_PATH_M4;
    const unsigned b4 = 1U << MUSTER_PATH_B4;
    const unsigned m6 = 1U << MUSTER_PATH_M6;
    const unsigned u6 = 1U << MUSTER_PATH_U6;
    const unsigned u4 = 1U << MUSTER_PATH_U4;
    check_paths(0, "-");
    check_paths(m4 | b4, "m4,b4");
    check_paths(m4 | b4 | u4, "m4,b4");
    check_paths(b4 | u4, "b4");
    check_paths(u4, "u4");
    check_paths(m6 | u6, "m6");
    check_paths(m4 | m6 | b4 | u6, "m4,m6,b4");
    check_paths(u4 | u6, "u4,u6");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_counts_where_it_matters),
        cmocka_unit_test(test_the_way_that_says_most),
        cmocka_unit_test(test_bare_selectors),
        cmocka_unit_test(test_explicit_selectors),
        cmocka_unit_test(test_roster),
        cmocka_unit_test(test_labels_show_six_digits_at_least),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_offers_in_order),
        cmocka_unit_test(test_offers_of_verified_peers),
        cmocka_unit_test(test_offers_that_were_brought),
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_templates_refused),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
