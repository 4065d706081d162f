/* SPDX-License-Identifier: MIT */
/* When something is due, ms. */
#pragma once

#include <stdint.h>

#define DEADLINE_NEVER UINT64_MAX

static inline uint64_t deadline_earlier(uint64_t a_ms, uint64_t b_ms) {
    return a_ms < b_ms ? a_ms : b_ms;
}
