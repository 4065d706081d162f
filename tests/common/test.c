/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdlib.h>

#define TESTS_MAX 128

static struct CMUnitTest tests[TESTS_MAX];
static int lines[TESTS_MAX];
static size_t count;
static void (*begin_one)(void);
static void (*end_one)(void);

static int setup(void **state) {
    (void)state;
    if (begin_one != NULL) {
        begin_one();
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    if (end_one != NULL) {
        end_one();
    }
    return 0;
}

/* Constructors run in any order. */
void test_list(struct CMUnitTest test, int line) {
    if (count == TESTS_MAX) {
        abort();
    }
    size_t place = count++;
    for (; place > 0 && lines[place - 1] > line; place--) {
        tests[place] = tests[place - 1];
        lines[place] = lines[place - 1];
    }
    test.setup_func = setup;
    test.teardown_func = teardown;
    tests[place] = test;
    lines[place] = line;
}

int test_run(void (*begin)(void), void (*end)(void)) {
    begin_one = begin;
    end_one = end;
    cmocka_set_test_filter(getenv("MUSTER_TEST")); /* NULL: all */
    return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}
