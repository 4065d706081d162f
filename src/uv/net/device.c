/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "endpoint.h"

#define READ_TRIES 4 /* what changes while it is listed is listed again */
#define ROUTES_MAX \
    1024 /* that are looked at: the default route comes first, and a router may have a million */
#define BUFFER_BYTES 32768 /* of one read: what the kernel fills at most */
#define ATTRIBUTES_MAX 128 /* types of attributes that are known: those of links have the highest */
#define IPV4_BYTES 4
#define IPV6_BYTES 16

/* ---- a list ---- */

static struct device *find(const struct device_list *list, uint32_t index) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].index == index) {
            return &list->items[i];
        }
    }
    return NULL;
}

void device_list_deinit(struct device_list *list) {
    free(list->items);
    *list = (struct device_list){.items = NULL};
}

/* Its memory doubles. NULL without memory. */
static struct device *list_add(struct device_list *list) {
    if ((list->count & (list->count - 1)) == 0) { /* 0, or a power of two: full */
        size_t room = list->count == 0 ? 1 : 2 * list->count;
        struct device *items = realloc(list->items, room * sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        list->items = items;
    }
    list->items[list->count] = (struct device){.index = 0};
    return &list->items[list->count++];
}

/* ---- addresses ---- */

static enum device_address_use use_of(uint32_t flags) {
    bool is_tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
    if (is_tentative || (flags & IFA_F_DADFAILED) != 0) {
        return DEVICE_ADDRESS_NONE;
    }
    return flags & IFA_F_DEPRECATED ? DEVICE_ADDRESS_DEPRECATED : DEVICE_ADDRESS_USABLE;
}

void device_add_address(struct device *device, const struct muster_endpoint *address, uint8_t prefix_bits,
                        uint32_t flags) {
    struct muster_endpoint *known = address->family == 4 ? &device->v4 : &device->v6;
    enum device_address_use *known_use = address->family == 4 ? &device->v4_use : &device->v6_use;
    enum device_address_use use = use_of(flags);
    bool is_nearer = muster_endpoint_is_of_link(address) && !muster_endpoint_is_of_link(known);
    if (use > *known_use || (use == *known_use && use != DEVICE_ADDRESS_NONE && is_nearer)) {
        *known = *address;
        *known_use = use;
        device->v4_prefix_bits = address->family == 4 ? prefix_bits : device->v4_prefix_bits;
    }
}

/* ---- names ---- */

bool device_is_called(const struct device *device, const char *name) {
    if (strcmp(device->name, name) == 0) {
        return true;
    }
    for (const char *other = device->altnames; other[0] != '\0'; other += strlen(other) + 1) {
        if (strcmp(other, name) == 0) {
            return true;
        }
    }
    return false;
}

bool device_matches(const struct device *device, const char *pattern) {
    if (fnmatch(pattern, device->name, 0) == 0) {
        return true;
    }
    for (const char *other = device->altnames; other[0] != '\0'; other += strlen(other) + 1) {
        if (fnmatch(pattern, other, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- what the kernel says ---- */

/* The attributes of one message, by their types; NULL: not there. */
struct attributes {
    const struct nlattr *of_type[ATTRIBUTES_MAX];
};

static int on_attribute(const struct nlattr *attribute, void *context) {
    struct attributes *attributes = context;
    uint16_t type = mnl_attr_get_type(attribute);
    if (type < ATTRIBUTES_MAX) {
        attributes->of_type[type] = attribute;
    }
    return MNL_CB_OK;
}

static struct attributes attributes_of(const struct nlmsghdr *message, size_t header_bytes) {
    struct attributes attributes = {.of_type = {NULL}};
    mnl_attr_parse(message, (unsigned)header_bytes, on_attribute, &attributes);
    return attributes;
}

/* Of an attribute that may be missing: "" then, or 0. */
static const char *text_of(const struct nlattr *attribute) {
    bool is_text = attribute != NULL && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0;
    return is_text ? mnl_attr_get_str(attribute) : "";
}

static uint32_t number_of(const struct nlattr *attribute) {
    bool is_number = attribute != NULL && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0;
    return is_number ? mnl_attr_get_u32(attribute) : 0;
}

static int on_altname(const struct nlattr *attribute, void *context) {
    struct device *device = context;
    const char *name = mnl_attr_get_type(attribute) == IFLA_ALT_IFNAME ? text_of(attribute) : "";
    size_t used = 0;
    while (device->altnames[used] != '\0') {
        used += strlen(device->altnames + used) + 1;
    }
    if (used + strlen(name) + 1 < sizeof device->altnames) {
        memcpy(device->altnames + used, name, strlen(name) + 1);
    }
    return MNL_CB_OK;
}

/* What has a master is a part of it, but for members of a VRF, which only have routes of their own. */
static void kind_read(struct device *device, const struct nlattr *info, bool has_master) {
    struct attributes parts = {.of_type = {NULL}};
    if (info != NULL) {
        mnl_attr_parse_nested(info, on_attribute, &parts);
    }
    device->is_bridge = strcmp(text_of(parts.of_type[IFLA_INFO_KIND]), "bridge") == 0;
    device->is_port = has_master && strcmp(text_of(parts.of_type[IFLA_INFO_SLAVE_KIND]), "vrf") != 0;
}

static int on_link(const struct nlmsghdr *message, void *context) {
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    const struct attributes attributes = attributes_of(message, sizeof *link);
    struct device *device = list_add(context);
    if (device == NULL) {
        errno = ENOMEM;
        return MNL_CB_ERROR;
    }
    device->index = (uint32_t)link->ifi_index;
    device->flags = link->ifi_flags;
    device->mtu = number_of(attributes.of_type[IFLA_MTU]);
    snprintf(device->name, sizeof device->name, "%s", text_of(attributes.of_type[IFLA_IFNAME]));
    kind_read(device, attributes.of_type[IFLA_LINKINFO], attributes.of_type[IFLA_MASTER] != NULL);
    if (attributes.of_type[IFLA_PROP_LIST] != NULL) {
        mnl_attr_parse_nested(attributes.of_type[IFLA_PROP_LIST], on_altname, device);
    }
    return MNL_CB_OK;
}

/* IFA_LOCAL is one's own address; where it is missing, as for most of IPv6, IFA_ADDRESS is. */
static int on_address(const struct nlmsghdr *message, void *context) {
    const struct ifaddrmsg *entry = mnl_nlmsg_get_payload(message);
    const struct attributes attributes = attributes_of(message, sizeof *entry);
    const struct nlattr *local = attributes.of_type[IFA_LOCAL];
    const struct nlattr *own = local != NULL ? local : attributes.of_type[IFA_ADDRESS];
    bool has_flags = attributes.of_type[IFA_FLAGS] != NULL; /* they fit no byte any more */
    uint32_t flags = has_flags ? number_of(attributes.of_type[IFA_FLAGS]) : entry->ifa_flags;
    struct device *device = find(context, entry->ifa_index);
    size_t bytes = entry->ifa_family == AF_INET ? IPV4_BYTES : entry->ifa_family == AF_INET6 ? IPV6_BYTES : 0;
    if (device != NULL && own != NULL && bytes > 0 && mnl_attr_get_payload_len(own) == bytes) {
        struct muster_endpoint address = {.family = bytes == IPV4_BYTES ? 4 : 6};
        memcpy(address.ip, mnl_attr_get_payload(own), bytes);
        device_add_address(device, &address, entry->ifa_prefixlen, flags);
    }
    return MNL_CB_OK;
}

struct route_reading {
    struct device_list *list;
    size_t count;
};

static void route_record(struct device_list *list, uint32_t index) {
    struct device *device = find(list, index);
    if (device != NULL) {
        device->has_route = true;
    }
}

/* The hops of a route that has several. */
static void hops_record(struct device_list *list, const struct nlattr *hops) {
    const struct rtnexthop *hop = mnl_attr_get_payload(hops);
    int left = mnl_attr_get_payload_len(hops);
    for (; RTNH_OK(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
        route_record(list, (uint32_t)hop->rtnh_ifindex);
    }
}

/* The kernel itself adds the route to the network of each address: that leads nowhere else. */
static bool leads_away(const struct rtmsg *route, bool has_gateway) {
    bool is_for_hosts = route->rtm_type == RTN_UNICAST && route->rtm_table != RT_TABLE_LOCAL;
    return is_for_hosts && (route->rtm_dst_len == 0 || has_gateway || route->rtm_protocol != RTPROT_KERNEL);
}

static int on_route(const struct nlmsghdr *message, void *context) {
    struct route_reading *reading = context;
    const struct rtmsg *route = mnl_nlmsg_get_payload(message);
    const struct attributes attributes = attributes_of(message, sizeof *route);
    const struct nlattr *hops = attributes.of_type[RTA_MULTIPATH];
    bool has_gateway =
        hops != NULL || attributes.of_type[RTA_GATEWAY] != NULL || attributes.of_type[RTA_VIA] != NULL;
    if (leads_away(route, has_gateway)) {
        route_record(reading->list, number_of(attributes.of_type[RTA_OIF]));
    }
    if (hops != NULL && leads_away(route, has_gateway)) {
        hops_record(reading->list, hops);
    }
    reading->count++;
    return reading->count < ROUTES_MAX ? MNL_CB_OK : MNL_CB_STOP;
}

/* ---- asking ---- */

/* Asks for all objects of one type. 0 or -errno; -EINTR: they changed while they were listed. */
static int dump(uint16_t type, unsigned char family, size_t header_bytes, mnl_cb_t on_object, void *context) {
    _Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (socket == NULL) {
        return -errno;
    }
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    unsigned char *header = mnl_nlmsg_put_extra_header(message, header_bytes);
    header[0] = family; /* the first member of ifinfomsg, ifaddrmsg and rtmsg alike */
    int result = -1;
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(socket, message, message->nlmsg_len) >= 0) {
        unsigned port = mnl_socket_get_portid(socket);
        do {
            ssize_t length = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
            result = length < 0 ? -1 : mnl_cb_run(buffer, (size_t)length, 0, port, on_object, context);
        } while (result > MNL_CB_STOP);
    }
    result = result < 0 ? -errno : 0;
    mnl_socket_close(socket);
    return result;
}

/* Routes only say which interfaces come first: without them all are as good. */
static int read_all(struct device_list *list) {
    struct route_reading v4 = {.list = list};
    struct route_reading v6 = {.list = list};
    int error = dump(RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg), on_link, list);
    if (error == 0) {
        error = dump(RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg), on_address, list);
    }
    if (error == 0) {
        dump(RTM_GETROUTE, AF_INET, sizeof(struct rtmsg), on_route, &v4);
        dump(RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg), on_route, &v6);
    }
    return error;
}

int device_list_read(struct device_list *list) {
    int error = -EINTR;
    *list = (struct device_list){.items = NULL};
    for (int i = 0; i < READ_TRIES && error == -EINTR; i++) {
        device_list_deinit(list);
        error = read_all(list);
    }
    if (error != 0) {
        device_list_deinit(list);
    }
    return error;
}
