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

#include "group.h"
#include "limit.h"

#define CONTROL_BYTES 192 /* four messages come at most; the longest: packet info, TTL, stamp, error */
#define READ_TRIES 4
#define SEND_TRIES 8 /* a neighbour that does not answer fails many datagrams at once, each with an error */
#define AGE_MS_MAX 60000 /* an older stamp is one of a clock that was set meanwhile */

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29 /* linux/in6.h, which can't be included beside netinet/in.h */
#endif
#ifndef IPV6_AUTOFLOWLABEL
#define IPV6_AUTOFLOWLABEL 70
#endif

/* ---- families ---- */

/* The options of both families mean the same, and have other numbers. */
struct family {
    int domain;
    int level; /* of the options */
    int show_info, info;
    int show_ttl, ttl;
    int ttl_unicast, ttl_multicast;
    int loop;
    int all; /* groups that others joined */
    int mtu_discover, mtu_probe;
    int errors;
};

static const struct family families[SOCKET_FAMILIES] = {
    {.domain = AF_INET,
     .level = IPPROTO_IP,
     .show_info = IP_PKTINFO,
     .info = IP_PKTINFO,
     .show_ttl = IP_RECVTTL,
     .ttl = IP_TTL,
     .ttl_unicast = IP_TTL,
     .ttl_multicast = IP_MULTICAST_TTL,
     .loop = IP_MULTICAST_LOOP,
     .all = IP_MULTICAST_ALL,
     .mtu_discover = IP_MTU_DISCOVER,
     .mtu_probe = IP_PMTUDISC_PROBE,
     .errors = IP_RECVERR},
    {.domain = AF_INET6,
     .level = IPPROTO_IPV6,
     .show_info = IPV6_RECVPKTINFO,
     .info = IPV6_PKTINFO,
     .show_ttl = IPV6_RECVHOPLIMIT,
     .ttl = IPV6_HOPLIMIT,
     .ttl_unicast = IPV6_UNICAST_HOPS,
     .ttl_multicast = IPV6_MULTICAST_HOPS,
     .loop = IPV6_MULTICAST_LOOP,
     .all = IPV6_MULTICAST_ALL,
     .mtu_discover = IPV6_MTU_DISCOVER,
     .mtu_probe = IPV6_PMTUDISC_PROBE,
     .errors = IPV6_RECVERR},
};

static const struct family *family_of(const struct datagram_socket *socket) {
    return &families[socket_place(socket->family)];
}

size_t socket_place(uint8_t family) {
    return family == 6 ? 1 : 0;
}

int socket_domain(uint8_t family) {
    return families[socket_place(family)].domain;
}

/* ---- addresses ---- */

socklen_t socket_address(const struct muster_endpoint *endpoint, uint32_t interface,
                         struct sockaddr_storage *address) {
    *address = (struct sockaddr_storage){0};
    if (endpoint->family == 6) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                  .sin6_port = htons(endpoint->port),
                                  .sin6_scope_id = interface}; /* the kernel looks at it where it counts */
        memcpy(&v6.sin6_addr, endpoint->ip, sizeof v6.sin6_addr);
        memcpy(address, &v6, sizeof v6);
        return sizeof v6;
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
    memcpy(&v4.sin_addr, endpoint->ip, sizeof v4.sin_addr);
    memcpy(address, &v4, sizeof v4);
    return sizeof v4;
}

struct muster_endpoint socket_endpoint(const struct sockaddr_storage *address) {
    struct muster_endpoint endpoint = {.family = 0};
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;
    if (address->ss_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        endpoint.family = 6;
        endpoint.port = ntohs(v6.sin6_port);
        memcpy(endpoint.ip, &v6.sin6_addr, sizeof v6.sin6_addr);
    } else if (address->ss_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        endpoint.family = 4;
        endpoint.port = ntohs(v4.sin_port);
        memcpy(endpoint.ip, &v4.sin_addr, sizeof v4.sin_addr);
    }
    return endpoint;
}

int socket_bind(int fd, const struct muster_endpoint *endpoint, uint32_t interface) {
    struct sockaddr_storage address;
    socklen_t length = socket_address(endpoint, interface, &address);
    bool is_v6 = endpoint->family == 6;
    return is_v6 && socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0
               ? -1
               : bind(fd, (const struct sockaddr *)&address, length);
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
    const struct family *family = family_of(opened);
    opened->fd = socket(family->domain, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    opened->open = opened->fd >= 0;
    if (!opened->open || socket_option(opened->fd, family->level, family->show_info, 1) != 0 ||
        socket_option(opened->fd, family->level, family->show_ttl, 1) != 0 ||
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

static int bind_any(const struct datagram_socket *socket) {
    struct muster_endpoint any = {.family = socket->family, .port = socket->port};
    return socket_bind(socket->fd, &any, 0);
}

/* PMTUDISC_PROBE: never fragment, and let no forged "fragmentation needed" shrink what we send.
 * MULTICAST_ALL: groups that others on this machine joined are not for this socket.
 * RECVERR: sending fails where a queue of this machine drops the datagram.
 * AUTOFLOWLABEL: each group gets a flow label of its own, so that UDP GRO merges within a group alone. It is
 * the kernel's default, and a label that we chose would take a lease for each group.
 * A batch is copied into one buffer of the kernel: the default takes few of them. */
static int unicast_set(struct datagram_socket *socket, const struct muster_path *path) {
    const struct family *family = family_of(socket);
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int fd = socket->fd;
    (void)path;
    if (socket_option(fd, family->level, family->all, 0) != 0 ||
        socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1) != 0 ||
        socket_option(fd, family->level, family->ttl_unicast, MUSTER_TTL) != 0 ||
        socket_option(fd, family->level, family->ttl_multicast, MUSTER_TTL) != 0 ||
        socket_option(fd, family->level, family->loop, 1) != 0 ||
        socket_option(fd, family->level, family->mtu_discover, family->mtu_probe) != 0 ||
        socket_option(fd, family->level, family->errors, 1) != 0 || bind_any(socket) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    if (socket->family == 6) {
        socket_option(fd, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL,
                      1); /* refused where the administrator wants none */
    }
    socket->port = socket_endpoint(&address).port;
    socket->send_bytes = buffer_set(fd, SO_SNDBUF, SO_SNDBUFFORCE);
    stamps_ask(fd);
    return 0;
}

int socket_open_unicast(struct datagram_socket *socket, uint8_t family, uint16_t port) {
    *socket = (struct datagram_socket){.family = family, .port = port};
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

/* option: MCAST_JOIN_GROUP or MCAST_LEAVE_GROUP. */
static int membership_set(const struct datagram_socket *socket, int option,
                          const struct muster_endpoint *group) {
    struct group_req request = {.gr_interface = socket->interface};
    socket_address(group, socket->interface, &request.gr_group);
    return setsockopt(socket->fd, family_of(socket)->level, option, &request, sizeof request);
}

/* Bound to the very address, so that nothing else reaches it: unicast to a shared port would go to
 * whoever bound last. Where the device is refused, socket_read() looks at the interface by itself; the socket
 * then only wakes up for others' datagrams too. */
static int listening_set(struct datagram_socket *socket, const struct muster_path *path) {
    const struct family *family = family_of(socket);
    struct muster_endpoint group = group_control(path->kind, socket->scope, socket->port);
    int fd = socket->fd;
    if (socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || socket_bind_device(fd, path->name) != 0) {
        return -1;
    }
    stamps_ask(fd);
    if (path->kind == MUSTER_PATH_B4) {
        return socket_option(fd, SOL_SOCKET, SO_BROADCAST, 1) != 0 ? -1 : socket_bind(fd, &group, 0);
    }
    if (socket_option(fd, family->level, family->all, 0) != 0 ||
        socket_bind(fd, &group, path->interface) != 0) {
        return -1;
    }
    return membership_set(socket, MCAST_JOIN_GROUP, &group);
}

int socket_open_listening(struct datagram_socket *socket, const struct muster_path *path,
                          enum group_scope scope, uint16_t port) {
    *socket = (struct datagram_socket){
        .family = group_family(path->kind), .scope = scope, .port = port, .interface = path->interface};
    return open_with(socket, path, listening_set);
}

static int telemetry_set(struct datagram_socket *socket, const struct muster_path *path) {
    const struct family *family = family_of(socket);
    int fd = socket->fd;
    if (socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 || socket_bind_device(fd, path->name) != 0 ||
        socket_option(fd, family->level, family->all, 0) != 0 || bind_any(socket) != 0) {
        return -1;
    }
    socket_option(fd, SOL_UDP, UDP_GRO, 1); /* where it is unknown, datagrams come one by one */
    return 0;
}

int socket_open_telemetry(struct datagram_socket *socket, const struct muster_path *path, uint16_t port) {
    *socket = (struct datagram_socket){
        .family = group_family(path->kind), .port = port, .interface = path->interface};
    return open_with(socket, path, telemetry_set);
}

int socket_join(struct datagram_socket *socket, const struct muster_endpoint *group) {
    return membership_set(socket, MCAST_JOIN_GROUP, group) == 0 ? 0 : -errno;
}

int socket_leave(struct datagram_socket *socket, const struct muster_endpoint *group) {
    return membership_set(socket, MCAST_LEAVE_GROUP, group) == 0 ? 0 : -errno;
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
    struct sockaddr_storage sources[SOCKET_BATCH];
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

/* To which address it came, and by which interface. */
static void info_read(const struct cmsghdr *control, struct muster_datagram *datagram) {
    if (datagram->destination.family == 6) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof info);
        memcpy(datagram->destination.ip, &info.ipi6_addr, sizeof info.ipi6_addr);
        datagram->interface = info.ipi6_ifindex;
    } else {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(control), sizeof info);
        memcpy(datagram->destination.ip, &info.ipi_addr, sizeof info.ipi_addr);
        datagram->interface = (uint32_t)info.ipi_ifindex;
    }
}

static void control_read(struct datagram_socket *socket, const struct cmsghdr *control,
                         struct muster_datagram *datagram) {
    const struct family *family = family_of(socket);
    if (control->cmsg_level == family->level && control->cmsg_type == family->info) {
        info_read(control, datagram);
    } else if (control->cmsg_level == family->level && control->cmsg_type == family->ttl) {
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
        .destination = {.family = socket->family, .port = socket->port},
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
        if (header->cmsg_level == family_of(socket)->level &&
            header->cmsg_type == family_of(socket)->errors) {
            memcpy(&error, CMSG_DATA(header), sizeof error);
            bool is_reported = error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6;
            socket->unreached += is_reported ? 1 : 0;
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

/* The interface by which it leaves, and its source where the kernel is not to choose. */
static void info_put(struct msghdr *message, const struct muster_datagram *datagram) {
    bool has_source = datagram->source.family == datagram->destination.family;
    if (datagram->destination.family == 6) {
        struct in6_pktinfo info = {.ipi6_ifindex = datagram->interface};
        memcpy(&info.ipi6_addr, datagram->source.ip, has_source ? sizeof info.ipi6_addr : 0);
        control_put(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    } else {
        struct in_pktinfo info = {.ipi_ifindex = (int)datagram->interface};
        memcpy(&info.ipi_spec_dst, datagram->source.ip, has_source ? sizeof info.ipi_spec_dst : 0);
        control_put(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
}

/* segment 0: one datagram. */
static int datagram_send(struct datagram_socket *socket, const struct muster_datagram *datagram,
                         uint16_t segment) {
    const struct family *family = family_of(socket);
    struct sockaddr_storage destination;
    struct iovec part = {.iov_base = (void *)(uintptr_t)datagram->bytes, .iov_len = datagram->length};
    struct control control = {.bytes = {0}};
    struct msghdr message = {
        .msg_name = &destination,
        .msg_namelen = socket_address(&datagram->destination, datagram->interface, &destination),
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
    };
    int ttl = datagram->ttl;
    info_put(&message, datagram);
    if (ttl != 0 && ttl != MUSTER_TTL) {
        control_put(&message, family->level, family->ttl, &ttl, sizeof ttl);
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
