/* SPDX-License-Identifier: MIT */
/* Moments and spans of the past, as users write them. Those that take a place are args_option.parse. */
#pragma once

#include <stdint.h>

#include "reason.h"

/* "10m", "1d", "2w": so long ago; "now"; "12:30", of today; "2026-01-31", "2026-01-31 12:30:00.5", with "T"
 * for the blank, if wanted, and "Z" or "+01:00" behind it; else local time. Microseconds since 1970. now_us
 * is the time. 0, or -1 with a reason. */
int moment_read(const char *text, int64_t now_us, int64_t *us, struct reason *reason);

/* The same by the clock. */
int moment_parse(const char *text, void *place_int64_us, struct reason *reason);

/* "500ms", "10s", "10m", "1h", "1d", "2w", a bare number being seconds: microseconds, 1 ms to 100 years. */
int moment_parse_span(const char *text, void *place_int64_us, struct reason *reason);
