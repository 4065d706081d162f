/* SPDX-License-Identifier: MIT */
/* A socket that the loop watches, and those of one interface, which make a link. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>

#include "group.h"
#include "interface.h"
#include "log.h"
#include "socket.h"

/* A socket and the handle that watches it. Its memory must last until the handle is closed. */
struct watched_socket {
    struct datagram_socket socket;
    uv_poll_t poll;
    uv_poll_cb on_ready;
    void *owner; /* for the owner */
    int events;  /* that are watched for */
    bool is_watched;
};

/* That of a handle. */
struct watched_socket *watched_socket_of(uv_poll_t *poll);

/* Begins to watch an open socket for datagrams. MUSTER_ENOMEM, MUSTER_ESYSTEM. */
int watched_socket_start(struct watched_socket *watched, uv_loop_t *loop, uv_poll_cb on_ready, void *owner);

/* Watches for these events from now on (UV_READABLE, UV_WRITABLE; 0: none), or for the same again after an
 * error. Nothing happens when it is not watched. */
void watched_socket_set(struct watched_socket *watched, int events);

/* Stops watching and closes the socket at once. Returns how often on_closed comes from the loop, 1 or 0, with
 * handle->data as given. */
size_t watched_socket_end(struct watched_socket *watched, uv_close_cb on_closed, void *data);

#define LINK_TELEMETRY \
    GROUP_KINDS /* places of its sockets, one a family, behind those of the kinds of paths */
#define LINK_SOCKETS (LINK_TELEMETRY + SOCKET_FAMILIES)

/* One interface in use. */
struct link {
    struct interface interface;
    struct watched_socket sockets[LINK_SOCKETS]; /* closed where there is no such path, and telemetry's until
                                                  * groups are to be heard */
    uint32_t groups[SOCKET_FAMILIES];            /* of telemetry, that it has joined */
    int logged_errors[MUSTER_PATH_KINDS]; /* -errno of the failure that was logged last, by path kind; 0: none
                                           */
    uint64_t failed[MUSTER_PATH_KINDS];   /* datagrams that could not be sent by it, by path kind */
    uint64_t queue_drops[MUSTER_PATH_KINDS]; /* that its queue dropped, likewise */
    bool without_gso; /* batches are sent by it one by one: it can't do them (UDP GSO) */
    uv_loop_t *loop;
    void *owner; /* of its sockets */
};

/* Opens the sockets of an interface. One that is required must have all of its paths; of any other, a
 * path that can't be opened is left out, with a warning that says why; it fails when none is left. A required
 * one fails with an error line. *link is for link_free(), or for link_end() once it was started.
 * MUSTER_ENOINTERFACE (it is gone), MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ESYSTEM. */
int link_open(struct link **link, const struct interface *interface, uint16_t port, bool is_required,
              const struct log *log);

/* Begins to watch its sockets, whose owner is owner. On error some may be watched: end it. MUSTER_ENOMEM,
 * MUSTER_ESYSTEM. */
int link_start(struct link *link, uv_loop_t *loop, uv_poll_cb on_ready, void *owner);

/* Hears these groups of telemetry (muster_output.groups and .groups6) and no others; on_ready is that of the
 * socket, which is opened when it is needed first. What can't be heard is logged, and tried again with the
 * next call. 0 or the first error: MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ENOINTERFACE, MUSTER_ENOPORT (another
 * program keeps the port to itself), MUSTER_ESYSTEM. */
int link_hear(struct link *link, uint32_t groups, uint32_t groups6, uint16_t port, uv_poll_cb on_ready,
              const struct log *log);

/* Watches for nothing any more. */
void link_pause(struct link *link);

/* Closes its sockets. Returns how often on_closed comes from the loop, with handle->data as given. */
size_t link_end(struct link *link, uv_close_cb on_closed, void *data);

/* Frees a link that is not watched. NULL is allowed. */
void link_free(struct link *link);

/* True while it hears telemetry by any family. */
bool link_is_hearing(const struct link *link);

/* Appends its paths, at most GROUP_KINDS; returns how many. What is sent by them comes from its address
 * and unicast_port. */
size_t link_paths(const struct link *link, uint16_t unicast_port, struct muster_path *paths);

/* Says what it listens on, and with how much room. */
void link_describe(const struct link *link, const struct log *log);

/* Records how the sending of a datagram ended, 0 or -errno. A failure is counted, and logged unless the last
 * one of that path was the same. On a path to all a success ends that: the next failure is logged again. */
void link_record_sent(struct link *link, enum muster_path_kind kind, int error, const struct log *log);
