/* SPDX-License-Identifier: MIT */
/* Addresses that this node had a while ago, and has no more: others may still hand them out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"
#include "paths.h"

struct gone_addresses {
    struct muster_endpoint items[MUSTER_GONE_MAX]; /* the one that went first stands first */
    uint64_t since_ms[MUSTER_GONE_MAX];
    size_t count;
};

/* The paths before are to be replaced by these. Returns how many addresses went with that. */
size_t gone_addresses_update(struct gone_addresses *gone, const struct paths *before,
                             const struct muster_path *items, size_t count, uint64_t now_ms);

/* Fills in those that went within MUSTER_GONE_MS; returns how many. */
size_t gone_addresses_get(const struct gone_addresses *gone, uint64_t now_ms,
                          struct muster_endpoint addresses[MUSTER_GONE_MAX]);
