/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "endpoint.h"
#include "group.h"
#include "presence.h"
#include "query.h"
#include "send.h"

/* Questions of a round have different numbers: to the group, to a target, of whom nothing is known yet, and
 * to each peer, whose round-trip time is taken. Those to a peer follow a number that is drawn for it: who can
 * repeat one has received it, so the peer is at the address that was asked. */
enum asking { ASKING_GROUP, ASKING_TARGET, ASKINGS, ASKING_PEER = ASKINGS };

#define NUMBERS_COMMON (ASKINGS * MUSTER_PROBE_ROUNDS) /* from 1 on; above are those of peers */

static uint16_t common_number(unsigned round, enum asking asking) {
    return (uint16_t)(ASKINGS * round + asking + 1);
}

static uint16_t draw_number(struct presence *presence) {
    const uint64_t count = UINT16_MAX - NUMBERS_COMMON - MUSTER_PROBE_ROUNDS;
    return (uint16_t)(NUMBERS_COMMON + 1 + random_u64(&presence->context->random) % count);
}

/* A question of a probe. */
struct question {
    enum asking asking;
    unsigned round;
    bool is_v6; /* of ASKING_PEER: to the peer's address of IPv6 */
};

/* Which question to a peer has the number. False: none that was asked. */
static bool find_question(const struct probe *probe, size_t peer, uint16_t number,
                          struct question *question) {
    *question =
        (struct question){.asking = (enum asking)((number - 1u) % ASKINGS), .round = (number - 1u) / ASKINGS};
    for (unsigned v6 = 0; v6 < 2; v6++) {
        const uint16_t first = probe->numbers[peer][v6];
        if (number >= first && number < first + MUSTER_PROBE_ROUNDS) {
            *question = (struct question){
                .asking = ASKING_PEER, .round = (unsigned)(number - first), .is_v6 = v6 == 1};
        }
    }
    return number != 0 && question->round < probe->report.rounds;
}

/* Every other round is of datagrams as long as any may be, for a path that carries only shorter ones. */
static bool is_long(unsigned round) {
    return round % 2 == 1;
}

static bool has_target(const struct probe *probe, const struct muster_static_peer *target) {
    for (size_t i = 0; i < probe->target_count; i++) {
        if (probe->targets[i].interface == target->interface &&
            endpoint_is_same(&probe->targets[i].endpoint, &target->endpoint)) {
            return true;
        }
    }
    return false;
}

static void add_targets(struct probe *probe, const struct muster_static_peer *targets, size_t count) {
    for (size_t i = 0; i < count && probe->target_count < MUSTER_PROBE_TARGETS_MAX; i++) {
        if (!has_target(probe, &targets[i])) {
            probe->targets[probe->target_count++] = targets[i];
        }
    }
}

static_assert(MUSTER_PROBE_ROUNDS <= 16, "each round has a bit");
static_assert(MUSTER_PROBE_PATHS_MAX == MUSTER_PATHS_MAX, "a report has room for every path");

int probe_begin(struct presence *presence, const struct muster_static_peer *targets, size_t target_count) {
    struct probe *probe = presence->probe;
    if (probe != NULL && !probe->report.is_over) {
        add_targets(probe, targets, target_count);
        return 0;
    }
    if (probe == NULL) {
        probe = malloc(sizeof *probe);
        if (probe == NULL) {
            return MUSTER_ENOMEM;
        }
        presence->probe = probe;
    }
    *probe = (struct probe){.due_ms = presence->context->now_ms};
    add_targets(probe, targets, target_count);
    presence->due_ms[PART_PROBE] = probe->due_ms;
    return 0;
}

/* ---- asking ---- */

static void send_question(struct presence *presence, struct message *query,
                          const struct muster_endpoint *destination, uint32_t interface, bool is_padded) {
    query_send_padded(presence, query, destination, interface,
                      is_padded      ? presence->context->paths.bytes_max
                      : query->wants ? paths_announce_bytes(&presence->context->paths)
                                     : 0);
}

/* Paths come and go; what was counted of one stays. */
static void record_paths(struct presence *presence) {
    struct muster_probe_report *report = &presence->probe->report;
    const struct paths *paths = &presence->context->paths;
    for (size_t i = 0; i < paths->count; i++) {
        size_t at = 0;
        while (at < report->path_count && (report->paths[at].path.interface != paths->items[i].interface ||
                                           report->paths[at].path.kind != paths->items[i].kind)) {
            at++;
        }
        if (at == report->path_count && at < MUSTER_PATHS_MAX) {
            report->paths[report->path_count++] = (struct muster_probe_path){.path = paths->items[i]};
        }
        if (at < report->path_count) {
            report->paths[at].sent++;
        }
    }
}

/* Whoever is heard may have forged its address: one that never answered is asked a few times only, and all of
 * these together not much more often. True where one may be asked now. */
static bool may_ask(struct probe *probe, struct probe_place *place) {
    if (place->is_proven) {
        return true;
    }
    if (place->asked == MUSTER_PROBE_UNPROVEN || probe->unproven_asked == MUSTER_PROBE_UNPROVEN_MAX) {
        return false;
    }
    place->asked++;
    probe->unproven_asked++;
    return true;
}

static void ask_peer(struct presence *presence, struct muster_probe_peer *peer,
                     const struct muster_endpoint *address) {
    struct probe *probe = presence->probe;
    const size_t at = (size_t)(peer - probe->report.peers);
    const unsigned round = probe->report.rounds;
    const bool is_v6 = address->family == 6;
    if (address->family == 0 || !may_ask(probe, &probe->places[at][is_v6])) {
        return;
    }
    struct message query = {.wants = true,
                            .asks_some = true,
                            .of_count = 1,
                            .probe = (uint16_t)(probe->numbers[at][is_v6] + round)};
    memcpy(query.of[0], peer->id, MUSTER_ID_BYTES);
    peer->asked[is_v6 ? MUSTER_PATH_U6 : MUSTER_PATH_U4]++;
    peer->asked_long += is_long(round) ? 1 : 0;
    peer->asked_short += is_long(round) ? 0 : 1;
    send_question(presence, &query, address, peer->interface, is_long(round));
}

/* A few peers are asked to answer by the group, on all paths: in a quiet LAN nothing else comes by some. */
static void call(struct presence *presence) {
    struct probe *probe = presence->probe;
    struct muster_probe_report *report = &probe->report;
    struct message query = {.asks_some = true};
    while (query.of_count < MUSTER_PROBE_CALLED && query.of_count < report->peer_count) {
        struct muster_probe_peer *peer = &report->peers[probe->called++ % report->peer_count];
        peer->called++;
        memcpy(query.of[query.of_count++], peer->id, MUSTER_ID_BYTES);
    }
    if (query.of_count > 0) {
        send_question(presence, &query, NULL, 0, false);
    }
}

static bool has_path(const struct presence *presence, const struct muster_probe_peer *peer, unsigned kind) {
    return paths_find(&presence->context->paths, peer->interface, (enum muster_path_kind)kind) != NULL;
}

/* Who is found is asked as a peer, and not twice: it answers few probes. */
static bool is_peer(const struct muster_probe_report *report, const struct muster_static_peer *target) {
    for (size_t i = 0; i < report->peer_count; i++) {
        const struct muster_probe_peer *peer = &report->peers[i];
        if (peer->interface == target->interface && (endpoint_is_same(&peer->address, &target->endpoint) ||
                                                     endpoint_is_same(&peer->address6, &target->endpoint))) {
            return true;
        }
    }
    return false;
}

static void ask(struct presence *presence) {
    struct probe *probe = presence->probe;
    struct muster_probe_report *report = &probe->report;
    const unsigned round = report->rounds;
    struct message query = {.wants = true, .probe = common_number(round, ASKING_GROUP)};
    probe->sent_ms[round] = presence->context->now_ms;
    record_paths(presence);
    send_question(presence, &query, NULL, 0, is_long(round));
    for (size_t i = 0; i < report->peer_count; i++) {
        for (unsigned kind = 0; kind < GROUP_KINDS; kind++) {
            report->peers[i].asked[kind] += has_path(presence, &report->peers[i], kind) ? 1 : 0;
        }
        ask_peer(presence, &report->peers[i], &report->peers[i].address);
        ask_peer(presence, &report->peers[i], &report->peers[i].address6);
    }
    for (size_t i = 0; i < probe->target_count; i++) {
        query = (struct message){.wants = true, .probe = common_number(round, ASKING_TARGET)};
        if (!is_peer(report, &probe->targets[i]) && may_ask(probe, &probe->target_places[i])) {
            send_question(presence, &query, &probe->targets[i].endpoint, probe->targets[i].interface, false);
        }
    }
    call(presence);
    report->rounds++;
}

uint64_t probe_tick(struct presence *presence) {
    struct probe *probe = presence->probe;
    const uint64_t now_ms = presence->context->now_ms;
    if (probe == NULL || probe->report.is_over || probe->due_ms > now_ms) {
        return probe == NULL || probe->report.is_over ? DEADLINE_NEVER : probe->due_ms;
    }
    if (probe->report.rounds == MUSTER_PROBE_ROUNDS) {
        probe->report.is_over = true;
        return DEADLINE_NEVER;
    }
    ask(presence);
    probe->due_ms = now_ms + MUSTER_PROBE_MS; /* in which the last answers come, too */
    return probe->due_ms;
}

/* ---- counting ---- */

/* A question of this node came back. All copies of one path count once. */
static void record_loop(struct probe *probe, const struct message *message,
                        const struct muster_datagram *datagram) {
    const enum muster_path_kind kind = group_path_kind(&datagram->destination);
    const unsigned round = (message->probe - 1u) / ASKINGS;
    if (message->kind != MESSAGE_QUERY || message->probe == 0 || round >= probe->report.rounds ||
        message->probe != common_number(round, ASKING_GROUP)) {
        return;
    }
    for (size_t i = 0; i < probe->report.path_count; i++) {
        struct muster_probe_path *path = &probe->report.paths[i];
        uint64_t *seen = &probe->looped[round][i / 64];
        if (path->path.interface == datagram->interface && path->path.kind == kind &&
            (*seen & UINT64_C(1) << i % 64) == 0) {
            *seen |= UINT64_C(1) << i % 64;
            path->looped++;
        }
    }
}

static bool is_fresh(const struct presence *presence, const struct message *message) {
    const struct nonces *nonces = &presence->nonces;
    for (unsigned i = 0; i < nonces_count(nonces, presence->context->now_ms); i++) {
        if (message_answers(message, nonces->values[i])) {
            return true;
        }
    }
    return false;
}

/* A peer without a key that never answered: many names cost a liar nothing. MUSTER_PROBE_PEERS_MAX: none. */
static size_t find_mute(const struct muster_probe_report *report) {
    size_t i = 0;
    while (i < report->peer_count && (report->peers[i].is_signed || report->peers[i].answered > 0 ||
                                      report->peers[i].answered_plain > 0)) {
        i++;
    }
    return i;
}

static struct muster_probe_peer *find_or_add(struct presence *presence, const struct message *message,
                                             const struct muster_datagram *datagram) {
    struct probe *probe = presence->probe;
    struct muster_probe_report *report = &probe->report;
    for (size_t i = 0; i < report->peer_count; i++) {
        if (report->peers[i].interface == datagram->interface &&
            memcmp(report->peers[i].id, message->id, MUSTER_ID_BYTES) == 0) {
            return &report->peers[i];
        }
    }
    size_t at = report->peer_count;
    if (at == MUSTER_PROBE_PEERS_MAX) {
        report->peers_missed++;
        at = is_fresh(presence, message) ? find_mute(report) : at;
    }
    if (at == MUSTER_PROBE_PEERS_MAX) {
        return NULL;
    }
    struct muster_probe_peer *peer = &report->peers[at];
    probe->group_answered[at] = 0;
    *peer = (struct muster_probe_peer){.interface = datagram->interface, .rtt_ms = UINT64_MAX};
    memcpy(peer->id, message->id, MUSTER_ID_BYTES);
    strcpy(peer->interface_name, paths_interface_name(&presence->context->paths, datagram->interface));
    for (unsigned kind = 0; kind < GROUP_KINDS && report->rounds > 0; kind++) {
        peer->asked[kind] = has_path(presence, peer, kind) ? 1 : 0;
    }
    probe->first_rounds[at] = report->rounds > 0 ? report->rounds - 1 : 0;
    memset(probe->reached[at], 0, sizeof probe->reached[0]);
    memset(probe->places[at], 0, sizeof probe->places[0]);
    probe->numbers[at][0] = draw_number(presence);
    probe->numbers[at][1] = draw_number(presence);
    report->peer_count += at == report->peer_count ? 1 : 0;
    return peer;
}

static struct muster_endpoint *place_address(struct muster_probe_peer *peer, uint8_t family) {
    return family == 6 ? &peer->address6 : &peer->address;
}

/* Questions to the group that left before the peer was heard are known to be asked when it answers them. */
static void record_first_round(struct presence *presence, struct muster_probe_peer *peer, unsigned round) {
    struct probe *probe = presence->probe;
    unsigned *first = &probe->first_rounds[peer - probe->report.peers];
    for (; round < *first; --*first) {
        for (unsigned kind = 0; kind < GROUP_KINDS; kind++) {
            peer->asked[kind] += has_path(presence, peer, kind) ? 1 : 0;
        }
    }
}

/* Marks a question as heard by a path. False when it was already: a question may have several answers. */
static bool record_reached(struct probe *probe, struct muster_probe_peer *peer, unsigned round,
                           unsigned kind) {
    uint8_t *reached = &probe->reached[peer - probe->report.peers][round];
    if ((*reached & 1u << kind) != 0 || peer->reached[kind] == peer->asked[kind]) {
        return false;
    }
    *reached |= (uint8_t)(1u << kind);
    peer->reached[kind]++;
    return true;
}

static void record_answer(struct presence *presence, struct muster_probe_peer *peer,
                          const struct message *message, const struct muster_endpoint *source) {
    struct probe *probe = presence->probe;
    const size_t at = (size_t)(peer - probe->report.peers);
    const bool is_v6 = source->family == 6;
    struct question question;
    if (!find_question(probe, at, message->probe, &question)) {
        peer->answered_plain++;
        return;
    }
    const enum asking asking = question.asking;
    const unsigned round = question.round;
    peer->answered++;
    if (asking == ASKING_PEER && question.is_v6 == is_v6 &&
        endpoint_is_same(place_address(peer, source->family), source)) {
        probe->places[at][is_v6].is_proven = true;
    }
    if (asking == ASKING_GROUP) { /* the copies of one question may have an answer each */
        uint16_t *answered = &probe->group_answered[at];
        peer->answered_group += (*answered >> round & 1) == 0 ? 1 : 0;
        *answered |= (uint16_t)(1U << round);
        record_first_round(presence, peer, round);
    }
    for (unsigned kind = 0; kind < MUSTER_PATH_KINDS && asking != ASKING_TARGET; kind++) {
        const bool is_of_group = kind < GROUP_KINDS;
        if ((message->heard >> kind & 1) == 0 || is_of_group != (asking == ASKING_GROUP) ||
            !record_reached(probe, peer, round, kind) || is_of_group) {
            continue;
        }
        const uint64_t rtt_ms = presence->context->now_ms - probe->sent_ms[round];
        peer->answered_long += is_long(round) ? 1 : 0;
        peer->answered_short += is_long(round) ? 0 : 1;
        peer->rtt_ms = rtt_ms < peer->rtt_ms ? rtt_ms : peer->rtt_ms;
    }
}

void probe_record(struct presence *presence, const struct message *message,
                  const struct muster_datagram *datagram) {
    struct probe *probe = presence->probe;
    if (probe == NULL || probe->report.is_over) {
        return;
    }
    if (memcmp(message->id, presence->context->identity.id, MUSTER_ID_BYTES) == 0) {
        record_loop(probe, message, datagram);
        return;
    }
    if (message->kind != MESSAGE_ANNOUNCE && message->kind != MESSAGE_ALIVE) {
        return;
    }
    struct muster_probe_peer *peer = find_or_add(presence, message, datagram);
    if (peer == NULL) {
        return;
    }
    if (!presence->probe->places[peer - presence->probe->report.peers][datagram->source.family == 6]
             .is_proven) {
        *place_address(peer, datagram->source.family) = datagram->source;
    }
    peer->heard[group_path_kind(&datagram->destination)]++;
    peer->is_signed = peer->is_signed || message->is_signed;
    if (message->kind == MESSAGE_ANNOUNCE) {
        strcpy(peer->name, message->document.name);
        peer->stream = message->stream;
    }
    if (is_fresh(presence, message)) {
        record_answer(presence, peer, message, &datagram->source);
    }
}
