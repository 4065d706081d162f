/* SPDX-License-Identifier: MIT */
#include "interface.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>

#include "endpoint.h"
#include "group.h"
#include "limit.h"

/* Before all of these come those that are named, by the place of the name. */
enum rank { RANK_ROUTED = INT_MAX - 4, RANK_UNROUTED, RANK_BRIDGE, RANK_UNWANTED, RANK_DENIED };

/* ---- names and patterns ---- */

static bool is_denial(const char *name) {
    return name[0] == '!';
}

static bool is_pattern(const char *name) {
    return strpbrk(name, "*?[") != NULL;
}

/* The place of a device among those that names allow. */
static int rank_of(const struct device *device, const char *const *names, size_t name_count) {
    bool is_loopback = (device->flags & IFF_LOOPBACK) != 0;
    int rank = device->has_route ? RANK_ROUTED : device->is_bridge ? RANK_BRIDGE : RANK_UNROUTED;
    bool has_allowed = false; /* some name is no denial, */
    bool is_allowed = false;  /* and one of these matches */
    for (size_t i = 0; i < name_count; i++) {
        bool is_allowing = !is_denial(names[i]);
        has_allowed = has_allowed || is_allowing;
        if (!is_allowing && device_matches(device, names[i] + 1)) {
            return RANK_DENIED;
        }
        if (is_allowing && device_is_called(device, names[i])) {
            rank = is_allowed && rank < RANK_ROUTED ? rank : (int)i;
            is_allowed = true;
            is_loopback = false;
        } else if (is_allowing && is_pattern(names[i]) && device_matches(device, names[i])) {
            is_allowed = true;
        }
    }
    return is_loopback || (has_allowed && !is_allowed) ? RANK_UNWANTED : rank;
}

/* ---- what can be used ---- */

static unsigned kinds_of(const struct device *device) {
    bool is_loopback = (device->flags & IFF_LOOPBACK) != 0; /* it does both, whatever it says */
    unsigned kinds = 0;
    if (device->v4_use != DEVICE_ADDRESS_NONE) {
        kinds |= is_loopback || (device->flags & IFF_MULTICAST) ? 1u << MUSTER_PATH_M4 : 0;
        kinds |= is_loopback || (device->flags & IFF_BROADCAST) ? 1u << MUSTER_PATH_B4 : 0;
    }
    if (device->v6_use != DEVICE_ADDRESS_NONE && !is_loopback) { /* which has no route for groups of IPv6 */
        kinds |= device->flags & IFF_MULTICAST ? 1u << MUSTER_PATH_M6 : 0;
    }
    if (kinds == 0 && !is_loopback) { /* static peers alone are reached */
        kinds |= device->v4_use != DEVICE_ADDRESS_NONE ? 1u << MUSTER_PATH_U4 : 0;
        kinds |= device->v6_use != DEVICE_ADDRESS_NONE ? 1u << MUSTER_PATH_U6 : 0;
    }
    return kinds;
}

static const char too_small[] = "has an MTU below 1228 bytes";

/* Why a device can't be used, NULL when it can. */
static const char *obstacle(const struct device *device, unsigned kinds) {
    if (device->is_port) {
        return "is a port of a bridge or bond";
    }
    if (!(device->flags & IFF_UP)) {
        return "is down";
    }
    if (!(device->flags & IFF_RUNNING)) {
        return "has no carrier";
    }
    if (device->mtu < INTERFACE_MTU_MIN) {
        return too_small;
    }
    if (device->v4_use == DEVICE_ADDRESS_NONE && device->v6_use == DEVICE_ADDRESS_NONE) {
        return "has no address";
    }
    if ((kinds_of(device) & (GROUP_KINDS_ALL | kinds)) == 0) {
        return "carries neither multicast nor broadcast";
    }
    return (kinds_of(device) & kinds) == 0 ? "has no path of the family and delivery that are asked for"
                                           : NULL;
}

static struct interface interface_of(const struct device *device, unsigned kinds) {
    struct interface interface = {
        .index = device->index, .kinds = kinds_of(device) & kinds, .mtu = device->mtu};
    memcpy(interface.name, device->name, sizeof interface.name);
    interface.address = device->v4;
    interface.prefix_bits = device->v4_prefix_bits;
    interface.address6 = device->v6;
    if ((device->flags & IFF_LOOPBACK) || endpoint_is_loopback(&device->v4)) {
        interface.source = device->v4;
    }
    return interface;
}

/* ---- the choice ---- */

struct candidate {
    const struct device *device;
    int rank;
};

static int compare_candidates(const void *a, const void *b) {
    const struct candidate *left = a;
    const struct candidate *right = b;
    if (left->rank != right->rank) {
        return left->rank < right->rank ? -1 : 1;
    }
    return left->device->index < right->device->index ? -1 : 1;
}

static void leave_out(struct interface_list *list, const char *name, const char *why,
                      enum muster_log_level level) {
    struct interface_left_out *left_out = &list->left_out[list->left_out_count++];
    *left_out = (struct interface_left_out){.why = why, .level = level};
    snprintf(left_out->name, sizeof left_out->name, "%s", name);
}

static size_t kinds_count(unsigned kinds) {
    size_t count = 0;
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
        count += kinds >> kind & 1;
    }
    return count;
}

/* Somebody waits for an interface that is named, and nothing but its owner makes a small MTU larger. */
static enum muster_log_level level_of(const struct candidate *candidate, const char *why) {
    bool is_named = candidate->rank < RANK_ROUTED;
    return is_named || why == too_small ? MUSTER_LOG_WARNING : MUSTER_LOG_DEBUG;
}

static void choose_unwanted(struct interface_list *list, const struct candidate *candidate) {
    const struct device *device = candidate->device;
    const char *why = candidate->rank == RANK_DENIED ? "is denied"
                      : device->flags & IFF_LOOPBACK ? "is the loopback, which has to be asked for"
                                                     : "is not asked for";
    leave_out(list, device->name, why, MUSTER_LOG_DEBUG);
}

static void choose(struct interface_list *list, const struct candidate *candidates, size_t count,
                   unsigned kinds) {
    size_t paths = 0;
    for (size_t i = 0; i < count; i++) {
        const struct device *device = candidates[i].device;
        const char *why = obstacle(device, kinds);
        size_t needed = kinds_count(kinds_of(device) & kinds);
        if (candidates[i].rank >= RANK_UNWANTED) {
            choose_unwanted(list, &candidates[i]);
        } else if (why != NULL) {
            leave_out(list, device->name, why, level_of(&candidates[i], why));
        } else if (paths + needed > MUSTER_PATHS_MAX) {
            leave_out(list, device->name, "is one too many for the paths that a node has",
                      MUSTER_LOG_WARNING);
        } else {
            list->items[list->count++] = interface_of(device, kinds);
            paths += needed;
        }
    }
}

static const char no_match[] = "matches no interface";

static bool is_there(const struct device_list *devices, const char *name) {
    for (size_t i = 0; i < devices->count; i++) {
        if (device_is_called(&devices->items[i], name) || device_matches(&devices->items[i], name)) {
            return true;
        }
    }
    return false;
}

/* Names and patterns that no device has. Somebody waits for a name; a pattern may stand for what comes and
 * goes, and so may a denial. */
static void choose_missing(struct interface_list *list, const struct device_list *devices,
                           const char *const *names, size_t name_count) {
    for (size_t i = 0; i < name_count; i++) {
        bool is_vague = is_denial(names[i]) || is_pattern(names[i]);
        if (is_there(devices, is_denial(names[i]) ? names[i] + 1 : names[i])) {
            continue;
        }
        leave_out(list, names[i], is_vague ? no_match : "is not there",
                  is_vague ? MUSTER_LOG_DEBUG : MUSTER_LOG_WARNING);
        list->left_out[list->left_out_count - 1].is_missing = !is_vague;
    }
}

int interface_list_choose(struct interface_list *list, const struct device_list *devices,
                          const char *const *names, size_t name_count, unsigned kinds) {
    struct candidate *candidates = calloc(devices->count + 1, sizeof *candidates);
    *list = (struct interface_list){.items = calloc(devices->count + 1, sizeof *list->items)};
    list->left_out = calloc(devices->count + name_count + 1, sizeof *list->left_out);
    if (candidates == NULL || list->items == NULL || list->left_out == NULL) {
        free(candidates);
        interface_list_deinit(list);
        return MUSTER_ENOMEM;
    }
    list->has_wanted = name_count == 0;
    for (size_t i = 0; i < devices->count; i++) {
        const struct device *device = &devices->items[i];
        candidates[i] = (struct candidate){.device = device, .rank = rank_of(device, names, name_count)};
        list->has_wanted = list->has_wanted || candidates[i].rank < RANK_UNWANTED;
        list->has_loopback =
            list->has_loopback || (device->flags & (IFF_LOOPBACK | IFF_UP)) == (IFF_LOOPBACK | IFF_UP);
    }
    qsort(candidates, devices->count, sizeof *candidates, compare_candidates);
    choose_missing(list, devices, names, name_count);
    choose(list, candidates, devices->count, kinds);
    free(candidates);
    return 0;
}

int interface_list_read(struct interface_list *list, const char *const *names, size_t name_count,
                        unsigned kinds, const struct log *log) {
    struct device_list devices;
    *list = (struct interface_list){.items = NULL};
    int number = device_list_read(&devices);
    if (number != 0) {
        log_line(log, MUSTER_LOG_ERROR, "list of interfaces: %s", strerror(-number));
        return number == -ENOMEM ? MUSTER_ENOMEM : MUSTER_ESYSTEM;
    }
    int error = interface_list_choose(list, &devices, names, name_count, kinds);
    device_list_deinit(&devices);
    if (error != 0) {
        log_line(log, MUSTER_LOG_ERROR, "list of interfaces: %s", muster_error_text(error));
    }
    return error;
}

void interface_list_deinit(struct interface_list *list) {
    free(list->items);
    free(list->left_out);
    *list = (struct interface_list){.items = NULL};
}

const struct interface *interface_list_find(const struct interface_list *list, uint32_t index) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].index == index) {
            return &list->items[i];
        }
    }
    return NULL;
}

/* ---- for people ---- */

static bool has_said(const struct interface_list *list, const struct interface_left_out *left_out) {
    for (size_t i = 0; i < list->left_out_count; i++) {
        if (list->left_out[i].why == left_out->why && strcmp(list->left_out[i].name, left_out->name) == 0) {
            return true;
        }
    }
    return false;
}

void interface_list_log(const struct interface_list *list, const struct interface_list *before,
                        const struct log *log) {
    for (size_t i = 0; i < list->left_out_count; i++) {
        const struct interface_left_out *left_out = &list->left_out[i];
        bool is_interface = left_out->why != no_match;
        if (!has_said(before, left_out)) {
            log_line(log, left_out->level, is_interface ? "interface %s is left out: it %s" : "%s %s",
                     left_out->name, left_out->why);
        }
    }
}

void interface_list_describe(const struct interface_list *list, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->left_out_count && used < size; i++) {
        int length = snprintf(text + used, size - used, "%s%s %s", used == 0 ? "" : "; ",
                              list->left_out[i].name, list->left_out[i].why);
        used += length > 0 ? (size_t)length : 0;
    }
}
