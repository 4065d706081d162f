/* SPDX-License-Identifier: MIT */
/* What the tests of cli have in common: captured streams, a directory, and memory that runs out. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <uv.h>

#include "cmocka_all.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A test without state. */
#define TEST(name) static void name(__attribute__((unused)) void **state)

/* Captures what is printed to a stream (&stdout, &stderr) until capture_end(), which returns it; it holds
 * until the next call. */
void capture_begin(FILE **stream);
const char *capture_end(void);

/* Ends capturing, and compares what was printed. */
void capture_check(const char *expected);

/* A directory of the test, made and removed as group setup and teardown. fixture_path() gives a path in it,
 * which holds for four calls. */
int fixture_make_directory(void **state);
int fixture_remove_directory(void **state);
extern char fixture_directory[];
char *fixture_path(const char *name);

/* Compares a text with that of a file. With MUSTER_WRITE_GOLDENS in the environment the file is written anew
 * instead. */
void golden_check(const char *path, const char *text);

/* Closes all that is left on a loop, and the loop. */
void fixture_close_loop(uv_loop_t *loop);

/* Has the n-th allocation of exercise() fail, for each n until none does; then it must have succeeded, and
 * not before. It allocates more than `allocations` times. */
void fixture_exhaust_memory(bool (*exercise)(void *context), void *context, unsigned long allocations);
