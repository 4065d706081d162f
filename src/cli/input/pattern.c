/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include <string.h>

#include <muster/telemetry.h>

int pattern_check(const struct operands *patterns, struct reason *reason) {
    for (size_t i = 0; i < patterns->count; i++) {
        const char *fault = muster_pattern_fault(patterns->values[i]);
        if (fault != NULL && strchr(patterns->values[i], '*') != NULL) {
            return reason_set(reason,
                              "+ stands for one level, and # at the end for all that follow, got '%.64s'",
                              patterns->values[i]);
        }
        if (fault != NULL) {
            return reason_set(reason, "%s, got '%.64s'", fault, patterns->values[i]);
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
