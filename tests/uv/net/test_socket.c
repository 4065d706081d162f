/* SPDX-License-Identifier: MIT */
/* Datagram sockets and links on the loopback: what arrives where, and what the kernel says of it. */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"
#include "fixture.h"
#include "limit.h"
#include "link.h"
#include "unicast.h"

#define DEADLINE_MS 5000
#define RECEIVED_MAX 64

static int missing_domain; /* of which this machine has no sockets */

int socket(int domain, int type, int protocol) {
    if (domain == missing_domain) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return (int)syscall(SYS_socket, domain, type, protocol);
}

/* The last datagrams of one or more sockets, and the last lines of the log. */
struct received {
    struct muster_datagram datagrams[RECEIVED_MAX];
    uint8_t bytes[RECEIVED_MAX][MUSTER_DATAGRAM_BYTES_MAX + 1];
    size_t count;
};

static int send_one(struct datagram_socket *socket, const struct muster_datagram *datagram) {
    struct muster_datagram sent = *datagram;
    bool without_gso = false;
    return socket_send(socket, &sent, &without_gso);
}

static void keep_datagram(const struct muster_datagram *datagram, void *context) {
    struct received *received = context;
    assert_true(received->count < RECEIVED_MAX);
    assert_true(datagram->length <= MUSTER_DATAGRAM_BYTES_MAX + 1);
    struct muster_datagram *kept = &received->datagrams[received->count];
    *kept = *datagram;
    memcpy(received->bytes[received->count], datagram->bytes, datagram->length);
    kept->bytes = received->bytes[received->count++];
}

static const struct muster_endpoint loopback = {.family = 4, .ip = {127, 0, 0, 1}};

static struct muster_path path_of(enum muster_path_kind kind) {
    struct muster_path path = {.interface = if_nametoindex("lo"), .kind = kind, .name = "lo"};
    return path;
}

static struct muster_datagram datagram_to(const struct muster_endpoint *destination, uint16_t port,
                                          const char *text) {
    struct muster_datagram datagram = {
        .bytes = (const uint8_t *)text,
        .length = strlen(text),
        .source = loopback,
        .destination = *destination,
        .interface = if_nametoindex("lo"),
    };
    datagram.destination.port = port;
    return datagram;
}

static const struct muster_endpoint group = {.family = 4, .ip = MUSTER_GROUP_V4};
static const struct muster_endpoint broadcast = {.family = 4, .ip = MUSTER_BROADCAST_V4};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads until count datagrams came in all. */
static void read_until(struct datagram_socket *socket, struct received *received, size_t count) {
    int64_t deadline = now_ms() + DEADLINE_MS;
    while (received->count < count) {
        struct pollfd poller = {.fd = socket->fd, .events = POLLIN};
        int64_t left = deadline - now_ms();
        assert_true(left > 0);
        assert_true(poll(&poller, 1, (int)left) >= 0);
        socket_read(socket, keep_datagram, received);
    }
    assert_int_equal(received->count, count);
}

#define V4 1u
#define V6 2u

static struct unicast own;
static struct datagram_socket unicast; /* its socket of IPv4 */
static struct datagram_socket m4;
static struct datagram_socket b4;
static struct received received;

static void begin(void) {
    struct muster_path m4_path = path_of(MUSTER_PATH_M4);
    struct muster_path b4_path = path_of(MUSTER_PATH_B4);
    fixture_begin();
    memset(&received, 0, sizeof received);
    assert_int_equal(unicast_open(&own, V4, false, port_own(), &fixture.log), 0);
    unicast = own.sockets[0].socket;
    assert_int_equal(socket_open_listening(&m4, &m4_path, GROUP_LINK, port_own()), 0);
    assert_int_equal(socket_open_listening(&b4, &b4_path, GROUP_LINK, port_own()), 0);
}

static void end(void) {
    unicast_close(&own);
    socket_close(&m4);
    socket_close(&b4);
    socket_close(&b4); /* again: harmless */
    fixture_end();
}

static void expect_datagram(const struct muster_endpoint *destination, uint16_t port, const char *text) {
    const struct muster_datagram *datagram = &received.datagrams[0];
    assert_int_equal(datagram->length, strlen(text));
    assert_memory_equal(datagram->bytes, text, strlen(text));
    assert_int_equal(datagram->source.family, 4);
    assert_memory_equal(datagram->source.ip, loopback.ip, 4);
    assert_int_equal(datagram->source.port, unicast.port);
    assert_int_equal(datagram->destination.family, 4);
    assert_memory_equal(datagram->destination.ip, destination->ip, 4);
    assert_int_equal(datagram->destination.port, port);
    assert_int_equal(datagram->interface, if_nametoindex("lo"));
    assert_int_equal(datagram->ttl, 255);
}

/* ---- paths ---- */

TEST(test_group_reaches_the_group_socket_alone) {
    struct muster_datagram datagram = datagram_to(&group, port_own(), "to the group");
    assert_int_equal(send_one(&unicast, &datagram), 0);
    read_until(&m4, &received, 1);
    expect_datagram(&group, port_own(), "to the group");
    assert_int_equal(socket_read(&b4, keep_datagram, &received), 0);
    assert_int_equal(socket_read(&unicast, keep_datagram, &received), 0);
}

/* Others on this machine may join groups that are sent to at a port which is a node's own. */
TEST(test_groups_of_others_are_not_unicast) {
    struct muster_datagram datagram = datagram_to(&group, unicast.port, "to others");
    assert_int_equal(send_one(&unicast, &datagram), 0);
    datagram = datagram_to(&loopback, unicast.port, "to one");
    assert_int_equal(send_one(&unicast, &datagram), 0);
    read_until(&unicast, &received, 1);
    expect_datagram(&loopback, unicast.port, "to one");
}

TEST(test_broadcast_reaches_the_broadcast_socket_alone) {
    struct muster_datagram datagram = datagram_to(&broadcast, port_own(), "to all");
    assert_int_equal(send_one(&unicast, &datagram), 0);
    read_until(&b4, &received, 1);
    expect_datagram(&broadcast, port_own(), "to all");
    assert_int_equal(socket_read(&m4, keep_datagram, &received), 0);
}

TEST(test_unicast_reaches_its_node_alone) {
    struct datagram_socket other;
    assert_int_equal(socket_open_unicast(&other, 4, (uint16_t)(unicast.port + 1)), 0);
    assert_int_equal(other.port, unicast.port + 1);
    struct muster_datagram datagram = datagram_to(&loopback, other.port, "to one");
    datagram.source.family = 0; /* the kernel chooses */
    assert_int_equal(send_one(&unicast, &datagram), 0);
    read_until(&other, &received, 1);
    expect_datagram(&loopback, other.port, "to one");
    assert_int_equal(socket_read(&unicast, keep_datagram, &received), 0);
    socket_close(&other);
}

TEST(test_two_nodes_share_the_group) {
    for (enum muster_path_kind kind = MUSTER_PATH_M4; kind <= MUSTER_PATH_B4;
         kind += MUSTER_PATH_B4 - MUSTER_PATH_M4) {
        struct muster_path path = path_of(kind);
        struct datagram_socket second;
        struct received others = {.count = 0};
        assert_int_equal(socket_open_listening(&second, &path, GROUP_LINK, port_own()), 0);
        struct muster_datagram datagram =
            datagram_to(kind == MUSTER_PATH_M4 ? &group : &broadcast, port_own(), "to both");
        received.count = 0;
        assert_int_equal(send_one(&unicast, &datagram), 0);
        read_until(kind == MUSTER_PATH_M4 ? &m4 : &b4, &received, 1);
        read_until(&second, &others, 1);
        socket_close(&second);
    }
}

/* As where the kernel refuses to bind to a device. */
TEST(test_other_interfaces_are_filtered) {
    struct muster_datagram datagram = datagram_to(&group, port_own(), "wrong way");
    m4.interface++;
    assert_int_equal(send_one(&unicast, &datagram), 0);
    struct pollfd poller = {.fd = m4.fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, DEADLINE_MS), 1);
    assert_int_equal(socket_read(&m4, keep_datagram, &received), 1);
    assert_int_equal(received.count, 0);
}

/* ---- lengths and batches ---- */

TEST(test_lengths) {
    static const size_t lengths[] = {0, 1, 1400, 1401, 1402, 9000};
    static const size_t reported[] = {0, 1, 1400, 1401, 1401, 1401};
    char text[9001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct muster_datagram datagram = datagram_to(&loopback, unicast.port, text);
        datagram.length = lengths[i];
        received.count = 0;
        assert_int_equal(send_one(&unicast, &datagram), 0);
        read_until(&unicast, &received, 1);
        assert_int_equal(received.datagrams[0].length, reported[i]);
    }
}

TEST(test_batches_keep_their_order) {
    for (unsigned i = 0; i < 2 * SOCKET_BATCH + 1; i++) {
        char text[2] = {(char)('0' + i), '\0'};
        struct muster_datagram datagram = datagram_to(&group, port_own(), text);
        assert_int_equal(send_one(&unicast, &datagram), 0);
    }
    read_until(&m4, &received, 2 * SOCKET_BATCH + 1);
    for (unsigned i = 0; i < 2 * SOCKET_BATCH + 1; i++) {
        assert_int_equal(received.bytes[i][0], '0' + i);
    }
}

TEST(test_kernel_drops_are_counted) {
    static const char text[] = "one of many";
    struct muster_datagram datagram = datagram_to(&loopback, unicast.port, text);
    int least = 1;
    assert_int_equal(setsockopt(unicast.fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least), 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(send_one(&unicast, &datagram), 0);
    }
    while (socket_read(&unicast, keep_datagram, &received) > 0) {
    }
    size_t heard = received.count;
    assert_true(heard > 0 && heard < 100);
    assert_int_equal(send_one(&unicast, &datagram), 0);
    read_until(&unicast, &received, heard + 1);
    assert_int_equal(unicast.kernel_drops, 100 - heard);
}

TEST(test_drops_come_with_the_datagrams_of_each_path) {
    struct muster_datagram datagram = datagram_to(&group, port_own(), "one of many");
    int least = 1;
    assert_int_equal(setsockopt(m4.fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least), 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(send_one(&unicast, &datagram), 0);
    }
    while (socket_read(&m4, keep_datagram, &received) > 0) {
    }
    size_t heard = received.count;
    assert_int_equal(send_one(&unicast, &datagram), 0);
    read_until(&m4, &received, heard + 1);
    assert_int_equal(received.datagrams[heard].dropped, 100 - heard);
}

/* ---- age ---- */

TEST(test_ages) {
    static const struct timespec now = {.tv_sec = 1000, .tv_nsec = 500000000};
    static const struct {
        struct timespec stamp;
        uint32_t age_ms;
    } cases[] = {
        {{.tv_sec = 1000, .tv_nsec = 500000000}, 0},  {{.tv_sec = 1000, .tv_nsec = 490000000}, 10},
        {{.tv_sec = 999, .tv_nsec = 600000000}, 900}, {{.tv_sec = 940, .tv_nsec = 500000000}, 60000},
        {{.tv_sec = 940, .tv_nsec = 499000000}, 0},   {{.tv_sec = 0, .tv_nsec = 0}, 0},
        {{.tv_sec = 1000, .tv_nsec = 510000000}, 0},  {{.tv_sec = 2000, .tv_nsec = 0}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(socket_age_ms(&cases[i].stamp, &now), cases[i].age_ms);
    }
}

static uint32_t age_of_one(struct datagram_socket *socket, const struct muster_datagram *datagram) {
    received.count = 0;
    assert_int_equal(send_one(&unicast, datagram), 0);
    for (int64_t sent_ms = now_ms(); now_ms() < sent_ms + 2;) { /* it waits */
    }
    read_until(socket, &received, 1);
    return received.datagrams[0].age_ms;
}

TEST(test_control_sockets_know_the_age_of_what_they_read) {
    struct datagram_socket *sockets[] = {&unicast, &m4, &b4};
    struct muster_datagram datagrams[] = {datagram_to(&loopback, unicast.port, "to one"),
                                          datagram_to(&group, port_own(), "to the group"),
                                          datagram_to(&broadcast, port_own(), "to all")};
    for (size_t i = 0; i < 3; i++) {
        int64_t deadline = now_ms() + DEADLINE_MS;
        while (age_of_one(sockets[i], &datagrams[i]) == 0) { /* not at once, if the clock was set meanwhile */
            assert_true(now_ms() < deadline);
        }
    }
}

/* ---- buffers ---- */

/* A datagram that is written in parts waits in the send buffer for its end. */
TEST(test_unicasts_leave_room) {
    static const uint8_t part[4000];
    struct muster_datagram datagram = datagram_to(&loopback, unicast.port, "");
    struct sockaddr_storage address;
    socklen_t length = socket_address(&datagram.destination, 0, &address);
    assert_true(socket_has_unicast_room(&unicast));
    unicast.send_bytes = SOCKET_UNICAST_PART * (sizeof part - 1);
    assert_true(socket_has_unicast_room(&unicast));
    assert_int_equal(
        sendto(unicast.fd, part, sizeof part, MSG_MORE, (const struct sockaddr *)&address, length),
        sizeof part);
    assert_false(socket_has_unicast_room(&unicast));
    assert_int_equal(socket_option(unicast.fd, SOL_UDP, UDP_CORK, 0), 0);
    assert_true(socket_has_unicast_room(&unicast));
    read_until(&unicast, &received, 1);
}

TEST(test_granted_buffer_is_known) {
    assert_true(unicast.buffer_bytes > 0);
    assert_true(m4.buffer_bytes > 0);
    assert_true(unicast.buffer_bytes <= 2 * SOCKET_BUFFER_BYTES);
    assert_true(unicast.send_bytes > 0);
}

/* ---- failures ---- */

TEST(test_failed_datagram_takes_no_other_along) {
    struct muster_datagram good = datagram_to(&group, port_own(), "good");
    struct muster_datagram bad = good;
    bad.interface = 1u << 20;
    assert_int_equal(send_one(&unicast, &bad), -ENODEV);
    bad = good;
    bad.source.ip[0] = 9; /* not an address of ours */
    assert_true(send_one(&unicast, &bad) < 0);
    bad = good;
    static uint8_t huge[70000];
    bad.bytes = huge;
    bad.length = sizeof huge;
    assert_int_equal(send_one(&unicast, &bad), -EMSGSIZE);
    assert_int_equal(send_one(&unicast, &good), 0);
    read_until(&m4, &received, 1);
}

/* The kernel's answer to a datagram for a closed port hangs on the socket. */
static void hang_error_on(struct datagram_socket *socket) {
    struct muster_datagram datagram = datagram_to(&loopback, 9, "to nobody");
    struct pollfd poller = {.fd = socket->fd, .events = 0};
    assert_int_equal(send_one(socket, &datagram), 0);
    assert_int_equal(poll(&poller, 1, DEADLINE_MS), 1);
    assert_true(poller.revents & POLLERR);
}

static void expect_no_error_on(struct datagram_socket *socket) {
    struct pollfd poller = {.fd = socket->fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 0), 0);
}

TEST(test_pending_error_is_skipped) {
    hang_error_on(&unicast);
    assert_int_equal(socket_read(&unicast, keep_datagram, &received), 0);
    socket_take_errors(&unicast);
    expect_no_error_on(&unicast);
    assert_int_equal(unicast.unreached, 1);
}

TEST(test_error_of_one_peer_fails_nothing_to_the_group) {
    struct muster_datagram datagram = datagram_to(&group, port_own(), "to the group");
    hang_error_on(&unicast);
    assert_int_equal(send_one(&unicast, &datagram), 0);
    read_until(&m4, &received, 1);
    hang_error_on(&unicast);
    socket_take_errors(&unicast);
    expect_no_error_on(&unicast);
    assert_int_equal(unicast.unreached, 2);
}

TEST(test_more_errors_than_one_turn_takes) {
    for (unsigned i = 0; i <= SOCKET_BATCH; i++) {
        hang_error_on(&unicast);
    }
    socket_take_errors(&unicast);
    assert_int_equal(unicast.unreached, SOCKET_BATCH);
    socket_take_errors(&unicast);
    expect_no_error_on(&unicast);
    assert_int_equal(unicast.unreached, SOCKET_BATCH + 1);
}

TEST(test_taken_ports_are_passed_over) {
    static struct unicast others[MUSTER_UNICAST_PORTS];
    uint16_t port = port_own();
    assert_int_equal(unicast.port, port + MUSTER_UNICAST_PORTS);
    for (uint16_t i = 1; i < MUSTER_UNICAST_PORTS; i++) { /* some ports are free in the other family alone */
        assert_int_equal(unicast_open(&others[i], i % 2 == 0 ? V4 : V4 | V6, false, port, &fixture.log), 0);
        assert_int_equal(others[i].port, port + MUSTER_UNICAST_PORTS - i);
    }
    assert_int_equal(fixture.warnings, 0);
    assert_int_equal(unicast_open(&others[0], V4 | V6, false, port, &fixture.log), 0);
    assert_true(others[0].port <= port || others[0].port > port + MUSTER_UNICAST_PORTS);
    assert_int_equal(fixture.warnings, 1);
    for (uint16_t i = 0; i < MUSTER_UNICAST_PORTS; i++) {
        for (size_t place = 0; place < SOCKET_FAMILIES; place++) {
            const struct datagram_socket *socket = &others[i].sockets[place].socket;
            assert_true(!socket->open || socket->port == others[i].port);
        }
        unicast_close(&others[i]);
    }
}

TEST(test_highest_control_port) {
    struct unicast other;
    assert_int_equal(unicast_open(&other, V4 | V6, true, UINT16_MAX, &fixture.log), 0);
    assert_int_equal(fixture.warnings, 1);
    assert_int_not_equal(other.port, 0);
    for (size_t place = 0; place < SOCKET_FAMILIES; place++) {
        assert_int_equal(other.sockets[place].socket.port, other.port);
        assert_int_equal(other.listeners[place].port, other.port);
    }
    unicast_close(&other);
}

/* ---- IPv6 ---- */

static const struct muster_endpoint loopback6 = {.family = 6, .ip = {[15] = 1}};

/* The kernel says of it what it says of IPv4. */
TEST(test_both_families_tell_the_same) {
    struct datagram_socket v6;
    assert_int_equal(socket_open_unicast(&v6, 6, unicast.port), 0); /* beside IPv4 on one port */
    struct muster_datagram datagram = datagram_to(&loopback6, v6.port, "to one");
    datagram.source.family = 0;
    for (uint8_t ttl = 0; ttl <= 2; ttl++) {
        received.count = 0;
        datagram.ttl = ttl;
        assert_int_equal(send_one(&v6, &datagram), 0);
        read_until(&v6, &received, 1);
        const struct muster_datagram *came = &received.datagrams[0];
        assert_int_equal(came->source.family, 6);
        assert_int_equal(came->source.port, v6.port);
        assert_memory_equal(came->source.ip, loopback6.ip, sizeof loopback6.ip);
        assert_int_equal(came->destination.family, 6);
        assert_memory_equal(came->destination.ip, loopback6.ip, sizeof loopback6.ip);
        assert_int_equal(came->destination.port, v6.port);
        assert_int_equal(came->interface, if_nametoindex("lo"));
        assert_int_equal(came->ttl, ttl == 0 ? MUSTER_TTL : ttl);
    }
    assert_int_equal(socket_read(&unicast, keep_datagram, &received), 0);
    socket_close(&v6);
}

/* A machine with one family works with that one. */
TEST(test_a_family_may_be_missing) {
    static const int domains[SOCKET_FAMILIES] = {AF_INET, AF_INET6};
    for (size_t missing = 0; missing < SOCKET_FAMILIES; missing++) {
        struct unicast other;
        missing_domain = domains[missing];
        assert_int_equal(unicast_open(&other, V4 | V6, true, port_own(), &fixture.log), 0);
        assert_false(other.sockets[missing].socket.open || other.listeners[missing].open);
        assert_int_equal(other.sockets[1 - missing].socket.port, other.port);
        assert_int_equal(other.listeners[1 - missing].port, other.port);
        unicast_close(&other);
        assert_int_equal(fixture.errors + fixture.warnings, 0);
    }
    struct unicast none;
    assert_int_equal(unicast_open(&none, V6, false, port_own(), &fixture.log), MUSTER_ESYSTEM);
    assert_int_equal(fixture.errors, 1);
    missing_domain = 0;
}

TEST(test_an_address_comes_back_from_the_kernel) {
    const struct muster_endpoint endpoints[] = {
        {.family = 4, .ip = {10, 0, 0, 1}, .port = 19798},
        {.family = 6, .ip = {0xfe, 0x80, [15] = 7}, .port = 19798},
    };
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        struct sockaddr_storage address;
        socket_address(&endpoints[i], 3, &address);
        struct muster_endpoint back = socket_endpoint(&address);
        assert_true(endpoint_is_same(&back, &endpoints[i]));
    }
    assert_int_equal(socket_endpoint(&(struct sockaddr_storage){.ss_family = AF_UNIX}).family, 0);
}

TEST(test_absent_interface) {
    struct muster_path path = {.interface = 1u << 20, .kind = MUSTER_PATH_M4, .name = "nowhere0"};
    struct datagram_socket socket;
    assert_int_equal(socket_open_listening(&socket, &path, GROUP_LINK, port_own()), -ENODEV);
    assert_int_equal(socket_error(-ENODEV), MUSTER_ENOINTERFACE);
    assert_false(socket.open);
    assert_int_equal(fixture.errors + fixture.warnings, 0); /* that is for the caller */
}

TEST(test_group_port_taken_by_another_program) {
    struct muster_path path = path_of(MUSTER_PATH_M4);
    struct datagram_socket socket;
    assert_int_equal(socket_open_listening(&socket, &path, GROUP_LINK, unicast.port), -EADDRINUSE);
    assert_int_equal(socket_error(-EADDRINUSE), MUSTER_ESYSTEM);
    assert_false(socket.open);
}

TEST(test_sockets_are_closed_on_exec) {
    assert_true(fcntl(unicast.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(m4.fd, F_GETFD) & FD_CLOEXEC);
}

/* ---- links ---- */

static struct interface interface_of_loopback(void) {
    struct interface interface = {
        .index = if_nametoindex("lo"), .name = "lo", .kinds = 1u << MUSTER_PATH_M4 | 1u << MUSTER_PATH_B4};
    return interface;
}

/* Another program that does not share the group's port. */
static int group_port_take(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&address.sin_addr, group.ip, 4);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

TEST(test_left_out_path_carries_its_reason) {
    struct interface interface = interface_of_loopback();
    struct muster_path paths[MUSTER_PATH_KINDS];
    struct link *link = link_new(&interface);
    char line[128];
    uint16_t port = (uint16_t)(port_own() + 2);
    int taken = group_port_take(port);
    assert_int_equal(link_update(link, &interface, port, &fixture.log), -EADDRINUSE);
    assert_true(link_is_open(link));
    assert_int_equal(link_paths(link, 1234, paths), 1);
    assert_int_equal(paths[0].kind, MUSTER_PATH_B4);
    snprintf(line, sizeof line, "lo (m4) is left out: port %u: %s", port, strerror(EADDRINUSE));
    assert_string_equal(fixture.last_warning, line);
    assert_int_equal(link_update(link, &interface, port, &fixture.log), -EADDRINUSE);
    assert_int_equal(fixture.warnings, 1);
    assert_int_equal(fixture.errors, 0);
    close(taken);
    assert_int_equal(link_update(link, &interface, port, &fixture.log), 0);
    assert_int_equal(link_paths(link, 1234, paths), 2);
    interface.kinds = 0;
    assert_int_equal(link_update(link, &interface, port, &fixture.log), 0);
    assert_false(link_is_open(link));
    link_close(link);
}

/* Two interfaces can swap their names at any time. */
TEST(test_link_of_a_name_that_is_anothers) {
    struct interface interface = interface_of_loopback();
    struct link *link = link_new(&interface);
    interface.kinds = 1u << MUSTER_PATH_B4;
    interface.index += 1000;
    assert_int_equal(link_update(link, &interface, port_own(), &fixture.log), -ENODEV);
    assert_false(link_is_open(link));
    interface.index -= 1000;
    assert_int_equal(link_update(link, &interface, port_own(), &fixture.log), 0);
    assert_true(link_is_open(link));
    link_close(link);
}

TEST(test_link_says_what_it_listens_on) {
    struct interface interface = interface_of_loopback();
    struct link *link = link_new(&interface);
    char line[128];
    assert_int_equal(link_update(link, &interface, port_own(), &fixture.log), 0);
    link_describe(link, &fixture.log);
    snprintf(line, sizeof line, "listening on lo (m4, b4), receive buffer %u bytes\n", m4.buffer_bytes);
    assert_string_equal(fixture.infos, line);
    link_close(link);
}

TEST(test_failures_are_said_again_after_a_success) {
    struct link link = {.interface = interface_of_loopback()};
    link_record_sent(&link, MUSTER_PATH_M4, -EPERM, &fixture.log);
    link_record_sent(&link, MUSTER_PATH_M4, -EPERM, &fixture.log);
    link_record_sent(&link, MUSTER_PATH_B4, 0, &fixture.log); /* another path */
    link_record_sent(&link, MUSTER_PATH_M4, -EPERM, &fixture.log);
    assert_int_equal(fixture.warnings, 1);
    link_record_sent(&link, MUSTER_PATH_M4, -ENETUNREACH, &fixture.log);
    assert_int_equal(fixture.warnings, 2);
    link_record_sent(&link, MUSTER_PATH_M4, 0, &fixture.log);
    link_record_sent(&link, MUSTER_PATH_M4, -ENETUNREACH, &fixture.log);
    assert_int_equal(fixture.warnings, 3);
    assert_int_equal(link.counts.failed[MUSTER_PATH_M4], 5);
    assert_int_equal(link.counts.failed[MUSTER_PATH_B4], 0);
}

TEST(test_peer_that_cannot_be_reached_is_said_once) {
    struct link link = {.interface = interface_of_loopback()};
    for (unsigned i = 0; i < 3; i++) {
        link_record_sent(&link, MUSTER_PATH_U4, -ENETUNREACH, &fixture.log);
        link_record_sent(&link, MUSTER_PATH_U4, 0, &fixture.log); /* to another peer */
    }
    assert_int_equal(fixture.warnings, 1);
    assert_int_equal(link.counts.failed[MUSTER_PATH_U4], 3);
}

int main(void) {
    return test_run(begin, end);
}
