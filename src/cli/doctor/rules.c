/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* Questions that must have gone unheard before a path is called cut. */
#define ENOUGH 4
#define ENOUGH_CALLS 3
#define ENOUGH_LONG 3
#define ENOUGH_UNICAST 2 /* beside as many to the group */

#define QUERIES_LEAST 10         /* of MLD, before their number says anything */
#define CLOCK_LEAST_S 1577836800 /* 2020: this program is younger */
#define RMEM_LEAST 131072        /* bytes: the sockets of a node ask for more */

static void say(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, size, format, arguments);
    va_end(arguments);
}

#define WHAT(...) say(verdict->what, sizeof(verdict->what), __VA_ARGS__)
#define EVIDENCE(...) say(verdict->evidence, sizeof(verdict->evidence), __VA_ARGS__)
#define FIX(...) say(verdict->fix, sizeof(verdict->fix), __VA_ARGS__)

/* Adds to a text, behind a separator where it is not empty; cut where there is no more room. */
static void append(char *text, size_t size, const char *separator, const char *more) {
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%.2s%.150s", used > 0 ? separator : "", more);
}

/* ---- reading the evidence ---- */

static const char *find_line(const struct evidence *evidence, const char *words) {
    for (size_t i = 0; i < evidence->live->line_count; i++) {
        if (strstr(evidence->live->lines[i], words) != NULL) {
            return evidence->live->lines[i];
        }
    }
    return NULL;
}

static bool is_loopback(const struct facts_interface *interface) {
    return (interface->flags & IFF_LOOPBACK) != 0;
}

static bool is_running(const struct facts_interface *interface) {
    return (interface->flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

static bool is_used(const struct evidence *evidence, const char *name) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->path_count; i++) {
        if (strcmp(report->paths[i].path.name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The n-th interface in use that a test is true for; NULL: there are no more. */
static const struct facts_interface *used_interface(const struct evidence *evidence, size_t n,
                                                    bool (*test)(const struct facts_interface *)) {
    for (size_t i = 0; i < evidence->facts->interface_count; i++) {
        const struct facts_interface *interface = &evidence->facts->interfaces[i];
        if (!is_loopback(interface) && is_used(evidence, interface->name) && test(interface) && n-- == 0) {
            return interface;
        }
    }
    return NULL;
}

static const struct facts_interface *unused_interface(const struct evidence *evidence, size_t n,
                                                      bool (*test)(const struct facts_interface *)) {
    for (size_t i = 0; i < evidence->facts->interface_count && !evidence->live->has_path; i++) {
        const struct facts_interface *interface = &evidence->facts->interfaces[i];
        if (!is_loopback(interface) && test(interface) && n-- == 0) {
            return interface;
        }
    }
    return NULL;
}

/* The first path of the kind by which this node did not hear itself; NULL: there is none. */
static const struct muster_probe_path *find_cut_loop(const struct evidence *evidence,
                                                     enum muster_path_kind kind) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->path_count; i++) {
        const struct muster_probe_path *path = &report->paths[i];
        if (path->path.kind == kind && path->sent >= ENOUGH && path->looped == 0) {
            return path;
        }
    }
    return NULL;
}

static bool is_loop_cut(const struct evidence *evidence, enum muster_path_kind kind) {
    return find_cut_loop(evidence, kind) != NULL;
}

/* What all peers of other machines say together, on one interface or (0) on all. */
struct others {
    unsigned peers;
    unsigned answering;
    unsigned with_ipv6; /* of those that answer */
    unsigned asked[MUSTER_PATH_KINDS];
    unsigned reached[MUSTER_PATH_KINDS];
    unsigned heard[MUSTER_PATH_KINDS];
    unsigned called;
    const struct muster_probe_peer *first; /* that answers */
};

static struct others sum_others(const struct evidence *evidence, const struct muster_probe_report *report,
                                uint32_t interface) {
    struct others others = {0};
    for (size_t i = 0; i < report->peer_count; i++) {
        const struct muster_probe_peer *peer = &report->peers[i];
        if ((report == &evidence->live->report && evidence->live->is_here[i]) ||
            (interface != 0 && peer->interface != interface)) {
            continue;
        }
        others.peers++;
        for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
            others.heard[kind] += peer->heard[kind];
        }
        if (peer->answered == 0) {
            continue;
        }
        others.answering++;
        others.with_ipv6 += peer->address6.family != 0 ? 1 : 0;
        others.called += peer->called;
        others.first = others.first != NULL ? others.first : peer;
        for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
            others.asked[kind] += peer->asked[kind];
            others.reached[kind] += peer->reached[kind];
        }
    }
    return others;
}

/* "nas (10.0.0.2)", or its address alone where the name is not known; by value. */
static struct text_line peer_text(const struct muster_probe_peer *peer) {
    const struct muster_endpoint *address = peer->address.family != 0 ? &peer->address : &peer->address6;
    struct text_line line;
    if (peer->name[0] != '\0') {
        snprintf(line.text, sizeof(line.text), "%.100s (%s)", text_name(peer->name).text,
                 text_address(address).text);
    } else {
        snprintf(line.text, sizeof(line.text), "%s", text_address(address).text);
    }
    return line;
}

/* ---- this host ---- */

static bool port_taken(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const char *line = find_line(evidence, "in use");
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
        line = find_line(evidence, words[i]);
    }
    return line;
}

static bool interface_denied(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = unused_interface(evidence, n, is_usable);
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
    const struct facts_interface *interface = unused_interface(evidence, n, is_not_running);
    if (interface == NULL || unused_interface(evidence, 0, is_usable) != NULL) {
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
    const struct facts_interface *interface = unused_interface(evidence, n, has_no_address);
    if (interface == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("Interface %s has no address", interface->name);
    EVIDENCE("it is up, and has neither an IPv4 nor an IPv6 address");
    FIX("give it one: by DHCP, or sudo ip addr add ADDRESS/24 dev %s", interface->name);
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
    const struct facts_interface *interface = used_interface(evidence, n, has_duplicate);
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
    const struct facts_interface *interface = used_interface(evidence, n, lacks_multicast_route);
    if (interface == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("Multicast of IPv6 has no route by %s", interface->name);
    EVIDENCE("there is no route to ff00::/8 by it (ip -6 route show table local)");
    FIX("sudo ip -6 route add multicast ff00::/8 dev %s table local", interface->name);
    return true;
}

static bool lacks_route(const struct facts_interface *interface) {
    return interface->has_ipv4 && !interface->has_route;
}

static bool route_missing(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = used_interface(evidence, n, lacks_route);
    if (interface == NULL) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("No IPv4 route leads by %s, so nobody there can be answered", interface->name);
    EVIDENCE("it has an address, and no route to its own network (ip route show dev %s)", interface->name);
    FIX("sudo ip route add NETWORK/24 dev %s", interface->name);
    return true;
}

static bool is_strict(const struct facts_interface *interface) {
    return interface->rp_filter == 1;
}

static bool rp_filtered(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts_interface *interface = used_interface(evidence, 0, is_strict);
    const uint64_t dropped = evidence->facts->after.rp_filtered - evidence->facts->before.rp_filtered;
    if (n > 0 || interface == NULL || dropped == 0) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("The kernel drops datagrams that come by %s, because their answers would leave elsewhere",
         interface->name);
    EVIDENCE("net.ipv4.conf.%s.rp_filter is 1, and it dropped %llu datagrams meanwhile", interface->name,
             (unsigned long long)dropped);
    FIX("sudo sysctl -w net.ipv4.conf.%s.rp_filter=2, or mend the routes to that network", interface->name);
    return true;
}

/* ---- the firewall of this host ---- */

static unsigned topics_of_uses(unsigned uses) {
    static const unsigned topics[FIREWALL_USES] = {
        [FIREWALL_GROUP_IN] = RULES_M4,
        [FIREWALL_GROUP6_IN] = RULES_M6,
        [FIREWALL_BROADCAST_IN] = RULES_B4,
        [FIREWALL_QUESTION_IN] = RULES_UNICAST,
        [FIREWALL_ANSWER_IN] = RULES_UNICAST,
        [FIREWALL_STREAM_IN] = RULES_TCP,
        [FIREWALL_READINGS_IN] = 0,
        [FIREWALL_GROUP_OUT] = RULES_M4,
        [FIREWALL_GROUP6_OUT] = RULES_M6,
        [FIREWALL_BROADCAST_OUT] = RULES_B4,
        [FIREWALL_UNICAST_OUT] = RULES_UNICAST,
    };
    unsigned explained = 0;
    for (unsigned use = 0; use < FIREWALL_USES; use++) {
        explained |= uses >> use & 1 ? topics[use] : 0;
    }
    return explained;
}

static void say_uses(unsigned uses, char *text, size_t size) {
    text[0] = '\0';
    for (unsigned use = 0; use < FIREWALL_USES; use++) {
        if ((uses >> use & 1) != 0) {
            append(text, size, ", ", firewall_use_name((enum firewall_use)use));
        }
    }
}

static void fill_firewall(const struct evidence *evidence, const struct firewall_finding *finding,
                          struct verdict *verdict) {
    char uses[200];
    say_uses(finding->uses, uses, sizeof(uses));
    verdict->explains = topics_of_uses(finding->uses);
    WHAT("The firewall of this host drops %s", uses);
    EVIDENCE("%s", finding->text);
    FIX("allow UDP and TCP ports %u to %u from this network: sudo ufw allow from NETWORK to any app muster, "
        "or "
        "remove that rule",
        evidence->port - 1, evidence->port + 32);
}

static const struct firewall_finding *nth_finding(const struct evidence *evidence, size_t n,
                                                  bool is_certain) {
    const struct firewall *firewall = &evidence->facts->firewall;
    for (size_t i = 0; i < firewall->count; i++) {
        const struct firewall_finding *finding = &firewall->findings[i];
        const bool is_ours = finding->is_certain || finding->names_us ||
                             is_loop_cut(evidence, MUSTER_PATH_M4) || is_loop_cut(evidence, MUSTER_PATH_B4) ||
                             is_loop_cut(evidence, MUSTER_PATH_M6);
        if (finding->is_certain == is_certain && is_ours && n-- == 0) {
            return finding;
        }
    }
    return NULL;
}

/* A firewall that lets in what was asked for, and nothing else. */
static bool is_stateful(unsigned uses) {
    return (uses & 1U << FIREWALL_GROUP_IN) != 0 && (uses & 1U << FIREWALL_QUESTION_IN) != 0 &&
           (uses & 1U << FIREWALL_ANSWER_IN) == 0;
}

static bool firewall_rule(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct firewall_finding *finding = nth_finding(evidence, n, true);
    if (finding == NULL) {
        return false;
    }
    fill_firewall(evidence, finding, verdict);
    verdict->is_certain = true;
    if (is_stateful(finding->uses)) {
        verdict->id = "firewall.stateful";
        WHAT("A stateful firewall on this host lets in what was asked for, and nothing else");
    }
    return true;
}

static bool firewall_likely(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct firewall_finding *finding = nth_finding(evidence, n, false);
    if (finding == NULL) {
        return false;
    }
    fill_firewall(evidence, finding, verdict);
    return true;
}

static bool firewall_stateful(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct others others = sum_others(evidence, &evidence->live->report, 0);
    const bool is_deaf = others.heard[MUSTER_PATH_M4] + others.heard[MUSTER_PATH_B4] == 0;
    if (n > 0 || others.answering == 0 || !is_deaf || !is_loop_cut(evidence, MUSTER_PATH_M4) ||
        !is_loop_cut(evidence, MUSTER_PATH_B4)) {
        return false;
    }
    const struct firewall_finding *rule = nth_finding(evidence, 0, false);
    verdict->is_certain = true;
    WHAT("A stateful firewall on this host lets in what was asked for, and nothing else");
    EVIDENCE(
        "what this host sent to the group did not come back, nothing of others came by the group, but %s "
        "answered by unicast%s%s",
        peer_text(others.first).text, rule != NULL ? "; likely by this rule: " : "",
        rule != NULL ? rule->text : "");
    FIX("allow UDP and TCP ports %u to %u from this network: sudo ufw allow from NETWORK to any app muster",
        evidence->port - 1, evidence->port + 32);
    return true;
}

static bool firewall_here(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    static const enum muster_path_kind kinds[] = {MUSTER_PATH_M4, MUSTER_PATH_B4, MUSTER_PATH_M6};
    static const unsigned topics[] = {RULES_M4, RULES_B4, RULES_M6};
    const char *name = NULL;
    char cut[64] = "";
    if (n > 0) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (is_loop_cut(evidence, kinds[i]) && (evidence->explained & topics[i]) == 0) {
            append(cut, sizeof(cut), ", ", muster_path_name(kinds[i]));
            name = find_cut_loop(evidence, kinds[i])->path.name;
            verdict->explains |= topics[i];
        }
    }
    if (name == NULL) {
        return false;
    }
    WHAT("Something on this host, a firewall as a rule, drops what muster sends or receives on %s by %s",
         name, cut);
    EVIDENCE("what this host sent by %s did not come back to it, as it does without a firewall", cut);
    FIX("allow UDP and TCP ports %u to %u; as root, muster doctor looks at the firewall's rules",
        evidence->port - 1, evidence->port + 32);
    return true;
}

/* ---- the network ---- */

/* A host answers each query with a report at least, so fewer reports than queries since the interface came
 * are queries that the kernel took for none: those from no address of fe80::/10 (RFC 3810, 6.2). */
static bool mld_querier(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts *facts = evidence->facts;
    for (size_t i = 0; i < facts->interface_count; i++) {
        const uint64_t queries = facts->after.mld_queries[i];
        const uint64_t reports = facts->after.mld_reports[i];
        if (queries < QUERIES_LEAST || reports >= queries || !is_used(evidence, facts->interfaces[i].name) ||
            n-- > 0) {
            continue;
        }
        WHAT("A switch at %s asks for IPv6 groups from no link-local address, so no host answers it",
             facts->interfaces[i].name);
        EVIDENCE("%llu MLD queries came by %s so far, and only %llu reports left; after 260 s without "
                 "reports such "
                 "a switch drops multicast of IPv6",
                 (unsigned long long)queries, facts->interfaces[i].name, (unsigned long long)reports);
        FIX("give the bridge or switch an IPv6 address of fe80::/10, or turn its querier or its snooping "
            "off");
        return true;
    }
    return false;
}

static bool mtu_small(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->peer_count && n == 0; i++) {
        const struct muster_probe_peer *peer = &report->peers[i];
        if (evidence->live->is_here[i] || peer->asked_long < ENOUGH_LONG || peer->answered_long > 0 ||
            peer->answered_short < ENOUGH_LONG) {
            continue;
        }
        verdict->is_certain = true;
        WHAT("A link between this host and %s drops long datagrams", peer_text(peer).text);
        EVIDENCE("it answered %u of %u questions of 1200 bytes, and none of %u of the length that %s carries",
                 peer->answered_short, peer->asked_short, peer->asked_long, peer->interface_name);
        FIX("find the link with the smaller MTU, and give all links of this network the same one");
        return true;
    }
    return false;
}

static bool peer_silent(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct muster_probe_report *report = &evidence->live->report;
    const struct others others = sum_others(evidence, report, 0);
    char names[160] = "";
    unsigned silent = 0;
    for (size_t i = 0; i < report->peer_count; i++) {
        const struct muster_probe_peer *peer = &report->peers[i];
        const unsigned asked = peer->asked[MUSTER_PATH_U4] + peer->asked[MUSTER_PATH_U6];
        if (evidence->live->is_here[i] || peer->answered > 0 || asked < ENOUGH_UNICAST) {
            continue;
        }
        silent++;
        if (silent <= 3) {
            append(names, sizeof(names), ", ", peer_text(peer).text);
        }
    }
    if (n > 0 || silent == 0) {
        return false;
    }
    verdict->explains = RULES_UNICAST;
    if (others.answering == 0 && silent > 1) {
        WHAT("%u peers are heard, and none of them answers: what this host sends does not arrive", silent);
        FIX("look for a firewall on the way, client isolation of the Wi-Fi, or rules for outgoing datagrams "
            "here");
    } else {
        WHAT("%s %s heard, but %s not answer: the firewall there drops what comes in, as a rule", names,
             silent == 1 ? "was" : "were", silent == 1 ? "does" : "do");
        FIX("there, allow UDP and TCP ports %u to %u from this network", evidence->port - 1,
            evidence->port + 32);
    }
    EVIDENCE("asked by multicast, broadcast and unicast, %s answered nothing", names);
    return true;
}

/* One path to many, between this host and those on its interface that answer. */
static bool fill_cut(const struct evidence *evidence, const struct muster_path *path, const char *name,
                     struct verdict *verdict) {
    const struct others others = sum_others(evidence, &evidence->live->report, path->interface);
    const enum muster_path_kind kind = path->kind;
    const unsigned able = kind == MUSTER_PATH_M6 ? others.with_ipv6 : others.answering;
    const bool is_out = others.asked[kind] < ENOUGH || others.reached[kind] > 0;
    const bool is_in = others.called < ENOUGH_CALLS || others.heard[kind] > 0;
    if (able == 0 || (is_out && is_in)) {
        return false;
    }
    if (!is_out && !is_in) {
        WHAT("The network at %s does not carry %s (%s), neither way", path->name, name,
             muster_path_name(kind));
    } else if (!is_out) {
        WHAT("What this host sends by %s (%s) on %s does not arrive at others", name, muster_path_name(kind),
             path->name);
    } else {
        WHAT("What others send by %s (%s) does not come to this host on %s", name, muster_path_name(kind),
             path->name);
    }
    EVIDENCE("%s answers by other paths; of %u questions by %s it heard %u, and %u datagrams came by it",
             peer_text(others.first).text, others.asked[kind], muster_path_name(kind), others.reached[kind],
             others.heard[kind]);
    if (kind == MUSTER_PATH_M6) {
        FIX("switches that snoop need a querier with an address of fe80::/10: turn one on, or snooping off");
    } else {
        FIX("look for a filter in switches or access points: client isolation, storm control, snooping");
    }
    return true;
}

static bool path_cut(const struct evidence *evidence, size_t n, enum muster_path_kind kind, const char *name,
                     struct verdict *verdict) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->path_count; i++) {
        if (report->paths[i].path.kind == kind && fill_cut(evidence, &report->paths[i].path, name, verdict) &&
            n-- == 0) {
            return true;
        }
    }
    return false;
}

static bool path_m4(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    return path_cut(evidence, n, MUSTER_PATH_M4, "multicast of IPv4", verdict);
}

static bool path_b4(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    return path_cut(evidence, n, MUSTER_PATH_B4, "broadcast", verdict);
}

static bool path_m6(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    return path_cut(evidence, n, MUSTER_PATH_M6, "multicast of IPv6", verdict);
}

/* What a long examination finds: a path that worked at its begin, and no more at its end. */
static bool path_forgotten(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    static const enum muster_path_kind kinds[] = {MUSTER_PATH_M6, MUSTER_PATH_M4};
    static const unsigned topics[] = {RULES_M6, RULES_M4};
    const struct others before = sum_others(evidence, &evidence->live->first, 0);
    const struct others after = sum_others(evidence, &evidence->live->report, 0);
    for (size_t i = 0; i < 2 && evidence->live->is_long && n == 0; i++) {
        const enum muster_path_kind kind = kinds[i];
        const bool did = before.reached[kind] > 0 || before.heard[kind] > 0;
        const bool does = after.reached[kind] > 0 || after.heard[kind] > 0;
        if (!did || does || after.answering == 0) {
            continue;
        }
        verdict->explains = topics[i];
        WHAT("A switch forgets the group of %s: it snoops, and nobody asks who listens",
             muster_path_name(kind));
        EVIDENCE("at the begin peers were heard by %s, at the end by other paths alone",
                 muster_path_name(kind));
        FIX("turn on a querier on one switch or router of this network, or turn snooping off");
        return true;
    }
    return false;
}

static bool tcp_closed(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct live *live = evidence->live;
    char names[160] = "";
    unsigned closed = 0;
    for (size_t i = 0; i < live->report.peer_count; i++) {
        if (!live->is_here[i] && live->streams[i] >= LIVE_STREAM_REFUSED) {
            closed++;
            if (closed <= 3) {
                append(names, sizeof(names), ", ", peer_text(&live->report.peers[i]).text);
            }
        }
    }
    if (n > 0 || closed == 0) {
        return false;
    }
    WHAT("%s answer%s by UDP, but not by TCP: large documents, tables and last values don't come from there",
         names, closed == 1 ? "s" : "");
    EVIDENCE("no connection to the TCP port of the same number as the UDP port");
    FIX("there, allow TCP ports %u to %u from this network", evidence->port - 1, evidence->port + 32);
    return true;
}

/* ---- all rules ---- */

static const struct rule {
    const char *id;
    bool (*holds)(const struct evidence *evidence, size_t n, struct verdict *verdict); /* the n-th time */
    unsigned explains;
    unsigned silenced_by; /* when one of these is explained already */
} rules[] = {
    {"port.taken", port_taken, RULES_ALL, 0},
    {"node.closed", not_open, RULES_ALL, RULES_ALL},
    {"loopback.down", loopback_down, 0, 0},
    {"interface.denied", interface_denied, RULES_ALL, RULES_ALL},
    {"interface.no_address", interface_no_address, RULES_ALL, RULES_ALL},
    {"interface.down", interface_down, RULES_ALL, RULES_ALL},
    {"interface.none", no_interface, RULES_ALL, RULES_ALL},
    {"state.unwritable", state_unwritable, 0, 0},
    {"clock.wrong", clock_wrong, 0, 0},
    {"buffer.small", buffer_small, 0, 0},
    {"neighbours.full", neighbours_full, RULES_UNICAST, RULES_ALL},
    {"ipv6.duplicate", ipv6_duplicate, RULES_M6, RULES_ALL},
    {"ipv6.no_multicast_route", ipv6_no_multicast_route, RULES_M6, RULES_ALL},
    {"route.missing", route_missing, RULES_UNICAST | RULES_M4 | RULES_B4 | RULES_TCP, RULES_ALL},
    {"route.rp_filter", rp_filtered, RULES_UNICAST | RULES_M4 | RULES_B4 | RULES_TCP, RULES_ALL},
    {"firewall.rule", firewall_rule, 0, RULES_ALL},
    {"firewall.stateful", firewall_stateful, RULES_M4 | RULES_B4 | RULES_M6 | RULES_UNICAST | RULES_TCP,
     RULES_ALL | RULES_M4},
    {"firewall.likely", firewall_likely, 0, RULES_ALL | RULES_M4 | RULES_UNICAST},
    {"firewall.here", firewall_here, 0, RULES_ALL},
    {"mld.querier", mld_querier, RULES_M6, RULES_ALL | RULES_M6},
    {"mtu.small", mtu_small, 0, RULES_ALL | RULES_UNICAST},
    {"peer.silent", peer_silent, RULES_UNICAST, RULES_ALL | RULES_UNICAST},
    {"path.forgotten", path_forgotten, 0, RULES_ALL},
    {"path.m4", path_m4, RULES_M4, RULES_ALL | RULES_M4},
    {"path.b4", path_b4, RULES_B4, RULES_ALL | RULES_B4},
    {"path.m6", path_m6, RULES_M6, RULES_ALL | RULES_M6},
    {"tcp.closed", tcp_closed, RULES_TCP, RULES_ALL | RULES_TCP},
};

const char *rules_id(size_t i) {
    return i < sizeof(rules) / sizeof(rules[0]) ? rules[i].id : NULL;
}

void rules_judge(const struct evidence *evidence, struct verdicts *verdicts) {
    struct evidence so_far = *evidence;
    verdicts->count = 0;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct rule *rule = &rules[i];
        unsigned explains = 0;
        for (size_t n = 0;
             (so_far.explained & rule->silenced_by) == 0 && verdicts->count < RULES_VERDICTS_MAX; n++) {
            struct verdict *verdict = &verdicts->items[verdicts->count];
            *verdict = (struct verdict){.id = rule->id, .explains = rule->explains};
            if (!rule->holds(&so_far, n, verdict)) {
                break;
            }
            explains |= verdict->explains;
            verdicts->count++;
        }
        so_far.explained |= explains;
    }
}
