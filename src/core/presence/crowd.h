/* SPDX-License-Identifier: MIT */
/* How many there are on the link, and how many of them begin at once: where these are many, what is said to
 * the group serves best, and not all may speak at once (PROTOCOL.md, "Terms": crowd, rush, strangers). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct presence;

/* True where so many are present, or about to be, that they must not all speak at once. */
bool crowd_is_here(const struct presence *presence);

/* How many are about to be introduced, to this node or by it; of one address few count. */
size_t crowd_strangers(const struct presence *presence);

/* True where these are many: a rush. */
bool crowd_is_rush(const struct presence *presence);

/* In a rush each waits for a random time first, of up to a millisecond for each stranger; else 0. */
uint64_t crowd_spread_ms(struct presence *presence);
