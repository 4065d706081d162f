/* SPDX-License-Identifier: MIT */
#include "moment.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "value.h"

#define SECOND_US ((int64_t)1000000)
#define SPAN_US_MIN ((int64_t)1000)
#define SPAN_US_MAX (SECOND_US * 86400 * 36525)

/* ---- spans ---- */

static bool read_span(const char *text, int64_t *us) {
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"", SECOND_US},
                 {"ms", 1000},
                 {"s", SECOND_US},
                 {"m", 60 * SECOND_US},
                 {"h", 3600 * SECOND_US},
                 {"d", 86400 * SECOND_US},
                 {"w", 7 * 86400 * SECOND_US}};
    const size_t digits = strspn(text, "0123456789.");
    char number[16];
    char *end;
    if (digits == 0 || digits >= sizeof(number) || text[0] == '.' || text[digits - 1] == '.') {
        return false;
    }
    snprintf(number, sizeof(number), "%.*s", (int)digits, text);
    const double value = strtod(number, &end);
    for (size_t i = 0; *end == '\0' && i < sizeof(units) / sizeof(units[0]); i++) {
        const double span_us = value * (double)units[i].us;
        if (strcmp(text + digits, units[i].name) == 0 && span_us >= (double)SPAN_US_MIN &&
            span_us <= (double)SPAN_US_MAX) {
            *us = llround(span_us);
            return true;
        }
    }
    return false;
}

int moment_parse_span(const char *text, void *place_int64_us, struct reason *reason) {
    if (read_span(text, place_int64_us)) {
        return 0;
    }
    return reason_set(reason, "expected a time such as 500ms, 10s, 10m, 1h or 1d, got " VALUE_QUOTE, text);
}

/* ---- moments ---- */

/* Reads so many digits as a number in [min, max], and moves *text behind them. */
static bool read_number(const char **text, size_t digits, int min, int max, int *number) {
    *number = 0;
    for (size_t i = 0; i < digits; i++) {
        if ((*text)[i] < '0' || (*text)[i] > '9') {
            return false;
        }
        *number = 10 * *number + ((*text)[i] - '0');
    }
    *text += digits;
    return *number >= min && *number <= max;
}

static bool read_character(const char **text, const char *expected) {
    if (**text == '\0' || strchr(expected, **text) == NULL) {
        return false;
    }
    (*text)++;
    return true;
}

/* Reads "12:30", "12:30:01" or "12:30:01.25". */
static bool read_clock(const char **text, struct tm *parts, int64_t *fraction_us) {
    if (!read_number(text, 2, 0, 23, &parts->tm_hour) || !read_character(text, ":") ||
        !read_number(text, 2, 0, 59, &parts->tm_min)) {
        return false;
    }
    parts->tm_sec = 0;
    if (read_character(text, ":") && !read_number(text, 2, 0, 60, &parts->tm_sec)) {
        return false;
    }
    if (!read_character(text, ".")) {
        return true;
    }
    const size_t digits = strspn(*text, "0123456789");
    int64_t scale = SECOND_US;
    for (size_t i = 0; i < digits; i++) {
        scale /= 10;
        *fraction_us += scale * ((*text)[i] - '0');
    }
    *text += digits;
    return digits > 0;
}

/* Reads "Z", "+01:00" or nothing, and makes a time of the parts. */
static bool read_zone(const char *text, struct tm *parts, time_t *seconds) {
    int hours = 0;
    int minutes = 0;
    const int sign = *text == '-' ? -1 : 1;
    if (*text == '\0') {
        parts->tm_isdst = -1;
        *seconds = mktime(parts);
        return true;
    }
    *seconds = timegm(parts);
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        return true;
    }
    if (!read_character(&text, "+-") || !read_number(&text, 2, 0, 23, &hours) ||
        !read_character(&text, ":") || !read_number(&text, 2, 0, 59, &minutes) || *text != '\0') {
        return false;
    }
    *seconds -= sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_date(const char **text, struct tm *parts) {
    if (!read_number(text, 4, 1970, 9999, &parts->tm_year) || !read_character(text, "-") ||
        !read_number(text, 2, 1, 12, &parts->tm_mon) || !read_character(text, "-") ||
        !read_number(text, 2, 1, 31, &parts->tm_mday)) {
        return false;
    }
    parts->tm_year -= 1900;
    parts->tm_mon--;
    return true;
}

static bool read_moment(const char *text, int64_t now_us, int64_t *us) {
    const time_t now = (time_t)(now_us / SECOND_US);
    int64_t fraction_us = 0;
    struct tm parts;
    time_t seconds;
    if (strcmp(text, "now") == 0) {
        *us = now_us;
        return true;
    }
    if (read_span(text, us)) {
        *us = now_us - *us;
        return true;
    }
    localtime_r(&now, &parts);
    parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
    if (strlen(text) > 2 && text[2] == ':') {
        if (!read_clock(&text, &parts, &fraction_us)) {
            return false;
        }
    } else if (!read_date(&text, &parts) ||
               (read_character(&text, " T") && !read_clock(&text, &parts, &fraction_us))) {
        return false;
    }
    const int day = parts.tm_mday;
    if (!read_zone(text, &parts, &seconds) || parts.tm_mday != day) { /* no 30th of February */
        return false;
    }
    *us = (int64_t)seconds * SECOND_US + fraction_us;
    return true;
}

int moment_read(const char *text, int64_t now_us, int64_t *us, struct reason *reason) {
    if (read_moment(text, now_us, us)) {
        return 0;
    }
    return reason_set(
        reason, "expected a time such as 1d (ago), 12:30, 2026-01-31 or '2026-01-31 12:30', got " VALUE_QUOTE,
        text);
}

int moment_parse(const char *text, void *place_int64_us, struct reason *reason) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return moment_read(text, (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000, place_int64_us, reason);
}
