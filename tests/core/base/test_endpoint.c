/* SPDX-License-Identifier: MIT */
/* Addresses. */
#include "endpoint.h"

#include "test.h"

TEST(an_address_comes_back_from_its_text) {
    static const char *const texts[] = {"0.0.0.0", "10.0.0.1", "255.255.255.255",
                                        "fe80::1", "::",       "2001:db8::1:0:0:1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct muster_endpoint endpoint = {.port = 7};
        char text[ENDPOINT_TEXT_BYTES];
        assert_true(endpoint_parse(texts[i], &endpoint));
        endpoint_text(&endpoint, text);
        assert_string_equal(text, texts[i]);
        assert_int_equal(endpoint.port, 7);
    }
}

TEST(what_is_no_address_is_refused) {
    static const char *const texts[] = {"",         "1",       "1.2.3",     "1.2.3.4.5",  "1.2.3.4 ",
                                        " 1.2.3.4", "1..3.4",  "256.0.0.1", "01.2.3.4",   "1.2.3.",
                                        "1.2.3.4.", "a.b.c.d", "1.2.3.-4",  "1.2.3.1000", "fe80::1%eth0",
                                        "::1::",    "[::1]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct muster_endpoint endpoint = {0};
        assert_false(endpoint_parse(texts[i], &endpoint));
        assert_int_equal(endpoint.family, 0);
    }
}

TEST(an_unspecified_address_has_no_text) {
    struct muster_endpoint endpoint = {0};
    char text[ENDPOINT_TEXT_BYTES] = "x";
    endpoint_text(&endpoint, text);
    assert_string_equal(text, "");
}

TEST(a_host_is_the_same_whatever_the_port) {
    const struct muster_endpoint endpoint = {.family = 4, .ip = {10, 0, 0, 1}, .port = 1};
    const struct muster_endpoint other_port = {.family = 4, .ip = {10, 0, 0, 1}, .port = 2};
    const struct muster_endpoint other_ip = {.family = 4, .ip = {10, 0, 0, 2}, .port = 1};
    const struct muster_endpoint other_family = {.family = 6, .ip = {10, 0, 0, 1}, .port = 1};
    assert_true(endpoint_is_same(&endpoint, &endpoint));
    assert_false(endpoint_is_same(&endpoint, &other_port));
    assert_false(endpoint_is_same(&endpoint, &other_ip));
    assert_false(endpoint_is_same(&endpoint, &other_family));
    assert_true(endpoint_is_same_host(&endpoint, &other_port));
    assert_false(endpoint_is_same_host(&endpoint, &other_ip));
    assert_false(endpoint_is_same_host(&endpoint, &other_family));
}

static struct muster_endpoint endpoint_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return (struct muster_endpoint){.family = 4, .ip = {a, b, c, d}, .port = 19798};
}

TEST(one_host_can_be_at_a_unicast_address_alone) {
    const struct muster_endpoint hosts[] = {
        endpoint_v4(10, 0, 0, 1),
        endpoint_v4(127, 0, 0, 1),
        endpoint_v4(223, 255, 255, 255),
        endpoint_v4(240, 0, 0, 1),
        {.family = 6, .ip = {0xfe, 0x80, [15] = 1}, .port = 1},
        {.family = 6, .ip = {[15] = 1}, .port = 1},
    };
    const struct muster_endpoint others[] = {
        endpoint_v4(0, 0, 0, 0),
        endpoint_v4(0, 0, 0, 1),
        endpoint_v4(224, 0, 0, 1),
        endpoint_v4(239, 255, 255, 255),
        endpoint_v4(255, 255, 255, 255),
        {.family = 4, .ip = {10, 0, 0, 1}},                                              /* no port */
        {.family = 0, .ip = {10, 0, 0, 1}, .port = 1},                                   /* of no family */
        {.family = 6, .port = 1},                                                        /* :: */
        {.family = 6, .ip = {0xff, 2, [15] = 1}, .port = 1},                             /* ff02::1 */
        {.family = 6, .ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = 1}, /* ::ffff:10.0.0.1 */
    };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        assert_true(endpoint_is_host(&hosts[i]));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(endpoint_is_host(&others[i]));
    }
}

TEST(a_loopback_address_is_known) {
    const struct muster_endpoint first = endpoint_v4(127, 0, 0, 1);
    const struct muster_endpoint last = endpoint_v4(127, 255, 255, 254);
    const struct muster_endpoint other = endpoint_v4(128, 0, 0, 1);
    const struct muster_endpoint v6 = {.family = 6, .ip = {[15] = 1}};
    const struct muster_endpoint other_v6 = {.family = 6, .ip = {[15] = 2}};
    assert_true(endpoint_is_loopback(&first));
    assert_true(endpoint_is_loopback(&last));
    assert_false(endpoint_is_loopback(&other));
    assert_true(endpoint_is_loopback(&v6));
    assert_false(endpoint_is_loopback(&other_v6));
}

TEST(an_address_may_be_of_one_link) {
    static const struct {
        const char *text;
        bool is_of_link;
    } rows[] = {{"fe80::1", true}, {"febf::1", true},      {"fec0::1", false}, {"fd00::1", false},
                {"::1", false},    {"254.128.0.1", false}, {"ff02::1", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct muster_endpoint endpoint = {0};
        assert_true(endpoint_parse(rows[i].text, &endpoint));
        assert_int_equal(muster_endpoint_is_of_link(&endpoint), rows[i].is_of_link);
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
