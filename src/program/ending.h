/* SPDX-License-Identifier: MIT */
/* Signals that end a command even while its loop does not run. Whoever reads standard output may stop
 * reading: a pipe is full, or a terminal is stopped by Ctrl-S. Then a write waits, and libuv's signals with
 * it. */
#pragma once

#include <stdbool.h>

/* The time within which the loop has to take a signal. */
#define ENDING_UNTAKEN_S 10

/* The time that the end waits for a resolver, once all else is closed. */
#define ENDING_RESOLVER_MS 1000

/* For a signal whose handle was just started on a loop. When it comes, a stopped terminal goes on, and the
 * loop has untaken_s to take the signal; else the process exits with 1. 0, or a negative number of
 * uv_strerror(). */
int ending_guard(int number, unsigned untaken_s);

/* The loop took the signal. */
void ending_take(void);

/* A thread of the process does not come back, as one that asks a resolver: the end is not to wait for it. */
void ending_abandon(void);
bool ending_is_abandoned(void);

/* Returns the status for main(); where a thread was abandoned the process exits with it, once what was
 * printed is written. */
int ending_exit(int status);
