/* SPDX-License-Identifier: MIT */
/* From the datagrams of telemetry to what subscribers get: each as it is pulled. What can be delivered at
 * once is a view of the bytes that came. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "feed.h"

struct telemetry;

/* The datagram, or several, that are being looked at. */
struct arrivals {
    struct muster_datagram datagram;
    struct feed_source source; /* what it comes from */
    size_t offset;             /* of the next one; at the end: nothing is left */
    unsigned shard;
    struct held *delivered; /* what the last arrival pointed to */
    bool is_borrowed;       /* the last arrival points to something of a feed, and may be in use */
};

/* A zeroed struct is allowed. */
void arrivals_deinit(struct arrivals *arrivals);

/* Begins to look at what came to a shard's group, or, MUSTER_SHARDS, to that for naks. What was not pulled of
 * the one before is lost to this program. What no subscriber can want is looked at in the call. */
void arrival_begin(struct telemetry *telemetry, const struct muster_datagram *datagram, unsigned shard);

/* The next arrival of what was heard; false when there is none, or the engine has a note to be routed first.
 */
bool arrival_next(struct telemetry *telemetry, struct muster_arrival *arrival);
