/* SPDX-License-Identifier: MIT */
/* What a reading may be waited for: "kitchen/temperature < 5". */
#pragma once

#include <stdbool.h>

#include <muster/telemetry.h>

#include "reason.h"

enum condition_comparison {
    CONDITION_LESS,
    CONDITION_AT_MOST,
    CONDITION_GREATER,
    CONDITION_AT_LEAST,
    CONDITION_EQUAL,
    CONDITION_UNEQUAL,
};

struct condition {
    char pattern[MUSTER_PATTERN_BYTES_MAX + 1]; /* of full names */
    enum condition_comparison comparison;
    enum muster_value_kind kind; /* of the value: NUMBER, BOOLEAN or TEXT */
    double number;
    bool boolean;
    const char *text; /* borrowed from the text that was parsed */
};

/* True for a text that has an operator, and does not begin with type:, name: or id:, which mean peers. */
bool condition_is_one(const char *text);

/* Parses "PATTERN OPERATOR VALUE", with blanks or without, where OPERATOR is < <= > >= = == or !=, and VALUE
 * a number, true, false, or, for equality alone, a text. 0, or -1 with a reason. */
int condition_parse(const char *text, struct condition *condition, struct reason *reason);

/* True for a reading whose name matches, whose value is of that kind, and which is as the condition says. */
bool condition_holds(const struct condition *condition, const struct muster_record *record);
