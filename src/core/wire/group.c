/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <string.h>

#include "limit.h"

#define IPV4_BYTES 4

static const uint8_t control_v4[IPV4_BYTES] = MUSTER_GROUP_V4;
static const uint8_t broadcast_v4[IPV4_BYTES] = MUSTER_BROADCAST_V4;
static const uint8_t telemetry_v4[IPV4_BYTES] = MUSTER_GROUP_TELEMETRY_V4;
static const uint8_t repair_v4[IPV4_BYTES] = MUSTER_GROUP_REPAIR_V4;

static struct muster_endpoint endpoint_of(const uint8_t ip[IPV4_BYTES], uint16_t port) {
    struct muster_endpoint endpoint = {.family = 4, .port = port};
    memcpy(endpoint.ip, ip, IPV4_BYTES);
    return endpoint;
}

struct muster_endpoint group_control(enum muster_path_kind kind, uint16_t control_port) {
    return endpoint_of(kind == MUSTER_PATH_M4 ? control_v4 : broadcast_v4, control_port);
}

enum muster_path_kind group_path_kind(const struct muster_endpoint *destination) {
    if (memcmp(destination->ip, control_v4, IPV4_BYTES) == 0) {
        return MUSTER_PATH_M4;
    }
    return memcmp(destination->ip, broadcast_v4, IPV4_BYTES) == 0 ? MUSTER_PATH_B4 : MUSTER_PATH_U4;
}

struct muster_endpoint group_telemetry(unsigned shard, uint16_t control_port) {
    struct muster_endpoint endpoint = endpoint_of(telemetry_v4, (uint16_t)(control_port - 1));
    endpoint.ip[3] = (uint8_t)(endpoint.ip[3] + shard);
    return endpoint;
}

struct muster_endpoint group_repair(uint16_t control_port) {
    return endpoint_of(repair_v4, (uint16_t)(control_port - 1));
}

/* The group for naks is the one before those of the shards. */
static bool is_telemetry(const struct muster_endpoint *destination) {
    const uint8_t *ip = destination->ip;
    return memcmp(ip, telemetry_v4, 3) == 0 && ip[3] >= repair_v4[3] &&
           ip[3] < telemetry_v4[3] + MUSTER_SHARDS;
}

bool group_is_telemetry(const struct muster_endpoint *destination, uint16_t control_port, unsigned *shard) {
    const uint8_t last = destination->ip[3];
    if (!is_telemetry(destination) || destination->port != control_port - 1) {
        return false;
    }
    *shard = last == repair_v4[3] ? MUSTER_SHARDS : (unsigned)(last - telemetry_v4[3]);
    return true;
}

uint8_t group_ttl(const struct muster_endpoint *destination) {
    return is_telemetry(destination) ? MUSTER_TELEMETRY_TTL : MUSTER_TTL;
}
