/* SPDX-License-Identifier: MIT */
/* The sockets of a node: its own port, which everything is sent from, a link for each interface that it
 * hears, the listeners of its streams, and the paths that all of this makes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>
#include <muster/muster.h>

#include "doorbell.h"
#include "limit.h"
#include "link.h"
#include "links.h"
#include "listener.h"
#include "log.h"
#include "socket.h"
#include "unicast.h"

/* From the loop. Datagrams are borrowed for the call. */
struct network_calls {
    socket_datagram_cb on_datagram;         /* it may call network_send() and nothing that ends the network */
    void (*on_datagrams_read)(void *owner); /* those that came together were handed over, or the socket that
                                             * was full has room again, or the paths have changed; it may call
                                             * anything */
    socket_datagram_cb on_telemetry;        /* a batch; it may call anything */
    void (*on_telemetry_read)(void *owner); /* likewise */
    void (*on_paths)(void *owner);          /* the paths have changed; as on_datagram */
    void *owner;
};

/* Zeroed: closed. */
struct network {
    uint16_t port; /* of the control group */
    struct unicast unicast;
    struct links links;
    struct doorbell doorbell; /* rings when interfaces may have changed */
    struct muster_path paths[MUSTER_PATHS_MAX];
    size_t path_count;
    struct listener local; /* the Unix socket; none of an observer, or where there can't be one */

    struct network_calls calls;
    const struct log *log;
    bool is_receiving;
    bool is_observer;    /* nobody hears it */
    uint64_t alone_ms;   /* by the loop's clock: since when no link is there; 0: some is */
    bool has_said_none;  /* which was said, */
    bool lacks_loopback; /* and that the loopback is down */

    bool is_blocked; /* a unicast socket is full: `held` waits for it, and nothing else is sent */
    struct muster_datagram held;
    uint8_t *held_bytes;
    const uint8_t *held_from;                 /* where its bytes were, which only tells it from others */
    uint64_t unicast_failed[SOCKET_FAMILIES]; /* by no link of ours, as to a static peer */
    uint64_t unicast_drops[SOCKET_FAMILIES]; /* to one peer, so that the send buffer has room for what goes to
                                                the group */
    struct {
        const uint8_t *bytes; /* the telemetry that was handed out last, which goes out by one path after the
                                 other; NULL: none */
        uint64_t count;       /* its datagrams */
        bool has_left;        /* by some path */
    } telemetry;
    uint64_t refused; /* datagrams of telemetry before it that no path took */

    uint32_t groups;        /* of telemetry of IPv4, */
    uint32_t groups6;       /* and of IPv6, that are to be heard, */
    bool is_hearing;        /* on some link at least, */
    int hearing_error;      /* and what keeps others from it, 0: nothing */
    uint8_t *batches_bytes; /* what is read at a time; NULL: nothing was ever heard */
};

/* Opens the unicast sockets, for whoever has a document TCP listeners of the same port, and the links. Where
 * no interface can be used a warning says so; they come when there is one. Where one can be used, but none
 * lets us listen, that is an error: MUSTER_ENOMEM, MUSTER_EPERM, MUSTER_ESYSTEM, or those of interface.h and
 * unicast.h, with an error line; then what is open is for network_close(). */
int network_open(struct network *network, const struct muster_options *options, const struct log *log);

/* Says what it listens on. */
void network_describe(const struct network *network, const struct log *log);

/* Watches its sockets, but for the listeners, and the interfaces: from now on links come and go. log is
 * borrowed. On error (MUSTER_ENOMEM, MUSTER_ESYSTEM) some may be watched: end it. */
int network_start(struct network *network, uv_loop_t *loop, const struct network_calls *calls,
                  const struct log *log);

/* From now on it sends, but reads nothing. */
void network_stop_receiving(struct network *network);

/* Closes what is watched; on_closed, which finds the owner of the calls in handle->data, comes from the loop
 * so many times as this returns. */
size_t network_end(struct network *network, uv_close_cb on_closed);

/* Closes and frees what is not watched. A zeroed network is allowed. */
void network_close(struct network *network);

/* By which of our links a TCP connection came, by index; 0: it is not for us. One from this very machine to
 * the address of a link comes by the loopback, and counts as that link's. */
uint32_t network_interface_of(const struct network *network, const struct origin *origin);

/* A TCP socket that is being connected, by the link of that index. The descriptor or an error of socket.h. */
int network_connect(const struct network *network, const struct muster_endpoint *endpoint,
                    uint32_t interface);

/* Describes its sockets, the unicast socket first. Fills in at most sockets_max; returns how many there are.
 */
size_t network_sockets(const struct network *network, struct muster_socket *sockets, size_t sockets_max);

/* Sends, unless is_blocked. A datagram that finds the socket full is copied, and is_blocked until it left.
 * One that fails for another reason is over: the next announcement, or another path, says it again. False
 * when a queue or table of this machine had no room for it. */
bool network_send(struct network *network, struct muster_datagram *datagram);

/* Datagrams of telemetry that were handed out and did not leave: no path took them, or they are held. A copy
 * that is tried again (-EAGAIN) begins where the first try ended, so a batch counts from there. */
uint64_t network_unsent(const struct network *network);

/* Hears these groups of telemetry (muster_output.groups and .groups6) and no others, on all links. is_hearing
 * and hearing_error say how far that went. */
void network_hear(struct network *network, uint32_t groups, uint32_t groups6);

/* Tries again what could not be heard. */
void network_hear_again(struct network *network);
