/* SPDX-License-Identifier: MIT */
/* One rule: from evidence to a verdict. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "evidence.h"

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

struct rule {
    const char *id;

    /* Fills in the verdict, whose id and topics are set already, when the rule holds the n-th time. */
    bool (*holds)(const struct evidence *evidence, size_t n, struct verdict *verdict);
    unsigned explains;
    unsigned silenced_by; /* when one of these is explained already */
};

/* In the order in which they are asked, each ended by a row without an id. */
extern const struct rule rules_of_host[];
extern const struct rule rules_of_firewall[];
extern const struct rule rules_of_network[];
extern const struct rule rules_of_state[];

/* Of holds(): write the texts of its verdict. */
#define WHAT(...) rule_say(verdict->what, sizeof(verdict->what), __VA_ARGS__)
#define EVIDENCE(...) rule_say(verdict->evidence, sizeof(verdict->evidence), __VA_ARGS__)
#define FIX(...) rule_say(verdict->fix, sizeof(verdict->fix), __VA_ARGS__)

/* Writes a text, cut where there is no more room. */
void rule_say(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds to a text, behind a separator where it is not empty; cut where there is no more room. */
void rule_append(char *text, size_t size, const char *separator, const char *more);
