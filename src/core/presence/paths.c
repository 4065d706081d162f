/* SPDX-License-Identifier: MIT */
#include "paths.h"

#include "endpoint.h"
#include "group.h"

static size_t find_index(const struct paths *paths, uint32_t interface, enum muster_path_kind kind) {
    size_t i = 0;
    while (i < paths->count && (paths->items[i].interface != interface || paths->items[i].kind != kind)) {
        i++;
    }
    return i;
}

int paths_set(struct paths *paths, const struct muster_path *items, size_t count) {
    struct paths next = {.unicast_dropped = {paths->unicast_dropped[0], paths->unicast_dropped[1]}};
    if (count > MUSTER_PATHS_MAX) {
        return MUSTER_EFULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (group_is_unicast(items[i].kind) || paths_find(&next, items[i].interface, items[i].kind) != NULL) {
            return MUSTER_EINVAL;
        }
        size_t old = find_index(paths, items[i].interface, items[i].kind);
        next.items[i] = items[i];
        next.items[i].name[MUSTER_INTERFACE_NAME_BYTES - 1] = '\0';
        next.heard_ms[i] = old < paths->count ? paths->heard_ms[old] : 0;
        next.dropped[i] = old < paths->count ? paths->dropped[old] : 0;
        next.count++;
    }
    *paths = next;
    return 0;
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

bool paths_is_primary(const struct paths *paths, size_t index, uint64_t now_ms) {
    const struct muster_path *path = &paths->items[index];
    bool was_heard = is_heard(paths, index, now_ms);
    for (size_t i = 0; i < paths->count; i++) {
        const struct muster_path *other = &paths->items[i];
        bool is_other_heard = is_heard(paths, i, now_ms);
        bool is_better = is_other_heard == was_heard ? other->kind < path->kind : is_other_heard;
        if (other->interface == path->interface && is_better) {
            return false;
        }
    }
    return true;
}

unsigned paths_without_multicast(const struct paths *paths, uint64_t now_ms) {
    for (size_t i = 0; i < paths->count; i++) {
        size_t m4 = find_index(paths, paths->items[i].interface, MUSTER_PATH_M4);
        bool hears_multicast = m4 < paths->count && is_heard(paths, m4, now_ms);
        if (paths->items[i].kind == MUSTER_PATH_B4 && is_heard(paths, i, now_ms) && !hears_multicast) {
            return 1u << MUSTER_PATH_B4;
        }
    }
    return 0;
}

const char *paths_interface_name(const struct paths *paths, uint32_t interface) {
    for (size_t i = 0; i < paths->count; i++) {
        if (paths->items[i].interface == interface) {
            return paths->items[i].name;
        }
    }
    return "";
}
