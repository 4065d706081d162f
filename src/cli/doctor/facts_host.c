/* SPDX-License-Identifier: MIT */
/* What system calls tell of this host, and the order in which all of it is read. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "facts.h"

/* ---- interfaces ---- */

static struct facts_interface *find_or_add(struct facts *facts, const char *name, unsigned flags) {
    struct facts_interface *interface = (struct facts_interface *)facts_find(facts, name);
    if (interface == NULL && facts->interface_count < FACTS_INTERFACES_MAX) {
        interface = &facts->interfaces[facts->interface_count++];
        *interface = (struct facts_interface){.flags = flags};
        snprintf(interface->name, sizeof(interface->name), "%s", name);
    }
    return interface;
}

void facts_add_address(struct facts_interface *interface, const struct sockaddr *address) {
    if (address != NULL && address->sa_family == AF_INET && !interface->has_ipv4) {
        interface->has_ipv4 = true;
        memcpy(interface->ipv4, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct in6_addr *ipv6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (!interface->has_ipv6 || IN6_IS_ADDR_LINKLOCAL(ipv6)) {
            interface->has_ipv6 = true;
            memcpy(interface->ipv6, ipv6, 16);
        }
    }
}

/* Reads the interfaces and their addresses from the kernel. */
static void read_interfaces(struct facts *facts) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0) {
        facts_note_unseen(facts, "the interfaces: %s", strerror(errno));
        return;
    }
    for (const struct ifaddrs *item = list; item != NULL; item = item->ifa_next) {
        struct facts_interface *interface = find_or_add(facts, item->ifa_name, item->ifa_flags);
        if (interface != NULL) {
            facts_add_address(interface, item->ifa_addr);
        }
    }
    freeifaddrs(list);
}

/* ---- the state directory ---- */

static void default_state_dir(char *directory, size_t size) {
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (geteuid() == 0) {
        snprintf(directory, size, "/var/lib/muster");
    } else if (state != NULL && state[0] == '/') {
        snprintf(directory, size, "%s/muster", state);
    } else if (home != NULL) {
        snprintf(directory, size, "%s/.local/state/muster", home);
    } else {
        directory[0] = '\0';
    }
}

/* Makes and removes a directory there. */
static int try_directory(const char *directory) {
    char path[FACTS_PATH_BYTES + 32];
    snprintf(path, sizeof(path), "%s/.muster-doctor-XXXXXX", directory);
    if (mkdtemp(path) == NULL) {
        return errno;
    }
    rmdir(path);
    return 0;
}

int facts_try_state(const char *directory) {
    char path[FACTS_PATH_BYTES];
    snprintf(path, sizeof(path), "%s", directory);
    while (access(path, F_OK) != 0 && errno == ENOENT) { /* it would be made in the one above */
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            strcpy(path, ".");
        } else {
            slash[slash == path ? 1 : 0] = '\0';
        }
    }
    return try_directory(path);
}

/* ---- all of it ---- */

void facts_read(struct facts *facts, const struct facts_sources *sources) {
    *facts = (struct facts){.clock_s = (int64_t)time(NULL)};
    read_interfaces(facts);
    facts_read_proc(facts, sources->root, sources->port);
    if (sources->state_dir != NULL) {
        snprintf(facts->state_dir, sizeof(facts->state_dir), "%s", sources->state_dir);
    } else {
        default_state_dir(facts->state_dir, sizeof(facts->state_dir));
    }
    facts->state_error = facts->state_dir[0] == '\0' ? ENOENT : facts_try_state(facts->state_dir);
    facts_read_counters(facts, sources->root, &facts->before);
    facts->after = facts->before;
}
