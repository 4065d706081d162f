/* SPDX-License-Identifier: MIT */
/* Where datagrams go that are for many: the groups of PROTOCOL.md, "Addresses". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#define GROUP_KINDS MUSTER_PATH_U4 /* so many kinds of paths are for many, the first ones */
#define GROUP_KINDS_ALL ((1u << GROUP_KINDS) - 1)

/* True for the kinds of paths that reach one peer alone. */
bool group_is_unicast(enum muster_path_kind kind);

/* The family of a kind of path, 4 or 6. */
uint8_t group_family(enum muster_path_kind kind);

/* How far groups reach: routers pass on those of a site. */
enum group_scope { GROUP_LINK, GROUP_SITE };

/* The control group or the broadcast address, by the kind of path, at this port. */
struct muster_endpoint group_control(enum muster_path_kind kind, enum group_scope scope,
                                     uint16_t control_port);

/* The kind of path that a datagram to this destination took; a group that is none of control's counts as
 * unicast. */
enum muster_path_kind group_path_kind(const struct muster_endpoint *destination);

/* True for any group, ours or not. */
bool group_is_multicast(const struct muster_endpoint *destination);

/* The group of a shard, MUSTER_SHARDS: the one for naks, of a family (4 or 6) at telemetry's port. Those of
 * IPv4 are the same in both scopes. */
struct muster_endpoint group_telemetry(uint8_t family, unsigned shard, enum group_scope scope,
                                       uint16_t control_port);

/* True when a datagram was sent to telemetry, at its port; *shard: of which, MUSTER_SHARDS for naks. */
bool group_is_telemetry(const struct muster_endpoint *destination, uint16_t control_port, unsigned *shard);

/* The TTL or hop limit that a datagram to this destination leaves with, in the scope of the link. */
uint8_t group_ttl(const struct muster_endpoint *destination);
