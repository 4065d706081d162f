/* SPDX-License-Identifier: MIT */
/* Readings whose publishers are not here, but of which others keep the last values. */
#pragma once

#include <stdint.h>

#include <muster/muster.h>

#include "args.h"
#include "catalog.h"
#include "look.h"
#include "settings.h"

struct kept_readings {
    struct catalog_reading *readings; /* by publisher */
    size_t count;
    struct muster_peer_list publishers; /* each once: its id, state, and name, "" when it is not known */
    struct roster roster;               /* of the publishers */
};

/* Asks the peers of a snapshot that keep values for others, if there are any, for readings that nobody
 * announces now. After timeout_ms the snapshot is marked as cut off. Returns STATUS_OK, or STATUS_ERROR after
 * reporting why. kept_deinit() must follow in either case. */
int kept_look(const struct settings *settings, struct snapshot *snapshot, const struct operands *patterns,
              uint64_t timeout_ms, struct kept_readings *kept);

/* A zeroed one is allowed. */
void kept_deinit(struct kept_readings *kept);
