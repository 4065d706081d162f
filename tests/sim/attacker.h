/* SPDX-License-Identifier: MIT */
/* Hosts that mean harm: they flood, forge and replay. They know no key but their own. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "question.h"
#include "segment.h"

struct attacker {
    struct host **hosts; /* it sends from them in turn */
    size_t host_count;
    uint64_t end_us;
    uint64_t each_us; /* between two datagrams */
    uint64_t number;  /* of the next one */
    void (*attack)(struct world *world, struct attacker *attacker, struct host *from);

    char nonce[QUESTION_NONCE_BYTES]; /* of another, that it heard last */

    /* What it recorded, and says again. */
    struct packet **recorded;
    size_t recorded_count;
    size_t recorded_size;
};

/* Adds an attacker of so many addresses, each of so many ports, that sends `per_s` datagrams a second in that
 * time. It lives as long as the world. */
struct attacker *attacker_add(struct world *world, size_t addresses, size_t ports, double from_s, double to_s,
                              double per_s,
                              void (*attack)(struct world *world, struct attacker *attacker,
                                             struct host *from));
void attackers_deinit(struct world *world);

/* Attacks. */
void attack_with_garbage(struct world *world, struct attacker *attacker, struct host *from);
void attack_with_names(struct world *world, struct attacker *attacker,
                       struct host *from); /* unsigned peers */
void attack_with_keys(struct world *world, struct attacker *attacker,
                      struct host *from); /* signed ones that never answer */
void attack_with_byes(struct world *world, struct attacker *attacker,
                      struct host *from); /* in the name of nodes */
void attack_with_alives(struct world *world, struct attacker *attacker, struct host *from); /* likewise */
void attack_with_impostors(struct world *world, struct attacker *attacker,
                           struct host *from); /* answers in the name of ids whose key it has not */
void attack_with_questions(struct world *world, struct attacker *attacker, struct host *from);
void attack_with_recordings(struct world *world, struct attacker *attacker, struct host *from);

/* Questions in the name of nodes, of whether all others are there, for the ears of one node at a time: those
 * that are asked for hear nothing of it. */
void attack_with_forged_questions(struct world *world, struct attacker *attacker, struct host *from);

/* Something was said to the group. */
void attackers_hear(struct world *world, struct packet *packet);
