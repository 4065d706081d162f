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

TEST(an_address_may_be_of_one_link) {
    static const struct {
        const char *text;
        bool is_of_link;
    } rows[] = {{"fe80::1", true}, {"febf::1", true},      {"fec0::1", false}, {"fd00::1", false},
                {"::1", false},    {"254.128.0.1", false}, {"ff02::1", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct muster_endpoint endpoint = {0};
        assert_true(endpoint_parse(rows[i].text, &endpoint));
        assert_int_equal(endpoint_is_of_link(&endpoint), rows[i].is_of_link);
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
