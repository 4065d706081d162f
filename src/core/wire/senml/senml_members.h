/* SPDX-License-Identifier: MIT */
/* The members of one record of a SenML pack (RFC 8428, 4), as they stand in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/telemetry.h>

#include "limit.h"
#include "quoted.h"

enum senml_label {
    SENML_BASE_NAME,
    SENML_BASE_TIME,
    SENML_BASE_UNIT,
    SENML_BASE_VALUE,
    SENML_BASE_SUM,
    SENML_BASE_VERSION,
    SENML_NAME,
    SENML_UNIT,
    SENML_VALUE,
    SENML_TEXT_VALUE,
    SENML_BOOLEAN_VALUE,
    SENML_DATA_VALUE,
    SENML_SUM,
    SENML_TIME,
    SENML_UPDATE_TIME,
    SENML_UNKNOWN,
};

#define SENML_BIT(label) (1u << (label))
/* The members of one record. Only those in seen are set. */
struct senml_members {
    const char *begin; /* the record's brace */
    unsigned seen;
    bool boolean;
    double numbers[SENML_UNKNOWN];
    struct quoted texts[SENML_UNKNOWN];
    const char *at[SENML_UNKNOWN]; /* where the values begin */
    size_t unknown_count;
    struct quoted unknown[MUSTER_PACK_UNKNOWN_MAX];
};

static inline bool senml_members_have(const struct senml_members *members, enum senml_label label) {
    return (members->seen & SENML_BIT(label)) != 0;
}

/* The functions below return what is behind that which they read at `at`, or NULL when it is at fault. */

/* Notes what is wrong with a pack, and where. */
const char *senml_refuse(struct muster_pack *pack, const char *at, const char *fault);

/* What was to stand here does not. */
const char *senml_miss(struct muster_pack *pack, const char *at, const char *fault);

/* Reads a record from its brace on. */
const char *senml_members_read(struct muster_pack *pack, const char *at, struct senml_members *members);

static inline const char *senml_skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
        at++;
    }
    return at;
}
