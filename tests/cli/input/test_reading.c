/* SPDX-License-Identifier: MIT */
/* Lines of text as readings: what is a number, where topics end, and what is wrong with the rest. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "reading.h"

#define NOW_S 1700000000.0

static const struct reading_style plain = {0};
static const struct reading_style below = {.topic = "kitchen/climate"};

static void append(char *story, size_t size, const char *format, ...) {
    const size_t used = strlen(story);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(story + used, size - used, format, arguments);
    va_end(arguments);
}

/* Reads a line to its end: "TOPIC {record}" of each record, "COLUMN: reason" of each fault. */
static void read_line(const struct reading_style *style, const char *line, size_t length, char *story,
                      size_t size) {
    static struct reading reading;
    struct reading_fault fault;
    char text[4096];
    int result;
    char *bytes = malloc(length + 1); /* ends where the line ends */
    memcpy(bytes, line, length);
    bytes = realloc(bytes, length > 0 ? length : 1);
    story[0] = '\0';
    reading_open(&reading, style, bytes, length, NOW_S);
    while ((result = reading_next(&reading, &fault)) != 0) {
        if (result == 1) {
            const int printed = muster_record_print(&reading.record, NULL, text, sizeof(text));
            assert_true(printed > 0);
            append(story, size, "%s %.*s\n", reading.topic, printed, text);
        } else {
            append(story, size, fault.line == 0 ? "" : "%zu, ", fault.line + 1);
            append(story, size, "%zu: %s\n", fault.column, fault.reason.text);
        }
    }
    assert_int_equal(reading_next(&reading, &fault), 0);
    free(bytes);
}

static void check_bytes(const struct reading_style *style, const char *line, size_t length,
                        const char *expected) {
    char story[4096];
    read_line(style, line, length, story, sizeof(story));
    if (strcmp(story, expected) != 0) {
        fail_msg("%s\nread:\n%s\nexpected:\n%s", line, story, expected);
    }
}

static void check(const struct reading_style *style, const char *line, const char *expected) {
    check_bytes(style, line, strlen(line), expected);
}

TEST(test_pairs) {
    check(&plain, "kitchen/temp 21.5", "kitchen/temp {\"v\":21.5,\"t\":1700000000}\n");
    check(&plain, "  kitchen/temp \t -3e2\t\r", "kitchen/temp {\"v\":-300,\"t\":1700000000}\n");
    check(&plain, "door open and shut", "door {\"vs\":\"open and shut\",\"t\":1700000000}\n");
    check(&plain, "light true", "light {\"vb\":true,\"t\":1700000000}\n");
    check(&plain, "light false", "light {\"vb\":false,\"t\":1700000000}\n");
    check(&plain, "a {\"v\":1}", "a {\"vs\":\"{\\\"v\\\":1}\",\"t\":1700000000}\n");
    check(&plain, "a caf\xc3\xa9", "a {\"vs\":\"caf\xc3\xa9\",\"t\":1700000000}\n");
    check(&plain, "", "");
    check(&plain, " \t\r", "");
    check(&plain, "kitchen/temp", "0: expected TOPIC VALUE, got 'kitchen/temp'\n");
    check(&plain, "kitchen/temp  ", "0: expected TOPIC VALUE, got 'kitchen/temp'\n");
}

TEST(test_a_unit_wants_a_number) {
    static const struct reading_style in_cel = {.topic = "t", .unit = "Cel", .keeps_blanks = true};
    check(&in_cel, "21.5", "t {\"u\":\"Cel\",\"v\":21.5,\"t\":1700000000}\n");
    check(&in_cel, "21,5",
          "1: expected a number for the unit 'Cel', got '21,5'; a decimal point is written '.'\n");
    check(&in_cel, "warm, or so", "1: expected a number for the unit 'Cel', got 'warm, or so'\n");
    check(&(struct reading_style){.unit = "Cel"}, "door open", "door {\"vs\":\"open\",\"t\":1700000000}\n");
}

static double time_of(const char *line, double now_s) {
    static struct reading reading;
    struct reading_fault fault;
    reading_open(&reading, &plain, line, strlen(line), now_s);
    assert_int_equal(reading_next(&reading, &fault), 1);
    assert_null(muster_record_fault(&reading.record));
    return reading.record.time_s;
}

TEST(test_a_clock_that_was_never_set_says_nothing) {
    static const char *const lines[] = {"x/z 1", "{\"n\":\"x/z\",\"v\":1}"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(time_of(lines[i], NOW_S) == NOW_S);
        assert_true(time_of(lines[i], 1.5) == 0);
        assert_true(time_of(lines[i], MUSTER_TIME_S_MAX) == 0);
    }
}

static void check_kind(const char *value, enum muster_value_kind kind) {
    static struct reading reading;
    struct reading_fault fault;
    reading_open(&reading, &below, value, strlen(value), NOW_S);
    assert_int_equal(reading_next(&reading, &fault), 1);
    if (reading.record.kind != kind) {
        fail_msg("%s is of kind %d", value, (int)reading.record.kind);
    }
}

TEST(test_kinds_of_values) {
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "1",
                                          "21.50",
                                          "1e+3",
                                          "1E-7",
                                          "-1.5e+300",
                                          "1e-400",
                                          "9007199254740992",
                                          "-9007199254740992",
                                          "1.5e30",
                                          "0.1234567890123456789"};
    static const char *const texts[] = {
        "007", "1.", ".5", "+1", "1.2.3", "1 2", "-", "1e", "0x10", "12:30", "True", "TRUE", "truely", "null",
        "nano", "info", "-infer", "\"x\"", "1,5",
        /* digits that a double would change */
        "1e3", "12e45", "12E4567", "9007199254740993", "-9007199254740993", "8988211000000000007",
        "1111111111111111111111111111111111111111111111111111111111111111"};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        check_kind(numbers[i], MUSTER_VALUE_NUMBER);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        check_kind(texts[i], MUSTER_VALUE_TEXT);
    }
}

TEST(test_numbers_refused) {
    static const char *const wrong[] = {"nan",  "NaN",       "-nan",   "inf",
                                        "+Inf", "-Infinity", "1e+999", "-1.0e400"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char expected[128];
        char line[64];
        snprintf(line, sizeof(line), "t %s", wrong[i]);
        snprintf(expected, sizeof(expected), "3: expected a finite number, got '%s'\n", wrong[i]);
        check(&plain, line, expected);
    }
    check(&plain, "t 0.11111111111111111111111111111111111111111111111111111111111111",
          "3: expected a number of at most 63 characters\n");
}

TEST(test_values_alone) {
    check(&below, "21.5", "kitchen/climate {\"v\":21.5,\"t\":1700000000}\n");
    check(&below, " hot and dry ", "kitchen/climate {\"vs\":\"hot and dry\",\"t\":1700000000}\n");
    check(&below, "", "");
    check(&below, "\r", "");
    check(&below, "  ", "0: expected a VALUE, got nothing but blanks\n");
    check(&below, " \r", "0: expected a VALUE, got nothing but blanks\n");
}

TEST(test_values_with_their_blanks) {
    const struct reading_style style = {.topic = "t", .keeps_blanks = true};
    check(&style, "   ", "t {\"vs\":\"   \",\"t\":1700000000}\n");
    check(&style, " a b\r", "t {\"vs\":\" a b\\r\",\"t\":1700000000}\n");
    check(&style, " 21.5\t", "t {\"v\":21.5,\"t\":1700000000}\n");
    check(&style, " false ", "t {\"vb\":false,\"t\":1700000000}\n");
    check(&style, " {\"v\":1} ", "t {\"v\":1,\"t\":1700000000}\n");
}

TEST(test_units) {
    const struct reading_style style = {.topic = "t", .unit = "Cel"};
    check(&style, "21.5", "t {\"u\":\"Cel\",\"v\":21.5,\"t\":1700000000}\n");
    check(&style, "warm", "t {\"vs\":\"warm\",\"t\":1700000000}\n");
    check(&style, "true", "t {\"vb\":true,\"t\":1700000000}\n");
    check(&style, "[{\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"u\":\"W\",\"v\":2}]",
          "t {\"n\":\"a\",\"u\":\"Cel\",\"v\":1,\"t\":1700000000}\n"
          "t {\"n\":\"b\",\"u\":\"W\",\"v\":2,\"t\":1700000000}\n");
}

TEST(test_text_as_it_stands) {
    const struct reading_style style = {.text = true};
    const struct reading_style alone = {.topic = "t", .text = true};
    check(&style, "t 21.5", "t {\"vs\":\"21.5\",\"t\":1700000000}\n");
    check(&style, "t true", "t {\"vs\":\"true\",\"t\":1700000000}\n");
    check(&style, "t nan", "t {\"vs\":\"nan\",\"t\":1700000000}\n");
    check(&alone, "{\"v\":1}", "t {\"vs\":\"{\\\"v\\\":1}\",\"t\":1700000000}\n");
}

TEST(test_senml) {
    check(&plain, "{\"n\":\"kitchen/climate/temp\",\"v\":1}",
          "kitchen/climate {\"n\":\"temp\",\"v\":1,\"t\":1700000000}\n");
    check(&plain, "{\"n\":\"urn:dev:1\",\"v\":1}", "urn:dev:1 {\"v\":1,\"t\":1700000000}\n");
    check(&plain, "{\"bn\":\"kitchen/\",\"v\":1}", "0: a topic ends with no slash\n");
    check(&plain,
          "[{\"bn\":\"a/b/\",\"bt\":1600000000,\"n\":\"x\",\"v\":1},{\"n\":\"c/y\",\"vb\":true,\"t\":5}]",
          "a/b {\"n\":\"x\",\"v\":1,\"t\":1600000000}\na/b/c {\"n\":\"y\",\"vb\":true,\"t\":1600000005}\n");
    check(&plain, "[]", "");
    check(&plain, " [] \r", "");
}

TEST(test_senml_below_a_topic) {
    check(&below, "{\"n\":\"temp\",\"v\":1}", "kitchen/climate {\"n\":\"temp\",\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"v\":1}", "kitchen/climate {\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"n\":\"a/b\",\"v\":1}", "kitchen/climate {\"n\":\"a/b\",\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"bn\":\"kitchen/climate/\",\"n\":\"temp\",\"v\":1}",
          "kitchen/climate {\"n\":\"temp\",\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"n\":\"kitchen/climate/temp\",\"v\":1}",
          "kitchen/climate {\"n\":\"temp\",\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"n\":\"kitchen/climate\",\"v\":1}", "kitchen/climate {\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"bn\":\"kitchen/climate\",\"v\":1}", "kitchen/climate {\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"bn\":\"kitchen/climates\",\"v\":1}",
          "kitchen/climate {\"n\":\"kitchen/climates\",\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"bn\":\"dev:1:\",\"n\":\"temp\",\"v\":1}",
          "kitchen/climate {\"n\":\"dev:1:temp\",\"v\":1,\"t\":1700000000}\n");
}

/* LwM2M names a resource by "/object/instance/resource", and a device by a URN. */
TEST(test_names_of_lwm2m) {
    check(&below, "[{\"bn\":\"/3303/0/\",\"n\":\"5700\",\"v\":1},{\"n\":\"5701\",\"vs\":\"Cel\"}]",
          "kitchen/climate {\"n\":\"3303/0/5700\",\"v\":1,\"t\":1700000000}\n"
          "kitchen/climate {\"n\":\"3303/0/5701\",\"vs\":\"Cel\",\"t\":1700000000}\n");
    check(&below, "{\"n\":\"/3303/0/5700\",\"v\":1}",
          "kitchen/climate {\"n\":\"3303/0/5700\",\"v\":1,\"t\":1700000000}\n");
    check(&below, "{\"bn\":\"urn:dev:ow:10e2:\",\"n\":\"/3303/0/5700\",\"v\":1}",
          "kitchen/climate {\"n\":\"urn:dev:ow:10e2:/3303/0/5700\",\"v\":1,\"t\":1700000000}\n");
    check(&plain, "{\"bn\":\"urn:dev:ow:10e2:/3303/0/\",\"n\":\"5700\",\"v\":1}",
          "urn:dev:ow:10e2:/3303/0 {\"n\":\"5700\",\"v\":1,\"t\":1700000000}\n");
    check(&plain, "{\"bn\":\"urn:dev:ow:10e2:\",\"n\":\"temp\",\"v\":1}",
          "urn:dev:ow:10e2:temp {\"v\":1,\"t\":1700000000}\n");
    check(&plain, "[{\"bn\":\"/3303/0/\",\"n\":\"5700\",\"v\":1}]",
          "8: a name that begins with no letter or digit; --topic T has such names of LwM2M below T\n");
    check(&plain, "{\"n\":\"/3303/0/5700\",\"v\":1}",
          "6: a name that begins with no letter or digit; --topic T has such names of LwM2M below T\n");
}

TEST(test_senml_refused) {
    check(&plain, "  {\"n\":\"a\",\"v\":}", "16: no number where one should be\n");
    check(&plain, "{\"n\":\"\xc3\xa9\xc3\xa9\",\"v\":1}", "6: a name that begins with no letter or digit\n");
    check(&plain, "{\"v\":1}", "1: a record without a name\n");
    check(&plain, "[{\"n\":\"a\",\"v\":1},{\"n\":\"b\"}]", "18: a record without a value or a sum\n");
    check(&plain, "{\"n\":\"a\",\"v\":1e999}", "14: a number that is too large\n");
    check(&plain, "{\"n\":\"a\",\"v\":NaN}", "14: no number where one should be\n");
    /* Of a pack all is published, or nothing. */
    check(&plain, "[{\"n\":\"c\",\"v\":2},{\"n\":\"a//b\",\"v\":1}]", "0: a topic ends with no slash\n");
    check(&plain, "[{\"n\":\"c\",\"v\":2},{\"n\":\"d\",\"v\":1,\"t\":1e10}]",
          "0: a time is 0, or in seconds since 1970 from 268435456 (1978) to 8589934592 (2242)\n");
    check(&plain, "[{\"n\":\"c\",\"v\":2}] x", "19: something behind the end\n");
}

TEST(test_senml_over_lines) {
    check(&plain, "[{\"bn\":\"k/\",\n  \"n\":\"a\",\"v\":1},\r\n {\"n\":\"b\",\"v\":2}\n]",
          "k {\"n\":\"a\",\"v\":1,\"t\":1700000000}\nk {\"n\":\"b\",\"v\":2,\"t\":1700000000}\n");
    check(&plain, "[{\"n\":\"a\",\"v\":1},\n\n  {\"n\":\"b\",\"v\":}]",
          "3, 16: no number where one should be\n");
    check(&plain, "[{\"n\":\"a\",\"v\":1},", "18: it ends too early\n");
}

static struct reading stream;

static void check_next(const char *expected) {
    struct reading_fault fault = {.line = 0};
    char text[256] = "";
    const int result = reading_next(&stream, &fault);
    if (result == 1) {
        const int printed = muster_record_print(&stream.record, NULL, text, sizeof(text));
        assert_true(printed > 0);
        text[printed] = '\0';
        assert_string_equal(text, expected);
    } else {
        assert_string_equal(fault.reason.text, expected);
        assert_int_equal(result, expected[0] == '\0' ? 0 : -1);
    }
}

static void check_more(const char *line, const char *expected) {
    reading_more(&stream, line, strlen(line), NOW_S + 1);
    check_next(expected);
    check_next("");
}

/* Of a stream each record is one line; a bad one changes nothing for those behind it. */
TEST(test_senml_record_by_record) {
    reading_open(&stream, &below, "{\"n\":\"a\",\"v\":1}", strlen("{\"n\":\"a\",\"v\":1}"), NOW_S);
    assert_false(reading_has_bases(&stream));
    check_next("{\"n\":\"a\",\"v\":1,\"t\":1700000000}");
    check_more("{\"n\":\"b\",\"v\":2}", "{\"n\":\"b\",\"v\":2,\"t\":1700000001}");
    check_more("{\"bn\":\"x/\",\"bu\":\"V\"}", "");
    assert_true(reading_has_bases(&stream));
    check_more("{\"n\":\"b\",\"v\":3}", "{\"n\":\"x/b\",\"u\":\"V\",\"v\":3,\"t\":1700000001}");
    check_more("{\"bn\":\"y/\",\"n\":\"b\",\"v\":4,\"t\":1e10}",
               "a time is 0, or in seconds since 1970 from 268435456 (1978) to 8589934592 (2242)");
    check_more("{\"n\":\"b\",\"v\":5}", "{\"n\":\"x/b\",\"u\":\"V\",\"v\":5,\"t\":1700000001}");
}

TEST(test_senml_with_a_last_slash) {
    check(&plain, "[{\"n\":\"a/b/\",\"v\":1},{\"n\":\"a/b\",\"v\":2}]",
          "0: a record's name ends with no slash\n");
    check(&plain, "{\"n\":\"a/\",\"v\":1}", "0: a topic ends with no slash\n");
    check(&below, "{\"n\":\"a/\",\"v\":1}", "0: a record's name ends with no slash\n");
}

TEST(test_topics_refused) {
    check(&plain, "kitchen/# 1", "0: a topic has no wildcards: + and # are for patterns\n");
    check(&plain, "a\x01z 1", "0: a topic has no control characters\n");
    check(&plain, "/a 1", "0: a topic begins with no slash\n");
    check(&plain, "caf\xc3\xa9 1", "0: a topic has ASCII characters only\n");
    char line[1024];
    memset(line, 't', sizeof(line));
    snprintf(line + MUSTER_TOPIC_BYTES_MAX, 16, " 1");
    char expected[256];
    snprintf(expected, sizeof(expected), "%.*s {\"v\":1,\"t\":1700000000}\n", MUSTER_TOPIC_BYTES_MAX, line);
    check(&plain, line, expected);
    for (size_t length = MUSTER_TOPIC_BYTES_MAX + 1; length < 1000; length += 100) {
        memset(line, 't', length);
        snprintf(line + length, 16, " 1");
        check(&plain, line, "0: a topic has at most 127 bytes\n");
    }
}

TEST(test_bytes_refused) {
    check_bytes(&plain,
                "ab 1\0"
                "2",
                6, "5: expected text, got a NUL byte\n");
    check_bytes(&plain, "\0", 1, "1: expected text, got a NUL byte\n");
    check_bytes(&plain, "{\"n\":\"a\",\"v\":1}\0", 16, "16: expected text, got a NUL byte\n");
    check(&plain, "a \xc3\xa9\xff", "4: expected UTF-8, got the byte 0xFF\n");
    check(&plain, "a \xc3", "3: expected UTF-8, got the byte 0xC3\n");
    check(&plain, "a \xed\xa0\x80", "3: expected UTF-8, got the byte 0xED\n");
}

/* A line that is quoted is quoted in part. */
TEST(test_long_lines) {
    char line[2001];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    check(&plain, line,
          "0: expected TOPIC VALUE, got "
          "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\n");
    line[1] = ' ';
    char expected[2100];
    snprintf(expected, sizeof(expected), "x {\"vs\":\"%s\",\"t\":1700000000}\n", line + 2);
    check(&plain, line, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_a_unit_wants_a_number),
        cmocka_unit_test(test_kinds_of_values),
        cmocka_unit_test(test_a_clock_that_was_never_set_says_nothing),
        cmocka_unit_test(test_numbers_refused),
        cmocka_unit_test(test_values_alone),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_text_as_it_stands),
        cmocka_unit_test(test_senml),
        cmocka_unit_test(test_senml_below_a_topic),
        cmocka_unit_test(test_names_of_lwm2m),
        cmocka_unit_test(test_senml_refused),
        cmocka_unit_test(test_senml_over_lines),
        cmocka_unit_test(test_senml_record_by_record),
        cmocka_unit_test(test_senml_with_a_last_slash),
        cmocka_unit_test(test_topics_refused),
        cmocka_unit_test(test_bytes_refused),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_values_with_their_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
