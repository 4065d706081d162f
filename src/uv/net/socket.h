/* SPDX-License-Identifier: MIT */
/* Datagram sockets, and all that the kernel adds to a datagram. The only file that knows recvmmsg and
 * their ancillary data. Sockets are non-blocking and closed on exec. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include <muster/core.h>

#include "group.h"
#include "log.h"

/* What is asked for as receive buffer: the default holds some 166 small datagrams, a crowd answers with
 * more. */
#define SOCKET_BUFFER_BYTES (4 * 1024 * 1024)

/* A datagram to one peer is sent while no more than this waits in the send buffer, in the kernel's count, and
 * no more than this part of it. Where the peer does not answer ARP, the kernel keeps the datagram for 3 s.
 * - bytes: such datagrams wait for 170 peers at most. The kernel's table of neighbours has room for 1024, and
 *   the group needs a row of it too.
 * - part: a full socket counts as writable again when half of its buffer is free. */
#define SOCKET_UNICAST_BYTES (128 * 1024)
#define SOCKET_UNICAST_PART 4

/* Datagrams that one socket_read() takes at most, so that one busy socket does not starve the loop. */
#define SOCKET_BATCH 16

/* And batches of datagrams that one socket_read_batches() takes, each as long as UDP GRO makes them. */
#define SOCKET_BATCHES 8
#define SOCKET_BATCH_BYTES 65536

struct msghdr;
struct cmsghdr;
struct timespec;

#define SOCKET_FAMILIES 2 /* places of IPv4 and IPv6 wherever there is one of each */

struct datagram_socket {
    bool open;
    uint8_t family;         /* 4 or 6 */
    enum group_scope scope; /* of the group that it hears */
    int fd;
    uint16_t port;         /* bound to, host order */
    uint32_t interface;    /* index; only what came by it is let in; 0: by any */
    uint32_t buffer_bytes; /* receive buffer as granted, in the kernel's count: twice what was asked for, as
                            * its own bookkeeping counts too (socket(7), SO_RCVBUF) */
    uint32_t kernel_drops; /* since it was opened, as of the last datagram read (SO_RXQ_OVFL) */
    uint32_t send_bytes;   /* send buffer as granted, in the kernel's count; 0 where nothing is sent */
    uint64_t queue_drops;  /* datagrams that a queue of this machine dropped when they were sent (ENOBUFS) */
    uint64_t unreached;    /* of which others, or this machine, reported that they did not arrive (ICMP) */
};

/* datagram->bytes are borrowed for the call. One that was longer than MUSTER_DATAGRAM_BYTES_MAX comes cut,
 * with a length of MUSTER_DATAGRAM_BYTES_MAX + 1, all of which may be read. */
typedef void (*socket_datagram_cb)(const struct muster_datagram *datagram, void *context);

/* Opens the node's own socket of a family, from which everything is sent: bound to the wildcard and that
 * port, 0: one of the kernel's choice; not shared. 0 or -errno, which the caller is to log; then *socket is
 * closed.
 */
int socket_open_unicast(struct datagram_socket *socket, uint8_t family, uint16_t port);

/* Opens a socket that hears one path: what is sent to the group (m4, m6) of that scope or the broadcast
 * address (b4) on `port`, by that interface alone. Shared with other nodes of the machine. 0 or -errno, which
 * the caller is to log; then *socket is closed. */
int socket_open_listening(struct datagram_socket *socket, const struct muster_path *path,
                          enum group_scope scope, uint16_t port);

/* Opens a socket that hears telemetry on the interface of that path, m4 or m6: what is sent on `port` to the
 * groups that it joins. It is bound to the wildcard, for one socket hears many groups, and shared with other
 * nodes of the machine; what comes by unicast is not meant for it. Batches arrive as such where the kernel
 * can do that (UDP GRO). As above. */
int socket_open_telemetry(struct datagram_socket *socket, const struct muster_path *path, uint16_t port);

/* CMSG_NXTHDR(), which musl has as a macro that converts signs. */
struct cmsghdr *socket_next_control(struct msghdr *message, struct cmsghdr *control);

/* Joins or leaves a group there. 0 or -errno. */
int socket_join(struct datagram_socket *socket, const struct muster_endpoint *group);
int socket_leave(struct datagram_socket *socket, const struct muster_endpoint *group);

/* The place of a family, 4 or 6, and the kernel's number for it. */
size_t socket_place(uint8_t family);
int socket_domain(uint8_t family);

/* An address and port as the kernel takes it, with the length of that, and as it comes from there: family 0
 * when it is of another kind. The interface is that of an address of the link alone. */
socklen_t socket_address(const struct muster_endpoint *endpoint, uint32_t interface,
                         struct sockaddr_storage *address);
struct muster_endpoint socket_endpoint(const struct sockaddr_storage *address);

/* Binds any socket to an address and port of its family; one of IPv6 then takes nothing of IPv4. 0, or -1 and
 * errno. */
int socket_bind(int fd, const struct muster_endpoint *endpoint, uint32_t interface);

/* The code for such an -errno: MUSTER_EPERM, MUSTER_ENOMEM, MUSTER_ENOINTERFACE (the interface is gone),
 * MUSTER_ESYSTEM. */
int socket_error(int number);

/* Sets an option of any socket that is a number. 0, or -1 and errno. */
int socket_option(int fd, int level, int name, int value);

/* Binds any socket to the interface of that name, or to none where that takes a privilege that we lack. 0, or
 * -1 and errno. */
int socket_bind_device(int fd, const char *name);

/* A zeroed or closed socket is allowed. Whoever polls it stops before. */
void socket_close(struct datagram_socket *socket);

/* How long a datagram has waited that came at `stamp`, both times of the wall clock. 0 where that is negative
 * or more than a minute: then the clock was set meanwhile. */
uint32_t socket_age_ms(const struct timespec *stamp, const struct timespec *now);

/* Reads what is there, up to SOCKET_BATCH datagrams, and calls on_datagram for each; returns how many came.
 * The callback must not close the socket. Errors are transient for a datagram socket and are skipped. */
unsigned socket_read(struct datagram_socket *socket, socket_datagram_cb on_datagram, void *context);

/* The same for a socket of telemetry: datagrams come as batches where they did, with datagram->segment, into
 * bytes, which has room for SOCKET_BATCHES of SOCKET_BATCH_BYTES. The callback may close the socket. */
unsigned socket_read_batches(struct datagram_socket *socket, uint8_t *bytes, socket_datagram_cb on_datagram,
                             void *context);

/* Takes pending errors off the socket, SOCKET_BATCH at most, so that it can be polled again. */
void socket_take_errors(struct datagram_socket *socket);

/* Whether a datagram to one peer may be sent now. False while so much waits in the send buffer that those to
 * the group need the rest of it. */
bool socket_has_unicast_room(const struct datagram_socket *socket);

/* Sends by datagram->interface to datagram->destination. The kernel chooses the source address unless
 * datagram->source has a family. Several (datagram->segment) leave as one batch, or one by one if
 * *without_gso, which is set when the kernel can't send batches by that interface. 0, also for what a queue
 * of this machine dropped, which is counted; -EAGAIN when the socket is full, and *datagram, which is what
 * was not sent then, is to be tried again once it is writable; any other -errno is about these datagrams or
 * their interface alone. */
int socket_send(struct datagram_socket *socket, struct muster_datagram *datagram, bool *without_gso);
