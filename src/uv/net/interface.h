/* SPDX-License-Identifier: MIT */
/* Which network interfaces a node uses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/muster.h>

#include "device.h"
#include "log.h"

/* The longest announce with the headers of IPv4 and UDP. An interface that carries less can't be used. */
#define INTERFACE_MTU_MIN 1228

#define INTERFACE_LEFT_OUT_BYTES 64

/* One interface in use. Plain value. */
struct interface {
    uint32_t index;
    char name[MUSTER_INTERFACE_NAME_BYTES];
    unsigned kinds; /* bit 1 << kind of each path to many that it has; where it has none, of those to one */
    uint32_t mtu;
    struct muster_endpoint address;  /* its IPv4 address; no port; no family: it has none */
    uint8_t prefix_bits;             /* of that, those that name its network */
    struct muster_endpoint address6; /* of IPv6 that of the link alone, else its first; likewise */
    /* Source address that group and broadcast datagrams must be given; no family: the kernel chooses
     * well. Of an address of this host alone it would take that of another interface, or none (0.0.0.0). */
    struct muster_endpoint source;
};

/* One that is not used, or a name or pattern that no interface has. Plain value. */
struct interface_left_out {
    char name[INTERFACE_LEFT_OUT_BYTES]; /* an alternative one is cut where it is longer */
    const char *why;                     /* "has no carrier"; static storage */
    bool is_missing;                     /* no interface has this name */
    enum muster_log_level level;         /* of the line that says so */
};

/* Zeroed: nothing. */
struct interface_list {
    struct interface *items; /* those that are used, the most useful first */
    size_t count;
    struct interface_left_out *left_out;
    size_t left_out_count;
    bool has_wanted;   /* no names are given, or they allow some interface that is there */
    bool has_loopback; /* the loopback is up: programs of this machine reach one another */
};

/* Lists the interfaces to use as they are now.
 *
 * `names` narrow them: each is a name, also an alternative one (ip-link(8)), or a pattern of fnmatch(3); one
 * that begins with ! denies what it matches. Where nothing but denials is given all others are used. The
 * loopback is used only where its very name is given.
 *
 * Of these, those that are up and running, have an address and a path of these kinds (bit 1 << kind). First
 * come those that names name, in that order, then those with a route to somewhere, then others, then bridges
 * without a route, as containers have them; at most as many as a node has paths for.
 *
 * None is no error. MUSTER_ENOMEM, MUSTER_ESYSTEM, with an error line; then the list is empty. */
int interface_list_read(struct interface_list *list, const char *const *names, size_t name_count,
                        unsigned kinds, const struct log *log);

/* The same from devices that are known. MUSTER_ENOMEM. */
int interface_list_choose(struct interface_list *list, const struct device_list *devices,
                          const char *const *names, size_t name_count, unsigned kinds);

/* A zeroed list is allowed. */
void interface_list_deinit(struct interface_list *list);

const struct interface *interface_list_find(const struct interface_list *list, uint32_t index);

/* Says why interfaces are left out, but for what the list before said already. */
void interface_list_log(const struct interface_list *list, const struct interface_list *before,
                        const struct log *log);

/* "eth0 is down; wlan0 has no carrier": those left out, for people, cut where there is no more room. */
void interface_list_describe(const struct interface_list *list, char *text, size_t size);
