#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "limit.h"

#define IPV4_BYTES 4
#define CONTROL_BYTES 128 /* three small messages come: packet info, TTL, drop count */
#define READ_TRIES 4

/* ---- addresses ---- */

static struct sockaddr_in address_make(const uint8_t ip[IPV4_BYTES], uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&address.sin_addr, ip, IPV4_BYTES);
    return address;
}

static struct muster_endpoint endpoint_make(const struct in_addr *ip, uint16_t port) {
    struct muster_endpoint endpoint = {.family = 4, .port = port};
    memcpy(endpoint.ip, ip, IPV4_BYTES);
    return endpoint;
}

/* ---- opening ---- */

int socket_error(int number) {
    switch (-number) {
    case EPERM:
    case EACCES: return MUSTER_EPERM;
    case ENOMEM:
    case ENOBUFS: return MUSTER_ENOMEM;
    case ENODEV:
    case ENXIO: return MUSTER_ENOINTERFACE;
    default: return MUSTER_ESYSTEM;
    }
}

int socket_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* The kernel grants less without a word, so what it granted is read back. */
static uint32_t buffer_set(int fd) {
    if (socket_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) != 0) {
        socket_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    }
    int granted = 0;
    socklen_t length = sizeof granted;
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length);
    return granted > 0 ? (uint32_t)granted : 0;
}

/* A socket that tells of each datagram whence, whither and by what it came. -1 and errno on failure. */
static int descriptor_open(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (socket_option(fd, IPPROTO_IP, IP_PKTINFO, 1) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_RECVTTL, 1) != 0 ||
        socket_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) != 0) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

/* -errno of what failed, with the descriptor closed if there is one. */
static int descriptor_refuse(int fd) {
    int number = errno;
    if (fd >= 0) {
        close(fd);
    }
    return -number;
}

/* PMTUDISC_PROBE: never fragment, and let no forged "fragmentation needed" shrink what we send. */
static int sending_set(int fd) {
    if (socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_TTL, MUSTER_TTL) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, MUSTER_TTL) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) != 0) {
        return -1;
    }
    return 0;
}

static int bind_to(int fd, const uint8_t ip[IPV4_BYTES], uint16_t port) {
    struct sockaddr_in address = address_make(ip, port);
    return bind(fd, (const struct sockaddr *)&address, sizeof address);
}

static int port_read(int fd, uint16_t *port) {
    struct sockaddr_in address = {.sin_port = 0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    *port = ntohs(address.sin_port);
    return 0;
}

int socket_open_unicast(struct datagram_socket *socket, uint16_t port) {
    static const uint8_t any[IPV4_BYTES] = {0, 0, 0, 0};
    *socket = (struct datagram_socket){.fd = -1};
    int fd = descriptor_open();
    if (fd < 0 || sending_set(fd) != 0 || bind_to(fd, any, port) != 0 || port_read(fd, &socket->port) != 0) {
        return descriptor_refuse(fd);
    }
    socket->buffer_bytes = buffer_set(fd);
    socket->fd = fd;
    socket->open = true;
    return 0;
}

/* Open to everybody since Linux 5.7. */
int socket_bind_device(int fd, const char *name) {
    size_t length = strnlen(name, IFNAMSIZ - 1);
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)length) != 0 && errno != EPERM) {
        return -1;
    }
    return 0;
}

static int group_join(int fd, const uint8_t group[IPV4_BYTES], uint32_t interface) {
    struct ip_mreqn membership = {.imr_ifindex = (int)interface};
    memcpy(&membership.imr_multiaddr, group, IPV4_BYTES);
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership);
}

/* Bound to the very address, so that nothing else reaches it: unicast to a shared port would go to
 * whoever bound last. Where the device is refused, socket_read() looks at the interface by itself; the socket
 * then only wakes up for others' datagrams too. */
static int listening_set(int fd, const struct muster_path *path, uint16_t port) {
    static const uint8_t group[IPV4_BYTES] = MUSTER_GROUP_V4;
    static const uint8_t broadcast[IPV4_BYTES] = MUSTER_BROADCAST_V4;
    if (socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || socket_bind_device(fd, path->name) != 0) {
        return -1;
    }
    if (path->kind == MUSTER_PATH_B4) {
        return socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1) != 0 ? -1 : bind_to(fd, broadcast, port);
    }
    if (socket_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) != 0 || bind_to(fd, group, port) != 0) {
        return -1;
    }
    return group_join(fd, group, path->interface);
}

int socket_open_listening(struct datagram_socket *socket, const struct muster_path *path, uint16_t port) {
    *socket = (struct datagram_socket){.fd = -1, .port = port, .interface = path->interface};
    int fd = descriptor_open();
    if (fd < 0 || listening_set(fd, path, port) != 0) {
        return descriptor_refuse(fd);
    }
    socket->buffer_bytes = buffer_set(fd);
    socket->fd = fd;
    socket->open = true;
    return 0;
}

void socket_close(struct datagram_socket *socket) {
    if (socket->open) {
        close(socket->fd);
        socket->open = false;
    }
}

int socket_take_error(struct datagram_socket *socket) {
    int number = 0;
    socklen_t length = sizeof number;
    if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &number, &length) != 0) {
        return -errno;
    }
    return -number;
}

/* ---- reading ---- */

struct control {
    _Alignas(struct cmsghdr) char bytes[CONTROL_BYTES];
};

/* Room for one recvmmsg(). A buffer is one byte longer than the longest datagram, so that a longer one
 * shows. */
struct batch {
    struct mmsghdr messages[SOCKET_BATCH];
    struct iovec parts[SOCKET_BATCH];
    struct sockaddr_in sources[SOCKET_BATCH];
    struct control controls[SOCKET_BATCH];
    uint8_t bytes[SOCKET_BATCH][MUSTER_DATAGRAM_BYTES_MAX + 1];
};

static void batch_prepare(struct batch *batch) {
    for (unsigned i = 0; i < SOCKET_BATCH; i++) {
        batch->parts[i] = (struct iovec){.iov_base = batch->bytes[i], .iov_len = sizeof batch->bytes[i]};
        batch->messages[i].msg_len = 0;
        batch->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->sources[i],
            .msg_namelen = sizeof batch->sources[i],
            .msg_iov = &batch->parts[i],
            .msg_iovlen = 1,
            .msg_control = batch->controls[i].bytes,
            .msg_controllen = sizeof batch->controls[i].bytes,
        };
    }
}

/* An error that hung on the socket (an ICMP message, an interface that went) is taken off by the
 * failing call and says nothing about the datagrams behind it, so the call is made again. */
static int batch_receive(int fd, struct batch *batch) {
    for (int i = 0; i < READ_TRIES; i++) {
        int count = recvmmsg(fd, batch->messages, SOCKET_BATCH, MSG_DONTWAIT, NULL);
        if (count >= 0) {
            return count;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return 0;
        }
    }
    return 0;
}

static void control_read(struct datagram_socket *socket, const struct cmsghdr *control,
                         struct muster_datagram *datagram) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof info);
        datagram->destination = endpoint_make(&info.ipi_addr, socket->port);
        datagram->interface = (uint32_t)info.ipi_ifindex;
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TTL) {
        int ttl;
        memcpy(&ttl, CMSG_DATA(control), sizeof ttl);
        datagram->ttl = (uint8_t)ttl;
    } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
        memcpy(&socket->kernel_drops, CMSG_DATA(control), sizeof socket->kernel_drops);
    }
}

static struct muster_datagram datagram_read(struct datagram_socket *socket, struct batch *batch, unsigned i) {
    struct muster_datagram datagram = {
        .bytes = batch->bytes[i],
        .length = batch->messages[i].msg_len,
        .source = endpoint_make(&batch->sources[i].sin_addr, ntohs(batch->sources[i].sin_port)),
    };
    struct msghdr *header = &batch->messages[i].msg_hdr;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
         control = CMSG_NXTHDR(header, control)) {
        control_read(socket, control, &datagram);
    }
    return datagram;
}

unsigned socket_read(struct datagram_socket *socket, socket_datagram_cb on_datagram, void *context) {
    struct batch batch;
    batch_prepare(&batch);
    unsigned count = (unsigned)batch_receive(socket->fd, &batch);
    for (unsigned i = 0; i < count; i++) {
        struct muster_datagram datagram = datagram_read(socket, &batch, i);
        if (socket->interface == 0 || datagram.interface == socket->interface) {
            on_datagram(&datagram, context);
        }
    }
    return count;
}

/* ---- sending ---- */

int socket_send(struct datagram_socket *socket, const struct muster_datagram *datagram) {
    struct sockaddr_in destination = address_make(datagram->destination.ip, datagram->destination.port);
    struct iovec part = {.iov_base = (void *)(uintptr_t)datagram->bytes, .iov_len = datagram->length};
    struct control control = {.bytes = {0}};
    struct msghdr message = {
        .msg_name = &destination,
        .msg_namelen = sizeof destination,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo)),
    };
    struct in_pktinfo info = {.ipi_ifindex = (int)datagram->interface};
    if (datagram->source.family == 4) {
        memcpy(&info.ipi_spec_dst, datagram->source.ip, IPV4_BYTES);
    }
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(header), &info, sizeof info);

    if (sendmsg(socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }
    return 0;
}
