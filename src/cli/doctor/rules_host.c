/* SPDX-License-Identifier: MIT */
/* What is wrong on this host, but for its firewall. */
#include <stdio.h>
#include <string.h>

#include "rule.h"

#define CLOCK_LEAST_S 1577836800 /* 2020: this program is younger */
#define RP_FILTERED_LEAST 5      /* datagrams: a peer that is asked ten times answers more often */
#define RMEM_LEAST 131072        /* bytes: the sockets of a node ask for more */

static bool is_running(const struct facts_interface *interface) {
    return (interface->flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

static bool port_taken(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const char *line = evidence_find_line(evidence, "in use");
    if (n > 0 || line == NULL) {
        return false;
    }
    const char *owner = evidence->facts->port_owner;
    verdict->is_certain = true;
    WHAT("Another program has UDP port %u, and does not share it", evidence->port);
    EVIDENCE("%s%s%s", line, owner[0] != '\0' ? "; the program: " : "", owner);
    FIX("end that program, or give it another port; all musters of a network use the same --port");
    return true;
}

static bool not_open(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    if (n > 0 || evidence->live->error == 0) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("muster can't listen on this host");
    EVIDENCE("%s", evidence->live->line_count > 0 ? evidence->live->lines[evidence->live->line_count - 1]
                                                  : muster_error_text(evidence->live->error));
    FIX("see what the system says above");
    return true;
}

static bool loopback_down(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *lo = facts_find(evidence->facts, "lo");
    if (n > 0 || lo == NULL || (lo->flags & IFF_UP) != 0) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("The loopback is down: programs of this host don't reach each other by unicast");
    EVIDENCE("interface lo is down");
    FIX("sudo ip link set lo up");
    return true;
}

static bool is_usable(const struct facts_interface *interface) {
    return is_running(interface) && (interface->has_ipv4 || interface->has_ipv6);
}

/* What the node says of an interface that --interface does not allow, or of a name that none has. */
static const char *find_denial(const struct evidence *evidence) {
    static const char *const words[] = {"is denied", "is not asked for", "is not there"};
    const char *line = NULL;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && line == NULL; i++) {
        line = evidence_find_line(evidence, words[i]);
    }
    return line;
}

static bool interface_denied(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = evidence_find_unused(evidence, n, is_usable);
    if (n > 0 || interface == NULL || find_denial(evidence) == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("No interface is used, because --interface or MUSTER_INTERFACE allows none that is there");
    EVIDENCE("%s is up with an address; %s", interface->name, find_denial(evidence));
    FIX("allow it: muster doctor --interface %s", interface->name);
    return true;
}

static bool is_not_running(const struct facts_interface *interface) {
    return !is_running(interface);
}

static bool interface_down(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = evidence_find_unused(evidence, n, is_not_running);
    if (interface == NULL || evidence_find_unused(evidence, 0, is_usable) != NULL) {
        return false;
    }
    verdict->is_certain = true;
    const bool is_up = (interface->flags & IFF_UP) != 0;
    WHAT("Interface %s %s", interface->name, is_up ? "has no carrier" : "is down");
    EVIDENCE("no other interface can be used");
    FIX(is_up ? "plug in the cable of %s, or join a network" : "sudo ip link set %s up", interface->name);
    return true;
}

static bool has_no_address(const struct facts_interface *interface) {
    return is_running(interface) && !interface->has_ipv4 && !interface->has_ipv6;
}

static bool interface_no_address(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = evidence_find_unused(evidence, n, has_no_address);
    if (interface == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("Interface %s has no address", interface->name);
    EVIDENCE("it is up, and has neither an IPv4 nor an IPv6 address");
    FIX("give it one: by DHCP, or sudo ip addr add ADDRESS/24 dev %s", interface->name);
    return true;
}

static bool mtu_too_small(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const char *line = evidence_find_line(evidence, "has an MTU below");
    if (n > 0 || evidence->live->has_path || line == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("The MTU of an interface of this host is too small for muster");
    EVIDENCE("%s", line);
    FIX("raise it: sudo ip link set INTERFACE mtu 1500");
    return true;
}

static bool has_no_multicast(const struct facts_interface *interface) {
    return (interface->flags & (IFF_MULTICAST | IFF_POINTOPOINT)) == 0 &&
           (interface->has_ipv4 || interface->has_ipv6);
}

static bool multicast_off(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = evidence_find_used(evidence, n, has_no_multicast);
    interface = interface != NULL ? interface : evidence_find_unused(evidence, n, has_no_multicast);
    if (interface == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("Multicast is turned off at %s, so m4 and m6 are not used there", interface->name);
    EVIDENCE("the interface lacks the flag MULTICAST (ip link show dev %s)", interface->name);
    FIX("sudo ip link set %s multicast on", interface->name);
    return true;
}

static bool no_interface(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    if (n > 0 || evidence->live->has_path) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("No interface of this host can be used");
    EVIDENCE("%s",
             evidence->live->line_count > 0 ? evidence->live->lines[0] : "there is none but the loopback");
    FIX("connect this host to a network");
    return true;
}

static bool state_unwritable(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    if (n > 0 || evidence->facts->state_error == 0) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("muster announce can't keep its key in %s", evidence->facts->state_dir);
    EVIDENCE("%s", strerror(evidence->facts->state_error));
    FIX("make that directory writable for this user, or name another one by --state-dir");
    return true;
}

static bool clock_wrong(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    if (n > 0 || evidence->facts->clock_s >= CLOCK_LEAST_S) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("The clock of this host is wrong");
    EVIDENCE("it is %lld s after 1970, and this program is younger", (long long)evidence->facts->clock_s);
    FIX("set the clock: sudo timedatectl set-ntp true");
    return true;
}

static bool buffer_small(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts *facts = evidence->facts;
    const uint64_t dropped = facts->after.buffer_dropped - facts->before.buffer_dropped;
    if (n > 0 || facts->rmem_max == 0 || facts->rmem_max >= RMEM_LEAST) {
        return false;
    }
    verdict->is_certain = dropped > 0;
    WHAT("Sockets of this host may hold too little: readings that come in bursts are lost");
    EVIDENCE("net.core.rmem_max is %llu bytes; the kernel dropped %llu datagrams meanwhile",
             (unsigned long long)facts->rmem_max, (unsigned long long)dropped);
    FIX("sudo sysctl -w net.core.rmem_max=4194304");
    return true;
}

static bool neighbours_full(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts *facts = evidence->facts;
    const uint64_t full = facts->after.arp_full - facts->before.arp_full;
    if (n > 0 || facts->arp_limit == 0 || (full == 0 && facts->arp_entries < facts->arp_limit)) {
        return false;
    }
    verdict->is_certain = full > 0;
    WHAT("The kernel's table of neighbours is full: unicast to peers is dropped");
    EVIDENCE("%llu entries, gc_thresh3 is %llu; it was full %llu times meanwhile",
             (unsigned long long)facts->arp_entries, (unsigned long long)facts->arp_limit,
             (unsigned long long)full);
    FIX("sudo sysctl -w net.ipv4.neigh.default.gc_thresh3=%llu", (unsigned long long)facts->arp_limit * 8);
    return true;
}

static bool has_duplicate(const struct facts_interface *interface) {
    return interface->has_duplicate;
}

static bool ipv6_duplicate(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = evidence_find_used(evidence, n, has_duplicate);
    if (interface == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("Another host has an IPv6 address of %s, which can't be used therefore", interface->name);
    EVIDENCE("the kernel marks the address as dadfailed (ip -6 addr show dev %s)", interface->name);
    FIX("give one of the two hosts another address; of virtual machines another MAC address");
    return true;
}

static bool lacks_multicast_route(const struct facts_interface *interface) {
    return interface->has_ipv6 && !interface->has_multicast_route;
}

static bool ipv6_no_multicast_route(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = evidence_find_used(evidence, n, lacks_multicast_route);
    if (interface == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("Multicast of IPv6 has no route by %s", interface->name);
    EVIDENCE("there is no route to ff00::/8 by it (ip -6 route show table local)");
    FIX("sudo ip -6 route add multicast ff00::/8 dev %s table local", interface->name);
    return true;
}

/* A peer of another host was heard by IPv4 on the interface of this name; or it also took a connection. */
static bool is_peer_there(const struct evidence *evidence, const char *name, bool is_connected) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->peer_count; i++) {
        const struct muster_probe_peer *peer = &report->peers[i];
        if (!evidence->live->is_here[i] && strcmp(peer->interface_name, name) == 0 &&
            peer->address.family == 4 && (!is_connected || evidence->live->streams[i] == LIVE_STREAM_OPEN)) {
            return true;
        }
    }
    return false;
}

static bool lacks_route(const struct facts_interface *interface) {
    return interface->has_ipv4 && !interface->has_route;
}

static bool route_missing(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface;
    for (size_t i = 0; (interface = evidence_find_used(evidence, i, lacks_route)) != NULL; i++) {
        if (!is_peer_there(evidence, interface->name, true) && n-- == 0) { /* else another table has one */
            break;
        }
    }
    if (interface == NULL) {
        return false;
    }
    WHAT("No IPv4 route leads by %s, so connections to peers there fail", interface->name);
    EVIDENCE("it has an address, and the main table no route to its network (ip route show dev %s)",
             interface->name);
    FIX("sudo ip route add NETWORK/24 dev %s", interface->name);
    return true;
}

static bool is_strict(const struct facts_interface *interface) {
    return interface->rp_filter == 1;
}

static bool rp_filtered(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = evidence_find_used(evidence, 0, is_strict);
    const uint64_t dropped = evidence->facts->after.rp_filtered - evidence->facts->before.rp_filtered;
    if (n > 0 || interface == NULL || dropped == 0) {
        return false;
    }
    const bool is_only = evidence_find_used(evidence, 1, is_strict) == NULL;
    const struct facts_interface *deaf = interface;
    for (size_t i = 1; deaf != NULL && is_peer_there(evidence, deaf->name, false); i++) {
        deaf = evidence_find_used(evidence, i, is_strict);
    }
    if (deaf != NULL) {
        interface = deaf;
        verdict->is_certain = is_only;
    } else if (dropped < RP_FILTERED_LEAST) {
        return false;
    } else {
        verdict->explains = 0; /* others of that network are heard */
    }
    WHAT("The kernel drops datagrams that come by %s, because their answers would leave elsewhere",
         interface->name);
    EVIDENCE("net.ipv4.conf.%s.rp_filter is 1, and it dropped %llu datagrams meanwhile", interface->name,
             (unsigned long long)dropped);
    FIX("sudo sysctl -w net.ipv4.conf.%s.rp_filter=2, or mend the routes to that network", interface->name);
    return true;
}

const struct rule rules_of_host[] = {
    {"port.taken", port_taken, RULES_ALL, 0},
    {"node.closed", not_open, RULES_ALL, RULES_ALL},
    {"loopback.down", loopback_down, 0, 0},
    {"interface.denied", interface_denied, RULES_ALL, RULES_ALL},
    {"interface.no_address", interface_no_address, RULES_ALL, RULES_ALL},
    {"interface.down", interface_down, RULES_ALL, RULES_ALL},
    {"interface.mtu", mtu_too_small, RULES_ALL, RULES_ALL},
    {"interface.no_multicast", multicast_off, RULES_M4 | RULES_M6, RULES_ALL},
    {"interface.none", no_interface, RULES_ALL, RULES_ALL},
    {"clock.wrong", clock_wrong, 0, 0},
    {"buffer.small", buffer_small, 0, 0},
    {"neighbours.full", neighbours_full, RULES_UNICAST, RULES_ALL},
    {"ipv6.duplicate", ipv6_duplicate, RULES_M6, RULES_ALL},
    {"ipv6.no_multicast_route", ipv6_no_multicast_route, RULES_M6, RULES_ALL},
    {"route.missing", route_missing, RULES_UNICAST | RULES_M4 | RULES_B4 | RULES_TCP, RULES_ALL},
    {"route.rp_filter", rp_filtered, RULES_UNICAST | RULES_M4 | RULES_B4 | RULES_TCP, RULES_ALL},
    {0},
};

const struct rule rules_of_state[] = {
    {"state.unwritable", state_unwritable, 0, 0},
    {0},
};
