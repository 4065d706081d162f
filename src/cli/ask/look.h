/* SPDX-License-Identifier: MIT */
/* A snapshot of the peers that are here: the table of the running muster, or, where none runs, what the
 * network answers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "roster.h"
#include "settings.h"
#include "text.h"

struct snapshot {
    struct muster_peer_list list;
    struct roster roster;            /* of the list */
    struct muster_counters counters; /* of who was asked, or of the look itself */
    struct muster_feed *feeds;       /* of who was asked */
    size_t feed_count;
    struct text_line interfaces; /* that were listened on, for people: "eth0,wlan0" */
    bool cut_off;                /* the time was up before the answers were in */
};

/* An expected number of peers; `count_in` returns how many of a list count. */
struct look_expectation {
    size_t count;
    size_t (*count_in)(const struct muster_peer_list *list, const void *context);
    const void *context;
};

/* Takes a snapshot when the answers are in and the expectation (NULL: none) is met, or after timeout_ms.
 * Returns STATUS_OK, or STATUS_ERROR after reporting why. snapshot_deinit() must follow in either case. */
int look(const struct settings *settings, uint64_t timeout_ms, const struct look_expectation *expectation,
         struct snapshot *snapshot);

/* The same of the running muster alone: STATUS_NOBODY where none can be asked. */
int look_locally(const struct settings *settings, uint64_t timeout_ms,
                 const struct look_expectation *expectation, struct snapshot *snapshot);

/* A zeroed snapshot is allowed. */
void snapshot_deinit(struct snapshot *snapshot);
