/* SPDX-License-Identifier: MIT */
/* Patterns of full names: any of them is enough. */
#pragma once

#include <stdbool.h>

#include "args.h"
#include "reason.h"

/* 0 when each operand is a pattern, else -1 with a reason. */
int pattern_check(const struct operands *patterns, struct reason *reason);

/* True when one of them matches a full name. */
bool pattern_matches(const struct operands *patterns, const char *full_name);
