/* SPDX-License-Identifier: MIT */
#include "recording.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "value.h"

#define DAY_US ((uint64_t)86400 * 1000000)

int recording_parse_size(const char *text, void *place_uint64, struct reason *reason) {
    static const char suffixes[] = "kMGT";
    const size_t length = strlen(text);
    const char *suffix = length > 0 ? strchr(suffixes, text[length - 1]) : NULL;
    char digits[24];
    uint64_t factor = 1;
    uint64_t number;
    for (const char *at = suffixes; suffix != NULL && at <= suffix; at++) {
        factor *= 1000;
    }
    snprintf(digits, sizeof(digits), "%.*s", (int)(length - (suffix != NULL ? 1 : 0)), text);
    if (length < sizeof(digits) && value_number(digits, 1, STORE_BYTES_MAX / factor, &number) &&
        number * factor >= STORE_BYTES_MIN) {
        *(uint64_t *)place_uint64 = number * factor;
        return 0;
    }
    return reason_set(reason, "expected bytes from 6M to 10T such as 500M or 2G, got " VALUE_QUOTE, text);
}

int recording_parse_days(const char *text, void *place_uint64_us, struct reason *reason) {
    uint64_t days;
    if (value_range("days", text, 1, STORE_DAYS_MAX, &days, reason) != 0) {
        return -1;
    }
    *(uint64_t *)place_uint64_us = days * DAY_US;
    return 0;
}

struct recording_size recording_size(uint64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    struct recording_size size;
    double number = (double)bytes;
    size_t unit = 0;
    while (number >= 1000 && unit < sizeof(units) / sizeof(units[0]) - 1) {
        number /= 1000;
        unit++;
    }
    snprintf(size.text, sizeof(size.text), "%.*f %s", unit > 0 && number < 100 ? 1 : 0, number, units[unit]);
    return size;
}

int64_t recording_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
