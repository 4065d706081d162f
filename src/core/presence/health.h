/* SPDX-License-Identifier: MIT */
/* How late this node itself is, and whether this machine sends what it says. Who reads and asks late takes
 * others for silent that are not: so patience with them grows by one's own lateness (local health: Dadgar,
 * Phillips, Currey, "Lifeguard", 2018). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bucket.h"

/* The largest lateness of the last MUSTER_LATE_HOLD_MS, which fades over that time. */
struct health {
    uint64_t late_ms;     /* when it was recorded, MUSTER_LATE_MS_MAX at most */
    uint64_t recorded_ms; /* when that was */

    uint64_t full_ms;      /* a datagram of this node last found no room in this machine; 0: never */
    uint64_t mute_ms;      /* the same with one to the group */
    struct bucket unicast; /* of datagrams to one peer, while there is little room */
};

/* Something was done, or read, so much later than it was due, or came. */
void health_record_late(struct health *health, uint64_t late_ms, uint64_t now_ms);

/* What is left of the largest lateness now. */
uint64_t health_late_ms(const struct health *health, uint64_t now_ms);

/* How long to wait until so many times the lateness that is left then has passed. */
uint64_t health_wait_ms(const struct health *health, uint64_t times, uint64_t now_ms);

/* True for a node that is too late to judge others. */
bool health_is_late(const struct health *health, uint64_t now_ms);

/* A datagram, to the group or to one peer, was not sent, because a queue or table of this machine was full.
 */
void health_record_unsent(struct health *health, bool is_group, uint64_t now_ms);

/* True while what this node says to the group is not sent, as far as is known: others may be as mute. */
bool health_is_mute(const struct health *health, uint64_t now_ms);

/* True when a datagram may go to one peer. The kernel's table of neighbours has an entry for each peer, and
 * for the group: once it was full only a few peers are spoken to alone, so that it gets empty. */
bool health_take_unicast(struct health *health, uint64_t now_ms);
