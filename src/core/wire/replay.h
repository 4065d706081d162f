/* SPDX-License-Identifier: MIT */
/* Which sealed datagrams have come: each is taken once, so that a recording moves nothing (PROTOCOL.md,
 * "Sealing"). Each sender has a window in each lane. A datagram that stands in it, or lies behind it, or is
 * of an earlier start, is a replay. The table is bounded. Only who has the key can fill it: what nobody was
 * heard of for longest makes room. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "seal.h"

struct replay_window;

struct replay_lane {
    struct replay_window *by_sender; /* hashed */
    struct replay_window *oldest;    /* by when they were heard */
    size_t count;
};

struct replays {
    struct replay_lane lanes[SEAL_LANES];
    uint64_t evicted;
};

/* A zeroed struct is allowed. */
void replays_deinit(struct replays *replays);

/* Opens a sealed datagram that did not come before; plain has room for length - MUSTER_SEAL_BYTES bytes and
 * may be where sealed is. False with the reason: MUSTER_DROP_SEALED, MUSTER_DROP_REPLAY or
 * MUSTER_DROP_MEMORY. What does not open changes nothing. exempt: datagrams of this sender are opened without
 * a window: this node's own are known anyway. */
bool replays_open(struct replays *replays, const struct seal_keys *keys, uint64_t exempt,
                  const uint8_t *sealed, size_t length, uint8_t *plain, enum muster_drop *reason);
