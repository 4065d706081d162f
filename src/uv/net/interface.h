/* SPDX-License-Identifier: MIT */
/* Which network interfaces a node uses. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <ifaddrs.h>

#include <muster/core.h>

#include "log.h"

/* One interface in use. Plain value. */
struct interface {
    uint32_t index;
    char name[MUSTER_INTERFACE_NAME_BYTES];
    unsigned kinds;                  /* bit 1 << kind of each path to many that it can have */
    struct muster_endpoint address;  /* its first IPv4 address; no port; no family: it has none */
    struct muster_endpoint address6; /* of IPv6 its first of the link alone, else its first; likewise */
    /* Source address that group and broadcast datagrams must be given; no family: the kernel chooses
     * well. On the loopback it would take the address of another interface. */
    struct muster_endpoint source;
};

struct interface_list {
    struct interface *items;
    size_t count;
};

/* Lists the interfaces to use as they are now. With names: exactly these, in this order, each once.
 * Without: all that are up, running, have an address and carry multicast or broadcast, the loopback only
 * when there is no other; a debug line says why each of the others is left out. MUSTER_ENOINTERFACE when one
 * named or all are not usable, MUSTER_ENOMEM, MUSTER_ESYSTEM; an error line says why. On error the list is
 * empty. */
int interface_list_read(struct interface_list *list, const char *const *names, size_t name_count,
                        const struct log *log);

/* The same from addresses that getifaddrs(3) gave, for tests. */
int interface_list_choose(struct interface_list *list, const struct ifaddrs *addresses,
                          const char *const *names, size_t name_count, const struct log *log);

/* A zeroed list is allowed. */
void interface_list_deinit(struct interface_list *list);
