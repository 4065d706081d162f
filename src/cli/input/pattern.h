/* SPDX-License-Identifier: MIT */
/* Patterns of full names: any of them is enough. */
#pragma once

#include <stdbool.h>

#include "args.h"
#include "reason.h"

/* For people who write a * as for files. */
#define PATTERN_WILDCARDS "+ stands for one level, and # at the end for all that follow"

/* 0 when it is a pattern, else -1 with a reason. */
int pattern_check_one(const char *pattern, struct reason *reason);

/* 0 when each operand is a pattern, else -1 with a reason. */
int pattern_check(const struct operands *patterns, struct reason *reason);

/* True when one of them matches a full name. */
bool pattern_matches(const struct operands *patterns, const char *full_name);
