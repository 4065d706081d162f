/* SPDX-License-Identifier: MIT */
#include "paths.h"

#include "endpoint.h"
#include "group.h"
#include "utf8.h"

#define HEADERS_V4_BYTES 28 /* of IPv4 (RFC 791, 3.1) and UDP */
#define HEADERS_V6_BYTES 48 /* of IPv6 (RFC 8200, 3) and UDP */

void paths_init(struct paths *paths) {
    *paths = (struct paths){.bytes_max = MUSTER_DATAGRAM_BYTES_MAX};
}

/* Of a datagram by this path. An interface that an announce does not fit is none of ours, whatever it says.
 */
static size_t bytes_max_of(const struct muster_path *path) {
    size_t headers = group_family(path->kind) == 6 ? HEADERS_V6_BYTES : HEADERS_V4_BYTES;
    size_t least = MUSTER_ANNOUNCE_BYTES_MAX + headers;
    size_t bytes = (path->mtu > least ? path->mtu : least) - headers;
    return path->mtu == 0 || bytes > MUSTER_DATAGRAM_BYTES_MAX ? MUSTER_DATAGRAM_BYTES_MAX : bytes;
}

static size_t find_index(const struct paths *paths, uint32_t interface, enum muster_path_kind kind) {
    size_t i = 0;
    while (i < paths->count && (paths->items[i].interface != interface || paths->items[i].kind != kind)) {
        i++;
    }
    return i;
}

int paths_set(struct paths *paths, const struct muster_path *items, size_t count) {
    struct paths next = {.unicast_dropped = {paths->unicast_dropped[0], paths->unicast_dropped[1]},
                         .static_peers = paths->static_peers,
                         .is_site = paths->is_site};
    if (count > MUSTER_PATHS_MAX) {
        return MUSTER_EFULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (paths_find(&next, items[i].interface, items[i].kind) != NULL) {
            return MUSTER_EINVAL;
        }
        size_t old = find_index(paths, items[i].interface, items[i].kind);
        next.items[i] = items[i];
        next.items[i].name[MUSTER_INTERFACE_NAME_BYTES - 1] = '\0';
        utf8_repair(next.items[i].name); /* the kernel takes any bytes for a name, and JSON does not */
        next.heard_ms[i] = old < paths->count ? paths->heard_ms[old] : 0;
        next.dropped[i] = old < paths->count ? paths->dropped[old] : 0;
        next.count++;
    }
    next.changes = paths->changes + 1;
    paths_set_overhead(&next, paths->overhead);
    *paths = next;
    return 0;
}

void paths_set_overhead(struct paths *paths, size_t overhead) {
    size_t least = MUSTER_DATAGRAM_BYTES_MAX;
    for (size_t i = 0; i < paths->count; i++) {
        size_t bytes_max = bytes_max_of(&paths->items[i]);
        least = bytes_max < least ? bytes_max : least;
    }
    paths->overhead = overhead;
    paths->bytes_max = least - overhead;
}

size_t paths_announce_bytes(const struct paths *paths) {
    return MUSTER_ANNOUNCE_BYTES_MAX - paths->overhead;
}

size_t paths_fitting(const struct paths *paths, size_t count, size_t bytes_each) {
    size_t excess = MUSTER_DATAGRAM_BYTES_MAX - paths->bytes_max;
    return count - (excess + bytes_each - 1) / bytes_each;
}

bool paths_are(const struct paths *paths, const struct muster_path *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (paths_find(paths, items[i].interface, items[i].kind) == NULL) {
            return false;
        }
    }
    return count == paths->count;
}

bool paths_have_come(const struct paths *paths, const struct muster_path *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct muster_path *known = paths_find(paths, items[i].interface, items[i].kind);
        if (known == NULL || !endpoint_is_same_host(&known->address, &items[i].address)) {
            return true;
        }
    }
    return false;
}

const struct muster_path *paths_find(const struct paths *paths, uint32_t interface,
                                     enum muster_path_kind kind) {
    size_t i = find_index(paths, interface, kind);
    return i < paths->count ? &paths->items[i] : NULL;
}

void paths_heard(struct paths *paths, uint32_t interface, enum muster_path_kind kind, uint64_t now_ms) {
    size_t i = find_index(paths, interface, kind);
    if (i < paths->count) {
        paths->heard_ms[i] = now_ms;
    }
}

bool paths_record_dropped(struct paths *paths, const struct muster_datagram *datagram) {
    enum muster_path_kind kind = group_path_kind(&datagram->destination);
    size_t i = find_index(paths, datagram->interface, kind);
    if (!group_is_unicast(kind) && i == paths->count) {
        return false;
    }
    uint32_t *dropped =
        i < paths->count ? &paths->dropped[i] : &paths->unicast_dropped[kind - MUSTER_PATH_U4];
    bool has_grown = datagram->dropped > *dropped;
    *dropped = datagram->dropped;
    return has_grown;
}

static bool is_heard(const struct paths *paths, size_t i, uint64_t now_ms) {
    return paths->heard_ms[i] != 0 && now_ms - paths->heard_ms[i] <= MUSTER_PRIMARY_MS;
}

enum muster_path_kind paths_primary(const struct paths *paths, uint32_t interface, uint64_t now_ms) {
    enum muster_path_kind primary = GROUP_KINDS;
    bool is_primary_heard = false;
    for (size_t i = 0; i < paths->count; i++) {
        const struct muster_path *path = &paths->items[i];
        bool was_heard = is_heard(paths, i, now_ms);
        bool is_better = was_heard == is_primary_heard ? path->kind < primary : was_heard;
        if (path->interface == interface && is_better) {
            primary = path->kind;
            is_primary_heard = was_heard;
        }
    }
    return primary;
}

unsigned paths_without_m4(const struct paths *paths, uint64_t now_ms) {
    unsigned kinds = 0;
    for (size_t i = 0; i < paths->count; i++) {
        size_t m4 = find_index(paths, paths->items[i].interface, MUSTER_PATH_M4);
        bool hears_m4 = m4 < paths->count && is_heard(paths, m4, now_ms);
        bool is_of_many = !group_is_unicast(paths->items[i].kind);
        kinds |= is_of_many && is_heard(paths, i, now_ms) && !hears_m4 ? 1u << paths->items[i].kind : 0;
    }
    return kinds;
}

static bool is_loopback(const struct paths *paths, uint32_t interface) {
    for (size_t i = 0; i < paths->count; i++) {
        if (paths->items[i].interface == interface && endpoint_is_loopback(&paths->items[i].address)) {
            return true;
        }
    }
    return false;
}

static bool is_broadcast(const struct paths *paths, const struct muster_endpoint *source) {
    for (size_t i = 0; i < paths->count; i++) {
        if (endpoint_is_broadcast_of(source, &paths->items[i].address, paths->items[i].prefix_bits)) {
            return true;
        }
    }
    return false;
}

bool paths_is_source(const struct paths *paths, const struct muster_endpoint *source, uint32_t interface) {
    return endpoint_is_host(source) && !is_broadcast(paths, source) &&
           (!endpoint_is_loopback(source) || is_loopback(paths, interface));
}

struct muster_endpoint paths_address(const struct paths *paths, uint32_t interface, uint8_t family) {
    struct muster_endpoint address = {0};
    for (size_t i = 0; i < paths->count && address.family == 0; i++) {
        const struct muster_path *path = &paths->items[i];
        if (path->interface == interface && path->address.family == family) {
            address = path->address;
        }
    }
    address.port = 0;
    return address;
}

const char *paths_interface_name(const struct paths *paths, uint32_t interface) {
    for (size_t i = 0; i < paths->count; i++) {
        if (paths->items[i].interface == interface) {
            return paths->items[i].name;
        }
    }
    return "";
}
