/* SPDX-License-Identifier: MIT */
/* Tests that are listed where they are written:
 *
 *     TEST(two_nodes_meet) {
 *         ...
 *     }
 *
 *     int main(void) {
 *         return test_run(begin, end);
 *     }
 */
#pragma once

#include "cmocka_all.h"

#define TEST(name)                                                      \
    static void name(void **state);                                     \
    __attribute__((constructor)) static void list_##name(void) {        \
        test_list((struct CMUnitTest)cmocka_unit_test(name), __LINE__); \
    }                                                                   \
    static void name(void **state __attribute__((unused)))

/* Adds a test to those that test_run() runs; for TEST. */
void test_list(struct CMUnitTest test, int line);

/* Runs all tests of this program in the order of their lines, begin before and end after each; either may be
 * NULL. Returns how many failed, as main() does. */
int test_run(void (*begin)(void), void (*end)(void));
