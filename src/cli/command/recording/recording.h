/* SPDX-License-Identifier: MIT */
/* What the commands have in common that write or read a recording. */
#pragma once

#include "args.h"
#include "store.h"

/* "6M", "1G", "500000000": bytes, into a uint64_t. For args_option.parse. */
int recording_parse_size(const char *text, void *place_uint64, struct reason *reason);

/* "30": days, into a uint64_t of microseconds. For args_option.parse. */
int recording_parse_days(const char *text, void *place_uint64_us, struct reason *reason);

/* "1.5 MB", by value. */
struct recording_size {
    char text[16];
};
struct recording_size recording_size(uint64_t bytes);

/* The time of the wall clock, in microseconds since 1970. */
int64_t recording_now_us(void);
