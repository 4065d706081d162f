/* SPDX-License-Identifier: MIT */
/* Bridges to DNS-SD know each other by a service that each announces. Of those that do the same work for the
 * whole LAN the one with the lowest id does it, so that nothing is there twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/core.h>

#define ELECTION_TYPE "muster-dnssd"
#define ELECTION_PROTO "udp"
#define ELECTION_PORT 5353 /* of multicast DNS: RFC 6762, 3 */

/* Its txt. */
#define ELECTION_FOR "for" /* whose services it carries out: "self", "all", "none" */
#define ELECTION_IN "in"   /* whether it carries services in: "yes", "no" */

/* More of them on one LAN than anybody means: the others are not known. */
#define ELECTION_BRIDGES_MAX 64

struct election_bridge {
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_endpoint addresses[2];
    bool carries_out; /* the services of its own host, at least */
    bool carries_all;
    bool carries_in;
};

struct election {
    uint8_t id[MUSTER_ID_BYTES]; /* one's own */
    struct election_bridge others[ELECTION_BRIDGES_MAX];
    size_t count;
};

/* Takes what is known of a peer now. True if the bridges are not what they were. */
bool election_take(struct election *election, const struct muster_peer *peer);

/* True if no other bridge with a lower id carries services in. */
bool election_leads_in(const struct election *election);

/* True if a bridge that carries services out carries those of this peer, and no other bridge does. That of
 * the peer's host does before all others. */
bool election_carries_out(const struct election *election, const struct muster_peer *peer, bool is_here);

/* True for two addresses of one host, whatever their ports. */
bool election_is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b);
