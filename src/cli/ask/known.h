/* SPDX-License-Identifier: MIT */
/* Peers as they were told last, to say what is different the next time. */
#pragma once

#include <stddef.h>

#include <muster/core.h>

#include "changes.h"

/* Held at a time. Of further ones nothing is kept. */
#define KNOWN_PEERS_MAX 65536

struct known {
    struct muster_peer_list *lists; /* of one peer each, in the order of their ids */
    size_t count;
    size_t room;
};

/* The peer of an id as it was kept; NULL when it was not. Borrowed until the next known_keep(). */
const struct muster_peer *known_find(const struct known *known, const uint8_t id[MUSTER_ID_BYTES]);

/* Keeps a copy of a peer in place of the one before. -1 when memory is out. */
int known_keep(struct known *known, const struct muster_peer *peer);

/* Finds what is different since a peer was kept, nothing where it was not, and keeps it. The changes are
 * zeroed. -1 when memory is out. */
int known_change(struct known *known, const struct muster_peer *peer, struct changes *changes);

/* A zeroed one is allowed. */
void known_deinit(struct known *known);
