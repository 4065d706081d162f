/* SPDX-License-Identifier: MIT */
/* TCP sockets that talk to this link alone: a router lowers the TTL, so what comes with one of 255 has passed
 * none (RFC 5082, 3). We send with 255, and a listening socket does not hear a handshake that comes with
 * less, but see tcp_take_routed(): whoever connects with his system's default, 64 on Linux, gets no answer at
 * all; he sets IP_TTL to 255 before.
 *
 * Not every packet of a connection can be held to that, as the kernel itself refuses connections, and
 * acknowledges what comes late, with the default. So an accepted connection is proven by its handshake, and
 * one that we make by what is said on it.
 *
 * Sockets are non-blocking and closed on exec. */
#pragma once

#include <stdint.h>

#include <muster/core.h>

/* A socket that listens on the wildcard of a family (4 or 6) and that port, 0: one of the kernel's choice,
 * with at most `backlog` connections that wait to be accepted. The descriptor or -errno. */
int tcp_listen(uint8_t family, uint16_t port, int backlog);

/* A socket that is being connected to endpoint: it is writable once that is decided, and its SO_ERROR then
 * says how. It leaves by the interface of that name, where the kernel lets us choose (Linux 5.7 and later, or
 * CAP_NET_RAW); NULL: by any. `interface` is its index, for an address of the link alone. The descriptor or
 * -errno. */
int tcp_connect(const struct muster_endpoint *endpoint, uint32_t interface, const char *interface_name);

/* Lets a listening socket hear handshakes of any TTL, which tcp_handshake_ttl() then tells of those that were
 * accepted. Where the kernel can't, nothing changes. */
void tcp_take_routed(int fd);

/* The TTL of the first packet of an accepted connection; 0 where only those of 255 are heard; 1 where it is
 * not known: in a flood of handshakes the kernel keeps none of them (RFC 4987, 3.6). */
uint8_t tcp_handshake_ttl(int fd);

/* To be called once the handshake is over: of a connection that was accepted, that its further packets may
 * have any TTL; of one that was made, that from now on none may have less than 255. */
void tcp_accepted(int fd);
void tcp_connected(int fd);

/* The address and port that a socket is bound to, and that of its other side; family 0 when there is none. */
struct muster_endpoint tcp_local(int fd);
struct muster_endpoint tcp_remote(int fd);

/* The index of the interface by which an accepted connection came, 0 when the kernel doesn't say. */
uint32_t tcp_interface(int fd);
