/* SPDX-License-Identifier: MIT */
#include "unicast.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "limit.h"

#define EPHEMERAL_TRIES 8 /* a port that the kernel found free for TCP may be taken for UDP */

/* 0 or -errno; then both are closed. */
static int open_both(struct datagram_socket *socket, struct listener *listener, uint16_t port) {
    int error = listener == NULL ? 0 : listener_open_tcp(listener, port);
    if (error != 0) {
        return error;
    }
    error = socket_open_unicast(socket, listener == NULL ? port : listener->port);
    if (error != 0 && listener != NULL) {
        listener_close(listener);
    }
    return error;
}

static int open_ephemeral(struct datagram_socket *socket, struct listener *listener) {
    int error = -EADDRINUSE;
    for (unsigned left = EPHEMERAL_TRIES; left > 0 && error == -EADDRINUSE; left--) {
        error = open_both(socket, listener, 0);
    }
    return error;
}

static int refuse(int number, const struct log *log) {
    log_line(log, MUSTER_LOG_ERROR, "unicast socket: %s", strerror(-number));
    return number == -EADDRINUSE ? MUSTER_ENOPORT : socket_error(number);
}

int unicast_open(struct datagram_socket *socket, struct listener *listener, uint16_t port,
                 const struct log *log) {
    uint32_t last = (uint32_t)port + MUSTER_UNICAST_PORTS;
    int error = -EADDRINUSE;
    for (uint32_t next = (uint32_t)port + 1; next <= last && next <= UINT16_MAX && error == -EADDRINUSE;
         next++) {
        error = open_both(socket, listener, (uint16_t)next);
    }
    if (error == -EADDRINUSE) {
        error = open_ephemeral(socket, listener);
        if (error == 0) {
            log_line(log, MUSTER_LOG_WARNING,
                     "the unicast ports %u to %u are all taken; answers to an ephemeral port may not pass a "
                     "firewall",
                     port + 1u, last);
        }
    }
    return error == 0 ? 0 : refuse(error, log);
}
