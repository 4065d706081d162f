/* SPDX-License-Identifier: MIT */
/* How long to wait before what failed is tried again: longer from failure to failure (exponential back-off).
 */
#pragma once

#include <stdint.h>

#include "random.h"

struct backoff {
    uint64_t first_ms;   /* after the first failure; doubled after each further one in a row, */
    uint64_t longest_ms; /* up to this */
};

/* The pause after a failure before which so many others came in a row. Its second half is random, so that
 * those who failed together do not try again together. */
uint64_t backoff_pause_ms(const struct backoff *backoff, unsigned failures_before, struct random *random);
