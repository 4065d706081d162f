/* SPDX-License-Identifier: MIT */
#include "admission.h"

#include "group.h"
#include "limit.h"
#include "seal.h"

#define FIRST_BYTE_JSON '{'

/* Takes a token of a source; false with the reason when it has none. */
static bool allows(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source,
                   uint64_t now_ms, enum muster_drop *reason) {
    double rate = kind == RATE_SOURCE ? MUSTER_SOURCE_RATE : MUSTER_ADDRESS_RATE;
    double burst = kind == RATE_SOURCE ? MUSTER_SOURCE_BURST : MUSTER_ADDRESS_BURST;
    struct bucket *bucket = rates_bucket(rates, kind, source);
    *reason = bucket == NULL ? MUSTER_DROP_MEMORY : MUSTER_DROP_FLOOD;
    return bucket != NULL && bucket_take(bucket, 1, rate, burst, now_ms);
}

bool admission_allows_telemetry(struct rates *rates, const struct muster_endpoint *source, uint64_t now_ms,
                                enum muster_drop *reason) {
    return allows(rates, RATE_TELEMETRY, source, now_ms, reason);
}

/* By unicast from the host of a static peer, which may be behind a router. */
static bool is_static(const struct paths *paths, const struct muster_datagram *datagram) {
    return group_is_unicast(group_path_kind(&datagram->destination)) &&
           !group_is_multicast(&datagram->destination) &&
           static_peers_have_host(&paths->static_peers, &datagram->source);
}

/* Where a whole site is heard, routers are passed; but by none comes a broadcast. */
static bool may_be_routed(const struct paths *paths, const struct muster_datagram *datagram) {
    return (paths->is_site && group_path_kind(&datagram->destination) != MUSTER_PATH_B4) ||
           is_static(paths, datagram);
}

/* Unicast is heard on the interfaces that have a path, all else by its own path only; by other groups
 * nothing. */
static bool is_by_path(const struct paths *paths, const struct muster_datagram *datagram) {
    enum muster_path_kind kind = group_path_kind(&datagram->destination);
    if (group_is_unicast(kind) && group_is_multicast(&datagram->destination)) {
        return false;
    }
    return group_is_unicast(kind) ? paths_interface_name(paths, datagram->interface)[0] != '\0'
                                  : paths_find(paths, datagram->interface, kind) != NULL;
}

bool admission_check(struct rates *rates, const struct paths *paths, const struct muster_datagram *datagram,
                     uint64_t now_ms, enum muster_drop *reason) {
    if (datagram->length > MUSTER_DATAGRAM_BYTES_MAX) {
        *reason = MUSTER_DROP_TOO_LONG;
    } else if (datagram->length == 0) {
        *reason = MUSTER_DROP_TRUNCATED;
    } else if (datagram->bytes[0] == SEAL_FIRST_BYTE) {
        *reason = MUSTER_DROP_SEALED;
    } else if (datagram->bytes[0] != FIRST_BYTE_JSON) {
        *reason = MUSTER_DROP_FORMAT;
    } else if (!is_by_path(paths, datagram) && !is_static(paths, datagram)) {
        *reason = MUSTER_DROP_PATH;
    } else if (!paths_is_source(paths, &datagram->source, datagram->interface)) {
        *reason = MUSTER_DROP_SOURCE;
    } else if (datagram->ttl != MUSTER_TTL && !may_be_routed(paths, datagram)) {
        *reason = MUSTER_DROP_TTL;
    } else {
        return allows(rates, RATE_SOURCE, &datagram->source, now_ms, reason) &&
               allows(rates, RATE_CONTROL, &datagram->source, now_ms, reason);
    }
    return false;
}
