/* SPDX-License-Identifier: MIT */
/* Readings whose publishers are not here, but of which others keep the last values. */
#pragma once

#include <stdint.h>

#include <muster/muster.h>

#include "args.h"
#include "catalog.h"
#include "look.h"
#include "settings.h"

struct cached_readings {
    struct catalog_reading *readings; /* by publisher */
    size_t count;
    struct muster_peer_list publishers; /* each once: its id, state, and name, "" when it is not known */
    struct roster roster;               /* of the publishers */
};

/* Asks the peers of a snapshot that keep values for others, if there are any, for readings that nobody
 * announces now; with has_all all publishers, for all readings. After timeout_ms the snapshot is marked as
 * cut off. Returns STATUS_OK, or STATUS_ERROR after reporting why. cached_deinit() must follow in either
 * case. */
int cached_look(const struct settings *settings, struct snapshot *snapshot, const struct operands *patterns,
                uint64_t timeout_ms, bool has_all, struct cached_readings *cached);

/* A zeroed one is allowed. */
void cached_deinit(struct cached_readings *cached);
