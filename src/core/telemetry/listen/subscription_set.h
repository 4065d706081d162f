/* SPDX-License-Identifier: MIT */
/* What this node subscribes to: patterns, and who wants what of them. A set of subscriptions is a number with
 * bit 1 << n for each subscription of number n. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "pattern_set.h"

struct subscription_entry {
    uint64_t since_ms; /* last values are asked for, and what was sent in this time */
    struct pattern_set patterns;
};

struct subscription_set {
    struct subscription_entry *items[MUSTER_SUBSCRIPTIONS_MAX]; /* by number; NULL: free */
    uint64_t ordered;    /* the set of those that want the publisher's order, */
    uint64_t newest;     /* of all others, */
    uint64_t lasting;    /* and of those that last values are asked for */
    uint64_t generation; /* grows with each change of them */
};

/* A zeroed struct is allowed. */
void subscription_set_deinit(struct subscription_set *subscriptions);

/* MUSTER_EINVAL (patterns), MUSTER_EFULL, MUSTER_ENOMEM. */
int subscription_set_add(struct subscription_set *subscriptions,
                         const struct muster_subscription_options *options, unsigned *number);

/* False when there is none of this number. */
bool subscription_set_remove(struct subscription_set *subscriptions, unsigned number);

/* The set of all of them. */
uint64_t subscription_set_all(const struct subscription_set *subscriptions);

/* The set of those that a topic may be for. */
uint64_t subscription_set_audience(const struct subscription_set *subscriptions, const char *topic);
