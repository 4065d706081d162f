/* SPDX-License-Identifier: MIT */
/* The table of neighbours (ARP) of the one kernel that all hosts of a world share, as containers of a machine
 * do. It is bounded, by 1,024 entries where nobody set it (gc_thresh3). Unicast between many overflows it,
 * and what finds no entry is not sent (ENOBUFS). What goes to a group needs an entry too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct host;
struct world;

/* One host knows the link address of another, or somebody asks for an address that is not there. */
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
    size_t groups; /* entries of groups, beside these */
};

enum neighbour_result {
    NEIGHBOUR_KNOWN,
    NEIGHBOUR_FULL,   /* no room for an entry: the sender is told */
    NEIGHBOUR_SILENT, /* the other has no room for one: it does not answer */
};

void neighbours_init(struct neighbours *neighbours, size_t limit);
void neighbours_deinit(struct neighbours *neighbours);

/* Whether the one may send unicast to the other. */
enum neighbour_result neighbours_resolve(struct world *world, struct host *from, struct host *to);

/* True when the host may send to a group; false when the table is full. */
bool neighbours_resolve_group(struct world *world, struct host *from, enum muster_path_kind kind);

/* Fills the table with addresses that are not there: somebody scans the network. */
void neighbours_fill(struct world *world);
