/* SPDX-License-Identifier: MIT */
/* Where datagrams go that are for many: the groups of PROTOCOL.md, "Addresses". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

/* The control group or the broadcast address, by the kind of path, at this port. */
struct muster_endpoint group_control(enum muster_path_kind kind, uint16_t control_port);

/* The kind of path that a datagram to this destination took. */
enum muster_path_kind group_path_kind(const struct muster_endpoint *destination);

/* The group of a shard, and the one for naks, at telemetry's port. */
struct muster_endpoint group_telemetry(unsigned shard, uint16_t control_port);
struct muster_endpoint group_repair(uint16_t control_port);

/* True when a datagram was sent to telemetry, at its port; *shard: of which, MUSTER_SHARDS for naks. */
bool group_is_telemetry(const struct muster_endpoint *destination, uint16_t control_port, unsigned *shard);

/* The TTL that a datagram to this destination leaves with. */
uint8_t group_ttl(const struct muster_endpoint *destination);
