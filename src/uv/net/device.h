/* SPDX-License-Identifier: MIT */
/* The network devices of this machine, as the kernel describes them (rtnetlink(7)), whatever their kind. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#define DEVICE_ALTNAMES_BYTES 256

/* Of an address: not to be used at all, or only where there is no other. */
enum device_address_use { DEVICE_ADDRESS_NONE, DEVICE_ADDRESS_DEPRECATED, DEVICE_ADDRESS_USABLE };

/* One device. Plain value. */
struct device {
    uint32_t index;
    char name[MUSTER_INTERFACE_NAME_BYTES];
    char altnames[DEVICE_ALTNAMES_BYTES]; /* each ends with a NUL, all with an empty one; as many as fit */
    unsigned flags;                       /* IFF_UP and so on (netdevice(7)) */
    uint32_t mtu;
    bool is_bridge;
    bool is_port;              /* of a bridge or bond: it has no traffic of its own */
    bool has_route;            /* to somewhere beyond its own network */
    uint8_t v4_prefix_bits;    /* of v4, those that name its network */
    struct muster_endpoint v4; /* its first address that is usable; no port; family 0: it has none */
    struct muster_endpoint v6; /* likewise, of the link (fe80::/10) where it has one: that is the source of
                                  what goes to ff02::/16 */
    enum device_address_use v4_use;
    enum device_address_use v6_use;
};

struct device_list {
    struct device *items; /* in the order of their indexes, as the kernel lists them */
    size_t count;
};

/* Asks the kernel. 0 or -errno; then the list is empty. */
int device_list_read(struct device_list *list);

/* A zeroed list is allowed. */
void device_list_deinit(struct device_list *list);

/* Records an address of the device: flags are those of the kernel (IFA_F_TENTATIVE and so on), prefix_bits
 * name its network. One of a better use takes the place of the one before, of equal use the first one stays.
 */
void device_add_address(struct device *device, const struct muster_endpoint *address, uint8_t prefix_bits,
                        uint32_t flags);

/* True when the device is called so: by its name or one of its other names. */
bool device_is_called(const struct device *device, const char *name);

/* The same for a pattern of fnmatch(3). */
bool device_matches(const struct device *device, const char *pattern);
