/* SPDX-License-Identifier: MIT */
/* What the evidence means: few verdicts, the cause before what follows from it, which is left out. */
#pragma once

#include <stddef.h>

#include "rule.h"

#define RULES_VERDICTS_MAX 12

struct verdicts {
    struct verdict items[RULES_VERDICTS_MAX];
    size_t count;
};

/* Judges the evidence, and nothing else. */
void rules_judge(const struct evidence *evidence, struct verdicts *verdicts);

/* Id of the i-th rule, NULL behind the last, so that documentation and schemas can be held against them. */
const char *rules_id(size_t i);
