/* SPDX-License-Identifier: MIT */
/* Probing: questions that ask how they were heard, by each path and to each peer alone, and what comes of
 * them. A probe changes no row; what it counts is evidence for people (PROTOCOL.md, "Probes"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

struct presence;
struct message;

/* An address that is asked. */
struct probe_place {
    bool is_proven; /* an answer shows that who is asked there receives it */
    uint8_t asked;  /* times while it was not */
};

struct probe {
    struct muster_probe_report report;
    uint64_t sent_ms[MUSTER_PROBE_ROUNDS]; /* when the questions of each round left */
    uint64_t looped[MUSTER_PROBE_ROUNDS]
                   [2]; /* of each round: bit 1 << index of the paths that it came back by */
    uint8_t reached[MUSTER_PROBE_PEERS_MAX]
                   [MUSTER_PROBE_ROUNDS]; /* of each peer and round: bit 1 << kind of the paths that count */
    unsigned first_rounds[MUSTER_PROBE_PEERS_MAX]; /* from which on each peer is asked */
    struct muster_static_peer targets[MUSTER_PROBE_TARGETS_MAX];
    size_t target_count;
    struct probe_place places[MUSTER_PROBE_PEERS_MAX][2]; /* of each peer: by IPv4, by IPv6 */
    struct probe_place target_places[MUSTER_PROBE_TARGETS_MAX];
    unsigned unproven_asked;                     /* questions to all that were not proven */
    uint16_t numbers[MUSTER_PROBE_PEERS_MAX][2]; /* of the first question to each peer by IPv4 and by IPv6;
                                                    those of later rounds follow */
    size_t called; /* peers that were asked to answer by the group: the next ones come after these */
    uint16_t
        group_answered[MUSTER_PROBE_PEERS_MAX]; /* of each peer: bit 1 << round of the group's questions */
    uint64_t due_ms;
};

/* Begins a probe, or gives the one that is under way more targets. MUSTER_ENOMEM. */
int probe_begin(struct presence *presence, const struct muster_static_peer *targets, size_t target_count);

/* Counts a message that came, whoever sent it; nothing where no probe is under way. */
void probe_record(struct presence *presence, const struct message *message,
                  const struct muster_datagram *datagram);

/* Asks when a round is due. Returns when something is due next. */
uint64_t probe_tick(struct presence *presence);
