/* SPDX-License-Identifier: MIT */
/* What is wrong between this host and others, and there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rule.h"

/* Questions that must have gone unheard before something is said of them. */
#define ENOUGH_CALLS 3
#define ENOUGH_LONG 3
#define ENOUGH_UNICAST 2 /* beside as many to the group */

#define GONE_MAX 3   /* peers that are named one by one */
#define HIDDEN_MAX 3 /* likewise */

#define QUERIES_LEAST 10 /* of MLD, before their number says anything */

/* A host answers each query with a report at least, so fewer reports than queries since the interface came
 * are queries that the kernel took for none: those from no address of fe80::/10 (RFC 3810, 6.2). */
static bool mld_querier(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct facts *facts = evidence->facts;
    for (size_t i = 0; i < facts->interface_count; i++) {
        const uint64_t queries = facts->after.mld_queries[i];
        const uint64_t reports = facts->after.mld_reports[i];
        if (queries < QUERIES_LEAST || reports >= queries ||
            !evidence_is_used(evidence, facts->interfaces[i].name) || n-- > 0) {
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
        WHAT("A link between this host and %s drops long datagrams", evidence_peer_text(peer).text);
        EVIDENCE("it answered %u of %u questions of 1200 bytes, and none of %u of the length that %s carries",
                 peer->answered_short, peer->asked_short, peer->asked_long, peer->interface_name);
        FIX("find the link with the smaller MTU, and give all links of this network the same one");
        return true;
    }
    return false;
}

/* Who answers a short question to the group, by the group, and never one of 1200 bytes: those don't arrive.
 * An older make answers them by unicast, without saying to which probe. */
static bool mtu_tiny(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->peer_count && n == 0; i++) {
        const struct muster_probe_peer *peer = &report->peers[i];
        if (evidence->live->is_here[i] || peer->answered > 0 || peer->answered_plain == 0 ||
            peer->heard[MUSTER_PATH_U4] + peer->heard[MUSTER_PATH_U6] > 0) {
            continue;
        }
        WHAT("A link between this host and %s drops datagrams of 1200 bytes", evidence_peer_text(peer).text);
        EVIDENCE("it answered %u short questions by the group, and none of 1200 bytes or more",
                 peer->answered_plain);
        FIX("find the link whose MTU is below 1228 bytes, and give all links of this network the same one");
        return true;
    }
    return false;
}

static bool peer_silent(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct muster_probe_report *report = &evidence->live->report;
    const struct others others = evidence_sum_others(evidence, report, 0);
    char names[160] = "";
    unsigned silent = 0;
    for (size_t i = 0; i < report->peer_count; i++) {
        const struct muster_probe_peer *peer = &report->peers[i];
        const unsigned asked = peer->asked[MUSTER_PATH_U4] + peer->asked[MUSTER_PATH_U6];
        if (evidence->live->is_here[i] || !peer->is_signed || peer->answered + peer->answered_plain > 0 ||
            asked < ENOUGH_UNICAST) {
            continue;
        }
        silent++;
        if (silent <= 3) {
            rule_append(names, sizeof(names), ", ", evidence_peer_text(peer).text);
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
    EVIDENCE("no question by multicast, broadcast or unicast was answered");
    return true;
}

static const struct live_known *nth_gone(const struct evidence *evidence, size_t n) {
    for (size_t i = 0; i < evidence->live->known_count; i++) {
        if (evidence_is_gone(evidence, &evidence->live->known[i]) && n-- == 0) {
            return &evidence->live->known[i];
        }
    }
    return NULL;
}

/* Several at once, and nobody is left: that is this host, rather than all of them. */
static bool peers_gone(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    size_t gone = 0;
    while (nth_gone(evidence, gone) != NULL) {
        gone++;
    }
    if (n > 0 || gone < 2 || evidence_sum_others(evidence, &evidence->live->report, 0).peers > 0) {
        return false;
    }
    const struct live_known *first = nth_gone(evidence, 0);
    verdict->explains = RULES_UNICAST;
    WHAT("All %zu peers that were here fell silent: this host, its cable or its switch is cut off", gone);
    EVIDENCE("the muster that runs here heard %.100s %s ago, and nobody answers any more",
             text_name(first->name).text, text_duration((int64_t)first->age_ms).text);
    FIX("look here first: cable, Wi-Fi, switch port, client isolation, a firewall between; UDP ports %u to "
        "%u have to pass",
        evidence->port - 1, evidence->port + 32);
    return true;
}

static bool peer_gone(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct live_known *known = n < GONE_MAX ? nth_gone(evidence, n) : NULL;
    if (known == NULL) {
        return false;
    }
    WHAT("%.100s (%s) was here until %s ago, and does not answer", text_name(known->name).text,
         text_address(&known->address).text, text_duration((int64_t)known->age_ms).text);
    if (known->is_without_answer) {
        EVIDENCE("it does not answer ARP either: its host is off, or its network is gone");
        FIX("look whether that host runs, has its address, and is connected to this network");
    } else {
        EVIDENCE("the muster that runs here has it as %s; nothing says that its host is gone",
                 known->state == MUSTER_LOST ? "lost" : "suspect");
        FIX("there, run muster doctor: its muster ended without a bye, or UDP is dropped on the way");
    }
    return true;
}

/* One path to many, between this host and those on its interface that answer. */
static bool fill_cut(const struct evidence *evidence, const struct muster_path *path, const char *name,
                     struct verdict *verdict) {
    const struct others others = evidence_sum_others(evidence, &evidence->live->report, path->interface);
    const enum muster_path_kind kind = path->kind;
    const unsigned able = kind == MUSTER_PATH_M6 ? others.with_ipv6 : others.answering;
    const bool is_out = others.asked[kind] < EVIDENCE_ENOUGH || others.reached[kind] > 0;
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
             evidence_peer_text(others.first).text, others.asked[kind], muster_path_name(kind),
             others.reached[kind], others.heard[kind]);
    if (kind == MUSTER_PATH_M6) {
        FIX("switches that snoop need a querier with an address of fe80::/10: turn one on, or snooping off");
    } else {
        FIX("look for a filter in switches or access points: client isolation, storm control, snooping; "
            "or the peers were given a --delivery without this path");
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
    const struct others before = evidence_sum_others(evidence, &evidence->live->first, 0);
    const struct others after = evidence_sum_others(evidence, &evidence->live->report, 0);
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

/* True of a peer whose IPv4 address is of the network of this host's own, or where that is not known. */
static bool is_of_subnet(const struct evidence *evidence, const struct muster_probe_peer *peer) {
    const struct muster_probe_report *report = &evidence->live->report;
    bool is_known = false;
    for (size_t i = 0; i < report->path_count; i++) {
        const struct muster_path *path = &report->paths[i].path;
        if (path->interface == peer->interface && path->address.family == 4 && path->prefix_bits > 0) {
            is_known = true;
            if (firewall_has_prefix(peer->address.ip, path->address.ip, path->prefix_bits)) {
                return true;
            }
        }
    }
    return !is_known;
}

static bool peer_subnet(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct live *live = evidence->live;
    for (size_t i = 0; i < live->report.peer_count && n == 0; i++) {
        const struct muster_probe_peer *peer = &live->report.peers[i];
        if (live->is_here[i] || live->streams[i] < LIVE_STREAM_REFUSED || is_of_subnet(evidence, peer)) {
            continue;
        }
        WHAT("%s is on this link in another subnet, and no TCP goes there", evidence_peer_text(peer).text);
        EVIDENCE("it answers by UDP on %s, whose own address is of another network", peer->interface_name);
        FIX("give both hosts addresses of one subnet, or a route on both: sudo ip route add NETWORK dev %s",
            peer->interface_name);
        return true;
    }
    return false;
}

/* Musters of one host have different ports, so two of one address and port are of two hosts. */
static bool address_duplicate(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->peer_count && n == 0; i++) {
        for (size_t k = i + 1; k < report->peer_count; k++) {
            const struct muster_probe_peer *one = &report->peers[i];
            const struct muster_probe_peer *other = &report->peers[k];
            if (one->address.family != 4 || one->interface != other->interface ||
                one->address.port != other->address.port ||
                memcmp(one->address.ip, other->address.ip, 4) != 0 || other->address.family != 4 ||
                memcmp(one->id, other->id, MUSTER_ID_BYTES) == 0) {
                continue;
            }
            WHAT("Two hosts have the address %s: unicast reaches only one of them",
                 text_address(&one->address).text);
            EVIDENCE("%.100s and %.100s both speak from its UDP port %u",
                     one->name[0] != '\0' ? text_name(one->name).text : "one muster",
                     other->name[0] != '\0' ? text_name(other->name).text : "another one", one->address.port);
            FIX("give one of them another address");
            return true;
        }
    }
    return false;
}

static bool tcp_closed(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const struct live *live = evidence->live;
    char names[160] = "";
    unsigned closed = 0;
    for (size_t i = 0; i < live->report.peer_count; i++) {
        if (!live->is_here[i] && live->streams[i] >= LIVE_STREAM_REFUSED &&
            is_of_subnet(evidence, &live->report.peers[i])) {
            closed++;
            if (closed <= 3) {
                rule_append(names, sizeof(names), ", ", evidence_peer_text(&live->report.peers[i]).text);
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

/* Where somebody of its own group answers too, it is said, but nothing is wrong. */
static bool group_other(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const uint64_t count = evidence->live->counters.drops[MUSTER_DROP_SEALED];
    if (n > 0 || count == 0 || evidence_sum_others(evidence, &evidence->live->report, 0).peers > 0) {
        return false;
    }
    WHAT("Another group is here, and its key is not");
    EVIDENCE("%" PRIu64 " datagram%s came that no key of this host opens, and nobody else was heard", count,
             count == 1 ? "" : "s");
    FIX("on a host of that group: muster key show | ssh THIS-HOST muster key add");
    return true;
}

static bool group_none(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    const uint64_t count = evidence->live->counters.drops[MUSTER_DROP_UNSEALED];
    if (n > 0 || count == 0 || evidence_sum_others(evidence, &evidence->live->report, 0).peers > 0) {
        return false;
    }
    WHAT("Others here have no group key, and this host has one");
    EVIDENCE("%" PRIu64 " datagram%s came that %s not sealed, and nobody else was heard", count,
             count == 1 ? "" : "s", count == 1 ? "was" : "were");
    FIX("muster key show | ssh OTHER-HOST muster key add, or look at them with --no-key");
    return true;
}

/* The n-th peer that is hidden in this way; NULL: there is none. */
static const struct muster_probe_peer *nth_hidden(const struct evidence *evidence, enum hidden_by by,
                                                  size_t n, struct hidden *hidden) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->peer_count; i++) {
        hidden_explain(&evidence->trusted, &report->peers[i], hidden);
        if (hidden->by == by && n-- == 0) {
            return &report->peers[i];
        }
    }
    return NULL;
}

static bool trust_pin(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    struct hidden hidden;
    const struct muster_probe_peer *peer = nth_hidden(evidence, HIDDEN_BY_PIN, n, &hidden);
    if (peer == NULL || n >= HIDDEN_MAX) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("%s is hidden: %s", evidence_peer_text(peer).text, hidden.what);
    EVIDENCE("%s", hidden.rule);
    FIX("%s", hidden.change);
    return true;
}

/* Where others are listed, hiding some is what this user wants. */
static bool trust_level(const struct evidence *evidence, size_t n, struct verdict *verdict) {
    struct hidden hidden;
    size_t count = 0;
    while (nth_hidden(evidence, HIDDEN_BY_LEVEL, count, &hidden) != NULL) {
        count++;
    }
    const struct muster_probe_peer *first = nth_hidden(evidence, HIDDEN_BY_LEVEL, 0, &hidden);
    if (n > 0 || first == NULL || count < evidence->live->report.peer_count) {
        return false;
    }
    verdict->is_certain = true;
    WHAT("Whoever is heard is hidden, as %s: %s", evidence_peer_text(first).text, hidden.what);
    EVIDENCE("%s; nobody is heard who may be listed, of %zu", hidden.rule, count);
    FIX("%s", hidden.change);
    return true;
}

const struct rule rules_of_network[] = {
    {"mld.querier", mld_querier, RULES_M6, RULES_ALL | RULES_M6},
    {"mtu.small", mtu_small, 0, RULES_ALL | RULES_UNICAST},
    {"address.duplicate", address_duplicate, RULES_UNICAST | RULES_TCP, RULES_ALL},
    {"mtu.tiny", mtu_tiny, RULES_UNICAST | RULES_M4 | RULES_B4 | RULES_M6,
     RULES_ALL | RULES_UNICAST | RULES_M4},
    {"peer.silent", peer_silent, RULES_UNICAST, RULES_ALL | RULES_UNICAST},
    {"peers.gone", peers_gone, RULES_UNICAST, RULES_ALL | RULES_M4 | RULES_UNICAST},
    {"peer.gone", peer_gone, 0, RULES_ALL | RULES_M4 | RULES_UNICAST},
    {"path.forgotten", path_forgotten, 0, RULES_ALL},
    {"path.m4", path_m4, RULES_M4, RULES_ALL | RULES_M4},
    {"path.b4", path_b4, RULES_B4, RULES_ALL | RULES_B4},
    {"path.m6", path_m6, RULES_M6, RULES_ALL | RULES_M6},
    {"peer.subnet", peer_subnet, 0, RULES_ALL | RULES_TCP},
    {"tcp.closed", tcp_closed, RULES_TCP, RULES_ALL | RULES_TCP},
    {"group.other", group_other, 0, RULES_ALL},
    {"group.none", group_none, 0, RULES_ALL},
    {"trust.pin", trust_pin, 0, RULES_ALL},
    {"trust.level", trust_level, 0, RULES_ALL},
    {0},
};
