/* SPDX-License-Identifier: MIT */
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limit.h"
#include "socket.h"

#define CONTROL_BYTES 128

#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT \
    73 /* linux/in6.h, which can't be included beside netinet/in.h; likewise the next one */
#endif
#ifndef IPV6_2292PKTOPTIONS
#define IPV6_2292PKTOPTIONS 6
#endif

/* A host that vanished without a word is noticed by what it does not acknowledge, and while there is nothing
 * to say it is asked now and then. */
#define UNACKNOWLEDGED_MS 30000
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 10

/* What both families have. */
static const struct {
    int level, ttl, ttl_min;
} families[SOCKET_FAMILIES] = {
    {IPPROTO_IP, IP_TTL, IP_MINTTL},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, IPV6_MINHOPCOUNT},
};

/* From now on packets with less are refused; 0: none. */
static int ttl_require(int fd, uint8_t family, int ttl) {
    size_t place = socket_place(family);
    return socket_option(fd, families[place].level, families[place].ttl_min, ttl);
}

/* Before the first packet, or it would leave with another TTL. Accepted sockets inherit all of it. */
static int options_set(int fd, uint8_t family) {
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
    };
    size_t place = socket_place(family);
    int result = socket_option(fd, families[place].level, families[place].ttl, MUSTER_TTL);
    for (size_t i = 0; i < sizeof options / sizeof options[0] && result == 0; i++) {
        result = socket_option(fd, options[i].level, options[i].name, options[i].value);
    }
    return result;
}

static int descriptor_open(uint8_t family) {
    return socket(socket_domain(family), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* The descriptor when all went well; else it is closed. */
static int descriptor_or_error(int fd, int result) {
    int number = errno;
    if (fd >= 0 && result == 0) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -number;
}

/* SO_REUSEADDR: connections that ended a minute ago must not keep a new start from its port. Another socket
 * that listens still does. */
static int listening_set(int fd, uint8_t family, uint16_t port, int backlog) {
    struct muster_endpoint any = {.family = family, .port = port};
    if (options_set(fd, family) != 0 || ttl_require(fd, family, MUSTER_TTL) != 0 ||
        socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || socket_bind(fd, &any, 0) != 0) {
        return -1;
    }
    return listen(fd, backlog);
}

int tcp_listen(uint8_t family, uint16_t port, int backlog) {
    int fd = descriptor_open(family);
    return descriptor_or_error(fd, fd < 0 ? -1 : listening_set(fd, family, port, backlog));
}

static int connecting_set(int fd, const struct muster_endpoint *endpoint, uint32_t interface,
                          const char *interface_name) {
    struct sockaddr_storage address;
    socklen_t length = socket_address(endpoint, interface, &address);
    if (options_set(fd, endpoint->family) != 0 ||
        (interface_name != NULL && socket_bind_device(fd, interface_name) != 0)) {
        return -1;
    }
    int result = connect(fd, (const struct sockaddr *)&address, length);
    return result != 0 && errno != EINPROGRESS ? -1 : 0;
}

int tcp_connect(const struct muster_endpoint *endpoint, uint32_t interface, const char *interface_name) {
    int fd = descriptor_open(endpoint->family);
    return descriptor_or_error(fd, fd < 0 ? -1 : connecting_set(fd, endpoint, interface, interface_name));
}

void tcp_take_routed(int fd) {
    if (socket_option(fd, IPPROTO_TCP, TCP_SAVE_SYN, 1) == 0) {
        ttl_require(fd, tcp_local(fd).family, 0);
    }
}

static bool takes_routed(int fd) {
    int is_kept = 0;
    socklen_t length = sizeof is_kept;
    return getsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &is_kept, &length) == 0 && is_kept != 0;
}

/* The first packet is kept with its IP header (tcp(7)): RFC 791, 3.1; RFC 8200, 3. */
uint8_t tcp_handshake_ttl(int fd) {
    static const size_t places[SOCKET_FAMILIES] = {8, 7};
    uint8_t packet[128] = {0};
    socklen_t length = sizeof packet;
    if (getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, packet, &length) != 0 || length < 20) {
        return takes_routed(fd) ? 1 : 0;
    }
    return packet[places[socket_place(packet[0] >> 4)]];
}

void tcp_accepted(int fd) {
    ttl_require(fd, tcp_local(fd).family, 0);
}

void tcp_connected(int fd) {
    ttl_require(fd, tcp_local(fd).family, MUSTER_TTL);
}

/* ---- what a connection is between ---- */

typedef int (*name_call)(int fd, struct sockaddr *address, socklen_t *length);

static struct muster_endpoint endpoint_of(int fd, name_call name) {
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof address;
    if (name(fd, (struct sockaddr *)&address, &length) != 0) {
        return (struct muster_endpoint){.family = 0};
    }
    return socket_endpoint(&address);
}

struct muster_endpoint tcp_local(int fd) {
    return endpoint_of(fd, getsockname);
}

struct muster_endpoint tcp_remote(int fd) {
    return endpoint_of(fd, getpeername);
}

/* On a stream socket these options give what would have come as ancillary data with the packet that completed
 * the handshake. */
static int packet_options(int fd, uint8_t family, char *control, socklen_t *length) {
    if (family == 6) {
        return socket_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) != 0
                   ? -1
                   : getsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, control, length);
    }
    return socket_option(fd, IPPROTO_IP, IP_PKTINFO, 1) != 0
               ? -1
               : getsockopt(fd, IPPROTO_IP, IP_PKTOPTIONS, control, length);
}

uint32_t tcp_interface(int fd) {
    _Alignas(struct cmsghdr) char control[CONTROL_BYTES];
    socklen_t length = sizeof control;
    if (packet_options(fd, tcp_local(fd).family, control, &length) != 0) {
        return 0;
    }
    struct msghdr message = {.msg_control = control, .msg_controllen = length};
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part != NULL;
         part = socket_next_control(&message, part)) {
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            return (uint32_t)info.ipi_ifindex;
        }
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            return info.ipi6_ifindex;
        }
    }
    return 0;
}
