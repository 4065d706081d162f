/* What a subscriber prints: safe, in columns, and as SenML; and what it measures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmocka_all.h"
#include "meter.h"
#include "record.h"
#include "source.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- printing ---- */

static FILE *stdout_before;
static char printed[16384];

static void begin_print(void) {
    memset(printed, 0, sizeof(printed));
    stdout_before = stdout;
    stdout = fmemopen(printed, sizeof(printed), "w");
    assert_non_null(stdout);
}

static void end_print(const char *expected) {
    fclose(stdout);
    stdout = stdout_before;
    assert_string_equal(printed, expected);
}

static const struct record_publisher thermo = {
    .id = {0x3f, 0xa9}, .name = "th\"e\x1brmo", .label = "thermo", .label_width = 6};
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

static void test_columns(void **state) {
    (void)state;
    struct record_columns columns = {0};
    struct muster_record record = {
        .name = "a/b", .unit = "Cel", .kind = MUSTER_VALUE_NUMBER, .number = 21.25, .time_s = noon(0) + 1.5};
    begin_print();
    record_print_text(&columns, &record, &live, &thermo);
    record.name = "a/bcdef";
    record.number = -1;
    record.unit = "";
    record_print_text(&columns, &record, &last, &thermo);
    record.name = "a";
    record.kind = MUSTER_VALUE_TEXT;
    record.text = "o\x1b[31mpen";
    record_print_text(&columns, &record, &live, &thermo);
    record.kind = MUSTER_VALUE_NONE;
    record.has_sum = true;
    record.sum = 0.5;
    record.unit = "J\xe2\x80\xae";
    record_print_text(&columns, &record, &live, &thermo);
    end_print("12:00:01.500  thermo  a/b  21.25 Cel\n"
              "12:00:01.500~ thermo  a/bcdef     -1\n"
              "12:00:01.500  thermo  a        o\\u{001B}[31mpen\n"
              "12:00:01.500  thermo  a        - J\\u{202E}  sum 0.5\n");
}

static void test_times_of_other_days(void **state) {
    (void)state;
    struct record_columns columns = {.color = true};
    struct muster_record record = {.name = "a", .kind = MUSTER_VALUE_BOOLEAN, .time_s = noon(-800)};
    const time_t then = (time_t)record.time_s;
    struct tm parts;
    char expected[128];
    localtime_r(&then, &parts);
    const size_t length = strftime(expected, sizeof(expected), "\033[2m%Y-%m-%d", &parts);
    snprintf(expected + length, sizeof(expected) - length, "  ~ thermo  a  false\033[0m\n");
    begin_print();
    record_print_text(&columns, &record, &last, &thermo);
    end_print(expected);
    static const double beyond[] = {-1, 1e300, MUSTER_TIME_S_MAX};
    for (size_t i = 0; i < COUNT(beyond); i++) {
        record.time_s = beyond[i];
        begin_print();
        record_print_text(&columns, &record, &live, &thermo);
        end_print("-             thermo  a  false\n");
    }
}

static void test_json(void **state) {
    (void)state;
    const struct muster_sample late = {.kind = MUSTER_SAMPLE_REPAIRED, .is_late = true};
    struct muster_record record = {
        .name = "a/b", .kind = MUSTER_VALUE_TEXT, .text = "\x1b\xc2\x9b\"\\\xe2\x80\xae", .time_s = 1e9};
    begin_print();
    assert_int_equal(record_print_json(&record, &live, &thermo), 0);
    assert_int_equal(record_print_json(&record, &late, &thermo), 0);
    end_print("{\"n\":\"a/"
              "b\",\"vs\":\"\\u001b\\u009b\\\"\\\\\\u202e\",\"t\":1000000000,\"peer\":\"th\\\"e\\u001brmo\","
              "\"id\":\"3fa90000000000000000000000000000\",\"sample\":\"live\"}\n"
              "{\"n\":\"a/"
              "b\",\"vs\":\"\\u001b\\u009b\\\"\\\\\\u202e\",\"t\":1000000000,\"peer\":\"th\\\"e\\u001brmo\","
              "\"id\":\"3fa90000000000000000000000000000\",\"sample\":\"repaired\",\"late\":true}\n");
}

static void check_pack(const char *body, const char *expected) {
    const struct muster_sample sample = {.body = body, .length = strlen(body)};
    begin_print();
    record_print_pack(&sample);
    end_print(expected);
}

static void test_packs(void **state) {
    (void)state;
    check_pack("[{\"n\":\"a\",\"v\":1}]   \n", "[{\"n\":\"a\",\"v\":1}]\n");
    check_pack("[\n\t{\"n\":\"a\",\r\n\"v\":1}\n]", "[  {\"n\":\"a\",  \"v\":1} ]\n");
    check_pack("{\"vs\":\"caf\xc3\xa9 \xf3\xa0\x81\x81\x7f\"}",
               "{\"vs\":\"caf\xc3\xa9 \\udb40\\udc41\\u007f\"}\n");
    check_pack("\"\xff\"", "\"\xef\xbf\xbd\"\n");
}

/* ---- measuring ---- */

static void test_jitter(void **state) {
    (void)state;
    struct source one = {0};
    struct source two = {0};
    struct source *all[] = {&one, &two};
    struct sources sources = {.sources = all, .count = 2};
    assert_true(source_jitter(&sources) < 0);
    source_record_heard(&one, 100, 105);
    source_record_heard(&one, 101, 106);
    assert_true(source_jitter(&sources) == 0);
    source_record_heard(&one, 102, 107.16);
    assert_true(source_jitter(&sources) > 0.0099 && source_jitter(&sources) < 0);
    source_record_heard(&one, 103, 108.16);
    source_record_heard(&two, 50, 50);
    source_record_heard(&two, 51, 52.6);
    assert_true(source_jitter(&sources) > 0.0999);
}

static struct muster_feed *copy_feeds(const struct muster_feed *feeds, size_t count) {
    struct muster_feed *copy = calloc(count + 1, sizeof(*copy));
    memcpy(copy, feeds, count * sizeof(*copy));
    return copy;
}

/* What a feed had when it was seen last counts on when it is gone, but it waits for nothing. */
static void test_feeds_that_go(void **state) {
    (void)state;
    struct feeds feeds = {0};
    const struct muster_feed first[] = {
        {.id = {2}, .boot = 1, .shard = 3, .received = 10, .lost_wire = 1, .pending = 2},
        {.id = {1}, .boot = 1, .shard = 3, .received = 20, .lost_kernel = 2, .repaired = 5},
        {.id = {1}, .boot = 1, .shard = 2, .received = 30, .lost_gone = 3, .naks = 7},
    };
    const struct muster_feed second[] = {
        {.id = {1}, .boot = 1, .shard = 3, .received = 21, .lost_kernel = 2, .repaired = 6},
        {.id = {1}, .boot = 2, .shard = 2, .received = 4, .lost_program = 1},
    };
    assert_int_equal(feeds_total(&feeds).received, 0);
    feeds_replace(&feeds, copy_feeds(first, 3), 3);
    struct muster_feed total = feeds_total(&feeds);
    assert_int_equal(total.received, 60);
    assert_int_equal(total.pending, 2);
    feeds_replace(&feeds, copy_feeds(second, 2), 2);
    total = feeds_total(&feeds);
    assert_int_equal(total.received, 10 + 21 + 30 + 4);
    assert_int_equal(total.pending, 0);
    assert_int_equal(total.repaired, 6);
    assert_int_equal(total.naks, 7);
    assert_int_equal(total.lost_wire + total.lost_gone + total.lost_kernel + total.lost_program,
                     1 + 3 + 2 + 1);
    feeds_replace(&feeds, NULL, 0);
    assert_int_equal(feeds_total(&feeds).received, 65);
    free(feeds.feeds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns), cmocka_unit_test(test_times_of_other_days),
        cmocka_unit_test(test_json),    cmocka_unit_test(test_packs),
        cmocka_unit_test(test_jitter),  cmocka_unit_test(test_feeds_that_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
