/* SPDX-License-Identifier: MIT */
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "limit.h"

#define IPV4_BYTES 4
#define CONTROL_BYTES 160 /* four messages come at most; the longest: packet info, TTL, stamp, error */
#define READ_TRIES 4
#define SEND_TRIES 2
#define AGE_MS_MAX 60000 /* an older stamp is one of a clock that was set meanwhile */

static const uint8_t any_ip[IPV4_BYTES] = {0, 0, 0, 0};

/* ---- addresses ---- */

struct sockaddr_in socket_address(const struct muster_endpoint *endpoint) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
    memcpy(&address.sin_addr, endpoint->ip, IPV4_BYTES);
    return address;
}

struct muster_endpoint socket_endpoint(const struct sockaddr_in *address) {
    struct muster_endpoint endpoint = {.family = 4, .port = ntohs(address->sin_port)};
    memcpy(endpoint.ip, &address->sin_addr, IPV4_BYTES);
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

/* name: SO_RCVBUF or SO_SNDBUF; forced: the same for who may exceed the system's limit. The kernel grants
 * less without a word, so what it granted is read back. */
static uint32_t buffer_set(int fd, int name, int forced) {
    if (socket_option(fd, SOL_SOCKET, forced, SOCKET_BUFFER_BYTES) != 0) {
        socket_option(fd, SOL_SOCKET, name, SOCKET_BUFFER_BYTES);
    }
    int granted = 0;
    socklen_t length = sizeof granted;
    getsockopt(fd, SOL_SOCKET, name, &granted, &length);
    return granted > 0 ? (uint32_t)granted : 0;
}

/* Opens a socket that shows the source, destination and interface of each datagram; `set` makes of it what it
 * is for, and is to return 0, or -1 and errno. 0 or -errno; then it is closed. */
static int open_with(struct datagram_socket *opened, const struct muster_path *path,
                     int (*set)(struct datagram_socket *opened, const struct muster_path *path)) {
    opened->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    opened->open = opened->fd >= 0;
    if (!opened->open || socket_option(opened->fd, IPPROTO_IP, IP_PKTINFO, 1) != 0 ||
        socket_option(opened->fd, IPPROTO_IP, IP_RECVTTL, 1) != 0 ||
        socket_option(opened->fd, SOL_SOCKET, SO_RXQ_OVFL, 1) != 0 || set(opened, path) != 0) {
        int number = errno;
        socket_close(opened);
        return -number;
    }
    opened->buffer_bytes = buffer_set(opened->fd, SO_RCVBUF, SO_RCVBUFFORCE);
    return 0;
}

/* Asks for the time at which each datagram came. Where that is refused, its age is not known. */
static void stamps_ask(int fd) {
    socket_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

static int bind_to(int fd, const uint8_t ip[IPV4_BYTES], uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&address.sin_addr, ip, IPV4_BYTES);
    return bind(fd, (const struct sockaddr *)&address, sizeof address);
}

/* PMTUDISC_PROBE: never fragment, and let no forged "fragmentation needed" shrink what we send.
 * MULTICAST_ALL: groups that others on this machine joined are not for this socket.
 * RECVERR: sending fails where a queue of this machine drops the datagram.
 * A batch is copied into one buffer of the kernel: the default takes few of them. */
static int unicast_set(struct datagram_socket *socket, const struct muster_path *path) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = socket->fd;
    (void)path;
    if (socket_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) != 0 ||
        socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_TTL, MUSTER_TTL) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, MUSTER_TTL) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_RECVERR, 1) != 0 || bind_to(fd, any_ip, socket->port) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    socket->port = ntohs(address.sin_port);
    socket->send_bytes = buffer_set(fd, SO_SNDBUF, SO_SNDBUFFORCE);
    stamps_ask(fd);
    return 0;
}

int socket_open_unicast(struct datagram_socket *socket, uint16_t port) {
    *socket = (struct datagram_socket){.port = port};
    return open_with(socket, NULL, unicast_set);
}

/* Open to everybody since Linux 5.7. */
int socket_bind_device(int fd, const char *name) {
    size_t length = strnlen(name, IFNAMSIZ - 1);
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)length) != 0 && errno != EPERM) {
        return -1;
    }
    return 0;
}

/* option: IP_ADD_MEMBERSHIP or IP_DROP_MEMBERSHIP. */
static int membership_set(int fd, int option, const uint8_t group[IPV4_BYTES], uint32_t interface) {
    struct ip_mreqn membership = {.imr_ifindex = (int)interface};
    memcpy(&membership.imr_multiaddr, group, IPV4_BYTES);
    return setsockopt(fd, IPPROTO_IP, option, &membership, sizeof membership);
}

/* Bound to the very address, so that nothing else reaches it: unicast to a shared port would go to
 * whoever bound last. Where the device is refused, socket_read() looks at the interface by itself; the socket
 * then only wakes up for others' datagrams too. */
static int listening_set(struct datagram_socket *socket, const struct muster_path *path) {
    static const uint8_t group[IPV4_BYTES] = MUSTER_GROUP_V4;
    static const uint8_t broadcast[IPV4_BYTES] = MUSTER_BROADCAST_V4;
    int fd = socket->fd;
    if (socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || socket_bind_device(fd, path->name) != 0) {
        return -1;
    }
    stamps_ask(fd);
    if (path->kind == MUSTER_PATH_B4) {
        return socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1) != 0 ? -1
                                                                   : bind_to(fd, broadcast, socket->port);
    }
    if (socket_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) != 0 || bind_to(fd, group, socket->port) != 0) {
        return -1;
    }
    return membership_set(fd, IP_ADD_MEMBERSHIP, group, path->interface);
}

int socket_open_listening(struct datagram_socket *socket, const struct muster_path *path, uint16_t port) {
    *socket = (struct datagram_socket){.port = port, .interface = path->interface};
    return open_with(socket, path, listening_set);
}

static int telemetry_set(struct datagram_socket *socket, const struct muster_path *path) {
    int fd = socket->fd;
    if (socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || socket_bind_device(fd, path->name) != 0 ||
        socket_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) != 0 || bind_to(fd, any_ip, socket->port) != 0) {
        return -1;
    }
    socket_option(fd, SOL_UDP, UDP_GRO, 1); /* where it is unknown, datagrams come one by one */
    return 0;
}

int socket_open_telemetry(struct datagram_socket *socket, const struct muster_path *path, uint16_t port) {
    *socket = (struct datagram_socket){.port = port, .interface = path->interface};
    return open_with(socket, path, telemetry_set);
}

int socket_join(struct datagram_socket *socket, const struct muster_endpoint *group) {
    return membership_set(socket->fd, IP_ADD_MEMBERSHIP, group->ip, socket->interface) == 0 ? 0 : -errno;
}

int socket_leave(struct datagram_socket *socket, const struct muster_endpoint *group) {
    return membership_set(socket->fd, IP_DROP_MEMBERSHIP, group->ip, socket->interface) == 0 ? 0 : -errno;
}

void socket_close(struct datagram_socket *socket) {
    if (socket->open) {
        close(socket->fd);
        socket->open = false;
    }
}

/* ---- reading ---- */

struct control {
    _Alignas(struct cmsghdr) char bytes[CONTROL_BYTES];
};

/* One recvmmsg(). */
struct receive_batch {
    unsigned count;
    size_t bytes_each;
    uint8_t *bytes;
    struct mmsghdr messages[SOCKET_BATCH];
    struct iovec parts[SOCKET_BATCH];
    struct sockaddr_in sources[SOCKET_BATCH];
    struct control controls[SOCKET_BATCH];
};

static void batch_prepare(struct receive_batch *batch) {
    for (unsigned i = 0; i < batch->count; i++) {
        batch->parts[i] =
            (struct iovec){.iov_base = batch->bytes + i * batch->bytes_each, .iov_len = batch->bytes_each};
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
static int batch_receive(int fd, struct receive_batch *batch) {
    for (int i = 0; i < READ_TRIES; i++) {
        int count = recvmmsg(fd, batch->messages, batch->count, MSG_DONTWAIT, NULL);
        if (count >= 0) {
            return count;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return 0;
        }
    }
    return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
struct cmsghdr *socket_next_control(struct msghdr *message, struct cmsghdr *control) {
    return CMSG_NXTHDR(message, control);
}
#pragma GCC diagnostic pop

uint32_t socket_age_ms(const struct timespec *stamp, const struct timespec *now) {
    int64_t age_ms =
        ((int64_t)now->tv_sec - stamp->tv_sec) * 1000 + (now->tv_nsec - stamp->tv_nsec) / 1000000;
    return age_ms < 0 || age_ms > AGE_MS_MAX ? 0 : (uint32_t)age_ms;
}

/* Until now: a datagram also waits while those that were read with it are handed over. */
static uint32_t stamp_read(const struct cmsghdr *control) {
    struct timespec stamp;
    struct timespec now;
    memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
    clock_gettime(CLOCK_REALTIME, &now);
    return socket_age_ms(&stamp, &now);
}

static void control_read(struct datagram_socket *socket, const struct cmsghdr *control,
                         struct muster_datagram *datagram) {
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof info);
        datagram->destination.family = 4;
        datagram->destination.port = socket->port;
        memcpy(datagram->destination.ip, &info.ipi_addr, IPV4_BYTES);
        datagram->interface = (uint32_t)info.ipi_ifindex;
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TTL) {
        int ttl;
        memcpy(&ttl, CMSG_DATA(control), sizeof ttl);
        datagram->ttl = (uint8_t)ttl;
    } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
        memcpy(&socket->kernel_drops, CMSG_DATA(control), sizeof socket->kernel_drops);
    } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_TIMESTAMPNS) {
        datagram->age_ms = stamp_read(control);
    } else if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
        int segment;
        memcpy(&segment, CMSG_DATA(control), sizeof segment);
        datagram->segment = (size_t)segment;
    }
}

static struct muster_datagram datagram_read(struct datagram_socket *socket, struct receive_batch *batch,
                                            unsigned i) {
    struct muster_datagram datagram = {
        .bytes = batch->bytes + i * batch->bytes_each,
        .length = batch->messages[i].msg_len,
        .source = socket_endpoint(&batch->sources[i]),
    };
    struct msghdr *header = &batch->messages[i].msg_hdr;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL;
         control = socket_next_control(header, control)) {
        control_read(socket, control, &datagram);
    }
    return datagram;
}

/* The count is taken before the callbacks, one of which may close the socket. */
static unsigned batch_read(struct datagram_socket *socket, struct receive_batch *batch,
                           socket_datagram_cb on_datagram, void *context) {
    batch_prepare(batch);
    unsigned count = (unsigned)batch_receive(socket->fd, batch);
    for (unsigned i = 0; i < count; i++) {
        struct muster_datagram datagram = datagram_read(socket, batch, i);
        datagram.dropped = socket->kernel_drops;
        if (socket->interface == 0 || datagram.interface == socket->interface) {
            on_datagram(&datagram, context);
        }
    }
    return count;
}

/* A buffer is one byte longer than the longest datagram, so that a longer one shows. */
unsigned socket_read(struct datagram_socket *socket, socket_datagram_cb on_datagram, void *context) {
    uint8_t bytes[SOCKET_BATCH][MUSTER_DATAGRAM_BYTES_MAX + 1];
    struct receive_batch batch = {.count = SOCKET_BATCH, .bytes_each = sizeof bytes[0], .bytes = bytes[0]};
    return batch_read(socket, &batch, on_datagram, context);
}

unsigned socket_read_batches(struct datagram_socket *socket, uint8_t *bytes, socket_datagram_cb on_datagram,
                             void *context) {
    struct receive_batch batch = {.count = SOCKET_BATCHES, .bytes_each = SOCKET_BATCH_BYTES, .bytes = bytes};
    return batch_read(socket, &batch, on_datagram, context);
}

/* ---- errors ---- */

/* Reads one message of the error queue; false when there is none. */
static bool error_read(struct datagram_socket *socket) {
    struct control control;
    struct msghdr message = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (recvmsg(socket->fd, &message, MSG_ERRQUEUE) < 0) {
        return false;
    }
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
         header = socket_next_control(&message, header)) {
        struct sock_extended_err error;
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR) {
            memcpy(&error, CMSG_DATA(header), sizeof error);
            socket->unreached += error.ee_origin == SO_EE_ORIGIN_ICMP ? 1 : 0;
        }
    }
    return true;
}

/* With RECVERR an error also waits as a message, and the socket can't be polled before it is read. */
void socket_take_errors(struct datagram_socket *socket) {
    int number;
    socklen_t length = sizeof number;
    for (unsigned left = SOCKET_BATCH; left > 0 && error_read(socket); left--) {
    }
    getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &number, &length);
}

/* ---- sending ---- */

/* Puts one control message behind those that are there. */
static void control_put(struct msghdr *message, int level, int type, const void *value, size_t size) {
    struct cmsghdr *header = (struct cmsghdr *)((char *)message->msg_control + message->msg_controllen);
    *header = (struct cmsghdr){.cmsg_len = (socklen_t)CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
    memcpy(CMSG_DATA(header), value, size);
    message->msg_controllen = (socklen_t)(message->msg_controllen + CMSG_SPACE(size));
}

bool socket_has_unicast_room(const struct datagram_socket *socket) {
    uint32_t part = socket->send_bytes / SOCKET_UNICAST_PART;
    uint32_t room = part < SOCKET_UNICAST_BYTES ? part : SOCKET_UNICAST_BYTES;
    int waiting = 0;
    return ioctl(socket->fd, SIOCOUTQ, &waiting) != 0 || (uint32_t)waiting <= room;
}

/* An error of an earlier datagram that others reported (ICMP) is returned by the next call. It says nothing
 * about this datagram, so the call is made again. */
static int message_send(int fd, const struct msghdr *message) {
    int error = 0;
    for (int i = 0; i < SEND_TRIES; i++) {
        if (sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            return 0;
        }
        error = errno == EWOULDBLOCK ? -EAGAIN : -errno;
        if (error == -EAGAIN || error == -ENOBUFS) {
            return error;
        }
    }
    return error;
}

/* segment 0: one datagram. */
static int datagram_send(struct datagram_socket *socket, const struct muster_datagram *datagram,
                         uint16_t segment) {
    struct sockaddr_in destination = socket_address(&datagram->destination);
    struct iovec part = {.iov_base = (void *)(uintptr_t)datagram->bytes, .iov_len = datagram->length};
    struct control control = {.bytes = {0}};
    struct msghdr message = {
        .msg_name = &destination,
        .msg_namelen = sizeof destination,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
    };
    struct in_pktinfo info = {.ipi_ifindex = (int)datagram->interface};
    int ttl = datagram->ttl;
    if (datagram->source.family == 4) {
        memcpy(&info.ipi_spec_dst, datagram->source.ip, IPV4_BYTES);
    }
    control_put(&message, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    if (ttl != 0 && ttl != MUSTER_TTL) {
        control_put(&message, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
    }
    if (segment != 0) {
        control_put(&message, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    int error = message_send(socket->fd, &message);
    if (error == -ENOBUFS) {
        socket->queue_drops += segment == 0 ? 1 : (datagram->length + segment - 1) / segment;
        return 0;
    }
    return error;
}

/* What the kernel says of a batch that it, or the interface, can't cut into datagrams. */
static bool is_batch_refusal(int error) {
    return error == -EIO || error == -EINVAL || error == -EMSGSIZE || error == -EOPNOTSUPP;
}

/* A datagram that fails for its own part does not take the others along; the last error is returned. */
static int send_one_by_one(struct datagram_socket *socket, struct muster_datagram *datagram) {
    int result = 0;
    while (datagram->length > 0) {
        struct muster_datagram one = *datagram;
        one.length = datagram->segment < datagram->length ? datagram->segment : datagram->length;
        int error = datagram_send(socket, &one, 0);
        if (error == -EAGAIN) {
            return error;
        }
        result = error != 0 ? error : result;
        datagram->bytes += one.length;
        datagram->length -= one.length;
    }
    return result;
}

int socket_send(struct datagram_socket *socket, struct muster_datagram *datagram, bool *without_gso) {
    if (datagram->segment == 0 || datagram->segment >= datagram->length) {
        return datagram_send(socket, datagram, 0);
    }
    if (*without_gso) {
        return send_one_by_one(socket, datagram);
    }
    int error = datagram_send(socket, datagram, (uint16_t)datagram->segment);
    if (!is_batch_refusal(error)) {
        return error;
    }
    error = send_one_by_one(socket, datagram);
    *without_gso = error == 0 || error == -EAGAIN; /* the datagrams were not at fault */
    return error;
}
