/* SPDX-License-Identifier: MIT */
/* Measures what a subscriber hears. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "measurement.h"
#include "source.h"

/* The feeds that a node hears, and the sums of those that are gone. A zeroed struct is empty. */
struct feeds {
    struct muster_feed *feeds; /* as they are now, sorted */
    size_t count;
    struct muster_feed past; /* sums of those that were */
};

/* Takes over an array of the feeds as they are now. */
void feeds_replace(struct feeds *feeds, struct muster_feed *now, size_t count);

/* The sums over all feeds, those that are gone included: the counters alone are set. */
struct muster_feed feeds_total(const struct feeds *feeds);

/* Zeroed: nothing came. */
struct meter {
    uint64_t began_ms; /* by the loop's clock */
    struct measurement current;
    struct feeds feeds;
};

/* Records a datagram with so many matching records. A live one counts for the jitter, by the time of its last
 * record. */
void meter_record_heard(struct meter *meter, struct source *source, const struct muster_sample *sample,
                        size_t records, double time_s, double arrival_s);

/* Gives the measurement since the last call, and begins the next one. now_ms is by the loop's clock; port is
 * that of the control group. -1 when memory is out. */
int meter_take(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
               uint16_t port, struct measurement *measurement);

/* A zeroed one is allowed. */
void meter_deinit(struct meter *meter);
