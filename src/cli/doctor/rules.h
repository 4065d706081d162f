/* SPDX-License-Identifier: MIT */
/* What the evidence means: few verdicts, the cause before what follows from it, which is left out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts.h"
#include "live.h"

#define RULES_VERDICTS_MAX 12

/* What a verdict explains, so that its consequences are no verdicts of their own. */
enum rules_topic {
    RULES_ALL = 1 << 0, /* nothing works at all */
    RULES_M4 = 1 << 1,
    RULES_M6 = 1 << 2,
    RULES_B4 = 1 << 3,
    RULES_UNICAST = 1 << 4,
    RULES_TCP = 1 << 5,
};

/* Plain value. */
struct verdict {
    const char *id;  /* "firewall.rule"; static storage */
    bool is_certain; /* else likely */
    unsigned explains;
    char what[256];
    char evidence[512];
    char fix[320];
};

struct verdicts {
    struct verdict items[RULES_VERDICTS_MAX];
    size_t count;
};

struct evidence {
    const struct facts *facts;
    const struct live *live;
    uint16_t port;      /* of the control group */
    unsigned explained; /* topics, by the verdicts so far; 0 at the start */
};

/* Judges the evidence, and nothing else. */
void rules_judge(const struct evidence *evidence, struct verdicts *verdicts);

/* Id of the i-th rule, NULL behind the last, so that documentation and schemas can be held against them. */
const char *rules_id(size_t i);
