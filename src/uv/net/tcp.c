/* SPDX-License-Identifier: MIT */
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limit.h"
#include "socket.h"

#define CONTROL_BYTES 128

/* A host that vanished without a word is noticed by what it does not acknowledge, and while there is nothing
 * to say it is asked now and then. */
#define UNACKNOWLEDGED_MS 30000
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 10

/* Before the first packet, or it would leave with another TTL. Accepted sockets inherit all of it. */
static int options_set(int fd) {
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_IP, IP_TTL, MUSTER_TTL},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
    };
    int result = 0;
    for (size_t i = 0; i < sizeof options / sizeof options[0] && result == 0; i++) {
        result = socket_option(fd, options[i].level, options[i].name, options[i].value);
    }
    return result;
}

static int descriptor_open(void) {
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
static int listening_set(int fd, uint16_t port, int backlog) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (options_set(fd) != 0 || socket_option(fd, IPPROTO_IP, IP_MINTTL, MUSTER_TTL) != 0 ||
        socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        return -1;
    }
    return listen(fd, backlog);
}

int tcp_listen(uint16_t port, int backlog) {
    int fd = descriptor_open();
    return descriptor_or_error(fd, fd < 0 ? -1 : listening_set(fd, port, backlog));
}

static int connecting_set(int fd, const struct muster_endpoint *endpoint, const char *interface_name) {
    struct sockaddr_in address = socket_address(endpoint);
    if (options_set(fd) != 0 || (interface_name != NULL && socket_bind_device(fd, interface_name) != 0)) {
        return -1;
    }
    int result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    return result != 0 && errno != EINPROGRESS ? -1 : 0;
}

int tcp_connect(const struct muster_endpoint *endpoint, const char *interface_name) {
    int fd = descriptor_open();
    return descriptor_or_error(fd, fd < 0 ? -1 : connecting_set(fd, endpoint, interface_name));
}

void tcp_accepted(int fd) {
    socket_option(fd, IPPROTO_IP, IP_MINTTL, 0);
}

void tcp_connected(int fd) {
    socket_option(fd, IPPROTO_IP, IP_MINTTL, MUSTER_TTL);
}

/* ---- what a connection is between ---- */

typedef int (*name_call)(int fd, struct sockaddr *address, socklen_t *length);

static struct muster_endpoint endpoint_of(int fd, name_call name) {
    struct sockaddr_in address = {.sin_family = AF_UNSPEC};
    socklen_t length = sizeof address;
    if (name(fd, (struct sockaddr *)&address, &length) != 0 || address.sin_family != AF_INET) {
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

/* On a stream socket IP_PKTOPTIONS gives what would have come as ancillary data with the packet that
 * completed the handshake. */
uint32_t tcp_interface(int fd) {
    _Alignas(struct cmsghdr) char control[CONTROL_BYTES];
    socklen_t length = sizeof control;
    if (socket_option(fd, IPPROTO_IP, IP_PKTINFO, 1) != 0 ||
        getsockopt(fd, IPPROTO_IP, IP_PKTOPTIONS, control, &length) != 0) {
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
    }
    return 0;
}
