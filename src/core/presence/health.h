/* SPDX-License-Identifier: MIT */
/* How late this node itself is. Who reads and asks late takes others for silent that are not: so patience
 * with them grows by one's own lateness (local health: Dadgar, Phillips, Currey, "Lifeguard", 2018). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The largest lateness of the last MUSTER_LATE_HOLD_MS, which fades over that time. */
struct health {
    uint64_t late_ms;     /* when it was recorded, MUSTER_LATE_MS_MAX at most */
    uint64_t recorded_ms; /* when that was */
};

/* Something was done, or read, so much later than it was due, or came. */
void health_record_late(struct health *health, uint64_t late_ms, uint64_t now_ms);

/* What is left of the largest lateness now. */
uint64_t health_late_ms(const struct health *health, uint64_t now_ms);

/* True for a node that is too late to judge others. */
bool health_is_late(const struct health *health, uint64_t now_ms);
