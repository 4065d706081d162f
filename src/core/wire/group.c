/* SPDX-License-Identifier: MIT */
#include "group.h"

#include <string.h>

#include "limit.h"

#define SCOPE_LINK 2 /* of a group of IPv6 (RFC 7346, 2) */
#define SCOPE_SITE 5

/* What a family has of each: an address of IPv4 fills the first four bytes. */
struct family {
    size_t bytes; /* of an address */
    uint8_t telemetry[16];
    uint8_t repair[16];
};

static const struct family v4 = {4, MUSTER_GROUP_TELEMETRY_V4, MUSTER_GROUP_REPAIR_V4};
static const struct family v6 = {16, MUSTER_GROUP_TELEMETRY_V6, MUSTER_GROUP_REPAIR_V6};
static const uint8_t control[][GROUP_KINDS][16] = {
    [GROUP_LINK] = {[MUSTER_PATH_M4] = MUSTER_GROUP_V4,
                    [MUSTER_PATH_M6] = MUSTER_GROUP_V6,
                    [MUSTER_PATH_B4] = MUSTER_BROADCAST_V4},
    [GROUP_SITE] = {[MUSTER_PATH_M4] = MUSTER_GROUP_SITE_V4,
                    [MUSTER_PATH_M6] = MUSTER_GROUP_SITE_V6,
                    [MUSTER_PATH_B4] = MUSTER_BROADCAST_V4},
};

static const struct family *family_of(uint8_t family) {
    return family == 6 ? &v6 : &v4;
}

static struct muster_endpoint endpoint_of(uint8_t family, const uint8_t ip[16], uint16_t port) {
    struct muster_endpoint endpoint = {.family = family, .port = port};
    memcpy(endpoint.ip, ip, sizeof endpoint.ip);
    return endpoint;
}

bool group_is_unicast(enum muster_path_kind kind) {
    return kind >= MUSTER_PATH_U4;
}

uint8_t group_family(enum muster_path_kind kind) {
    return kind == MUSTER_PATH_M6 || kind == MUSTER_PATH_U6 ? 6 : 4;
}

struct muster_endpoint group_control(enum muster_path_kind kind, enum group_scope scope,
                                     uint16_t control_port) {
    return endpoint_of(group_family(kind), control[scope][kind], control_port);
}

static bool is_control(const struct muster_endpoint *destination, enum muster_path_kind kind) {
    size_t bytes = family_of(destination->family)->bytes;
    return group_family(kind) == destination->family &&
           (memcmp(destination->ip, control[GROUP_LINK][kind], bytes) == 0 ||
            memcmp(destination->ip, control[GROUP_SITE][kind], bytes) == 0);
}

enum muster_path_kind group_path_kind(const struct muster_endpoint *destination) {
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < GROUP_KINDS; kind++) {
        if (is_control(destination, kind)) {
            return kind;
        }
    }
    return destination->family == 6 ? MUSTER_PATH_U6 : MUSTER_PATH_U4;
}

/* 224.0.0.0/4 (RFC 5771, 3), ff00::/8 (RFC 4291, 2.7). */
bool group_is_multicast(const struct muster_endpoint *destination) {
    return destination->family == 6 ? destination->ip[0] == 0xff
                                    : destination->family == 4 && destination->ip[0] >> 4 == 0xe;
}

/* The second byte of a group of IPv6 holds its scope (RFC 4291, 2.7). */
static void set_scope(uint8_t ip[16], unsigned scope) {
    ip[1] = (uint8_t)((ip[1] & 0xf0) | scope);
}

struct muster_endpoint group_telemetry(uint8_t family, unsigned shard, enum group_scope scope,
                                       uint16_t control_port) {
    const struct family *of = family_of(family);
    const uint8_t *ip = shard == MUSTER_SHARDS ? of->repair : of->telemetry;
    struct muster_endpoint endpoint = endpoint_of(family, ip, (uint16_t)(control_port - 1));
    endpoint.ip[of->bytes - 1] = (uint8_t)(endpoint.ip[of->bytes - 1] + (shard == MUSTER_SHARDS ? 0 : shard));
    if (family == 6 && scope == GROUP_SITE) {
        set_scope(endpoint.ip, SCOPE_SITE);
    }
    return endpoint;
}

/* The group for naks is the one before those of the shards. */
static bool is_telemetry(const struct muster_endpoint *destination) {
    const struct family *of = family_of(destination->family);
    size_t last = of->bytes - 1;
    struct muster_endpoint of_link = *destination;
    if (destination->family == 6 && (destination->ip[1] & 0xf) == SCOPE_SITE) {
        set_scope(of_link.ip, SCOPE_LINK);
    }
    return memcmp(of_link.ip, of->telemetry, last) == 0 && destination->ip[last] >= of->repair[last] &&
           destination->ip[last] < of->telemetry[last] + MUSTER_SHARDS;
}

bool group_is_telemetry(const struct muster_endpoint *destination, uint16_t control_port, unsigned *shard) {
    const struct family *of = family_of(destination->family);
    if (!is_telemetry(destination) || destination->port != control_port - 1) {
        return false;
    }
    unsigned place = (unsigned)(destination->ip[of->bytes - 1] - of->repair[of->bytes - 1]);
    *shard = place == 0 ? MUSTER_SHARDS : place - 1;
    return true;
}

uint8_t group_ttl(const struct muster_endpoint *destination) {
    return is_telemetry(destination) ? MUSTER_TELEMETRY_TTL : MUSTER_TTL;
}
