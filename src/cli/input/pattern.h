/* Patterns of full names, as operands: any of them is enough. */
#ifndef CLI_PATTERN_H
#define CLI_PATTERN_H

#include <stdbool.h>

#include "args.h"

/* STATUS_OK when each is one, else STATUS_USAGE, having said why. */
int pattern_check(const struct settings *settings, const struct operands *patterns);

/* True when one of them matches a full name. */
bool pattern_matches(const struct operands *patterns, const char *full_name);

#endif
