/* SPDX-License-Identifier: MIT */
#include "condition.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "pattern.h"
#include "value.h"

static const char blanks[] = " \t";

bool condition_is_one(const char *text) {
    static const char *const prefixes[] = {"type:", "name:", "id:"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0) {
            return false;
        }
    }
    return strpbrk(text, "<>=!") != NULL;
}

/* Reads an operator, and returns what follows it; NULL when there is none. */
static const char *read_comparison(const char *text, enum condition_comparison *comparison) {
    static const struct {
        const char *text; /* the longer of two that begin alike comes first */
        enum condition_comparison comparison;
    } comparisons[] = {{"<=", CONDITION_AT_MOST}, {"<", CONDITION_LESS},   {">=", CONDITION_AT_LEAST},
                       {">", CONDITION_GREATER},  {"==", CONDITION_EQUAL}, {"=", CONDITION_EQUAL},
                       {"!=", CONDITION_UNEQUAL}};
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        if (strncmp(text, comparisons[i].text, strlen(comparisons[i].text)) == 0) {
            *comparison = comparisons[i].comparison;
            return text + strlen(comparisons[i].text);
        }
    }
    return NULL;
}

static int read_pattern(const char *text, size_t length, struct condition *condition, struct reason *reason) {
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL) {
        length--;
    }
    if (length >= sizeof(condition->pattern)) {
        return reason_set(reason, "expected a name of at most %d bytes before the operator",
                          MUSTER_PATTERN_BYTES_MAX);
    }
    snprintf(condition->pattern, sizeof(condition->pattern), "%.*s", (int)length, text);
    return pattern_check_one(condition->pattern, reason);
}

static void read_value(const char *text, struct condition *condition) {
    const char *end = text;
    condition->text = text;
    condition->boolean = strcmp(text, "true") == 0;
    if (condition->boolean || strcmp(text, "false") == 0) {
        condition->kind = MUSTER_VALUE_BOOLEAN;
    } else if (number_read(&end, text + strlen(text), &condition->number) == NUMBER_OK && *end == '\0') {
        condition->kind = MUSTER_VALUE_NUMBER;
    } else {
        condition->kind = MUSTER_VALUE_TEXT;
    }
}

int condition_parse(const char *text, struct condition *condition, struct reason *reason) {
    text += strspn(text, blanks);
    const size_t length = strcspn(text, "<>=!");
    const char *value = read_comparison(text + length, &condition->comparison);
    if (value == NULL || value[strspn(value, blanks)] == '\0') {
        return reason_set(reason,
                          "expected TOPIC OPERATOR VALUE such as 'kitchen/temperature < 5', got " VALUE_QUOTE,
                          text);
    }
    if (read_pattern(text, length, condition, reason) != 0) {
        return -1;
    }
    read_value(value + strspn(value, blanks), condition);
    if (condition->kind != MUSTER_VALUE_NUMBER && condition->comparison != CONDITION_EQUAL &&
        condition->comparison != CONDITION_UNEQUAL) {
        return reason_set(reason, "expected a number behind < and >, got " VALUE_QUOTE, condition->text);
    }
    return 0;
}

static bool is_equal(const struct condition *condition, const struct muster_record *record) {
    switch (condition->kind) {
    case MUSTER_VALUE_NUMBER: return record->number == condition->number;
    case MUSTER_VALUE_BOOLEAN: return record->boolean == condition->boolean;
    case MUSTER_VALUE_TEXT:
        return record->text_length == strlen(condition->text) &&
               memcmp(record->text, condition->text, record->text_length) == 0;
    case MUSTER_VALUE_DATA:
    case MUSTER_VALUE_NONE: return false;
    }
    return false;
}

bool condition_holds(const struct condition *condition, const struct muster_record *record) {
    if (record->kind != condition->kind || !muster_pattern_matches(condition->pattern, record->name)) {
        return false;
    }
    switch (condition->comparison) {
    case CONDITION_LESS: return record->number < condition->number;
    case CONDITION_AT_MOST: return record->number <= condition->number;
    case CONDITION_GREATER: return record->number > condition->number;
    case CONDITION_AT_LEAST: return record->number >= condition->number;
    case CONDITION_EQUAL: return is_equal(condition, record);
    case CONDITION_UNEQUAL: return !is_equal(condition, record);
    }
    return false;
}
