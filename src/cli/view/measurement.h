/* SPDX-License-Identifier: MIT */
/* What a subscriber measured since its last line: how much came, how regularly, and what did not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

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

/* Prints a line to stdout, text or JSON. */
void measurement_print(const struct measurement *measurement, bool is_json);
