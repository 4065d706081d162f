/* SPDX-License-Identifier: MIT */
/* Taking the peer table of one that holds many rows, in a round of questions. All of it is checked as if a
 * stranger had said it, and whoever stalls or lies is left for another. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "fetch.h"
#include "limit.h"

struct exchange;
struct message;

/* Who could give its table. */
struct table_source {
    struct fetch_source source;
    uint64_t peers; /* rows that it says to hold */
    bool is_used;   /* its table was asked for in this round */
};

struct tables {
    uint64_t round; /* of questions */
    struct table_source sources[MUSTER_SOURCES_MAX];
    size_t source_count;
    bool has_begun;  /* a table was asked for in this round, */
    bool has_failed; /* and none could be had: then everybody is asked to answer */
};

/* Forgets what earlier rounds brought, if this one is new. */
void tables_set_round(struct tables *tables, uint64_t round);

/* An answer to a question of ours: its sender may hold more rows than we do. */
void tables_record_answer(struct exchange *exchange, const struct message *announce,
                          const struct muster_datagram *datagram);

/* Takes the table of the best source that is left, as soon as there is a stream for it. */
void tables_tick(struct exchange *exchange);

/* A row of a table came. False when the other side lies too much. */
bool tables_take_row(struct exchange *exchange, struct fetch *fetch, const struct reply *reply);

/* A table was taken whole, or could not be had. */
void tables_end(struct exchange *exchange, bool is_good);
