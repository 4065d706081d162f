/* SPDX-License-Identifier: MIT */
/* What the muster that runs here says of itself. */
#pragma once

#include <stdint.h>

#include <muster/muster.h>

#include "settings.h"

/* Shows the answer, and returns a status. The publishers of its feeds are among the peers, as far as there
 * was memory for them. All is borrowed for the call. */
typedef int (*self_query_cb)(const struct muster_self *self, const struct muster_peer_list *peers,
                             void *context);

/* Asks the running muster and calls show. Returns the status to exit with; STATUS_NOBODY, reported, when no
 * muster runs. */
int self_query(const struct settings *settings, uint64_t timeout_ms, self_query_cb show, void *context);
