#include "pattern.h"

#include <muster/telemetry.h>

#include "command.h"

int pattern_check(const struct settings *settings, const struct operands *patterns) {
    struct reason reason;
    for (size_t i = 0; i < patterns->count; i++) {
        const char *fault = muster_pattern_fault(patterns->values[i]);
        if (fault != NULL) {
            reason_set(&reason, "%s, got '%.64s'", fault, patterns->values[i]);
            return args_refuse(settings, "PATTERN", &reason);
        }
    }
    return STATUS_OK;
}

bool pattern_matches(const struct operands *patterns, const char *full_name) {
    for (size_t i = 0; i < patterns->count; i++) {
        if (muster_pattern_matches(patterns->values[i], full_name)) {
            return true;
        }
    }
    return false;
}
