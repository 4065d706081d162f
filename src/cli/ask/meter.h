/* SPDX-License-Identifier: MIT */
/* Measures what a subscriber hears: how much came, how regularly, and what did not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

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

/* What came since the last line. */
struct measurement {
    double seconds;
    uint64_t records;
    uint64_t datagrams;
    uint64_t bytes;       /* of packs */
    double jitter_s;      /* negative: not known */
    uint64_t differences; /* datagrams that have one: of this clock and the time of their last record */
    double difference_sum_s;
    double difference_min_s;
    double difference_max_s;
    uint64_t malformed; /* since the beginning, like the rest */
    uint64_t kernel_drops;
    struct muster_feed total; /* of all feeds; only the counters count */
};

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

/* Prints a line to stdout, text or JSON, of what was measured since the last one, and begins anew. now_ms is
 * by the loop's clock; port is that of the control group. -1 when memory is out. */
int meter_print(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
                uint16_t port, bool is_json);

/* A zeroed one is allowed. */
void meter_deinit(struct meter *meter);
