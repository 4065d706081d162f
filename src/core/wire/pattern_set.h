/* SPDX-License-Identifier: MIT */
/* A set of patterns (muster/telemetry.h): of a subscription, of a request, of what is kept for others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Zeroed: empty. Pointers and texts live in one block. */
struct pattern_set {
    const char *const *items;
    size_t count;
};

/* Copies the patterns. MUSTER_ENOMEM, then the set is empty. */
int pattern_set_init(struct pattern_set *set, const char *const *patterns, size_t count);

void pattern_set_deinit(struct pattern_set *set);

/* True when a record of the topic may match one of them (muster_pattern_touches()). */
bool pattern_set_touches(const struct pattern_set *set, const char *topic);
