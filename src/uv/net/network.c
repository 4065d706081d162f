/* SPDX-License-Identifier: MIT */
#include "network.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "group.h"
#include "interface.h"
#include "tcp.h"

#define LOOPBACK_INTERFACE 1 /* the kernel's constant of that name, LOOPBACK_IFINDEX */

/* ---- opening ---- */

/* One link after the other, as many as the core has paths for; whoever named more gets none. */
static int links_open(struct network *network, const struct interface_list *list, bool is_required,
                      const struct log *log) {
    int error = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (network->path_count + GROUP_KINDS > MUSTER_PATHS_MAX) {
            log_line(log, is_required ? MUSTER_LOG_ERROR : MUSTER_LOG_WARNING,
                     "%zu of %zu interfaces are left out: a node has at most %d paths", list->count - i,
                     list->count, MUSTER_PATHS_MAX);
            return is_required ? MUSTER_ENOINTERFACE : 0;
        }
        struct link *link;
        error = link_open(&link, &list->items[i], network->port, is_required, log);
        if (error == 0) {
            network->links[network->link_count++] = link;
            network->path_count +=
                link_paths(link, network->unicast.port, network->paths + network->path_count);
        } else if (is_required || error == MUSTER_ENOMEM) {
            return error;
        }
    }
    if (network->link_count == 0) {
        log_line(log, MUSTER_LOG_ERROR, "no interface lets us listen on port %u: %s", network->port,
                 muster_error_text(error));
        return error;
    }
    return 0;
}

/* The kinds of paths that the options allow. */
static unsigned kinds_of(const struct muster_options *options) {
    return options->kinds == 0 ? GROUP_KINDS_ALL : options->kinds;
}

static unsigned families_of(unsigned kinds) {
    unsigned families = 0;
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < GROUP_KINDS; kind++) {
        families |= kinds & 1u << kind ? 1u << socket_place(group_family(kind)) : 0;
    }
    return families;
}

/* Leaves interfaces out that have no path of these kinds. One that is required must have one. */
static int kinds_limit(struct interface_list *list, unsigned kinds, bool is_required, const struct log *log) {
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct interface interface = list->items[i];
        interface.kinds &= kinds;
        if (interface.kinds != 0) {
            list->items[count++] = interface;
        } else {
            log_line(log, is_required ? MUSTER_LOG_ERROR : MUSTER_LOG_DEBUG,
                     "interface %s has no path of the family and delivery that are asked for",
                     interface.name);
        }
    }
    bool is_short = count == 0 || (is_required && count < list->count);
    list->count = count;
    if (count == 0 && !is_required) {
        log_line(log, MUSTER_LOG_ERROR,
                 "no interface has a path of the family and delivery that are asked for");
    }
    return is_short ? MUSTER_ENOINTERFACE : 0;
}

int network_open(struct network *network, const struct muster_options *options, const struct log *log) {
    struct interface_list list;
    bool is_required = options->interface_count > 0;
    bool is_observer = options->document == NULL; /* it asks, and answers nobody */
    network->port = options->port;
    int error = interface_list_read(&list, options->interfaces, options->interface_count, log);
    if (error == 0) {
        error = kinds_limit(&list, kinds_of(options), is_required, log);
    }
    if (error == 0) {
        unsigned families = families_of(kinds_of(options));
        error = unicast_open(&network->unicast, families, !is_observer, options->port, log);
    }
    if (error == 0) {
        error = links_open(network, &list, is_required, log);
    }
    for (size_t i = 0; i < network->link_count; i++) {
        network->links[i]->without_gso = options->without_gso;
    }
    interface_list_deinit(&list);
    return error;
}

void network_describe(const struct network *network, const struct log *log) {
    for (size_t i = 0; i < network->link_count; i++) {
        link_describe(network->links[i], log);
    }
    for (size_t i = 0; i < SOCKET_FAMILIES; i++) {
        const struct datagram_socket *socket = &network->unicast.sockets[i].socket;
        if (socket->open) {
            log_line(log, MUSTER_LOG_INFO,
                     "sending from unicast port %u (IPv%u), receive buffer %" PRIu32 " bytes", socket->port,
                     socket->family, socket->buffer_bytes);
        }
    }
}

void network_close(struct network *network) {
    for (size_t i = 0; i < network->link_count; i++) {
        link_free(network->links[i]);
    }
    unicast_close(&network->unicast);
    listener_close(&network->local);
    free(network->held_bytes);
    free(network->batches_bytes);
    *network = (struct network){.link_count = 0};
}

/* ---- streams ---- */

static struct link *link_find(const struct network *network, uint32_t interface) {
    for (size_t i = 0; i < network->link_count; i++) {
        if (network->links[i]->interface.index == interface) {
            return network->links[i];
        }
    }
    return NULL;
}

static const struct link *link_find_address(const struct network *network,
                                            const struct muster_endpoint *address) {
    for (size_t i = 0; i < network->link_count; i++) {
        const struct interface *interface = &network->links[i]->interface;
        if (endpoint_is_same_host(&interface->address, address) ||
            endpoint_is_same_host(&interface->address6, address)) {
            return network->links[i];
        }
    }
    return NULL;
}

/* What comes by another interface to an address of ours (Linux accepts it) is not let in. */
uint32_t network_interface_of(const struct network *network, const struct origin *origin) {
    bool is_here = origin->interface == LOOPBACK_INTERFACE || origin->interface == 0; /* 0: not known */
    const struct link *link = link_find(network, origin->interface);
    if (link == NULL && is_here) {
        link = link_find_address(network, &origin->local);
    }
    return link == NULL ? 0 : link->interface.index;
}

int network_connect(const struct network *network, const struct muster_endpoint *endpoint,
                    uint32_t interface) {
    const struct link *link = link_find(network, interface);
    if (link == NULL) {
        return MUSTER_ENOINTERFACE;
    }
    bool is_own = link_find_address(network, endpoint) != NULL; /* reached by the loopback alone */
    int fd = tcp_connect(endpoint, interface, is_own ? NULL : link->interface.name);
    return fd < 0 ? socket_error(fd) : fd;
}

/* ---- sending ---- */

/* After every change of is_blocked or is_receiving. */
static void unicast_watch(struct network *network) {
    for (size_t i = 0; i < SOCKET_FAMILIES; i++) {
        bool is_full = network->is_blocked && socket_place(network->held.destination.family) == i;
        watched_socket_set(&network->unicast.sockets[i],
                           (network->is_receiving ? UV_READABLE : 0) | (is_full ? UV_WRITABLE : 0));
    }
}

static const enum muster_path_kind multicast[SOCKET_FAMILIES] = {MUSTER_PATH_M4, MUSTER_PATH_M6};

static bool is_without_route(int error) {
    return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EADDRNOTAVAIL;
}

static uint64_t count_datagrams(const struct muster_datagram *datagram) {
    return datagram->segment == 0 ? 1 : (datagram->length + datagram->segment - 1) / datagram->segment;
}

static uint64_t count_refused(const struct network *network) {
    return network->refused + (network->telemetry.has_left ? 0 : network->telemetry.count);
}

/* Copies by several paths come one behind the other. */
static void record_telemetry(struct network *network, const uint8_t *bytes, uint64_t count, int error) {
    if (network->telemetry.bytes != bytes) {
        network->refused = count_refused(network);
        network->telemetry.bytes = bytes;
        network->telemetry.count = count;
        network->telemetry.has_left = false;
    }
    network->telemetry.has_left = network->telemetry.has_left || error == 0;
}

uint64_t network_unsent(const struct network *network) {
    bool is_held = network->is_blocked && network->held.ttl == MUSTER_TELEMETRY_TTL;
    return count_refused(network) + (is_held ? count_datagrams(&network->held) : 0);
}

/* False when the socket is full. */
static bool datagram_send(struct network *network, struct muster_datagram *datagram) {
    size_t place = socket_place(datagram->destination.family);
    struct datagram_socket *socket = &network->unicast.sockets[place].socket;
    struct link *link = link_find(network, datagram->interface);
    bool is_telemetry = datagram->ttl == MUSTER_TELEMETRY_TTL;
    enum muster_path_kind kind = is_telemetry ? multicast[place] : group_path_kind(&datagram->destination);
    if (!socket->open) {
        return true; /* whoever said that address was not heard by it */
    }
    if (group_is_unicast(kind) && !socket_has_unicast_room(socket)) {
        network->unicast_drops[place]++; /* whoever asked, asks again; what the group is told comes to all */
        return true;
    }
    if (link != NULL && !group_is_unicast(kind)) {
        datagram->source = link->interface.source;
    } else {
        datagram->source.family = 0;
    }
    bool without_gso = link == NULL || link->without_gso;
    uint64_t queue_drops = socket->queue_drops;
    const uint8_t *bytes = datagram == &network->held ? network->held_from : datagram->bytes;
    uint64_t count = count_datagrams(datagram);
    int error = socket_send(socket, datagram, &without_gso);
    if (kind == MUSTER_PATH_U6 && is_without_route(error)) { /* it was heard by the group, so we are too */
        datagram->destination = group_control(MUSTER_PATH_M6, network->port);
        error = socket_send(socket, datagram, &without_gso);
    }
    if (link != NULL) {
        link->without_gso = without_gso;
        link->queue_drops[kind] += socket->queue_drops - queue_drops;
    }
    if (error == -EAGAIN) {
        return false;
    }
    if (is_telemetry) {
        record_telemetry(network, bytes, count, error);
    }
    if (link != NULL) {
        link_record_sent(link, kind, error, network->log);
    }
    return true;
}

/* Without memory for it the datagram is lost, as on a wire. */
static void datagram_hold(struct network *network, const struct muster_datagram *datagram) {
    network->held_bytes = malloc(datagram->length);
    network->held = *datagram;
    network->held_from = datagram->bytes;
    network->held.bytes = network->held_bytes;
    if (network->held_bytes != NULL) {
        memcpy(network->held_bytes, datagram->bytes, datagram->length);
    }
    network->is_blocked = true;
    unicast_watch(network);
}

bool network_send(struct network *network, struct muster_datagram *datagram) {
    size_t place = socket_place(datagram->destination.family);
    const struct datagram_socket *socket = &network->unicast.sockets[place].socket;
    uint64_t queue_drops = socket->queue_drops;
    if (!network->is_blocked && !datagram_send(network, datagram)) {
        datagram_hold(network, datagram);
    }
    return socket->queue_drops == queue_drops;
}

static void held_send(struct network *network) {
    if (!network->is_blocked || (network->held_bytes != NULL && !datagram_send(network, &network->held))) {
        return;
    }
    free(network->held_bytes);
    network->held_bytes = NULL;
    network->is_blocked = false;
    unicast_watch(network);
}

/* ---- on the loop ---- */

/* What to do on a socket. An error that hangs on it makes libuv stop watching it, and hides the rest: the
 * error is taken off, the socket is watched again, and all that it is watched for is tried. */
static int events_due(struct watched_socket *watched, int status, int events) {
    if (status >= 0) {
        return events;
    }
    socket_take_errors(&watched->socket);
    watched_socket_set(watched, watched->events);
    return watched->events;
}

static void on_unicast_ready(uv_poll_t *poll, int status, int events) {
    struct watched_socket *watched = watched_socket_of(poll);
    struct network *network = watched->owner;
    int due = events_due(watched, status, events);
    if (due & UV_WRITABLE) {
        held_send(network);
    }
    if (due & UV_READABLE) {
        socket_read(&watched->socket, network->calls.on_datagram, network->calls.owner);
    }
    network->calls.on_datagrams_read(network->calls.owner);
}

static void on_link_ready(uv_poll_t *poll, int status, int events) {
    struct watched_socket *watched = watched_socket_of(poll);
    struct network *network = watched->owner;
    if (events_due(watched, status, events) & UV_READABLE) {
        socket_read(&watched->socket, network->calls.on_datagram, network->calls.owner);
        network->calls.on_datagrams_read(network->calls.owner);
    }
}

/* One read a wake-up: what is left wakes the loop again, after its other handles had their turn. */
static void on_telemetry_ready(uv_poll_t *poll, int status, int events) {
    struct watched_socket *watched = watched_socket_of(poll);
    struct network *network = watched->owner;
    if (events_due(watched, status, events) & UV_READABLE) {
        socket_read_batches(&watched->socket, network->batches_bytes, network->calls.on_telemetry,
                            network->calls.owner);
        network->calls.on_telemetry_read(network->calls.owner);
    }
}

int network_start(struct network *network, uv_loop_t *loop, const struct network_calls *calls,
                  const struct log *log) {
    network->calls = *calls;
    network->log = log;
    network->is_receiving = true;
    int error = 0;
    for (size_t i = 0; i < SOCKET_FAMILIES && error == 0; i++) {
        struct watched_socket *watched = &network->unicast.sockets[i];
        error = watched->socket.open ? watched_socket_start(watched, loop, on_unicast_ready, network) : 0;
    }
    for (size_t i = 0; i < network->link_count && error == 0; i++) {
        error = link_start(network->links[i], loop, on_link_ready, network);
    }
    return error;
}

void network_stop_receiving(struct network *network) {
    network->is_receiving = false;
    unicast_watch(network);
    for (size_t i = 0; i < network->link_count; i++) {
        link_pause(network->links[i]);
    }
}

size_t network_end(struct network *network, uv_close_cb on_closed) {
    size_t handles = 0;
    for (size_t i = 0; i < SOCKET_FAMILIES; i++) {
        handles += watched_socket_end(&network->unicast.sockets[i], on_closed, network->calls.owner);
    }
    for (size_t i = 0; i < network->link_count; i++) {
        handles += link_end(network->links[i], on_closed, network->calls.owner);
    }
    return handles;
}

/* ---- telemetry ---- */

void network_hear(struct network *network, uint32_t groups, uint32_t groups6) {
    network->groups = groups;
    network->groups6 = groups6;
    network->is_hearing = false;
    network->hearing_error = 0;
    if ((groups | groups6) != 0 && network->batches_bytes == NULL) {
        network->batches_bytes = malloc((size_t)SOCKET_BATCHES * SOCKET_BATCH_BYTES);
        if (network->batches_bytes == NULL) {
            network->hearing_error = MUSTER_ENOMEM;
            return;
        }
    }
    for (size_t i = 0; i < network->link_count; i++) {
        struct link *link = network->links[i];
        int error = link_hear(link, groups, groups6, network->port, on_telemetry_ready, network->log);
        network->is_hearing = network->is_hearing || (error == 0 && link_is_hearing(link));
        network->hearing_error = network->hearing_error != 0 ? network->hearing_error : error;
    }
}

void network_hear_again(struct network *network) {
    if (network->hearing_error != 0) {
        network_hear(network, network->groups, network->groups6);
    }
}

/* ---- looking ---- */

struct inventory {
    struct muster_socket *sockets;
    size_t max;
    size_t count;
};

static void put(struct inventory *inventory, const struct muster_socket *socket) {
    if (inventory->count < inventory->max) {
        inventory->sockets[inventory->count] = *socket;
    }
    inventory->count++;
}

/* A unicast kind: an address of ours. sent: the counts of what was sent. */
static void put_datagrams(struct inventory *inventory, const struct datagram_socket *socket,
                          enum muster_path_kind kind, const char *interface_name,
                          const struct muster_socket *sent) {
    struct muster_endpoint any = {.family = socket->family, .port = socket->port};
    struct muster_socket put_socket = {
        .protocol = "udp",
        .address = group_is_unicast(kind) ? any : group_control(kind, socket->port),
        .buffer_bytes = socket->buffer_bytes,
        .kernel_drops = socket->kernel_drops,
        .failed = sent->failed,
        .queue_drops = sent->queue_drops,
        .unicast_drops = sent->unicast_drops,
        .unreached = socket->unreached,
    };
    if (socket->open) {
        snprintf(put_socket.interface_name, sizeof put_socket.interface_name, "%s", interface_name);
        put(inventory, &put_socket);
    }
}

/* All is sent from the unicast socket. What was for everybody is counted where the same path is heard. */
static struct muster_socket sent_unicasts(const struct network *network, enum muster_path_kind kind) {
    struct muster_socket sent = {.unicast_drops = network->unicast_drops[kind - MUSTER_PATH_U4]};
    for (size_t i = 0; i < network->link_count; i++) {
        sent.failed += network->links[i]->failed[kind];
        sent.queue_drops += network->links[i]->queue_drops[kind];
    }
    return sent;
}

size_t network_sockets(const struct network *network, struct muster_socket *sockets, size_t sockets_max) {
    struct inventory inventory = {.sockets = sockets, .max = sockets_max};
    for (enum muster_path_kind kind = MUSTER_PATH_U4; kind <= MUSTER_PATH_U6; kind++) {
        struct muster_socket sent = sent_unicasts(network, kind);
        put_datagrams(&inventory, &network->unicast.sockets[kind - MUSTER_PATH_U4].socket, kind, "", &sent);
    }
    for (size_t i = 0; i < network->link_count; i++) {
        const struct link *link = network->links[i];
        const char *name = link->interface.name;
        for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < GROUP_KINDS; kind++) {
            struct muster_socket sent = {.failed = link->failed[kind],
                                         .queue_drops = link->queue_drops[kind]};
            put_datagrams(&inventory, &link->sockets[kind].socket, kind, name, &sent);
        }
        for (size_t place = 0; place < SOCKET_FAMILIES; place++) {
            put_datagrams(&inventory, &link->sockets[LINK_TELEMETRY + place].socket, MUSTER_PATH_U4, name,
                          &(struct muster_socket){.failed = 0});
        }
    }
    for (size_t i = 0; i < SOCKET_FAMILIES; i++) {
        const struct listener *listener = &network->unicast.listeners[i];
        if (listener->open) {
            struct muster_socket tcp = {.protocol = "tcp",
                                        .address = {.family = i == 0 ? 4 : 6, .port = listener->port}};
            put(&inventory, &tcp);
        }
    }
    if (network->local.open) {
        put(&inventory, &(struct muster_socket){.protocol = "unix"});
    }
    return inventory.count;
}
