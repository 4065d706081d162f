/* SPDX-License-Identifier: MIT */
/* How one host hangs on its segment: what is lost, late or doubled on the way to it, and what it can't hear
 * or say. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "chance.h"

struct link {
    double loss;  /* share of what comes to it, each datagram on its own */
    double loss6; /* of IPv6, in place of it; 0: the same */

    /* Bursts (Gilbert and Elliott): the chance to enter a burst and to leave it, with each datagram, and the
     * share that is lost within. */
    double burst_enter;
    double burst_leave;
    double burst_loss;
    bool is_in_burst;

    uint32_t delay_us;
    uint32_t jitter_us; /* drawn for each datagram, so that datagrams overtake each other */
    double duplicate;   /* share of what comes twice */

    bool is_deaf;      /* nothing comes in */
    bool is_mute;      /* nothing goes out */
    bool is_unplugged; /* neither */
    bool is_fenced;    /* a firewall takes answers alone: unicast from where it sent unicast to */
    bool is_filtered[MUSTER_PATH_KINDS]; /* kinds that do not come in, as where a switch swallows multicast */
    unsigned island;                     /* hosts of different islands don't hear each other */
};

/* True when the path is there, whatever is lost on it. */
bool link_connects(const struct link *from, const struct link *to, enum muster_path_kind kind);

/* Draws whether a datagram to this host is lost. */
bool link_loses(struct link *link, enum muster_path_kind kind, struct chance *chance);

/* Draws how long a datagram to this host takes. */
uint64_t link_delay_us(const struct link *link, struct chance *chance);
