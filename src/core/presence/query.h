/* SPDX-License-Identifier: MIT */
/* Asking everybody who is there, and telling when the answers are in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

struct presence;
struct message;

/* What streams do for a round of questions, as the node says after each step. */
struct query_tables {
    bool has_begun;        /* a table was asked for in this round, */
    bool has_failed;       /* and none could be had */
    bool is_under_way;     /* one is being taken */
    uint64_t busy_from_ms; /* from then on a look should wait for what is being fetched; UINT64_MAX: never */
};

/* What is asked for. */
struct query_wish {
    bool is_set;
    unsigned waiting;                     /* of the application, for SETTLED */
    char type[MUSTER_TYPE_BYTES_MAX + 1]; /* "": any */
    char name[MUSTER_OFFERER_BYTES];      /* "": any */
};

/* Somebody says to hold so many peers. */
struct claim {
    struct muster_endpoint source;
    uint64_t peers;
};

struct query {
    uint64_t count; /* of our queries of any kind */
    uint64_t round; /* grows with each round of questions */
    unsigned asked; /* times so far in this round */
    bool is_again;  /* a crowd is known already when this round begins, as after a sleep */
    uint64_t began_ms;
    uint64_t news_ms;           /* a peer was last added */
    struct query_tables tables; /* in this round */
    struct claim claims[2];     /* the most peers that anybody heard since says to hold, and the most that
                                   anybody of another address says */
    struct query_wish wish;     /* of this round; not set: none is under way */
    struct query_wish next;     /* what was asked for meanwhile makes the next one */
};

/* Asks now, or, while a round of questions is under way, in the next round; all that wait for the next one go
 * on as one. type and name may be NULL for any. MUSTER_EINVAL, MUSTER_EFULL. */
int query_begin(struct presence *presence, const char *type, const char *name, bool is_awaited);

/* Somebody says to hold so many peers. */
void query_record_reported(struct presence *presence, const struct muster_endpoint *source, uint64_t peers);

/* Asks again or settles when that is due. Returns when something is due next. */
uint64_t query_tick(struct presence *presence);

/* Sends one question of ours to the group or, destination not NULL, to one address. Nothing for who has left.
 */
void query_send(struct presence *presence, struct message *query, const struct muster_endpoint *destination,
                uint32_t interface);

/* The same, padded to so many bytes. */
void query_send_padded(struct presence *presence, struct message *query,
                       const struct muster_endpoint *destination, uint32_t interface, size_t pad_to);
