/* SPDX-License-Identifier: MIT */
/* Something that may happen thousands of times, and is said at most once in ten seconds, with how often it
 * was so. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: it has not happened. */
struct grievance {
    uint64_t count; /* since it was said last; to be set to 0 when it is said */
    uint64_t said_ms;
};

/* It happened so many times. True when it is to be said now. */
bool grievance_add(struct grievance *grievance, uint64_t count);
