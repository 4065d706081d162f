/* SPDX-License-Identifier: MIT */
/* Readings in memory, until they are written. */
#include <string.h>

#include "batch.h"
#include "fixture.h"

static const struct batch_source thermo = {
    .id = {1}, .peer = "thermo", .topic = "kitchen", .name = "kitchen/t", .unit = "Cel", .origin = ""};

static int add_number(struct batch *batch, const struct batch_source *source, double time_s, double number) {
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = number, .time_s = time_s};
    return batch_add(batch, source, &record, 0, false);
}

TEST(test_a_series_is_held_once) {
    struct batch_source other = thermo;
    struct batch_source brought = thermo;
    struct batch batch = {0};
    other.unit = "";
    brought.origin = "site-b";
    for (int i = 0; i < 100; i++) {
        assert_int_equal(add_number(&batch, i % 2 == 0 ? &thermo : &other, 1e9 + i, i), 0);
    }
    assert_int_equal(add_number(&batch, &brought, 2e9, 0), 0);
    assert_int_equal(batch.series_count, 3);
    assert_string_equal(batch_source(&batch, 0).origin, "");
    assert_string_equal(batch_source(&batch, 2).origin, "site-b");
    assert_string_equal(batch_source(&batch, 0).unit, "Cel");
    assert_string_equal(batch_source(&batch, 1).name, "kitchen/t");
    assert_string_equal(batch_source(&batch, 1).unit, "");
    batch_sort(&batch);
    assert_int_equal(batch.readings[49].series, 0);
    assert_int_equal(batch.readings[49].order, 98);
    assert_int_equal(batch.readings[50].order, 1);
    batch_clear(&batch);
    assert_int_equal(batch.reading_count + batch.event_count, 0);
    assert_int_equal(add_number(&batch, &other, 1e9, 1), 0);
    assert_int_equal(batch.series_count, 1);
    batch_deinit(&batch);
}

/* A time that would break what is computed with times is that of the arrival. */
TEST(test_times_that_nobody_means) {
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 1};
    const double times[] = {1e14, -1e300, 5, MUSTER_TIME_S_MAX};
    struct batch batch = {0};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct muster_record other = record;
        other.time_s = times[i];
        assert_int_equal(batch_add(&batch, &thermo, &other, 1700000000000000, false), 0);
        assert_int_equal(batch.readings[i].time_us, 1700000000000000);
    }
    batch_deinit(&batch);
}

TEST(test_many_series) {
    struct batch_source source = thermo;
    struct batch batch = {0};
    char name[32];
    source.name = name;
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "n/%d", i % 10000);
        assert_int_equal(add_number(&batch, &source, 1e9, i), 0);
    }
    assert_int_equal(batch.series_count, 10000);
    assert_string_equal(batch_source(&batch, 9999).name, "n/9999");
    batch_deinit(&batch);
}

TEST(test_a_full_batch) {
    char text[1200];
    struct muster_record record = {.kind = MUSTER_VALUE_TEXT, .text = text, .text_length = sizeof(text)};
    struct batch batch = {0};
    size_t count = 0;
    memset(text, 'x', sizeof(text));
    while (add_number(&batch, &thermo, 1e9, 1) == 0) {
        count++;
    }
    assert_int_equal(count, BATCH_READINGS_MAX);
    assert_int_equal(add_number(&batch, &thermo, 1e9, 1), MUSTER_EFULL);
    batch_clear(&batch);
    while (batch_add(&batch, &thermo, &record, 0, false) == 0) {
    }
    assert_in_range(batch.length, BATCH_BYTES_MAX - 2000, BATCH_BYTES_MAX);
    batch_deinit(&batch);
}

static bool fill(void *context) {
    struct batch batch = {0};
    const struct batch_event event = {.event = "began"};
    struct batch_source source = thermo;
    bool is_whole = true;
    char name[32];
    (void)context;
    source.name = name;
    for (int i = 0; i < 200 && is_whole; i++) {
        snprintf(name, sizeof(name), "n/%d", i);
        is_whole = add_number(&batch, &source, 1e9, i) == 0 && batch_add_event(&batch, &event) == 0;
    }
    batch_deinit(&batch);
    return is_whole;
}

TEST(test_memory) {
    fixture_exhaust_memory(fill, NULL, 8);
}

TEST(test_events_are_bounded) {
    const struct batch_event event = {.event = "joined"};
    struct batch batch = {0};
    for (size_t i = 0; i < BATCH_EVENTS_MAX; i++) {
        assert_int_equal(batch_add_event(&batch, &event), 0);
    }
    assert_int_equal(batch_add_event(&batch, &event), MUSTER_EFULL);
    assert_int_equal(batch.event_count, BATCH_EVENTS_MAX);
    batch_deinit(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_series_is_held_once), cmocka_unit_test(test_times_that_nobody_means),
        cmocka_unit_test(test_many_series),           cmocka_unit_test(test_a_full_batch),
        cmocka_unit_test(test_events_are_bounded),    cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
