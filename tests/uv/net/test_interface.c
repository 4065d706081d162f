/* SPDX-License-Identifier: MIT */
/* Which interfaces are used: from made-up machines, and from the loopback of this one. */
#include "group.h"
#include "interface.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_addr.h>
#include <net/if.h>
#include <netinet/in.h>

#include "limit.h"
#include "test.h"

#define DEVICES_MAX 128
#define UP (IFF_UP | IFF_RUNNING)
#define LAN (IFF_BROADCAST | IFF_MULTICAST)
#define M4 (1u << MUSTER_PATH_M4)
#define B4 (1u << MUSTER_PATH_B4)

/* What the kernel would list. */
struct machine {
    struct device devices[DEVICES_MAX];
    size_t count;
    char warnings[8192];
    char left_out[4096]; /* the debug lines */
};

static struct machine machine;
static struct interface_list list;

static void append(char *text, size_t size, const char *line) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s\n", line);
}

static void keep_line(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level == MUSTER_LOG_DEBUG) {
        append(machine.left_out, sizeof machine.left_out, line);
    } else {
        assert_int_equal(level, MUSTER_LOG_WARNING);
        append(machine.warnings, sizeof machine.warnings, line);
    }
}

static const struct log machine_log = {.write = keep_line};

static struct muster_endpoint address_of(const char *text) {
    struct muster_endpoint address = {.family = strchr(text, ':') == NULL ? 4 : 6};
    assert_int_equal(inet_pton(address.family == 4 ? AF_INET : AF_INET6, text, address.ip), 1);
    return address;
}

static void add_address(struct device *device, const char *text, uint32_t flags) {
    struct muster_endpoint address = address_of(text);
    device_add_address(device, &address, address.family == 4 ? 24 : 64, flags);
}

/* ip NULL: without an address. */
static struct device *add(const char *name, unsigned flags, const char *ip) {
    struct device *device = &machine.devices[machine.count++];
    *device = (struct device){.index = (uint32_t)machine.count, .flags = flags, .mtu = 1500};
    snprintf(device->name, sizeof device->name, "%s", name);
    if (ip != NULL) {
        add_address(device, ip, 0);
    }
    return device;
}

/* An interface of each sort. */
static void machine_init(void) {
    machine = (struct machine){.count = 0};
    add("lo", UP | IFF_LOOPBACK, "127.0.0.1");
    add("eth0", UP | LAN, "10.0.0.1");
    add_address(&machine.devices[1], "10.0.0.2", 0);
    add("eth1", IFF_UP | LAN, "10.1.0.1");
    add("eth2", LAN, "10.2.0.1");
    add("eth3", UP | LAN, NULL);
    add("wg0", UP | IFF_POINTOPOINT, "10.6.0.1");
    add("tun0", UP | IFF_POINTOPOINT | IFF_MULTICAST, "10.7.0.1");
}

static void machine_deinit(void) {
    interface_list_deinit(&list);
    assert_int_equal(list.count, 0);
}

/* Chooses, and logs what is left out. Returns the names that were chosen, "eth0,tun0". */
static const char *choose(const char *const *names, size_t count) {
    static char text[1024];
    const struct interface_list nothing = {.items = NULL};
    const struct device_list devices = {.items = machine.devices, .count = machine.count};
    interface_list_deinit(&list);
    assert_int_equal(interface_list_choose(&list, &devices, names, count, GROUP_KINDS_ALL), 0);
    interface_list_log(&list, &nothing, &machine_log);
    text[0] = '\0';
    for (size_t i = 0; i < list.count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : ",", list.items[i].name);
    }
    return text;
}

static const char *choose_one(const char *name) {
    return choose(&name, 1);
}

TEST(test_all_usable_ones) {
    assert_string_equal(choose(NULL, 0), "eth0,tun0");
    assert_int_equal(list.items[0].index, 2);
    assert_int_equal(list.items[0].kinds, M4 | B4);
    assert_int_equal(list.items[0].mtu, 1500);
    assert_int_equal(list.items[0].address.ip[3], 1); /* its first one */
    assert_int_equal(list.items[0].prefix_bits, 24);
    assert_int_equal(list.items[0].source.family, 0);
    assert_int_equal(list.items[1].kinds, M4);
    assert_true(list.has_loopback);
    assert_string_equal(machine.left_out,
                        "interface eth1 is left out: it has no carrier\n"
                        "interface eth2 is left out: it is down\n"
                        "interface eth3 is left out: it has no address\n"
                        "interface wg0 is left out: it carries neither multicast nor broadcast\n"
                        "interface lo is left out: it is the loopback, which has to be asked for\n");
    assert_string_equal(machine.warnings, "");
}

TEST(test_named_ones_in_their_order_and_once) {
    static const char *const names[] = {"tun0", "lo", "tun0"};
    assert_string_equal(choose(names, 3), "tun0,lo");
    assert_int_equal(list.items[1].kinds, M4 | B4); /* whatever its flags */
    assert_int_equal(list.items[1].source.family, 4);
    assert_int_equal(list.items[1].source.ip[0], 127);
    assert_string_equal(machine.warnings, "");
}

/* The kernel takes it for no source by itself, whatever the device is. */
TEST(test_an_address_of_this_host_alone) {
    machine = (struct machine){.count = 0};
    add("eth0", UP | LAN, "127.0.0.2");
    assert_string_equal(choose(NULL, 0), "eth0");
    assert_int_equal(list.items[0].source.family, 4);
    assert_int_equal(list.items[0].source.ip[3], 2);
}

/* What is named is waited for. */
TEST(test_named_ones_that_are_not_usable) {
    static const char *const names[] = {"wlan0", "",     "eth0:1", "eth",    "eth1",
                                        "eth2",  "eth3", "wg0",    "\x1b[2J"};
    assert_string_equal(choose(names, 9), "");
    assert_string_equal(machine.warnings,
                        "interface wlan0 is left out: it is not there\n"
                        "interface  is left out: it is not there\n"
                        "interface eth0:1 is left out: it is not there\n"
                        "interface eth is left out: it is not there\n"
                        "interface eth1 is left out: it has no carrier\n"
                        "interface eth2 is left out: it is down\n"
                        "interface eth3 is left out: it has no address\n"
                        "interface wg0 is left out: it carries neither multicast nor broadcast\n");
}

TEST(test_the_loopback_has_to_be_asked_for) {
    machine.count = 1;
    assert_string_equal(choose(NULL, 0), "");
    assert_string_equal(choose_one("*"), "");
    assert_string_equal(choose_one("!eth*"), "");
    assert_string_equal(choose_one("lo"), "lo");
    machine.devices[0].flags = IFF_LOOPBACK;
    assert_string_equal(choose_one("lo"), "");
    assert_false(list.has_loopback);
    machine.count = 0;
    assert_string_equal(choose(NULL, 0), "");
}

TEST(test_patterns_and_denials) {
    static const char *const all_but[] = {"!eth*"};
    static const char *const both[] = {"e*", "tun?", "!*0"};
    static const char *const none[] = {"eth0", "!eth0"};
    static const char *const mixed[] = {"t*", "eth0"};
    assert_string_equal(choose_one("eth*"), "eth0");
    assert_string_equal(choose_one("[et]*"), "eth0,tun0");
    assert_string_equal(choose(all_but, 1), "tun0");
    assert_string_equal(choose(both, 3), "");
    assert_string_equal(choose(none, 2), "");
    assert_false(list.has_wanted);
    assert_string_equal(choose(mixed, 2), "eth0,tun0"); /* a name comes before a pattern */
}

/* A typo is named, and what is denied is not said to lack something. */
TEST(test_names_that_leave_nothing) {
    static const char *const denials[] = {"!eth0", "!wlan0"};
    machine.count = 2;
    assert_string_equal(choose(denials, 2), "");
    assert_false(list.has_wanted);
    assert_string_equal(machine.left_out,
                        "!wlan0 matches no interface\n"
                        "interface lo is left out: it is the loopback, which has to be asked for\n"
                        "interface eth0 is left out: it is denied\n");
    machine.left_out[0] = '\0';
    assert_string_equal(choose_one("eht*"), "");
    assert_false(list.has_wanted);
    assert_memory_equal(machine.left_out, "eht* matches no interface\n", 26);
    assert_string_equal(choose_one("eth0"), "eth0");
    assert_true(list.has_wanted);
    assert_string_equal(machine.warnings, "");
}

TEST(test_other_names) {
    memcpy(machine.devices[1].altnames, "enp3s0\0enx00163e000001\0", 23);
    assert_string_equal(choose_one("enp3s0"), "eth0");
    assert_string_equal(choose_one("enx00163e000001"), "eth0");
    assert_string_equal(choose_one("enp*"), "eth0");
    assert_string_equal(choose_one("enp3s"), "");
    assert_string_equal(choose_one("!enx*"), "tun0");
}

TEST(test_a_port_has_no_traffic_of_its_own) {
    machine.devices[1].is_port = true;
    assert_string_equal(choose(NULL, 0), "tun0");
    assert_non_null(strstr(machine.left_out, "eth0 is left out: it is a port of a bridge or bond"));
}

TEST(test_an_mtu_too_small_for_an_announce) {
    machine.devices[1].mtu = INTERFACE_MTU_MIN - 1;
    machine.devices[6].mtu = INTERFACE_MTU_MIN;
    assert_string_equal(choose(NULL, 0), "tun0");
    assert_string_equal(machine.warnings, "interface eth0 is left out: it has an MTU below 1228 bytes\n");
}

/* What is said is said once, and again when the reason is another one. */
TEST(test_a_reason_is_said_once) {
    const struct device_list devices = {.items = machine.devices, .count = machine.count};
    struct interface_list next;
    machine.devices[1].mtu = 1000;
    choose(NULL, 0);
    machine.left_out[0] = machine.warnings[0] = '\0';
    machine.devices[2].flags |= IFF_RUNNING;
    machine.devices[3].flags |= IFF_UP;
    assert_int_equal(interface_list_choose(&next, &devices, NULL, 0, GROUP_KINDS_ALL), 0);
    interface_list_log(&next, &list, &machine_log);
    assert_string_equal(machine.left_out, "interface eth2 is left out: it has no carrier\n");
    assert_string_equal(machine.warnings, "");
    interface_list_deinit(&next);
}

TEST(test_addresses_that_are_not_to_be_used) {
    struct device device = {.index = 1};
    add_address(&device, "10.0.0.1", IFA_F_TENTATIVE);
    assert_int_equal(device.v4_use, DEVICE_ADDRESS_NONE);
    add_address(&device, "10.0.0.2", IFA_F_DEPRECATED);
    assert_int_equal(device.v4.ip[3], 2);
    add_address(&device, "10.0.0.3", 0);
    add_address(&device, "10.0.0.4", 0);
    assert_int_equal(device.v4.ip[3], 3);
    add_address(&device, "fe80::1", IFA_F_TENTATIVE | IFA_F_DADFAILED);
    assert_int_equal(device.v6_use, DEVICE_ADDRESS_NONE);
    add_address(&device, "2001:db8::1", 0);
    assert_int_equal(device.v6.ip[15], 1);
    add_address(&device, "fe80::2", IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
    add_address(&device, "fe80::3", 0);
    add_address(&device, "2001:db8::4", 0);
    assert_int_equal(device.v6.ip[15], 2);
}

/* Routes to somewhere first, bridges of containers last; what finds no room is named. */
TEST(test_the_most_useful_first) {
    machine.count = 0;
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, i == 0 ? "docker%d" : "veth%d", i);
        add(name, UP | LAN, "172.17.0.1")->is_bridge = i == 0;
    }
    add("eth0", UP | LAN, "10.0.0.1")->has_route = true;
    choose(NULL, 0);
    assert_string_equal(list.items[0].name, "eth0");
    assert_string_equal(list.items[1].name, "veth1");
    assert_int_equal(list.count, MUSTER_PATHS_MAX / 2);
    assert_non_null(strstr(machine.warnings, "interface docker0 is left out: it is one too many"));
    machine.devices[0].has_route = true;
    choose(NULL, 0);
    assert_string_equal(list.items[0].name, "docker0");
    assert_string_equal(list.items[1].name, "eth0");
}

TEST(test_reasons_for_people) {
    char text[64];
    machine.count = 3;
    choose_one("eth1");
    interface_list_describe(&list, text, sizeof text);
    assert_string_equal(text, "eth1 has no carrier; lo is the loopback, which has to be asked ");
    interface_list_describe(&list, text, 20);
    assert_string_equal(text, "eth1 has no carrier");
}

TEST(test_the_loopback_of_this_machine) {
    static const char *const names[] = {"lo"};
    assert_int_equal(interface_list_read(&list, names, 1, GROUP_KINDS_ALL, &machine_log), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].index, if_nametoindex("lo"));
    assert_string_equal(list.items[0].name, "lo");
    assert_int_equal(list.items[0].address.ip[0], 127);
    assert_true(list.items[0].mtu > 1500);
    assert_true(list.has_loopback);
}

/* ---- IPv6 ---- */

#define M6 (1u << MUSTER_PATH_M6)

/* Any address of IPv6 makes a path; that of the link stands for it. Not on the loopback, which has no route
 * for groups of IPv6, and not without multicast. */
TEST(test_paths_of_ipv6) {
    machine = (struct machine){.count = 0};
    add("lo", UP | IFF_LOOPBACK, "::1");
    add_address(add("eth0", UP | LAN, "10.0.0.1"), "fd00::1", 0);
    add_address(&machine.devices[1], "fe80::1", 0);
    add("eth1", UP | LAN, "fd01::1");
    add("wg0", UP | IFF_POINTOPOINT, "fe80::6");
    add_address(add("eth2", UP | LAN, NULL), "fe80::2", IFA_F_TENTATIVE);
    const char *const names[] = {"lo", "eth*", "wg0"};
    assert_string_equal(choose(names, 3), "eth0,eth1");
    assert_int_equal(list.items[0].kinds, M4 | M6 | B4);
    assert_memory_equal(list.items[0].address6.ip, address_of("fe80::1").ip, 16);
    assert_int_equal(list.items[1].kinds, M6);
    assert_memory_equal(list.items[1].address6.ip, address_of("fd01::1").ip, 16);
    machine_deinit();
}

/* What carries nothing to many is of use where there are static peers. */
TEST(test_paths_to_static_peers) {
    const struct device_list devices = {.items = machine.devices, .count = 3};
    const unsigned v4 = GROUP_KINDS_ALL | 1u << MUSTER_PATH_U4;
    machine = (struct machine){.count = 0};
    add("eth0", UP | LAN, "10.0.0.1");
    add("wg0", UP | IFF_POINTOPOINT, "10.6.0.1");
    add("wg1", UP | IFF_POINTOPOINT, "fd00::6");
    assert_int_equal(interface_list_choose(&list, &devices, NULL, 0, v4), 0);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].kinds, M4 | B4);
    assert_int_equal(list.items[1].kinds, 1u << MUSTER_PATH_U4);
    assert_string_equal(list.left_out[0].name, "wg1");
    machine_deinit();
}

TEST(test_only_some_kinds_of_paths) {
    const struct device_list devices = {.items = machine.devices, .count = 2};
    machine = (struct machine){.count = 0};
    add_address(add("eth0", UP | LAN, "10.0.0.1"), "fe80::1", 0);
    add("eth1", UP | LAN, "10.1.0.1");
    assert_int_equal(interface_list_choose(&list, &devices, NULL, 0, M6), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].kinds, M6);
    assert_string_equal(list.left_out[0].why, "has no path of the family and delivery that are asked for");
    machine_deinit();
}

int main(void) {
    return test_run(machine_init, machine_deinit);
}
