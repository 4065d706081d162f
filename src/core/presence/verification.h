/* SPDX-License-Identifier: MIT */
/* What checking signatures may cost. One budget is for all that a node hears: who forges a signature spends
 * microseconds, and who checks it some fifty. Parts of the budget are for those alone of whom more is known,
 * so that strangers can't use it up. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

struct presence;
struct message;

/* Takes what one signature of this message costs. False when there is no budget for its sender. */
bool verification_take(struct presence *presence, const struct message *message,
                       const struct muster_datagram *datagram);
