/* SPDX-License-Identifier: MIT */
/* Questions of others, and our answers: by unicast after a random delay, so that a crowd does not answer
 * at once, or on the group, so that all who wonder hear it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "message.h"

struct presence;

struct answer {
    struct muster_endpoint asker;
    struct muster_endpoint other; /* where the asker is by the other family, if it is answered there too */
    struct muster_endpoint at;    /* of this node, that it was asked at by unicast; family 0: by the group */
    uint32_t interface;
    uint64_t nonce;
    bool wants;     /* an announce, not an alive */
    bool is_of_all; /* the question asks everybody */
    unsigned heard;
    uint16_t probe; /* of a question that asks how it was heard; 0: another one */
    uint64_t due_ms;
};

struct answers {
    struct answer *items; /* at most MUSTER_ANSWERS_MAX */
    size_t count;
    size_t capacity;

    struct bucket unicast; /* of answers to questions that ask everybody */
    struct bucket group;   /* of announces to the group at once */
    struct bucket probes;  /* of answers to probes */
    struct bucket parts;   /* of a body, by datagrams */

    /* Who asks whether this node lives is answered by an alive to the group. */
    bool is_group_due;
    uint64_t group_nonce;       /* of the last one who asked, */
    uint64_t group_asked_ms;    /* and when */
    uint64_t group_answered;    /* the last nonce that was answered */
    uint64_t group_earliest_ms; /* the group is not answered before this */
};

/* Takes a query that is not ours. False with the reason when it cannot be answered. */
bool answer_query(struct presence *presence, const struct message *query,
                  const struct muster_datagram *datagram, enum muster_drop *reason);

/* Gives the answers that are due. Returns when something is due next. */
uint64_t answer_tick(struct presence *presence);

/* A peer answered a question of this new node, and does not know it yet: it gets the same proof in return, by
 * unicast where these are few, else with those to the group. */
void answer_return(struct presence *presence, const struct muster_datagram *datagram, uint64_t nonce);

/* The window over which answers to everybody's question are spread, ms. */
uint64_t answer_window_ms(const struct presence *presence);
