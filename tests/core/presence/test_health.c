/* SPDX-License-Identifier: MIT */
/* How late this node is, by what it saw lately. */
#include "health.h"

#include "cmocka_all.h"
#include "limit.h"

#define NOW_MS 100000

static void nobody_is_late_at_first(void **state) {
    (void)state;
    const struct health health = {0};
    assert_int_equal(health_late_ms(&health, NOW_MS), 0);
    assert_false(health_is_late(&health, NOW_MS));
}

static void lateness_fades(void **state) {
    (void)state;
    struct health health = {0};
    health_record_late(&health, 800, NOW_MS);
    assert_int_equal(health_late_ms(&health, NOW_MS), 800);
    assert_int_equal(health_late_ms(&health, NOW_MS + MUSTER_LATE_HOLD_MS / 2), 400);
    assert_int_equal(health_late_ms(&health, NOW_MS + MUSTER_LATE_HOLD_MS), 0);
    assert_int_equal(health_late_ms(&health, 10 * NOW_MS), 0);
}

static void the_largest_lateness_counts(void **state) {
    (void)state;
    struct health health = {0};
    health_record_late(&health, 800, NOW_MS);
    health_record_late(&health, 100, NOW_MS + 1000);
    assert_int_equal(health_late_ms(&health, NOW_MS + 1000), 720);
    health_record_late(&health, 100, NOW_MS + 9000); /* the larger one has faded to less than this */
    assert_int_equal(health_late_ms(&health, NOW_MS + 9000), 100);
}

static void lateness_is_bounded(void **state) {
    (void)state;
    struct health health = {0};
    health_record_late(&health, 3600000, NOW_MS);
    assert_int_equal(health_late_ms(&health, NOW_MS), MUSTER_LATE_MS_MAX);
}

static void a_wait_ends_as_lateness_fades(void **state) {
    (void)state;
    struct health health = {0};
    assert_int_equal(health_wait_ms(&health, 4, NOW_MS), 0);
    health_record_late(&health, MUSTER_LATE_MS_MAX, NOW_MS);
    uint64_t wait_ms = health_wait_ms(&health, 4, NOW_MS);
    assert_in_range(wait_ms, 6600, 6700); /* when a third of it is left: 4 * 1667 ms */
    assert_in_range(health_wait_ms(&health, 4, NOW_MS + 3000), 4600, 4700); /* the same part of it */
    assert_int_equal(health_wait_ms(&health, 4, NOW_MS + MUSTER_LATE_HOLD_MS), 0);
}

static void a_little_lateness_keeps_nobody_from_judging(void **state) {
    (void)state;
    struct health health = {0};
    health_record_late(&health, MUSTER_LATE_MS - 1, NOW_MS);
    assert_false(health_is_late(&health, NOW_MS));
    health_record_late(&health, MUSTER_LATE_MS, NOW_MS);
    assert_true(health_is_late(&health, NOW_MS));
    assert_false(health_is_late(&health, NOW_MS + MUSTER_LATE_HOLD_MS));
}

static void a_full_machine_is_full_for_a_while(void **state) {
    (void)state;
    struct health health = {0};
    assert_false(health_is_mute(&health, NOW_MS));
    health_record_unsent(&health, false, NOW_MS);
    assert_false(health_is_mute(&health, NOW_MS));
    health_record_unsent(&health, true, NOW_MS);
    assert_true(health_is_mute(&health, NOW_MS));
    assert_true(health_is_mute(&health, NOW_MS + MUSTER_FULL_MS - 1));
    assert_false(health_is_mute(&health, NOW_MS + MUSTER_FULL_MS));
}

static void who_is_late_knows_that_its_machine_is_full(void **state) {
    (void)state;
    struct health health = {0};
    health_record_unsent(&health, true, NOW_MS);
    health_record_late(&health, 800, NOW_MS);
    assert_true(health_is_mute(&health, NOW_MS));
}

static unsigned unicasts_at(struct health *health, uint64_t now_ms) {
    unsigned count = 0;
    while (count < 100 && health_take_unicast(health, now_ms)) {
        count++;
    }
    return count;
}

static void a_full_machine_speaks_to_few_alone(void **state) {
    (void)state;
    struct health health = {0};
    assert_int_equal(unicasts_at(&health, NOW_MS), 100);
    health_record_unsent(&health, false, NOW_MS);
    assert_int_equal(unicasts_at(&health, NOW_MS), MUSTER_FULL_BURST);
    assert_int_equal(unicasts_at(&health, NOW_MS + 5000), 1);
    assert_int_equal(unicasts_at(&health, NOW_MS + MUSTER_FULL_MS), 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_late_at_first),
        cmocka_unit_test(lateness_fades),
        cmocka_unit_test(the_largest_lateness_counts),
        cmocka_unit_test(lateness_is_bounded),
        cmocka_unit_test(a_wait_ends_as_lateness_fades),
        cmocka_unit_test(a_little_lateness_keeps_nobody_from_judging),
        cmocka_unit_test(a_full_machine_is_full_for_a_while),
        cmocka_unit_test(who_is_late_knows_that_its_machine_is_full),
        cmocka_unit_test(a_full_machine_speaks_to_few_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
