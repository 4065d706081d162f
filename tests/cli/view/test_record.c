/* SPDX-License-Identifier: MIT */
/* What a subscriber prints: safe, in columns, and as SenML. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fixture.h"
#include "record.h"

static const struct record_publisher thermo = {
    .id = {0x3f, 0xa9}, .name = "th\"e\x1brmo", .label = {"thermo"}, .label_width = 6};
static const struct muster_sample live = {.kind = MUSTER_SAMPLE_LIVE};
static const struct muster_sample last = {.kind = MUSTER_SAMPLE_LAST};

/* A time of today at noon, wherever this runs. */
static double noon(int days_later) {
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    parts.tm_hour = 12;
    parts.tm_min = 0;
    parts.tm_sec = 0;
    parts.tm_mday += days_later;
    parts.tm_isdst = -1;
    return (double)mktime(&parts);
}

TEST(test_columns) {
    struct record_columns columns = {0};
    struct muster_record record = {
        .name = "a/b", .unit = "Cel", .kind = MUSTER_VALUE_NUMBER, .number = 21.25, .time_s = noon(0) + 1.5};
    capture_begin(&stdout);
    record_print_text(&columns, &record, &live, &thermo, 0);
    record.name = "a/bcdef";
    record.number = -1;
    record.unit = "";
    record_print_text(&columns, &record, &last, &thermo, 0);
    record.name = "a";
    record.kind = MUSTER_VALUE_TEXT;
    record.text = "o\x1b[31mpen";
    record_print_text(&columns, &record, &live, &thermo, 0);
    record.kind = MUSTER_VALUE_NONE;
    record.has_sum = true;
    record.sum = 0.5;
    record.unit = "J\xe2\x80\xae";
    record_print_text(&columns, &record, &live, &thermo, 0);
    capture_check("12:00:01.500  thermo  a/b  21.25 Cel\n"
                  "12:00:01.500~ thermo  a/bcdef     -1\n"
                  "12:00:01.500  thermo  a        o\\u{001B}[31mpen\n"
                  "12:00:01.500  thermo  a        - J\\u{202E}  sum 0.5\n");
}

TEST(test_origins) {
    const struct muster_sample brought = {.kind = MUSTER_SAMPLE_LIVE, .origin = "site\x1b", .id = thermo.id};
    struct record_columns columns = {0};
    const struct muster_record record = {
        .name = "a", .kind = MUSTER_VALUE_BOOLEAN, .boolean = true, .time_s = noon(0)};
    capture_begin(&stdout);
    record_print_text(&columns, &record, &brought, &thermo, 0);
    record_print_text(&columns, &record, &live, &thermo, 0);
    assert_int_equal(record_print_format("{origin}", &record, &brought, &thermo, 0), 0);
    capture_check("12:00:00.000  thermo~site\\u{001B}  a  true\n"
                  "12:00:00.000  thermo               a  true\n"
                  "site\\u{001B}\n");
}

TEST(test_times_of_other_days) {
    struct record_columns columns = {.color = true};
    struct muster_record record = {.name = "a", .kind = MUSTER_VALUE_BOOLEAN, .time_s = noon(-800)};
    const time_t then = (time_t)record.time_s;
    struct tm parts;
    char expected[128];
    localtime_r(&then, &parts);
    const size_t length = strftime(expected, sizeof(expected), "\033[2m%Y-%m-%d", &parts);
    snprintf(expected + length, sizeof(expected) - length, "  ~ thermo  a  false\033[0m\n");
    capture_begin(&stdout);
    record_print_text(&columns, &record, &last, &thermo, 0);
    capture_check(expected);
    static const double beyond[] = {-1, 1e300, MUSTER_TIME_S_MAX};
    for (size_t i = 0; i < COUNT(beyond); i++) {
        record.time_s = beyond[i];
        capture_begin(&stdout);
        record_print_text(&columns, &record, &live, &thermo, 0);
        capture_check("-             thermo  a  false\n");
    }
}

TEST(test_json) {
    const struct muster_sample late = {.kind = MUSTER_SAMPLE_REPAIRED, .is_late = true};
    struct muster_record record = {
        .name = "a/b", .kind = MUSTER_VALUE_TEXT, .text = "\x1b\xc2\x9b\"\\\xe2\x80\xae", .time_s = 1e9};
    capture_begin(&stdout);
    assert_int_equal(record_print_json(&record, &live, &thermo, 0), 0);
    assert_int_equal(record_print_json(&record, &late, &thermo, 0), 0);
    capture_check(
        "{\"n\":\"a/"
        "b\",\"vs\":\"\\u001b\\u009b\\\"\\\\\\u202e\",\"t\":1000000000,\"peer\":\"th\\\"e\\u001brmo\","
        "\"id\":\"3fa90000000000000000000000000000\",\"sample\":\"live\"}\n"
        "{\"n\":\"a/"
        "b\",\"vs\":\"\\u001b\\u009b\\\"\\\\\\u202e\",\"t\":1000000000,\"peer\":\"th\\\"e\\u001brmo\","
        "\"id\":\"3fa90000000000000000000000000000\",\"sample\":\"repaired\",\"late\":true}\n");
}

TEST(test_stale) {
    struct record_columns columns = {0};
    const struct muster_record record = {
        .name = "a", .kind = MUSTER_VALUE_NUMBER, .number = 1, .time_s = noon(0), .update_s = 10};
    capture_begin(&stdout);
    record_print_text(&columns, &record, &live, &thermo, noon(0) + 15);
    record_print_text(&columns, &record, &last, &thermo, noon(0) + 15.5);
    assert_int_equal(record_print_json(&(struct muster_record){.name = "a", .time_s = 1e9, .update_s = 1},
                                       &live, &thermo, 2e9),
                     0);
    capture_check("12:00:00.000  thermo  a  1\n"
                  "12:00:00.000! thermo  a  1\n"
                  "{\"n\":\"a\",\"t\":1000000000,\"ut\":1,\"peer\":\"th\\\"e\\u001brmo\","
                  "\"id\":\"3fa90000000000000000000000000000\",\"sample\":\"live\",\"stale\":true}\n");
}

/* A value without a time of its own is as old as its sample. */
TEST(test_now) {
    const struct muster_sample old = {.kind = MUSTER_SAMPLE_LAST, .age_ms = 2500};
    assert_true(record_now_s(&old, 1e9) == 1e9 - 2.5);
    assert_true(record_now_s(&live, 1e9) == 1e9);
}

TEST(test_rounded) {
    static const struct {
        double number;
        const char *text;
    } cases[] = {{21.499999999999996, "21.5"},
                 {0.1 + 0.2, "0.3"},
                 {1234567, "1234567"},
                 {1234567.8912, "1234567.89"},
                 {-1e-5 / 3, "-3.33333e-06"},
                 {1e300, "1e+300"},
                 {0, "0"},
                 {99999.987654, "99999.99"},
                 {-25, "-25"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[64];
        record_write_rounded(cases[i].number, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

#define SOURCE "\"peer\":\"thermo\",\"id\":\"0a000000000000000000000000000000\",\"sample\":\"live\""

static void check_pack(const char *body, const char *origin, const char *expected) {
    const struct muster_sample sample = {
        .kind = MUSTER_SAMPLE_LIVE, .origin = origin, .body = body, .length = strlen(body)};
    const struct record_publisher by = {.id = {10}, .name = "thermo"};
    capture_begin(&stdout);
    record_print_pack(&sample, &by);
    capture_check(expected);
}

TEST(test_packs) {
    check_pack("[{\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]   \n", NULL,
               "[{" SOURCE ",\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]\n");
    check_pack("[\n\t{\"n\":\"a\",\r\n\"v\":1}\n]", "site-b",
               "[  {" SOURCE ",\"origin\":\"site-b\",\"n\":\"a\",  \"v\":1} ]\n");
    check_pack("{\"vs\":\"caf\xc3\xa9 \xf3\xa0\x81\x81\x7f\"}", NULL,
               "{" SOURCE ",\"vs\":\"caf\xc3\xa9 \\udb40\\udc41\\u007f\"}\n");
    check_pack("\"\xff\"", NULL, "\"\xef\xbf\xbd\"\n");
    /* A member may not stand there twice. */
    check_pack("[{\"n\":\"id\",\"id\" : 7,\"v\":1}]", NULL, "[{\"n\":\"id\",\"id\" : 7,\"v\":1}]\n");
    check_pack("[{\"n\":\"id\",\"vs\":\"peer\"}]", NULL, "[{" SOURCE ",\"n\":\"id\",\"vs\":\"peer\"}]\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_times_of_other_days),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_now),
        cmocka_unit_test(test_rounded),
        cmocka_unit_test(test_packs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
