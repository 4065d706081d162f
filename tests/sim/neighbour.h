/* SPDX-License-Identifier: MIT */
/* The table of neighbours (ARP) of the one kernel that all hosts of a world share, as containers of a machine
 * do. It is bounded, by 1,024 entries where nobody set it (gc_thresh3): unicast between many overflows it,
 * and what has no entry is not sent. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;
struct world;

/* One host knows the link address of another. */
struct neighbour {
    size_t of;
    size_t to;
    uint64_t made_us;
};

/* The oldest first. */
struct neighbours {
    struct neighbour *ring;
    size_t limit; /* 0: none, and nothing is kept */
    size_t first;
    size_t count;
};

void neighbours_init(struct neighbours *neighbours, size_t limit);
void neighbours_deinit(struct neighbours *neighbours);

/* True when the one may send unicast to the other; false when the table is full of young entries. */
bool neighbours_resolve(struct world *world, struct host *from, struct host *to);
