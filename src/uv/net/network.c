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

#define NETWORK_TEXT_BYTES 512
#define LOOPBACK_INTERFACE 1 /* the kernel's constant of that name, LOOPBACK_IFINDEX */

#define RETRY_MS 1000 /* what could not be opened is tried again after this */
#define ALONE_MS 1000 /* a loss of all interfaces is told after this */

/* ---- links ---- */

static bool is_same_path(const struct muster_path *a, const struct muster_path *b) {
    return a->interface == b->interface && a->kind == b->kind && a->mtu == b->mtu &&
           a->prefix_bits == b->prefix_bits && strcmp(a->name, b->name) == 0 &&
           endpoint_is_same(&a->address, &b->address);
}

/* True when they have changed. */
static bool paths_take(struct network *network) {
    struct muster_path paths[MUSTER_PATHS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < network->links.count; i++) {
        count += link_paths(network->links.items[i], network->unicast.port, paths + count);
    }
    bool is_same = count == network->path_count;
    for (size_t i = 0; i < count && is_same; i++) {
        is_same = is_same_path(&paths[i], &network->paths[i]);
    }
    memcpy(network->paths, paths, count * sizeof paths[0]);
    network->path_count = count;
    return !is_same;
}

static void names_write(const struct network *network, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < network->links.count && used < size; i++) {
        int length = snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ",",
                              network->links.items[i]->interface.name);
        used += length > 0 ? (size_t)length : 0;
    }
}

static void say_no_network(const struct network *network, const char *since_when, const struct log *log) {
    char text[NETWORK_TEXT_BYTES];
    interface_list_describe(&network->links.interfaces, text, sizeof text);
    log_line(log, MUSTER_LOG_WARNING, "%s %s: %s%s%s",
             network->links.interfaces.has_wanted ? "no network" : "no interface to use", since_when,
             network->is_observer ? "nobody can be heard" : "only programs of this machine can hear me",
             text[0] == '\0' ? "" : "; ", text);
}

/* A loss is told after a while: a network that is back within a moment is worth no word. */
static void tell_loss(struct network *network) {
    uint64_t now_ms = uv_now(network->doorbell.timer.loop);
    network->alone_ms = network->alone_ms == 0 ? now_ms : network->alone_ms;
    if (now_ms < network->alone_ms + ALONE_MS) {
        doorbell_set(&network->doorbell, network->alone_ms + ALONE_MS - now_ms);
    } else {
        say_no_network(network, "any more", network->log);
        network->has_said_none = true;
    }
}

static void tell_network(struct network *network) {
    char text[NETWORK_TEXT_BYTES];
    bool is_there = network->links.count > 0;
    if (is_there && network->has_said_none) {
        names_write(network, text, sizeof text);
        log_line(network->log, MUSTER_LOG_WARNING, "there is a network: %s", text);
    } else if (!is_there && !network->has_said_none) {
        tell_loss(network);
    }
    network->has_said_none = network->has_said_none && !is_there;
    network->alone_ms = is_there ? 0 : network->alone_ms;
}

static void tell_loopback(struct network *network, const struct log *log) {
    bool is_lacking = !network->links.interfaces.has_loopback;
    if (is_lacking && !network->lacks_loopback) {
        log_line(log, MUSTER_LOG_WARNING, "the loopback is down: programs of this machine cannot be heard");
    }
    network->lacks_loopback = is_lacking;
}

/* 0, or -errno of a path that could not be opened. */
static int links_follow(struct network *network, struct interface_list *interfaces, const struct log *log) {
    if (interfaces->count > 0) { /* else the reasons are said with that */
        interface_list_log(interfaces, &network->links.interfaces, log);
    }
    return links_take(&network->links, interfaces, log);
}

/* An interface that is gone meanwhile is no error. */
static int links_open(struct network *network, const struct log *log) {
    struct interface_list interfaces;
    int error = links_read(&network->links, &interfaces, log);
    if (error != 0) {
        return error;
    }
    int number = links_follow(network, &interfaces, log);
    if (network->links.count == 0 && number != 0 && socket_error(number) != MUSTER_ENOINTERFACE) {
        log_line(log, MUSTER_LOG_ERROR, "no interface lets us listen on port %u: %s", network->port,
                 strerror(-number));
        return socket_error(number);
    }
    paths_take(network);
    tell_loopback(network, log);
    network->has_said_none = network->links.count == 0;
    if (network->has_said_none) {
        say_no_network(network, "yet", log);
    }
    return 0;
}

/* A device that died and came again is told of as a path that goes and one that comes. */
static void on_ring(void *owner) {
    struct network *network = owner;
    struct interface_list interfaces;
    if (!network->is_receiving) {
        return;
    }
    if (links_read(&network->links, &interfaces, network->log) != 0) {
        doorbell_set(&network->doorbell, RETRY_MS);
        return;
    }
    bool is_one_reborn = links_drop(&network->links, &interfaces, &network->doorbell, network->log);
    doorbell_forget(&network->doorbell);
    if (is_one_reborn && paths_take(network)) {
        network->calls.on_paths(network->calls.owner);
    }
    links_follow(network, &interfaces, network->log);
    if (network->links.has_failed) {
        doorbell_set(&network->doorbell, RETRY_MS);
    }
    tell_loopback(network, network->log);
    tell_network(network);
    if (paths_take(network)) {
        network_hear(network, network->groups, network->groups6);
        network->calls.on_paths(network->calls.owner);
    }
    network->calls.on_datagrams_read(network->calls.owner);
}

/* ---- opening ---- */

/* The kinds of paths that the options allow. */
static unsigned kinds_of(const struct muster_options *options) {
    static const unsigned v4 = 1u << MUSTER_PATH_M4 | 1u << MUSTER_PATH_B4;
    static const unsigned v6 = 1u << MUSTER_PATH_M6;
    unsigned kinds = options->kinds == 0 ? GROUP_KINDS_ALL : options->kinds;
    if (options->peer_count > 0) {
        kinds |= kinds & v4 ? 1u << MUSTER_PATH_U4 : 0;
        kinds |= kinds & v6 ? 1u << MUSTER_PATH_U6 : 0;
    }
    return kinds;
}

static unsigned families_of(unsigned kinds) {
    unsigned families = 0;
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < GROUP_KINDS; kind++) {
        families |= kinds & 1u << kind ? 1u << socket_place(group_family(kind)) : 0;
    }
    return families;
}

int network_open(struct network *network, const struct muster_options *options, const struct log *log) {
    unsigned kinds = kinds_of(options);
    if (options->site_ttl > 0) {
        log_line(log, options->document == NULL ? MUSTER_LOG_INFO : MUSTER_LOG_WARNING,
                 "scope site: what passed routers is taken, from whoever reaches this host");
    }
    network->port = options->port;
    network->is_observer = options->document == NULL; /* it asks, and answers nobody */
    int number = doorbell_open(&network->doorbell);
    if (number != 0) {
        log_line(log, MUSTER_LOG_ERROR, "watching interfaces: %s", strerror(-number));
        return socket_error(number);
    }
    int error = links_init(&network->links, options->interfaces, options->interface_count, kinds,
                           options->port, options->without_gso);
    network->links.scope = options->site_ttl > 0 ? GROUP_SITE : GROUP_LINK;
    network->links.may_be_deaf = network->is_observer;
    if (error == 0) {
        error =
            unicast_open(&network->unicast, families_of(kinds), !network->is_observer, options->port, log);
    }
    bool takes_routed = options->site_ttl > 0 || options->peer_count > 0;
    for (size_t i = 0; i < SOCKET_FAMILIES && takes_routed; i++) {
        if (network->unicast.listeners[i].open) {
            tcp_take_routed(network->unicast.listeners[i].fd);
        }
    }
    return error != 0 ? error : links_open(network, log);
}

void network_describe(const struct network *network, const struct log *log) {
    for (size_t i = 0; i < network->links.count; i++) {
        link_describe(network->links.items[i], log);
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
    links_close(&network->links);
    doorbell_end(&network->doorbell, NULL, NULL);
    unicast_close(&network->unicast);
    listener_close(&network->local);
    free(network->held_bytes);
    free(network->batches_bytes);
    *network = (struct network){.port = 0};
}

/* ---- streams ---- */

/* What comes by another interface to an address of ours (Linux accepts it) is not let in. */
uint32_t network_interface_of(const struct network *network, const struct origin *origin) {
    bool is_here = origin->interface == LOOPBACK_INTERFACE || origin->interface == 0; /* 0: not known */
    const struct link *link = links_find(&network->links, origin->interface);
    if (link == NULL && is_here) {
        link = links_find_address(&network->links, &origin->local);
    }
    return link == NULL ? 0 : link->interface.index;
}

int network_connect(const struct network *network, const struct muster_endpoint *endpoint,
                    uint32_t interface) {
    const struct link *link = links_find(&network->links, interface);
    if (link == NULL) {
        return MUSTER_ENOINTERFACE;
    }
    bool is_own = links_find_address(&network->links, endpoint) != NULL; /* reached by the loopback alone */
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

static bool is_telemetry(const struct network *network, const struct muster_datagram *datagram) {
    unsigned shard;
    return group_is_telemetry(&datagram->destination, network->port, &shard);
}

uint64_t network_unsent(const struct network *network) {
    bool is_held = network->is_blocked && is_telemetry(network, &network->held);
    return count_refused(network) + (is_held ? count_datagrams(&network->held) : 0);
}

/* By a link, or, NULL, as the kernel finds the way; to a group only by a link. */
static int send_by(struct network *network, struct link *link, enum muster_path_kind kind,
                   struct muster_datagram *datagram) {
    struct datagram_socket *socket =
        &network->unicast.sockets[socket_place(datagram->destination.family)].socket;
    bool without_gso = link == NULL || link->without_gso;
    uint64_t queue_drops = socket->queue_drops;
    if (link == NULL && datagram->interface != 0 && !group_is_unicast(kind)) {
        return -ENODEV; /* its interface is used no more */
    }
    int error = socket_send(socket, datagram, &without_gso);
    if (link != NULL && kind == MUSTER_PATH_U6 && is_without_route(error)) {
        datagram->destination =
            group_control(MUSTER_PATH_M6, network->links.scope, network->port); /* by which it was heard */
        error = socket_send(socket, datagram, &without_gso);
    }
    if (link != NULL) {
        link->without_gso = without_gso;
        link->counts.queue_drops[kind] += socket->queue_drops - queue_drops;
    }
    return error;
}

/* False when the socket is full. */
static bool datagram_send(struct network *network, struct muster_datagram *datagram) {
    size_t place = socket_place(datagram->destination.family);
    struct datagram_socket *socket = &network->unicast.sockets[place].socket;
    struct link *link = links_find(&network->links, datagram->interface);
    bool is_of_telemetry = is_telemetry(network, datagram);
    enum muster_path_kind kind = is_of_telemetry ? multicast[place] : group_path_kind(&datagram->destination);
    if (!socket->open) {
        return true; /* whoever said that address was not heard by it */
    }
    if (group_is_unicast(kind) && !socket_has_unicast_room(socket)) {
        network->unicast_drops[place]++; /* whoever asked, asks again; what the group is told comes to all */
        return true;
    }
    if (link != NULL && !group_is_unicast(kind)) {
        datagram->source = link->interface.source;
    }
    const uint8_t *bytes = datagram == &network->held ? network->held_from : datagram->bytes;
    uint64_t count = count_datagrams(datagram);
    int error = send_by(network, link, kind, datagram);
    if (error == -EAGAIN) {
        return false;
    }
    if (is_of_telemetry) {
        record_telemetry(network, bytes, count, error);
    }
    if (link != NULL) {
        link_record_sent(link, kind, error, network->log);
    } else {
        network->unicast_failed[place] += error != 0 ? 1 : 0;
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
    if (error == 0) {
        error = links_start(&network->links, loop, on_link_ready, network);
    }
    if (error == 0) {
        error = doorbell_start(&network->doorbell, loop, on_ring, network);
    }
    if (error == 0 && network->links.has_failed) {
        doorbell_set(&network->doorbell, RETRY_MS);
    }
    return error;
}

void network_stop_receiving(struct network *network) {
    network->is_receiving = false;
    unicast_watch(network);
    for (size_t i = 0; i < network->links.count; i++) {
        link_pause(network->links.items[i]);
    }
}

size_t network_end(struct network *network, uv_close_cb on_closed) {
    size_t handles = doorbell_end(&network->doorbell, on_closed, network->calls.owner);
    for (size_t i = 0; i < SOCKET_FAMILIES; i++) {
        handles += watched_socket_end(&network->unicast.sockets[i], on_closed, network->calls.owner);
    }
    links_close(&network->links);
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
    for (size_t i = 0; i < network->links.count; i++) {
        struct link *link = network->links.items[i];
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

/* A unicast kind: an address of ours. sent: the counts of what was sent, and of
 * sockets before this one. */
static void put_datagrams(struct inventory *inventory, const struct datagram_socket *socket,
                          enum muster_path_kind kind, const char *interface_name,
                          const struct muster_socket *sent) {
    struct muster_endpoint any = {.family = socket->family, .port = socket->port};
    struct muster_socket put_socket = {
        .protocol = "udp",
        .address = group_is_unicast(kind) ? any : group_control(kind, socket->scope, socket->port),
        .buffer_bytes = socket->buffer_bytes,
        .kernel_drops = sent->kernel_drops + socket->kernel_drops,
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
    struct muster_socket sent = {.unicast_drops = network->unicast_drops[kind - MUSTER_PATH_U4],
                                 .failed = network->unicast_failed[kind - MUSTER_PATH_U4]};
    for (size_t i = 0; i < network->links.count; i++) {
        sent.failed += network->links.items[i]->counts.failed[kind];
        sent.queue_drops += network->links.items[i]->counts.queue_drops[kind];
    }
    for (size_t i = 0; i < network->links.past_count; i++) {
        sent.failed += network->links.past[i].failed[kind];
        sent.queue_drops += network->links.past[i].queue_drops[kind];
    }
    return sent;
}

size_t network_sockets(const struct network *network, struct muster_socket *sockets, size_t sockets_max) {
    struct inventory inventory = {.sockets = sockets, .max = sockets_max};
    for (enum muster_path_kind kind = MUSTER_PATH_U4; kind <= MUSTER_PATH_U6; kind++) {
        struct muster_socket sent = sent_unicasts(network, kind);
        put_datagrams(&inventory, &network->unicast.sockets[kind - MUSTER_PATH_U4].socket, kind, "", &sent);
    }
    for (size_t i = 0; i < network->links.count; i++) {
        const struct link *link = network->links.items[i];
        const char *name = link->interface.name;
        for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < GROUP_KINDS; kind++) {
            struct muster_socket sent = {.kernel_drops = link->counts.kernel_drops[kind],
                                         .failed = link->counts.failed[kind],
                                         .queue_drops = link->counts.queue_drops[kind]};
            put_datagrams(&inventory, &link->sockets[kind].socket, kind, name, &sent);
        }
        for (size_t place = 0; place < SOCKET_FAMILIES; place++) {
            put_datagrams(
                &inventory, &link->sockets[LINK_TELEMETRY + place].socket, MUSTER_PATH_U4, name,
                &(struct muster_socket){.kernel_drops = link->counts.kernel_drops[LINK_TELEMETRY + place]});
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
