/* SPDX-License-Identifier: MIT */
/* A row that outlives the output it came in. */
#pragma once

#include <muster/core.h>

/* Copies a row with all that it points to into one block, for the caller to free(). NULL when memory is
 * out. */
struct muster_peer *peer_copy(const struct muster_peer *peer);
