/* SPDX-License-Identifier: MIT */
/* A network segment: its hosts, and the way of each datagram from one to the others by multicast, broadcast
 * or unicast. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "link.h"

struct node;
struct speaker;
struct world;

#define SEGMENTS_MAX 2
#define SEGMENT_INTERFACE                                                            \
    1 /* index of the interface by which the first segment is reached; others follow \
       */
#define SEGMENT_HEADER_BYTES 42  /* Ethernet, IPv4 and UDP, as interface counters count them */
#define SEGMENT_HEADER6_BYTES 62 /* the same of IPv6 */
#define FRAME_BYTES 66           /* those of IPv4 with preamble, checksum and gap: what the budget counts */

/* A network interface with its unicast socket. Of a node or of a speaker. */
struct host {
    struct link link;
    struct muster_endpoint endpoint;
    struct muster_endpoint endpoint6; /* fe80::, its last bytes those of the other one; the same port */
    struct node *node;
    struct speaker *speaker;
    unsigned segment;
    size_t index;        /* among all hosts of the world */
    uint64_t started_us; /* who is on it */
    uint64_t
        quiet_since_us; /* nothing is between it and the others since then; 0: ever, NEVER: something is */
    uint32_t *asked_until_s; /* by index of a host: so long its unicast passes the firewall */
    size_t asked_count;
    bool *is_neighbour; /* by index of a host: its link address is known */
    size_t neighbour_count;
    bool knows_group[MUSTER_PATH_KINDS]; /* the table of neighbours has an entry of this group */
};

/* A datagram on its way. It belongs to those that will hear it. */
struct packet {
    uint32_t references;
    struct muster_datagram datagram;
    enum muster_path_kind kind;
    const struct host *from;
    uint8_t bytes[];
};

void packet_release(struct packet *packet);

/* All hosts, and where an address leads. */
struct hosts {
    struct host **all;
    size_t count;
    size_t size;
    struct host **by_endpoint; /* open addressing, twice as many as hosts at least */
    size_t slots;
};

void hosts_deinit(struct hosts *hosts);

/* Adds a host with an address of its own, or, with `beside`, at the address of that host and another port. */
struct host *hosts_add(struct hosts *hosts, unsigned segment, const struct host *beside);

/* The host of this address and port; NULL when there is none. */
struct host *hosts_find(const struct hosts *hosts, const struct muster_endpoint *endpoint);

/* Sends a datagram from a host at this time, which is now or later. False when the host's kernel had no room.
 */
bool segment_send(struct world *world, struct host *from, const struct muster_datagram *datagram,
                  uint64_t time_us);

/* The same to one host alone: a frame to its address on the link, with a datagram to the group in it. */
void segment_whisper(struct world *world, struct host *from, struct host *to,
                     const struct muster_datagram *datagram);

/* True when a datagram of this kind gets from one host to the other, firewalls regarded. */
bool segment_connects(const struct world *world, const struct host *from, const struct host *to,
                      enum muster_path_kind kind);
