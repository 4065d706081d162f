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
    bool is_closing; /* the loop has not closed the handle yet; the owner clears it */
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

/* What happened on an interface, also before its link or one of its sockets was opened anew. */
struct link_counts {
    char name[MUSTER_INTERFACE_NAME_BYTES];
    uint64_t failed[MUSTER_PATH_KINDS];      /* datagrams that could not be sent by it, by path kind */
    uint64_t queue_drops[MUSTER_PATH_KINDS]; /* that its queue dropped, likewise */
    uint64_t kernel_drops[LINK_SOCKETS];     /* of sockets that are closed */
};

/* One interface in use. */
struct link {
    struct interface interface;
    struct watched_socket sockets[LINK_SOCKETS]; /* closed where there is no such path, and telemetry's until
                                                  * groups are to be heard */
    uint32_t groups[SOCKET_FAMILIES];            /* of telemetry, that it has joined */
    enum group_scope scope;                      /* of the groups that it hears */
    bool may_be_deaf; /* a path is one where another program keeps the port to itself, too: who only looks is
                       * answered by unicast */
    int open_errors[MUSTER_PATH_KINDS];   /* -errno of why a path is missing, logged already; 0: none */
    int logged_errors[MUSTER_PATH_KINDS]; /* -errno of the failure that was logged last, by path kind; 0: none
                                           */
    struct link_counts counts;
    bool without_gso; /* batches are sent by it one by one: it can't do them (UDP GSO) */
    uv_loop_t *loop;  /* NULL: not started */
    uv_poll_cb on_ready;
    void *owner;    /* of its sockets */
    size_t closing; /* handles that the loop still has to close */
    bool is_closed; /* it is freed when these are closed */
};

/* Makes a link of an interface without any socket. NULL without memory. */
struct link *link_new(const struct interface *interface);

/* Takes what the interface is like now, whose index is the same. Closes the sockets of paths that it has no
 * more, opens those that are missing, and watches them once the link was started. A path that can't be opened
 * is left out, with a warning that says why, unless the last one said the same. 0, or -errno of the last
 * failure. */
int link_update(struct link *link, const struct interface *interface, uint16_t port, const struct log *log);

/* True when it has some path. */
bool link_is_open(const struct link *link);

/* Begins to watch its sockets, whose owner is owner. On error some may be watched: close it. MUSTER_ENOMEM,
 * MUSTER_ESYSTEM. */
int link_start(struct link *link, uv_loop_t *loop, uv_poll_cb on_ready, void *owner);

/* Watches for nothing any more. */
void link_pause(struct link *link);

/* Closes its sockets, and returns what it counted. The link is freed as soon as the loop has closed their
 * handles. */
struct link_counts link_close(struct link *link);

/* Hears these groups of telemetry (muster_output.groups and .groups6) and no others; on_ready is that of the
 * socket, which is opened when it is needed first. What can't be heard is logged, and tried again with the
 * next call. 0 or the first error: MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ENOINTERFACE, MUSTER_ENOPORT (another
 * program keeps the port to itself), MUSTER_ESYSTEM. */
int link_hear(struct link *link, uint32_t groups, uint32_t groups6, uint16_t port, uv_poll_cb on_ready,
              const struct log *log);

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
