/* SPDX-License-Identifier: MIT */
/* The node's own port: the socket that it sends everything from, and, for whoever serves streams, a TCP
 * socket of the same number, so that whoever hears of the one knows the other, and a firewall needs one line
 * for both. */
#pragma once

#include <stdint.h>

#include "listener.h"
#include "log.h"
#include "socket.h"

/* Opens both on the first of the MUSTER_UNICAST_PORTS ports after `port` that is free for both, listener
 * NULL: for the socket. When all are taken they get an ephemeral port and a warning says so. MUSTER_ENOPORT,
 * MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ESYSTEM, with an error line; then both are closed. */
int unicast_open(struct datagram_socket *socket, struct listener *listener, uint16_t port,
                 const struct log *log);
