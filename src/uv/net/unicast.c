/* SPDX-License-Identifier: MIT */
#include "unicast.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "limit.h"

#define EPHEMERAL_TRIES 8 /* a port that the kernel found free for one may be taken for another */

static const uint8_t families_known[SOCKET_FAMILIES] = {4, 6};

void unicast_close(struct unicast *unicast) {
    for (size_t i = 0; i < SOCKET_FAMILIES; i++) {
        socket_close(&unicast->sockets[i].socket);
        listener_close(&unicast->listeners[i]);
    }
}

/* Port 0: one of the kernel's choice. 0 or -errno. */
static int open_family(struct unicast *unicast, size_t place, bool is_serving) {
    struct datagram_socket *socket = &unicast->sockets[place].socket;
    struct listener *listener = &unicast->listeners[place];
    int error = is_serving ? listener_open_tcp(listener, families_known[place], unicast->port) : 0;
    if (error != 0) {
        return error;
    }
    unicast->port = is_serving ? listener->port : unicast->port;
    error = socket_open_unicast(socket, families_known[place], unicast->port);
    unicast->port = error == 0 ? socket->port : unicast->port;
    return error;
}

/* 0 or -errno; then all are closed. */
static int open_all(struct unicast *unicast, unsigned families, bool is_serving, uint16_t port) {
    int result = -EAFNOSUPPORT;
    unicast->port = port;
    for (size_t i = 0; i < SOCKET_FAMILIES; i++) {
        int error = families & 1u << i ? open_family(unicast, i, is_serving) : -EAFNOSUPPORT;
        if (error != 0 && error != -EAFNOSUPPORT) {
            unicast_close(unicast);
            return error;
        }
        result = error == 0 ? 0 : result;
    }
    return result;
}

static int open_ephemeral(struct unicast *unicast, unsigned families, bool is_serving) {
    int error = -EADDRINUSE;
    for (unsigned left = EPHEMERAL_TRIES; left > 0 && error == -EADDRINUSE; left--) {
        error = open_all(unicast, families, is_serving, 0);
    }
    return error;
}

static int refuse(int number, const struct log *log) {
    log_line(log, MUSTER_LOG_ERROR, "unicast socket: %s", strerror(-number));
    return number == -EADDRINUSE ? MUSTER_ENOPORT : socket_error(number);
}

/* Who asks others, and is not asked, leaves the first ports to those who are: others may know them by their
 * address and the first port alone. */
int unicast_open(struct unicast *unicast, unsigned families, bool is_serving, uint16_t port,
                 const struct log *log) {
    uint32_t last = (uint32_t)port + MUSTER_UNICAST_PORTS;
    int error = -EADDRINUSE;
    *unicast = (struct unicast){.port = 0};
    for (uint32_t i = 0; i < MUSTER_UNICAST_PORTS && error == -EADDRINUSE; i++) {
        uint32_t next = is_serving ? port + 1u + i : last - i;
        error = next <= UINT16_MAX ? open_all(unicast, families, is_serving, (uint16_t)next) : error;
    }
    if (error == -EADDRINUSE) {
        error = open_ephemeral(unicast, families, is_serving);
        if (error == 0) {
            log_line(log, MUSTER_LOG_WARNING,
                     "the unicast ports %u to %u are all taken; answers to an ephemeral port may not pass a "
                     "firewall",
                     port + 1u, last);
        }
    }
    return error == 0 ? 0 : refuse(error, log);
}
