/* SPDX-License-Identifier: MIT */
/* What the kernel allows: multicast with nothing on top of it.
 *
 * Mode `one` sends each datagram by sendto() and receives it by recvfrom(). Mode `gso` sends up to 64 of them
 * as one with UDP_SEGMENT, and receives what UDP_GRO leaves together. The address is the host's own, and
 * chooses the family; one of IPv6 has its interface behind it, fe80::1%eth0. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GROUP "239.255.78.1"
#define GROUP6 "ff12::6d75:7374:4e01"
#define BUFFER_BYTES (4 << 20)
#define GSO_BYTES_MAX 65000

struct raw {
    int fd;
    bool is_batched;
    size_t bytes;
    bool is_v6;
    uint32_t interface; /* of IPv6 */
    struct sockaddr_storage group;
    socklen_t group_bytes;
    char buffer[65536];
};

static void set(int fd, int level, int name, const void *value, socklen_t length, const char *what) {
    if (setsockopt(fd, level, name, value, length) != 0) {
        probe_die(what);
    }
}

/* Root may pass the system's limit. */
static void set_buffer(int fd, int forced, int name) {
    const int bytes = BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) {
        set(fd, SOL_SOCKET, name, &bytes, sizeof bytes, "buffer");
    }
}

static void set_group(struct raw *raw, const char *address) {
    const char *name = strchr(address, '%');
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(PROBE_PORT)};
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(PROBE_PORT), .sin_addr.s_addr = inet_addr(GROUP)};
    raw->is_v6 = strchr(address, ':') != NULL;
    raw->interface = v6.sin6_scope_id = name == NULL ? 0 : if_nametoindex(name + 1);
    inet_pton(AF_INET6, GROUP6, &v6.sin6_addr);
    raw->group_bytes = raw->is_v6 ? sizeof v6 : sizeof v4;
    memcpy(&raw->group, raw->is_v6 ? (const void *)&v6 : &v4, raw->group_bytes);
}

static void open_socket(struct raw *raw, const struct probe_options *options) {
    set_group(raw, options->address);
    raw->fd = socket(raw->group.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (raw->fd < 0) {
        probe_die("socket");
    }
    raw->is_batched = strcmp(options->mode, "gso") == 0;
    raw->bytes = options->bytes;
}

/* ---- publishing ---- */

static void open_sender(struct raw *raw, const struct probe_options *options) {
    const int segment = (int)options->bytes;
    if (raw->is_v6) {
        set(raw->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &raw->interface, sizeof raw->interface,
            "IPV6_MULTICAST_IF");
    } else {
        const struct in_addr interface = {inet_addr(options->address)};
        set(raw->fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface, "IP_MULTICAST_IF");
    }
    set_buffer(raw->fd, SO_SNDBUFFORCE, SO_SNDBUF);
    if (raw->is_batched) {
        set(raw->fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment, "UDP_SEGMENT");
    }
}

static void send_bytes(struct raw *raw, size_t length) {
    if (sendto(raw->fd, raw->buffer, length, 0, (const struct sockaddr *)&raw->group, raw->group_bytes) < 0) {
        probe_die("sendto");
    }
}

static void send_batch(struct raw *raw, uint64_t first, size_t count) {
    struct stamp stamp = {.sent_ns = probe_now_ns()};
    for (size_t i = 0; i < count; i++) {
        stamp.number = first + i;
        memcpy(raw->buffer + i * raw->bytes, &stamp, sizeof stamp);
    }
    send_bytes(raw, count * raw->bytes);
}

static void send_messages(void *context, uint64_t first, size_t count) {
    struct raw *raw = context;
    size_t step = raw->is_batched ? count : 1;
    for (size_t i = 0; i < count; i += step) {
        send_batch(raw, first + i, step);
    }
}

static void publish(struct raw *raw, const struct probe_options *options) {
    size_t fitting = GSO_BYTES_MAX / options->bytes;
    const struct probe_publisher publisher = {.send = send_messages,
                                              .context = raw,
                                              .burst_max =
                                                  fitting < PROBE_BURST_MAX ? fitting : PROBE_BURST_MAX};
    open_sender(raw, options);
    probe_publish(options, &publisher);
}

/* ---- subscribing ---- */

static void join(struct raw *raw, const char *address) {
    if (raw->is_v6) {
        struct ipv6_mreq membership = {.ipv6mr_interface = raw->interface};
        inet_pton(AF_INET6, GROUP6, &membership.ipv6mr_multiaddr);
        set(raw->fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof membership, "IPV6_JOIN_GROUP");
    } else {
        const struct ip_mreq membership = {.imr_multiaddr.s_addr = inet_addr(GROUP),
                                           .imr_interface.s_addr = inet_addr(address)};
        set(raw->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership, "IP_ADD_MEMBERSHIP");
    }
}

static void open_receiver(struct raw *raw, const struct probe_options *options) {
    const int on = 1;
    const struct timeval wait = {.tv_usec = 20000};
    set(raw->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on, "SO_REUSEADDR");
    set(raw->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait, "SO_RCVTIMEO");
    set_buffer(raw->fd, SO_RCVBUFFORCE, SO_RCVBUF);
    if (raw->is_batched) {
        set(raw->fd, SOL_UDP, UDP_GRO, &on, sizeof on, "UDP_GRO");
    }
    if (bind(raw->fd, (const struct sockaddr *)&raw->group, raw->group_bytes) != 0) {
        probe_die("bind");
    }
    join(raw, options->address);
}

static size_t segment_bytes(struct msghdr *header, size_t length) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(part), sizeof segment);
            return (size_t)segment;
        }
    }
    return length;
}

static void receive_batch(struct raw *raw, struct probe_counter *counter) {
    _Alignas(struct cmsghdr) char control[64];
    struct iovec vector = {.iov_base = raw->buffer, .iov_len = sizeof raw->buffer};
    struct msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t received = recvmsg(raw->fd, &header, 0);
    if (received <= 0) {
        return;
    }
    size_t length = (size_t)received;
    size_t step = segment_bytes(&header, length);
    uint64_t now_ns = probe_now_ns();
    for (size_t at = 0; at < length; at += step) {
        probe_count_bytes(counter, raw->buffer + at, length - at, now_ns);
    }
}

static void receive(void *context, struct probe_counter *counter) {
    struct raw *raw = context;
    if (raw->is_batched) {
        receive_batch(raw, counter);
        return;
    }
    ssize_t received = recvfrom(raw->fd, raw->buffer, sizeof raw->buffer, 0, NULL, NULL);
    if (received > 0) {
        probe_count_bytes(counter, raw->buffer, (size_t)received, probe_now_ns());
    }
}

int main(int argc, char **argv) {
    static struct raw raw;
    struct probe_options options;
    probe_options_read(&options, argc, argv);
    open_socket(&raw, &options);
    if (options.is_publisher) {
        publish(&raw, &options);
    } else {
        const struct probe_subscriber subscriber = {.receive = receive, .context = &raw};
        open_receiver(&raw, &options);
        probe_subscribe(&options, &subscriber);
    }
    close(raw.fd);
    return 0;
}
