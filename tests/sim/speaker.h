/* SPDX-License-Identifier: MIT */
/* Scripted peers: they announce, say alive by their promise and answer questions, as schemas/PROTOCOL.md has
 * it, but keep no table: where they give one it is that of a node. So they cost little, and
 * thousands of them fill a segment around real nodes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "segment.h"

#define BUDGET_BPS 128000
#define ALIVE_BITS (8 * 306) /* of an alive with its frame, about */

struct speaker {
    struct host *host;
    uint8_t key[MUSTER_KEY_BYTES];
    uint64_t boot;
    uint64_t seq;
    uint64_t rev;
    uint64_t next_us;     /* when it says the next alive */
    uint64_t answered_us; /* the group, last */
    size_t subject;
    uint64_t proven; /* nonces of the group that it has answered */
    unsigned copies; /* of its announce, that are still to be said */
    bool is_up;
};

#define SPEAKERS_NONCES 64 /* of others, the latest */
#define SPEAKERS_NONCE_BYTES 17

struct speakers {
    struct speaker *all;
    size_t count;
    size_t *by_subject; /* index + 1 */
    size_t subject_count;
    char nonces[SPEAKERS_NONCES][SPEAKERS_NONCE_BYTES]; /* that announces to the group bore */
    uint64_t nonce_count;                               /* so far */
};

/* Adds so many to a segment; they start within this time. */
void speakers_add(struct world *world, unsigned segment, size_t count, uint64_t within_us);
void speakers_deinit(struct speakers *speakers);

void speaker_start(struct world *world, struct speaker *speaker);
void speaker_kill(struct world *world, struct speaker *speaker);
void speaker_leave(struct world *world, struct speaker *speaker);
/* Its document changes. */
void speaker_change(struct world *world, struct speaker *speaker);

/* Something came to it by unicast; to all by the group. */
void speaker_receive(struct world *world, struct speaker *speaker, const struct packet *packet);
void speakers_hear(struct world *world, const struct packet *packet);
