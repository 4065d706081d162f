/* SPDX-License-Identifier: MIT */
/* Who asked by which family. A subscriber leaves no row, so its questions and naks are all that tell a
 * publisher that somebody hears IPv6 alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

struct asker {
    uint8_t id[MUSTER_ID_BYTES];
    uint32_t interface;
    bool by_v4;
    bool by_v6;
    uint64_t last_ms;
};

/* Zeroed: nobody. */
struct askers {
    struct asker items[MUSTER_ASKERS_MAX]; /* the one that was not heard for longest makes room */
    size_t count;
    unsigned changes; /* how often an asker, or a family of one, was new */
};

/* A question or nak came. */
void askers_record(struct askers *askers, const uint8_t id[MUSTER_ID_BYTES],
                   const struct muster_datagram *datagram, uint64_t now_ms);

/* True when somebody asks by IPv6 alone on an interface. Copies by IPv4 are sent first. */
bool askers_need_v6(const struct askers *askers, uint32_t interface, uint64_t now_ms);
