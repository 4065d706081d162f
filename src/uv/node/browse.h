/* SPDX-License-Identifier: MIT */
/* What a node's application follows by muster_browse() and muster_lookup(): the services of the peer table,
 * as they come, change and go. A part (part.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/muster.h>

#include "part.h"

struct known_peer;

struct browses {
    const struct part_context *context; /* set by the runner, as all else is zero */
    struct muster_browse *first;
    struct known_peer *known; /* the peers that offer something, as last reported; while anybody browses */
    uint8_t hash_seed[16];    /* of the hash of ids, so that nobody can choose ids that collide */
    bool is_current;          /* known is what the table holds, but for the events that wait as deliveries */
    bool is_reporting;        /* nothing may be freed */
    uint64_t due_ms;          /* the next turn, while anybody browses */
    uint64_t evicted_seen;    /* evictions of the core that were looked into, */
    uint64_t evicted_seen_ms; /* and when */
};

/* Begins what was asked for, ends lookups whose time has passed, and reads anew what was missed. */
void browses_turn(struct browses *browses);
uint64_t browses_due_ms(const struct browses *browses);
void browses_deinit(struct browses *browses);

/* Something happened to this peer: reports what that means for its services. From the loop; it may call the
 * application. */
void browses_read_peer(void *browses, const uint8_t id[MUSTER_ID_BYTES]);

/* An event was lost: the next turn reads the whole table. */
void browses_read_all(void *browses);

/* muster_browse() and muster_lookup(), but for what follows in the node. */
int browses_add_browse(struct browses *browses, const char *type, const char *name,
                       muster_browse_cb on_service, void *application, muster_browse_t **browse);
int browses_add_lookup(struct browses *browses, const char *type, const char *name, uint64_t timeout_ms,
                       muster_lookup_cb on_found, void *application);
