/* SPDX-License-Identifier: MIT */
#include "evidence.h"

#include <stdio.h>
#include <string.h>

const char *evidence_find_line(const struct evidence *evidence, const char *words) {
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

bool evidence_is_used(const struct evidence *evidence, const char *name) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->path_count; i++) {
        if (strcmp(report->paths[i].path.name, name) == 0) {
            return true;
        }
    }
    return false;
}

const struct facts_interface *evidence_find_used(const struct evidence *evidence, size_t n,
                                                 bool (*test)(const struct facts_interface *)) {
    for (size_t i = 0; i < evidence->facts->interface_count; i++) {
        const struct facts_interface *interface = &evidence->facts->interfaces[i];
        if (!is_loopback(interface) && evidence_is_used(evidence, interface->name) && test(interface) &&
            n-- == 0) {
            return interface;
        }
    }
    return NULL;
}

const struct facts_interface *evidence_find_unused(const struct evidence *evidence, size_t n,
                                                   bool (*test)(const struct facts_interface *)) {
    for (size_t i = 0; i < evidence->facts->interface_count && !evidence->live->has_path; i++) {
        const struct facts_interface *interface = &evidence->facts->interfaces[i];
        if (!is_loopback(interface) && test(interface) && n-- == 0) {
            return interface;
        }
    }
    return NULL;
}

const struct muster_probe_path *evidence_find_cut_loop(const struct evidence *evidence,
                                                       enum muster_path_kind kind) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->path_count; i++) {
        const struct muster_probe_path *path = &report->paths[i];
        if (path->path.kind == kind && path->sent >= EVIDENCE_ENOUGH && path->looped == 0) {
            return path;
        }
    }
    return NULL;
}

bool evidence_is_loop_cut(const struct evidence *evidence, enum muster_path_kind kind) {
    return evidence_find_cut_loop(evidence, kind) != NULL;
}

struct others evidence_sum_others(const struct evidence *evidence, const struct muster_probe_report *report,
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
        const bool is_known = peer->answered_long + peer->answered_short >= EVIDENCE_ENOUGH;
        for (unsigned kind = 0; kind < MUSTER_PATH_KINDS; kind++) {
            const bool is_all =
                (is_known && peer->answered_group == 0) || peer->answered_group > peer->asked[kind];
            others.asked[kind] += is_all ? peer->asked[kind] : peer->answered_group;
            others.reached[kind] += peer->reached[kind];
        }
    }
    return others;
}

bool evidence_is_gone(const struct evidence *evidence, const struct live_known *known) {
    const struct muster_probe_report *report = &evidence->live->report;
    for (size_t i = 0; i < report->peer_count; i++) {
        if (memcmp(report->peers[i].id, known->id, sizeof(known->id)) == 0) {
            return false;
        }
    }
    return known->state == MUSTER_SUSPECT || known->state == MUSTER_LOST;
}

struct text_line evidence_peer_text(const struct muster_probe_peer *peer) {
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
