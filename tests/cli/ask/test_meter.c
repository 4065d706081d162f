/* SPDX-License-Identifier: MIT */
/* What a subscriber measures. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "meter.h"
#include "source.h"

TEST(test_jitter) {
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
TEST(test_feeds_that_go) {
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
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_feeds_that_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
