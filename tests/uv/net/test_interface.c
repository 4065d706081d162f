/* SPDX-License-Identifier: MIT */
/* Which interfaces are used: from made-up machines, and from the loopback of this one. */
#include "interface.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>

#include "test.h"

#define ENTRIES_MAX 32
#define UP (IFF_UP | IFF_RUNNING)
#define M4 (1u << MUSTER_PATH_M4)
#define B4 (1u << MUSTER_PATH_B4)

/* What getifaddrs() would say. */
struct machine {
    struct ifaddrs entries[ENTRIES_MAX];
    struct sockaddr_ll links[ENTRIES_MAX];
    struct sockaddr_storage addresses[ENTRIES_MAX];
    size_t count;
    char last_error[2048];
    char left_out[2048]; /* the debug lines */
};

static void keep_line(enum muster_log_level level, const char *line, void *context) {
    struct machine *machine = context;
    if (level == MUSTER_LOG_DEBUG) {
        size_t used = strlen(machine->left_out);
        snprintf(machine->left_out + used, sizeof machine->left_out - used, "%s\n", line);
        return;
    }
    assert_int_equal(level, MUSTER_LOG_ERROR);
    snprintf(machine->last_error, sizeof machine->last_error, "%s", line);
}

static struct ifaddrs *add(struct machine *machine, const char *name, unsigned flags) {
    struct ifaddrs *entry = &machine->entries[machine->count];
    *entry = (struct ifaddrs){.ifa_name = (char *)(uintptr_t)name, .ifa_flags = flags};
    if (machine->count > 0) {
        machine->entries[machine->count - 1].ifa_next = entry;
    }
    machine->count++;
    return entry;
}

static void add_link(struct machine *machine, const char *name, int index, unsigned flags) {
    struct sockaddr_ll *link = &machine->links[machine->count];
    *link = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = index};
    add(machine, name, flags)->ifa_addr = (struct sockaddr *)link;
}

static void add_address(struct machine *machine, const char *label, const char *ip, unsigned flags) {
    struct sockaddr_storage *address = &machine->addresses[machine->count];
    if (strchr(ip, ':') != NULL) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
        inet_pton(AF_INET6, ip, &v6->sin6_addr);
    } else {
        struct sockaddr_in *v4 = (struct sockaddr_in *)address;
        *v4 = (struct sockaddr_in){.sin_family = AF_INET};
        inet_pton(AF_INET, ip, &v4->sin_addr);
    }
    add(machine, label, flags)->ifa_addr = (struct sockaddr *)address;
}

/* An interface of each sort, links first, as the kernel lists them. */
static void machine_init(struct machine *machine) {
    *machine = (struct machine){.count = 0};
    add_link(machine, "lo", 1, UP | IFF_LOOPBACK);
    add_link(machine, "eth0", 2, UP | IFF_BROADCAST | IFF_MULTICAST);
    add_link(machine, "eth1", 3, IFF_UP | IFF_BROADCAST | IFF_MULTICAST);
    add_link(machine, "eth2", 4, IFF_BROADCAST | IFF_MULTICAST);
    add_link(machine, "eth3", 5, UP | IFF_BROADCAST | IFF_MULTICAST);
    add_link(machine, "wg0", 6, UP | IFF_POINTOPOINT);
    add_link(machine, "tun0", 7, UP | IFF_POINTOPOINT | IFF_MULTICAST);
    add(machine, "ppp0", UP); /* an entry without any address */
    add_address(machine, "lo", "127.0.0.1", UP | IFF_LOOPBACK);
    add_address(machine, "eth0:1", "10.0.0.1", UP | IFF_BROADCAST | IFF_MULTICAST);
    add_address(machine, "eth0", "10.0.0.2", UP | IFF_BROADCAST | IFF_MULTICAST);
    add_address(machine, "eth1", "10.1.0.1", IFF_UP | IFF_BROADCAST | IFF_MULTICAST);
    add_address(machine, "eth2", "10.2.0.1", IFF_BROADCAST | IFF_MULTICAST);
    add_address(machine, "wg0", "10.6.0.1", UP | IFF_POINTOPOINT);
    add_address(machine, "tun0", "10.7.0.1", UP | IFF_POINTOPOINT | IFF_MULTICAST);
}

static int choose(struct machine *machine, struct interface_list *list, const char *const *names,
                  size_t count) {
    struct log log = {.write = keep_line, .context = machine};
    return interface_list_choose(list, machine->entries, names, count, &log);
}

/* Any address of IPv6 makes a path; that of the link stands for it. */
TEST(test_addresses_of_ipv6) {
    static const struct {
        const char *first, *second, *expected;
    } rows[] = {{"2001:db8::1", NULL, "2001:db8::1"},
                {"2001:db8::1", "fe80::1", "fe80::1"},
                {"fe80::1", "fe80::2", "fe80::1"},
                {"fd00::1", "2001:db8::1", "fd00::1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct machine machine;
        struct interface_list list;
        const char *const names[] = {"eth3"}; /* it has no address of IPv4 */
        uint8_t expected[16];
        machine_init(&machine);
        add_address(&machine, "eth3", rows[i].first, UP | IFF_BROADCAST | IFF_MULTICAST);
        if (rows[i].second != NULL) {
            add_address(&machine, "eth3", rows[i].second, UP | IFF_BROADCAST | IFF_MULTICAST);
        }
        assert_int_equal(choose(&machine, &list, names, 1), 0);
        assert_int_equal(list.items[0].kinds, 1u << MUSTER_PATH_M6);
        assert_int_equal(list.items[0].address.family, 0);
        assert_int_equal(list.items[0].address6.family, 6);
        inet_pton(AF_INET6, rows[i].expected, expected);
        assert_memory_equal(list.items[0].address6.ip, expected, sizeof expected);
        interface_list_deinit(&list);
    }
}

/* There is no route for groups of IPv6 on the loopback, and no group without multicast. */
TEST(test_where_ipv6_has_no_groups) {
    struct machine machine;
    struct interface_list list;
    const char *const names[] = {"lo", "wg0"};
    machine_init(&machine);
    add_address(&machine, "lo", "::1", UP | IFF_LOOPBACK);
    add_address(&machine, "wg0", "fe80::6", UP | IFF_POINTOPOINT);
    assert_int_equal(choose(&machine, &list, names, 1), 0);
    assert_int_equal(list.items[0].kinds, M4 | B4);
    assert_int_equal(list.items[0].address6.family, 0);
    interface_list_deinit(&list);
    assert_int_equal(choose(&machine, &list, names, 2), MUSTER_ENOINTERFACE);
}

TEST(test_all_usable_ones) {
    struct machine machine;
    struct interface_list list;
    machine_init(&machine);
    assert_int_equal(choose(&machine, &list, NULL, 0), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].name, "eth0");
    assert_int_equal(list.items[0].index, 2);
    assert_int_equal(list.items[0].kinds, M4 | B4);
    assert_int_equal(list.items[0].source.family, 0);
    assert_string_equal(list.items[1].name, "tun0");
    assert_int_equal(list.items[1].kinds, M4);
    interface_list_deinit(&list);
    assert_int_equal(list.count, 0);
    assert_string_equal(machine.left_out,
                        "interface lo is left out: it is the loopback, and there are others\n"
                        "interface eth1 is left out: it has no carrier\n"
                        "interface eth2 is left out: it is down\n"
                        "interface eth3 is left out: it has no address\n"
                        "interface wg0 is left out: it carries neither multicast nor broadcast\n");
}

TEST(test_named_ones_in_their_order_and_once) {
    static const char *const names[] = {"tun0", "lo", "tun0"};
    struct machine machine;
    struct interface_list list;
    machine_init(&machine);
    assert_int_equal(choose(&machine, &list, names, 3), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0].name, "tun0");
    assert_string_equal(list.items[1].name, "lo");
    assert_int_equal(list.items[1].kinds, M4 | B4); /* whatever its flags */
    assert_int_equal(list.items[1].source.family, 4);
    assert_int_equal(list.items[1].source.ip[0], 127);
    assert_string_equal(machine.left_out, ""); /* nobody asked for the others */
    interface_list_deinit(&list);
}

TEST(test_loopback_when_there_is_no_other) {
    struct machine machine = {.count = 0};
    struct interface_list list;
    add_link(&machine, "lo", 1, UP | IFF_LOOPBACK);
    add_link(&machine, "eth0", 2, IFF_BROADCAST | IFF_MULTICAST);
    add_address(&machine, "lo", "127.0.0.1", UP | IFF_LOOPBACK);
    assert_int_equal(choose(&machine, &list, NULL, 0), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].name, "lo");
    interface_list_deinit(&list);
}

static void expect_refused(const char *name, const char *line) {
    struct machine machine;
    struct interface_list list;
    machine_init(&machine);
    assert_int_equal(choose(&machine, &list, &name, 1), MUSTER_ENOINTERFACE);
    assert_int_equal(list.count, 0);
    assert_null(list.items);
    assert_memory_equal(machine.last_error, line, strlen(line));
}

TEST(test_named_one_that_is_not_usable) {
    expect_refused("wlan0", "interface wlan0 is not there; there are: lo, eth0, eth1 (has no carrier), "
                            "eth2 (is down), eth3 (has no address), "
                            "wg0 (carries neither multicast nor broadcast), tun0");
    expect_refused("", "interface  is not there");
    expect_refused("eth", "interface eth is not there");
    expect_refused("eth0:1", "interface eth0:1 is not there");
    expect_refused("eth1", "interface eth1 has no carrier");
    expect_refused("eth2", "interface eth2 is down");
    expect_refused("eth3", "interface eth3 has no address");
    expect_refused("wg0", "interface wg0 carries neither multicast nor broadcast");
    expect_refused("\x1b[2J", "interface \\u{001B}[2J is not there");
}

TEST(test_nothing_usable) {
    struct machine machine = {.count = 0};
    struct interface_list list;
    add_link(&machine, "lo", 1, IFF_LOOPBACK);
    assert_int_equal(choose(&machine, &list, NULL, 0), MUSTER_ENOINTERFACE);
    assert_string_equal(machine.last_error, "no interface can be used; there are: lo (is down)");
    struct log log = {.write = keep_line, .context = &machine};
    assert_int_equal(interface_list_choose(&list, NULL, NULL, 0, &log), MUSTER_ENOINTERFACE);
    assert_string_equal(machine.last_error, "no interface can be used; there are: none");
}

TEST(test_the_loopback_of_this_machine) {
    static const char *const names[] = {"lo"};
    struct machine machine = {.count = 0};
    struct log log = {.write = keep_line, .context = &machine};
    struct interface_list list;
    assert_int_equal(interface_list_read(&list, names, 1, &log), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].index, if_nametoindex("lo"));
    interface_list_deinit(&list);
}

int main(void) {
    return test_run(NULL, NULL);
}
