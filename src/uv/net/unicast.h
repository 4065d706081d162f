/* SPDX-License-Identifier: MIT */
/* The node's own port: the sockets that it sends everything from, one a family, and, for whoever serves
 * streams, TCP sockets of the same number, so that whoever hears of the one knows the others, and a firewall
 * needs one line for all. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link.h"
#include "listener.h"
#include "log.h"
#include "socket.h"

/* By the place of the family. Zeroed: closed. */
struct unicast {
    uint16_t port; /* of all that are open */
    struct watched_socket sockets[SOCKET_FAMILIES];
    struct listener listeners[SOCKET_FAMILIES];
};

/* Opens the sockets of these families (bit 1 << place), and with is_serving the listeners, on the first of
 * the MUSTER_UNICAST_PORTS ports after `port` that is free for all of them; without, on the last. When all
 * are taken they get an ephemeral port and a warning says so. A family that this machine does not have is
 * left out, if it has another. MUSTER_ENOPORT, MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ESYSTEM, with an error
 * line; then all are closed. */
int unicast_open(struct unicast *unicast, unsigned families, bool is_serving, uint16_t port,
                 const struct log *log);

/* Closes what is open and not watched. */
void unicast_close(struct unicast *unicast);
