/* SPDX-License-Identifier: MIT */
#include "neighbour.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "segment.h"
#include "world.h"

#define YOUNG_US (5 * US_PER_S) /* a full table removes what is older than this */

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

static bool make_room(struct world *world) {
    struct neighbours *neighbours = &world->neighbours;
    const struct neighbour *oldest = &neighbours->ring[neighbours->first];
    if (neighbours->count < neighbours->limit) {
        return true;
    }
    if (world->now_us - oldest->made_us < YOUNG_US) {
        return false;
    }
    set(&world->hosts, world->hosts.all[oldest->of], oldest->to, false);
    neighbours->first = (neighbours->first + 1) % neighbours->limit;
    neighbours->count--;
    return true;
}

static bool add(struct world *world, struct host *host, const struct host *other) {
    struct neighbours *neighbours = &world->neighbours;
    if (knows(host, other)) {
        return true;
    }
    if (!make_room(world)) {
        world->figures.neighbour_drops++;
        return false;
    }
    set(&world->hosts, host, other->index, true);
    neighbours->ring[(neighbours->first + neighbours->count++) % neighbours->limit] =
        (struct neighbour){.of = host->index, .to = other->index, .made_us = world->now_us};
    return true;
}

/* Who is asked for its address learns that of the asker. */
bool neighbours_resolve(struct world *world, struct host *from, struct host *to) {
    return world->neighbours.limit == 0 || from == to || (add(world, from, to) && add(world, to, from));
}
