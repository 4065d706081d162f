/* SPDX-License-Identifier: MIT */
#include "interface.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#define PRESENT_BYTES 512

/* An interface of the machine, usable or not. */
struct candidate {
    struct interface interface;
    unsigned flags;
};

struct candidates {
    struct candidate *items;
    size_t count;
};

/* ---- what the machine has ---- */

/* A labelled address ("eth0:1", ip-address(8)) belongs to the interface before the colon. */
static struct candidate *candidate_find(const struct candidates *candidates, const char *label) {
    size_t length = strcspn(label, ":");
    for (size_t i = 0; i < candidates->count; i++) {
        const char *name = candidates->items[i].interface.name;
        if (strlen(name) == length && memcmp(name, label, length) == 0) {
            return &candidates->items[i];
        }
    }
    return NULL;
}

/* Every interface has one packet address, whatever else it lacks; it carries the index. */
static void candidate_init(struct candidate *candidate, const struct ifaddrs *entry) {
    struct sockaddr_ll link;
    memcpy(&link, entry->ifa_addr, sizeof link);
    *candidate = (struct candidate){.flags = entry->ifa_flags};
    candidate->interface.index = (uint32_t)link.sll_ifindex;
    snprintf(candidate->interface.name, sizeof candidate->interface.name, "%s", entry->ifa_name);
}

/* The loopback does both, whatever it says. */
static void candidate_set_address(struct candidate *candidate, const struct ifaddrs *entry) {
    struct interface *interface = &candidate->interface;
    struct sockaddr_in address;
    bool is_loopback = (candidate->flags & IFF_LOOPBACK) != 0;
    if (interface->address.family != 0) {
        return; /* its first counts */
    }
    memcpy(&address, entry->ifa_addr, sizeof address);
    interface->address.family = 4;
    memcpy(interface->address.ip, &address.sin_addr, sizeof address.sin_addr);
    interface->source = is_loopback ? interface->address : interface->source;
    interface->kinds |= is_loopback || (candidate->flags & IFF_MULTICAST) ? 1u << MUSTER_PATH_M4 : 0;
    interface->kinds |= is_loopback || (candidate->flags & IFF_BROADCAST) ? 1u << MUSTER_PATH_B4 : 0;
}

/* Not of the loopback, which has no route for groups of IPv6. */
static void candidate_set_address6(struct candidate *candidate, const struct ifaddrs *entry) {
    struct interface *interface = &candidate->interface;
    struct sockaddr_in6 address;
    memcpy(&address, entry->ifa_addr, sizeof address);
    bool is_better = IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr) &&
                     !(interface->address6.ip[0] == 0xfe && (interface->address6.ip[1] & 0xc0) == 0x80);
    bool is_usable = (candidate->flags & IFF_LOOPBACK) == 0 && (candidate->flags & IFF_MULTICAST) != 0;
    if (is_usable && (interface->address6.family == 0 || is_better)) {
        interface->address6.family = 6;
        memcpy(interface->address6.ip, &address.sin6_addr, sizeof address.sin6_addr);
        interface->kinds |= 1u << MUSTER_PATH_M6;
    }
}

static int family_of(const struct ifaddrs *entry) {
    return entry->ifa_addr == NULL ? AF_UNSPEC : entry->ifa_addr->sa_family;
}

static int candidates_read(struct candidates *candidates, const struct ifaddrs *addresses) {
    size_t count = 0;
    for (const struct ifaddrs *entry = addresses; entry != NULL; entry = entry->ifa_next) {
        count += family_of(entry) == AF_PACKET ? 1 : 0;
    }
    *candidates = (struct candidates){.items = calloc(count + 1, sizeof *candidates->items)};
    if (candidates->items == NULL) {
        return MUSTER_ENOMEM;
    }
    for (const struct ifaddrs *entry = addresses; entry != NULL; entry = entry->ifa_next) {
        if (family_of(entry) == AF_PACKET) {
            candidate_init(&candidates->items[candidates->count++], entry);
        }
    }
    for (const struct ifaddrs *entry = addresses; entry != NULL; entry = entry->ifa_next) {
        struct candidate *candidate = candidate_find(candidates, entry->ifa_name);
        if (candidate != NULL && family_of(entry) == AF_INET) {
            candidate_set_address(candidate, entry);
        } else if (candidate != NULL && family_of(entry) == AF_INET6) {
            candidate_set_address6(candidate, entry);
        }
    }
    return 0;
}

/* ---- which of it is used ---- */

/* Why an interface can't be used, NULL when it can. */
static const char *obstacle(const struct candidate *candidate) {
    if (!(candidate->flags & IFF_UP)) {
        return "is down";
    }
    if (!(candidate->flags & IFF_RUNNING)) {
        return "has no carrier";
    }
    if (candidate->interface.address.family == 0 && candidate->interface.address6.family == 0) {
        return "has no address";
    }
    return candidate->interface.kinds == 0 ? "carries neither multicast nor broadcast" : NULL;
}

/* "lo, eth0 (is down)": what there is, for people. */
static void present_text(const struct candidates *candidates, char text[PRESENT_BYTES]) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < candidates->count && used < PRESENT_BYTES; i++) {
        const struct candidate *candidate = &candidates->items[i];
        const char *why = obstacle(candidate);
        int length = snprintf(text + used, PRESENT_BYTES - used, "%s%s%s%s%s", i == 0 ? "" : ", ",
                              candidate->interface.name, why == NULL ? "" : " (", why == NULL ? "" : why,
                              why == NULL ? "" : ")");
        used += length > 0 ? (size_t)length : 0;
    }
    if (candidates->count == 0) {
        snprintf(text, PRESENT_BYTES, "none");
    }
}

static bool list_has(const struct interface_list *list, const struct interface *interface) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].index == interface->index) {
            return true;
        }
    }
    return false;
}

/* The list has room for every candidate once. */
static int choose_named(struct interface_list *list, const struct candidates *candidates,
                        const char *const *names, size_t name_count, const struct log *log) {
    char present[PRESENT_BYTES];
    for (size_t i = 0; i < name_count; i++) {
        const struct candidate *candidate = candidate_find(candidates, names[i]);
        const char *why = candidate == NULL || strcmp(candidate->interface.name, names[i]) != 0
                              ? "is not there"
                              : obstacle(candidate);
        if (why != NULL) {
            present_text(candidates, present);
            log_line(log, MUSTER_LOG_ERROR, "interface %s %s; there are: %s", names[i], why, present);
            return MUSTER_ENOINTERFACE;
        }
        if (!list_has(list, &candidate->interface)) {
            list->items[list->count++] = candidate->interface;
        }
    }
    return 0;
}

static void choose_usable(struct interface_list *list, const struct candidates *candidates,
                          unsigned loopback) {
    for (size_t i = 0; i < candidates->count; i++) {
        const struct candidate *candidate = &candidates->items[i];
        if ((candidate->flags & IFF_LOOPBACK) == loopback && obstacle(candidate) == NULL) {
            list->items[list->count++] = candidate->interface;
        }
    }
}

static void log_left_out(const struct interface_list *list, const struct candidates *candidates,
                         const struct log *log) {
    for (size_t i = 0; i < candidates->count; i++) {
        const struct candidate *candidate = &candidates->items[i];
        if (!list_has(list, &candidate->interface)) {
            const char *why = obstacle(candidate);
            log_line(log, MUSTER_LOG_DEBUG, "interface %s is left out: it %s", candidate->interface.name,
                     why != NULL ? why : "is the loopback, and there are others");
        }
    }
}

static int choose_all(struct interface_list *list, const struct candidates *candidates,
                      const struct log *log) {
    choose_usable(list, candidates, 0);
    if (list->count == 0) {
        choose_usable(list, candidates, IFF_LOOPBACK);
    }
    if (list->count == 0) {
        char present[PRESENT_BYTES];
        present_text(candidates, present);
        log_line(log, MUSTER_LOG_ERROR, "no interface can be used; there are: %s", present);
        return MUSTER_ENOINTERFACE;
    }
    log_left_out(list, candidates, log);
    return 0;
}

int interface_list_choose(struct interface_list *list, const struct ifaddrs *addresses,
                          const char *const *names, size_t name_count, const struct log *log) {
    *list = (struct interface_list){.items = NULL};
    struct candidates candidates;
    int error = candidates_read(&candidates, addresses);
    if (error != 0) {
        return error;
    }
    list->items = calloc(candidates.count + 1, sizeof *list->items);
    if (list->items == NULL) {
        error = MUSTER_ENOMEM;
    } else if (name_count > 0) {
        error = choose_named(list, &candidates, names, name_count, log);
    } else {
        error = choose_all(list, &candidates, log);
    }
    free(candidates.items);
    if (error != 0) {
        interface_list_deinit(list);
    }
    return error;
}

int interface_list_read(struct interface_list *list, const char *const *names, size_t name_count,
                        const struct log *log) {
    *list = (struct interface_list){.items = NULL};
    struct ifaddrs *addresses;
    if (getifaddrs(&addresses) != 0) {
        int number = errno;
        log_line(log, MUSTER_LOG_ERROR, "list of interfaces: %s", strerror(number));
        return number == ENOMEM ? MUSTER_ENOMEM : MUSTER_ESYSTEM;
    }
    int error = interface_list_choose(list, addresses, names, name_count, log);
    freeifaddrs(addresses);
    return error;
}

void interface_list_deinit(struct interface_list *list) {
    free(list->items);
    *list = (struct interface_list){.items = NULL};
}
