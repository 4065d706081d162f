/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>

#include "group.h"
#include "utf8.h"

#define LINK_KINDS_BYTES (4 * GROUP_KINDS) /* "m4, b4" */

/* ---- watched sockets ---- */

struct watched_socket *watched_socket_of(uv_poll_t *poll) {
    return (struct watched_socket *)((char *)poll - offsetof(struct watched_socket, poll));
}

int watched_socket_start(struct watched_socket *watched, uv_loop_t *loop, uv_poll_cb on_ready, void *owner) {
    int error = uv_poll_init(loop, &watched->poll, watched->socket.fd);
    if (error != 0) {
        return error == UV_ENOMEM ? MUSTER_ENOMEM : MUSTER_ESYSTEM;
    }
    watched->is_watched = true;
    watched->on_ready = on_ready;
    watched->owner = owner;
    watched_socket_set(watched, UV_READABLE);
    return 0;
}

void watched_socket_set(struct watched_socket *watched, int events) {
    watched->events = events;
    if (watched->is_watched && events == 0) {
        uv_poll_stop(&watched->poll);
    } else if (watched->is_watched) {
        uv_poll_start(&watched->poll, events, watched->on_ready);
    }
}

size_t watched_socket_end(struct watched_socket *watched, uv_close_cb on_closed, void *data) {
    bool was_watched = watched->is_watched;
    if (was_watched) {
        watched->is_watched = false;
        watched->is_closing = true;
        watched->poll.data = data;
        uv_close((uv_handle_t *)&watched->poll, on_closed);
    }
    socket_close(&watched->socket);
    return was_watched ? 1 : 0;
}

/* ---- links ---- */

static struct muster_path path_make(const struct link *link, enum muster_path_kind kind) {
    struct muster_path path = {.interface = link->interface.index, .kind = kind, .mtu = link->interface.mtu};
    memcpy(path.name, link->interface.name, sizeof path.name);
    path.address = group_family(kind) == 6 ? link->interface.address6 : link->interface.address;
    path.prefix_bits = group_family(kind) == 6 ? 0 : link->interface.prefix_bits;
    return path;
}

static bool has_kind(const struct link *link, enum muster_path_kind kind) {
    return (link->interface.kinds & 1u << kind) != 0;
}

/* 0 or -errno. */
static int socket_add(struct link *link, enum muster_path_kind kind, uint16_t port) {
    struct muster_path path = path_make(link, kind);
    struct watched_socket *watched = &link->sockets[kind];
    int number = socket_open_listening(&watched->socket, &path, link->scope, port);
    if (number == 0 && if_nametoindex(path.name) != path.interface) {
        socket_close(
            &watched->socket); /* its name went to another one meanwhile, which the socket is bound to */
        number = -ENODEV;
    }
    if (number == 0 && link->loop != NULL &&
        watched_socket_start(watched, link->loop, link->on_ready, link->owner) != 0) {
        socket_close(&watched->socket);
        number = -ENOMEM;
    }
    return number;
}

static void on_socket_closed(uv_handle_t *handle) {
    struct link *link = handle->data;
    watched_socket_of((uv_poll_t *)handle)->is_closing = false;
    link->closing--;
    if (link->closing == 0 && link->is_closed) {
        free(link);
    }
}

static void socket_remove(struct link *link, size_t i) {
    link->counts.kernel_drops[i] += link->sockets[i].socket.kernel_drops;
    link->sockets[i].socket.kernel_drops = 0;
    link->closing += watched_socket_end(&link->sockets[i], on_socket_closed, link);
}

struct link *link_new(const struct interface *interface) {
    struct link *link = calloc(1, sizeof *link);
    if (link != NULL) {
        link->interface = *interface;
    }
    return link;
}

/* True where it sends and is answered by unicast, but does not hear the group. */
static bool is_deaf(const struct link *link, enum muster_path_kind kind) {
    return link->may_be_deaf && has_kind(link, kind) && link->open_errors[kind] == -EADDRINUSE;
}

/* What comes by unicast comes to the unicast socket. */
static bool has_path(const struct link *link, enum muster_path_kind kind) {
    if (group_is_unicast(kind)) {
        return has_kind(link, kind);
    }
    return link->sockets[kind].socket.open || is_deaf(link, kind);
}

static int path_add(struct link *link, enum muster_path_kind kind, uint16_t port, const struct log *log) {
    int number = socket_add(link, kind, port);
    if (number != 0 && number != link->open_errors[kind]) {
        bool may_be_deaf = link->may_be_deaf && number == -EADDRINUSE;
        log_line(log, may_be_deaf ? MUSTER_LOG_INFO : MUSTER_LOG_WARNING, "%s (%s) is %s: port %u: %s",
                 link->interface.name, muster_path_name(kind),
                 may_be_deaf ? "heard by unicast alone" : "left out", port, strerror(-number));
    }
    link->open_errors[kind] = number;
    return is_deaf(link, kind) ? 0 : number;
}

int link_update(struct link *link, const struct interface *interface, uint16_t port, const struct log *log) {
    int result = 0;
    link->interface = *interface;
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < GROUP_KINDS; kind++) {
        bool is_open = link->sockets[kind].socket.open;
        if (is_open && !has_kind(link, kind)) {
            socket_remove(link, kind);
        } else if (!is_open && has_kind(link, kind)) {
            bool is_closing = link->sockets[kind].is_closing;
            int number = is_closing ? -EAGAIN : path_add(link, kind, port, log);
            result = number != 0 ? number : result;
        }
    }
    for (size_t place = 0; place < SOCKET_FAMILIES; place++) {
        if (!has_kind(link, place == socket_place(6) ? MUSTER_PATH_M6 : MUSTER_PATH_M4)) {
            socket_remove(link, LINK_TELEMETRY + place);
            link->groups[place] = 0;
        }
    }
    return result;
}

bool link_is_open(const struct link *link) {
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < MUSTER_PATH_KINDS; kind++) {
        if (has_path(link, kind)) {
            return true;
        }
    }
    return false;
}

struct link_counts link_close(struct link *link) {
    for (size_t i = 0; i < LINK_SOCKETS; i++) {
        socket_remove(link, i);
    }
    struct link_counts counts = link->counts;
    memcpy(counts.name, link->interface.name, sizeof counts.name);
    link->is_closed = true;
    if (link->closing == 0) {
        free(link);
    }
    return counts;
}

int link_start(struct link *link, uv_loop_t *loop, uv_poll_cb on_ready, void *owner) {
    int error = 0;
    link->loop = loop;
    link->on_ready = on_ready;
    link->owner = owner;
    for (size_t i = 0; i < LINK_SOCKETS && error == 0; i++) {
        if (link->sockets[i].socket.open) {
            error = watched_socket_start(&link->sockets[i], loop, on_ready, owner);
        }
    }
    return error;
}

void link_pause(struct link *link) {
    for (size_t i = 0; i < LINK_SOCKETS; i++) {
        watched_socket_set(&link->sockets[i], 0);
    }
}

/* ---- telemetry ---- */

static int telemetry_open(struct link *link, enum muster_path_kind kind, uint16_t port, uv_poll_cb on_ready,
                          const struct log *log) {
    struct muster_path path = path_make(link, kind);
    struct watched_socket *watched = &link->sockets[LINK_TELEMETRY + socket_place(group_family(kind))];
    int number = socket_open_telemetry(&watched->socket, &path, (uint16_t)(port - 1));
    if (number != 0) {
        log_line(log, MUSTER_LOG_ERROR, "listening for telemetry on %s, port %u: %s", link->interface.name,
                 port - 1, strerror(-number));
        return number == -EADDRINUSE ? MUSTER_ENOPORT : socket_error(number);
    }
    int error = watched_socket_start(watched, link->loop, on_ready, link->owner);
    if (error != 0) {
        socket_close(&watched->socket);
    }
    return error;
}

static int group_hear(struct link *link, uint8_t family, unsigned group, bool is_wanted, uint16_t port,
                      const struct log *log) {
    struct muster_endpoint endpoint = group_telemetry(family, group, link->scope, port);
    struct datagram_socket *socket = &link->sockets[LINK_TELEMETRY + socket_place(family)].socket;
    int number = is_wanted ? socket_join(socket, &endpoint) : socket_leave(socket, &endpoint);
    if (number != 0 && is_wanted) {
        log_line(log, MUSTER_LOG_ERROR, "joining group %u of telemetry on %s (%s): %s", group,
                 link->interface.name, family == 6 ? "IPv6" : "IPv4", strerror(-number));
        return socket_error(number);
    }
    link->groups[socket_place(family)] ^= 1u << group;
    return 0;
}

/* kind: M4 or M6. */
static int family_hear(struct link *link, enum muster_path_kind kind, uint32_t groups, uint16_t port,
                       uv_poll_cb on_ready, const struct log *log) {
    uint8_t family = group_family(kind);
    size_t place = socket_place(family);
    const struct datagram_socket *socket = &link->sockets[LINK_TELEMETRY + place].socket;
    int result = 0;
    if (!link->sockets[kind].socket.open || (groups == 0 && !socket->open)) {
        return 0;
    }
    if (!socket->open) {
        result = telemetry_open(link, kind, port, on_ready, log);
    }
    for (unsigned group = 0; result == 0 && group <= MUSTER_SHARDS; group++) {
        if ((groups ^ link->groups[place]) & 1u << group) {
            result = group_hear(link, family, group, (groups & 1u << group) != 0, port, log);
        }
    }
    return result;
}

int link_hear(struct link *link, uint32_t groups, uint32_t groups6, uint16_t port, uv_poll_cb on_ready,
              const struct log *log) {
    int result = family_hear(link, MUSTER_PATH_M4, groups, port, on_ready, log);
    int error = family_hear(link, MUSTER_PATH_M6, groups6, port, on_ready, log);
    return result != 0 ? result : error;
}

bool link_is_hearing(const struct link *link) {
    return link->sockets[LINK_TELEMETRY].socket.open || link->sockets[LINK_TELEMETRY + 1].socket.open;
}

void link_describe(const struct link *link, const struct log *log) {
    char kinds[LINK_KINDS_BYTES] = "";
    uint32_t buffer_bytes = UINT32_MAX; /* the least of its sockets */
    size_t used = 0;
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < GROUP_KINDS; kind++) {
        const struct datagram_socket *socket = &link->sockets[kind].socket;
        if (socket->open) {
            used += (size_t)snprintf(kinds + used, sizeof kinds - used, "%s%s", used == 0 ? "" : ", ",
                                     muster_path_name(kind));
            buffer_bytes = socket->buffer_bytes < buffer_bytes ? socket->buffer_bytes : buffer_bytes;
        }
    }
    if (used == 0) {
        log_line(log, MUSTER_LOG_INFO, "using %s for static peers alone", link->interface.name);
        return;
    }
    log_line(log, MUSTER_LOG_INFO, "listening on %s (%s), receive buffer %" PRIu32 " bytes",
             link->interface.name, kinds, buffer_bytes);
}

size_t link_paths(const struct link *link, uint16_t unicast_port, struct muster_path *paths) {
    size_t count = 0;
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind < MUSTER_PATH_KINDS; kind++) {
        if (has_path(link, kind)) {
            paths[count] = path_make(link, kind);
            utf8_repair(paths[count].name);
            paths[count++].address.port = unicast_port;
        }
    }
    return count;
}

/* A datagram to one peer proves nothing about another peer, so a success by unicast does not end a failure.
 * Otherwise somebody who can't be answered could fill the log. */
void link_record_sent(struct link *link, enum muster_path_kind kind, int error, const struct log *log) {
    if (error == 0) {
        if (!group_is_unicast(kind)) {
            link->logged_errors[kind] = 0;
        }
        return;
    }
    link->counts.failed[kind]++;
    if (link->logged_errors[kind] != error) {
        link->logged_errors[kind] = error;
        log_line(log, MUSTER_LOG_WARNING, "sending by %s (%s) fails: %s", link->interface.name,
                 muster_path_name(kind), strerror(-error));
    }
}
