/* SPDX-License-Identifier: MIT */
/* Sets of patterns. */
#include "pattern_set.h"

#include <string.h>

#include <muster/error.h>

#include "countdown.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(a_set_holds_copies) {
    char first[] = "kitchen/#";
    const char *const patterns[] = {first, "+/power"};
    struct pattern_set set;
    assert_int_equal(pattern_set_init(&set, patterns, COUNT(patterns)), 0);
    memset(first, 'x', sizeof first - 1);
    assert_int_equal(set.count, 2);
    assert_string_equal(set.items[0], "kitchen/#");
    assert_string_equal(set.items[1], "+/power");
    pattern_set_deinit(&set);
    assert_int_equal(set.count, 0);
    pattern_set_deinit(&set);
}

TEST(any_pattern_of_a_set_decides) {
    const char *const patterns[] = {"kitchen/climate/+", "+/power"};
    struct pattern_set set;
    assert_int_equal(pattern_set_init(&set, patterns, COUNT(patterns)), 0);
    assert_true(pattern_set_touches(&set, "kitchen/climate"));
    assert_true(pattern_set_touches(&set, "cellar/power"));
    assert_false(pattern_set_touches(&set, "cellar/climate"));
    pattern_set_deinit(&set);
}

TEST(an_empty_set_takes_nothing) {
    struct pattern_set set;
    assert_int_equal(pattern_set_init(&set, NULL, 0), 0);
    assert_false(pattern_set_touches(&set, "kitchen"));
    pattern_set_deinit(&set);
}

TEST(without_memory_a_set_is_empty) {
    const char *const patterns[] = {"#"};
    struct pattern_set set;
    countdown_set(1);
    assert_int_equal(pattern_set_init(&set, patterns, 1), MUSTER_ENOMEM);
    countdown_set(0);
    assert_int_equal(set.count, 0);
    pattern_set_deinit(&set);
}

int main(void) {
    return test_run(NULL, NULL);
}
