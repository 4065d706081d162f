/* SPDX-License-Identifier: MIT */
/* JSON that is no SenML, as lines of readings: messages of MQTT, and objects that are flattened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "json_line.h"

#define NOW_S 1700000000.0

static const struct reading_style plain = {.topic = NULL};
static const struct reading_style flat = {.flatten = true};
static const struct reading_style below = {.topic = "t", .flatten = true};

static struct json_line got;

static enum json_line_result translate(const struct reading_style *style, const char *line,
                                       struct reading_fault *fault) {
    const size_t length = strlen(line);
    char *bytes = malloc(length + 1); /* ends where the line ends */
    memcpy(bytes, line, length);
    bytes = realloc(bytes, length > 0 ? length : 1);
    memset(&got, 0, sizeof(got));
    const enum json_line_result result = json_line_read(style, bytes, length, NOW_S, &got, fault);
    free(bytes);
    return result;
}

static void check(const struct reading_style *style, const char *line, const char *expected, double now_s) {
    struct reading_fault fault;
    assert_int_equal(translate(style, line, &fault), JSON_LINE_READ);
    if (got.length != strlen(expected) || memcmp(got.text, expected, got.length) != 0) {
        fail_msg("%s\nread:\n%.*s\nexpected:\n%s", line, (int)got.length, got.text, expected);
    }
    assert_true(got.now_s == now_s);
}

static void check_bad(const struct reading_style *style, const char *line, const char *expected) {
    struct reading_fault fault;
    assert_int_equal(translate(style, line, &fault), JSON_LINE_BAD);
    assert_string_equal(fault.reason.text, expected);
}

static void check_is(enum json_line_result expected, const struct reading_style *style, const char *line) {
    struct reading_fault fault;
    assert_int_equal(translate(style, line, &fault), expected);
}

#define MESSAGE(topic, payload) "{\"qos\":0,\"topic\":\"" topic "\",\"payload\":\"" payload "\"}"
#define MESSAGE_AT(time) "{\"tst\":\"" time "\",\"topic\":\"a\",\"payload\":\"1\"}"

TEST(test_messages) {
    check(&plain, MESSAGE("home/temp", "19"), "home/temp 19", NOW_S);
    check(&plain, MESSAGE("home/text", "two\\nlines and {\\\"a\\\":1}"), "home/text two\nlines and {\"a\":1}",
          NOW_S);
    check_is(JSON_LINE_EMPTY, &plain, MESSAGE("home/temp", ""));
    check_bad(&plain, MESSAGE("home/living room", "19"), "a topic has no spaces, got 'home/living room'");
    check(&plain, "{\"topic\":\"a\",\"payload\":1.5}", "a 1.5", NOW_S);
    check(&plain, "{\"topic\":\"a\",\"payload\":true}", "a true", NOW_S);
    check_is(JSON_LINE_OTHER, &plain, "{\"topic\":\"a\",\"payload\":[1]}");
    check_is(JSON_LINE_OTHER, &plain, "{\"n\":\"payload\",\"v\":1}");
    check_is(JSON_LINE_OTHER, &plain, MESSAGE("a", "1") "x");
    check_is(JSON_LINE_OTHER, &(struct reading_style){.topic = "t"}, MESSAGE("a", "1"));
    check_is(JSON_LINE_OTHER, &(struct reading_style){.text = true}, MESSAGE("a", "1"));
}

TEST(test_times_of_messages) {
    check(&plain, MESSAGE_AT("2026-01-02T03:04:05.250000Z"), "a 1", 1767323045.25);
    check(&plain, MESSAGE_AT("2026-01-02T03:04:05Z"), "a 1", 1767323045);
    check(&plain, MESSAGE_AT("2026-01-02T03:04:05.000000+0130"), "a 1", 1767323045 - 5400);
    check(&plain, MESSAGE_AT("2026-01-02T03:04:05-02:00"), "a 1", 1767323045 + 7200);
    check(&plain, MESSAGE_AT("2026-01-02T03:04:05.000000Z+0100"), "a 1", 1767323045 - 3600);
    check_bad(&plain, MESSAGE_AT("yesterday"),
              "expected a time such as 2026-01-02T03:04:05.000000Z in \"tst\", got 'yesterday'");
}

#define T ",\"t\":1700000000"

TEST(test_flattening) {
    check(&below, " {\"a\":{\"b\":[1,-2.5e+3]},\"c\":\"text\",\"d\":true,\"e\":null}",
          "[{\"n\":\"t/a/b/0\"" T ",\"v\":1},{\"n\":\"t/a/b/1\"" T ",\"v\":-2500},{\"n\":\"t/c\"" T
          ",\"vs\":\"text\"},{\"n\":\"t/d\"" T ",\"vb\":true}]",
          NOW_S);
    check(&flat, "{\"a\":{\"id\":8988211000000000007}}",
          "[{\"n\":\"a/id\"" T ",\"vs\":\"8988211000000000007\"}]", NOW_S);
    check(&flat, MESSAGE("z/sensor", "{\\\"temp\\\":21.5}"), "[{\"n\":\"z/sensor/temp\"" T ",\"v\":21.5}]",
          NOW_S);
    check(&flat, MESSAGE("z/sensor", "21.5"), "z/sensor 21.5", NOW_S);
    check(&flat, MESSAGE("z/sensor", "{half"), "z/sensor {half", NOW_S);
    check_is(JSON_LINE_EMPTY, &below, "{\"a\":null,\"b\":[]}");
    check_is(JSON_LINE_OTHER, &below, "21.5");
    check_is(JSON_LINE_OTHER, &below, "{\"a\":1,}");
    check_bad(&below, "{\"a b\":1}", "a topic has no spaces, got 't/a b'");
    check_bad(&below, "{\"a/b\":1}", "a level of a name has no slash, got 't/a/b'");
    check_bad(&below, "{\"\":1}", "a topic ends with no slash, got 't/'");
}

#define ID "0123456789abcdef0123456789abcdef"
#define HEARD(more) "{\"n\":\"a\",\"v\":1,\"peer\":\"thermo\",\"id\":\"" ID "\",\"sample\":\"live\"" more "}"

TEST(test_who_published_it) {
    check_is(JSON_LINE_OTHER, &plain, HEARD(""));
    assert_string_equal(got.source.id, ID);
    assert_string_equal(got.source.origin, "thermo");
    assert_false(got.source.is_brought);
    check_is(JSON_LINE_OTHER, &plain, HEARD(",\"origin\":\"site-b\""));
    assert_true(got.source.is_brought);
    check_is(JSON_LINE_OTHER, &plain, " { \"sample\" : \"live\", \"id\" : \"" ID "\" } ");
    assert_string_equal(got.source.id, ID);
    check_is(JSON_LINE_OTHER, &plain, "[" HEARD(",\"origin\":\"site-b\"") ",{\"n\":\"b\",\"v\":2}]");
    assert_string_equal(got.source.id, ID); /* of --senml: the first record says it */
    assert_true(got.source.is_brought);
    check_is(JSON_LINE_READ, &below, HEARD(""));
    assert_string_equal(got.source.origin, "thermo");
    static const char *const others[] = {"{\"n\":\"a\",\"v\":1}",
                                         "{\"n\":\"a\",\"v\":1,\"id\":\"" ID "\"}",
                                         "{\"n\":\"a\",\"v\":1,\"id\":\"7\",\"sample\":\"live\"}",
                                         "a 1",
                                         "{\"sample\":\"live\"",
                                         "[{\"n\":\"a\",\"v\":1}," HEARD("") "]"};
    for (size_t i = 0; i < COUNT(others); i++) {
        check_is(JSON_LINE_OTHER, &plain, others[i]);
        assert_string_equal(got.source.id, "");
        assert_string_equal(got.source.origin, "");
    }
    line_source_set(&got.source, ID, "", ""); /* without a name that can be an origin, by its id */
    assert_string_equal(got.source.origin, ID);
    line_source_set(&got.source, ID, "a\nb", "");
    assert_string_equal(got.source.origin, ID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages), cmocka_unit_test(test_who_published_it),
        cmocka_unit_test(test_times_of_messages), cmocka_unit_test(test_flattening)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
