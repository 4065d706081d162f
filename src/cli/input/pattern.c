/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <string.h>

#include <muster/telemetry.h>

int pattern_check_one(const char *pattern, struct reason *reason) {
    const char *fault = muster_pattern_fault(pattern);
    if (fault != NULL && strchr(pattern, '*') != NULL) {
        return reason_set(reason, PATTERN_WILDCARDS ", got '%.64s'", pattern);
    }
    return fault == NULL ? 0 : reason_set(reason, "%s, got '%.64s'", fault, pattern);
}

int pattern_check(const struct operands *patterns, struct reason *reason) {
    for (size_t i = 0; i < patterns->count; i++) {
        if (pattern_check_one(patterns->values[i], reason) != 0) {
            return -1;
        }
    }
    return 0;
}

bool pattern_matches(const struct operands *patterns, const char *full_name) {
    for (size_t i = 0; i < patterns->count; i++) {
        if (muster_pattern_matches(patterns->values[i], full_name)) {
            return true;
        }
    }
    return false;
}
