/* SPDX-License-Identifier: MIT */
/* The ways out of this node, and which of them is the primary one of its interface. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"
#include "static_peers.h"

struct paths {
    struct muster_path items[MUSTER_PATHS_MAX];
    uint64_t heard_ms[MUSTER_PATHS_MAX]; /* a peer was last heard by it; 0: never */
    uint32_t dropped[MUSTER_PATHS_MAX];  /* by the kernel, on its socket, so far */
    uint32_t unicast_dropped[2];         /* the same on the unicast sockets: U4, U6 */
    size_t count;
    unsigned changes; /* how often they were replaced */
    struct static_peers static_peers;
    bool is_site;     /* what passed routers is taken */
    size_t overhead;  /* bytes that a datagram grows by when it leaves: by sealing */
    size_t bytes_max; /* before that, of a datagram that leaves by any of them whole: their least MTU allows
                         it */
};

/* There are none. */
void paths_init(struct paths *paths);

/* Replaces all paths; those that stay keep what they know. MUSTER_EFULL, MUSTER_EINVAL (one stands
 * twice); then nothing changed. */
int paths_set(struct paths *paths, const struct muster_path *items, size_t count);

/* A datagram grows by so many bytes when it leaves. */
void paths_set_overhead(struct paths *paths, size_t overhead);

/* Bytes of the longest announce, to which a question for one is padded, before that. */
size_t paths_announce_bytes(const struct paths *paths);

/* How many of so many items still fit, that fit a datagram of MUSTER_DATAGRAM_BYTES_MAX together. */
size_t paths_fitting(const struct paths *paths, size_t count, size_t bytes_each);

/* True when these are the paths already, in any order. */
bool paths_are(const struct paths *paths, const struct muster_path *items, size_t count);

/* True when these have a path that is not there yet, or one of another address. */
bool paths_have_come(const struct paths *paths, const struct muster_path *items, size_t count);

/* The path, or NULL when it is not among ours. */
const struct muster_path *paths_find(const struct paths *paths, uint32_t interface,
                                     enum muster_path_kind kind);

/* Notes that a peer was heard by a path; unknown ones are ignored. */
void paths_heard(struct paths *paths, uint32_t interface, enum muster_path_kind kind, uint64_t now_ms);

/* Notes what the kernel dropped on the socket that a datagram came by; true when that has grown. */
bool paths_record_dropped(struct paths *paths, const struct muster_datagram *datagram);

/* The kind of the primary path of an interface: the first by which anybody was heard within
 * MUSTER_PRIMARY_MS, else the first there is; GROUP_KINDS where there is none. */
enum muster_path_kind paths_primary(const struct paths *paths, uint32_t interface, uint64_t now_ms);

/* The kinds by which interfaces hear peers, bit 1 << kind, of those that hear nobody by m4; 0 where there is
 * none like that. */
unsigned paths_without_m4(const struct paths *paths, uint64_t now_ms);

/* True when a datagram by this interface can have this source: one host can be at that address, it is not the
 * broadcast address of a network of this node, and a loopback address came by the loopback, which is the
 * interface on which this node has one. */
bool paths_is_source(const struct paths *paths, const struct muster_endpoint *source, uint32_t interface);

/* The address of this node on an interface, of a family and without a port; family 0 where none is known. */
struct muster_endpoint paths_address(const struct paths *paths, uint32_t interface, uint8_t family);

/* Name of an interface that has a path, "" for others. */
const char *paths_interface_name(const struct paths *paths, uint32_t interface);
