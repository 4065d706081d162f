/* SPDX-License-Identifier: MIT */
/* Sockets that take connections: TCP from this link, and a Unix socket from this machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/stat.h>
#include <sys/types.h>

#include <muster/core.h>

#include "unix_address.h"

#define LISTENER_BACKLOG 64 /* connections that wait to be accepted */

/* Zeroed: closed. */
struct listener {
    bool open;
    int fd;
    bool is_local;               /* a Unix socket */
    uint16_t port;               /* of TCP */
    struct unix_address address; /* of a Unix socket, */
    struct stat file;            /* the file that it made, */
    bool is_for_all;             /* and whether every user may connect */
};

/* Who connected. */
struct origin {
    struct muster_endpoint remote; /* of TCP */
    struct muster_endpoint local;  /* of TCP: the address that was connected to */
    uint32_t interface;            /* of TCP: the index of the one it came by; 0 when not known */
    uint8_t ttl;                   /* of TCP: that it began with, see tcp_handshake_ttl() */
    bool is_local;
    bool may_change; /* a process of this user, or of root; never by TCP */
};

/* Listens on that TCP port of a family (4 or 6), 0: one of the kernel's choice. 0 or -errno; then *listener
 * is closed. */
int listener_open_tcp(struct listener *listener, uint8_t family, uint16_t port);

/* Listens on a Unix socket of that path and mode. A socket that nobody listens on any more is replaced. With
 * is_alone nobody else can be listening there (the caller holds a lock), and nobody is asked. 0 or -errno,
 * then *listener is closed: -EADDRINUSE, somebody listens there; -EEXIST, it is something else than a socket.
 */
int listener_open_local(struct listener *listener, const char *path, mode_t mode, bool is_alone);

/* Takes the next connection: its descriptor, non-blocking and closed on exec, or -errno. */
int listener_accept(const struct listener *listener, struct origin *origin);

/* Also removes the file of a Unix socket, if it is still the one that was made. A closed one is allowed;
 * whoever polls it stops before. */
void listener_close(struct listener *listener);
