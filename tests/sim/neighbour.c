/* SPDX-License-Identifier: MIT */
#include "neighbour.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "segment.h"
#include "world.h"

#define YOUNG_US (5 * US_PER_S) /* a full table removes what is older than this, */
#define ASKED_US (3 * US_PER_S) /* and an address that did not answer for so long; */
#define REMOVED 512             /* at most so many at a time (gc_thresh3 - gc_thresh2) */
#define NOBODY SIZE_MAX

void neighbours_init(struct neighbours *neighbours, size_t limit) {
    *neighbours = (struct neighbours){.ring = memory_new(limit * sizeof(struct neighbour)), .limit = limit};
}

void neighbours_deinit(struct neighbours *neighbours) {
    free(neighbours->ring);
}

static bool knows(const struct host *host, const struct host *other) {
    return other->index < host->neighbour_count && host->is_neighbour[other->index];
}

static void set(const struct hosts *hosts, struct host *host, size_t other, bool is_neighbour) {
    if (other >= host->neighbour_count) {
        host->is_neighbour = memory_resize(host->is_neighbour, hosts->size * sizeof(bool));
        memset(host->is_neighbour + host->neighbour_count, 0, hosts->size - host->neighbour_count);
        host->neighbour_count = hosts->size;
    }
    host->is_neighbour[other] = is_neighbour;
}

/* Entries of groups go first. */
static void remove_groups(struct world *world) {
    for (size_t i = 0; i < world->hosts.count && world->neighbours.groups > 0; i++) {
        memset(world->hosts.all[i]->knows_group, 0, sizeof world->hosts.all[i]->knows_group);
    }
    world->neighbours.groups = 0;
}

static bool is_old(const struct world *world, const struct neighbour *neighbour) {
    return world->now_us - neighbour->made_us >= (neighbour->of == NOBODY ? ASKED_US : YOUNG_US);
}

static void remove_old(struct world *world) {
    struct neighbours *neighbours = &world->neighbours;
    for (int i = 0; i < REMOVED && neighbours->count > 0; i++) {
        const struct neighbour *oldest = &neighbours->ring[neighbours->first];
        if (!is_old(world, oldest)) {
            return;
        }
        if (oldest->of != NOBODY) {
            set(&world->hosts, world->hosts.all[oldest->of], oldest->to, false);
        }
        neighbours->first = (neighbours->first + 1) % neighbours->limit;
        neighbours->count--;
    }
}

static bool make_room(struct world *world) {
    struct neighbours *neighbours = &world->neighbours;
    if (neighbours->count + neighbours->groups >= neighbours->limit) {
        remove_groups(world);
        remove_old(world);
    }
    return neighbours->count + neighbours->groups < neighbours->limit;
}

static void put(struct world *world, size_t of, size_t to) {
    struct neighbours *neighbours = &world->neighbours;
    neighbours->ring[(neighbours->first + neighbours->count++) % neighbours->limit] =
        (struct neighbour){.of = of, .to = to, .made_us = world->now_us};
}

static bool add(struct world *world, struct host *host, const struct host *other) {
    if (knows(host, other)) {
        return true;
    }
    if (!make_room(world)) {
        world->figures.neighbour_drops++;
        return false;
    }
    set(&world->hosts, host, other->index, true);
    put(world, host->index, other->index);
    return true;
}

enum neighbour_result neighbours_resolve(struct world *world, struct host *from, struct host *to) {
    if (world->neighbours.limit == 0 || from == to) {
        return NEIGHBOUR_KNOWN;
    }
    if (!add(world, from, to)) {
        return NEIGHBOUR_FULL;
    }
    return add(world, to, from) ? NEIGHBOUR_KNOWN : NEIGHBOUR_SILENT; /* who is asked learns the asker's */
}

bool neighbours_resolve_group(struct world *world, struct host *from, enum muster_path_kind kind) {
    if (world->neighbours.limit == 0 || from->knows_group[kind]) {
        return true;
    }
    if (!make_room(world)) {
        world->figures.neighbour_drops++;
        return false;
    }
    from->knows_group[kind] = true;
    world->neighbours.groups++;
    return true;
}

void neighbours_fill(struct world *world) {
    while (world->neighbours.limit > 0 && make_room(world)) {
        put(world, NOBODY, NOBODY);
    }
}
