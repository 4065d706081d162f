/* SPDX-License-Identifier: MIT */
#include "value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"

int value_flag(const char *text, void *place_bool, struct reason *reason) {
    (void)text;
    (void)reason;
    *(bool *)place_bool = true;
    return 0;
}

int value_text(const char *text, void *place_const_char_pointer, struct reason *reason) {
    if (text[0] == '\0') {
        return reason_set(reason, "expected a text that is not empty");
    }
    *(const char **)place_const_char_pointer = text;
    return 0;
}

/* ---- numbers ---- */

bool value_number(const char *text, uint64_t min, uint64_t max, uint64_t *number) {
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false; /* strtoull takes signs and white space */
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max) {
        return false;
    }
    *number = value;
    return true;
}

int value_range(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *number,
                struct reason *reason) {
    if (value_number(text, min, max, number)) {
        return 0;
    }
    return reason_set(reason, "expected %s from %llu to %llu, got " VALUE_QUOTE, what,
                      (unsigned long long)min, (unsigned long long)max, text);
}

int value_count(const char *text, void *place_size_t, struct reason *reason) {
    uint64_t number = 0;
    if (value_range("a number", text, 1, VALUE_COUNT_MAX, &number, reason) != 0) {
        return -1;
    }
    *(size_t *)place_size_t = (size_t)number;
    return 0;
}

/* ---- times ---- */

/* Reads one to nine digits and returns what follows them; NULL when there are none or more. */
static const char *read_digits(const char *text, uint64_t *value) {
    size_t count = strspn(text, "0123456789");
    if (count == 0 || count > 9) {
        return NULL;
    }
    *value = strtoull(text, NULL, 10);
    return text + count;
}

/* The milliseconds of a unit; 0 when there is no such unit. */
static uint64_t unit_ms(const char *unit) {
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0) {
            return units[i].ms;
        }
    }
    return 0;
}

/* Reads the digits behind a decimal point, and returns what follows them; NULL likewise. */
static const char *read_thousandths(const char *text, uint64_t *thousandths) {
    const char *end = read_digits(text, thousandths);
    char three[] = "000";
    if (end != NULL) {
        memcpy(three, text, end - text < 3 ? (size_t)(end - text) : 3);
    }
    *thousandths = strtoull(three, NULL, 10);
    return end;
}

static bool read_duration(const char *text, uint64_t *ms) {
    uint64_t whole;
    uint64_t thousandths = 0;
    const char *unit = read_digits(text, &whole);
    if (unit != NULL && *unit == '.') {
        unit = read_thousandths(unit + 1, &thousandths);
    }
    if (unit == NULL || unit_ms(unit) == 0) {
        return false;
    }
    *ms = whole * unit_ms(unit) + thousandths * unit_ms(unit) / 1000;
    return true;
}

int value_duration(const char *text, uint64_t min_ms, uint64_t max_ms, uint64_t *ms, struct reason *reason) {
    uint64_t duration_ms;
    if (read_duration(text, &duration_ms) && duration_ms >= min_ms && duration_ms <= max_ms) {
        *ms = duration_ms;
        return 0;
    }
    return reason_set(reason, "expected a time from %llums to %lluh such as 5, 2.5s or 1m, got " VALUE_QUOTE,
                      (unsigned long long)min_ms, (unsigned long long)(max_ms / 3600000), text);
}

int value_timeout(const char *text, void *place_uint64_ms, struct reason *reason) {
    return value_duration(text, 1, VALUE_TIMEOUT_MS_MAX, place_uint64_ms, reason);
}

/* ---- words and lists ---- */

int value_word(const char *text, const char *(*word)(size_t i), size_t *index, struct reason *reason) {
    char all[256] = "";
    struct near near = {.wanted = text};
    for (size_t i = 0; word(i) != NULL; i++) {
        const size_t length = strlen(all);
        const char *separator = i == 0 ? "" : word(i + 1) != NULL ? ", " : " or ";
        if (strcmp(text, word(i)) == 0) {
            *index = i;
            return 0;
        }
        snprintf(all + length, sizeof(all) - length, "%s%s", separator, word(i));
        near_offer(&near, word(i));
    }
    return reason_set(reason, "expected %s, got " VALUE_QUOTE "%s", all, text, near_text(&near).text);
}

const char *value_join(const char *(*word)(size_t i), const char *separator, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; word(i) != NULL; i++) {
        const size_t length = strlen(text);
        snprintf(text + length, size - length, "%s%s", i > 0 ? separator : "", word(i));
    }
    return text;
}

bool value_next_item(const char **list, char *item, size_t size) {
    if (*list == NULL) {
        return false;
    }
    const size_t length = strcspn(*list, ",");
    snprintf(item, size, "%.*s", (int)length, *list);
    *list = (*list)[length] == ',' ? *list + length + 1 : NULL;
    return true;
}

const char *const *value_texts_pointers(const struct value_texts *texts,
                                        const char *pointers[VALUE_TEXTS_MAX]) {
    for (size_t i = 0; i < texts->count; i++) {
        pointers[i] = texts->texts[i];
    }
    return texts->count > 0 ? pointers : NULL;
}

int value_list_add(struct value_list *list, const char *text, struct reason *reason) {
    const char **grown = realloc(list->values, (list->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return reason_set_memory(reason);
    }
    list->values = grown;
    grown[list->count++] = text;
    return 0;
}
