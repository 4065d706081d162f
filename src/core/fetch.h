/* What this node asks others for on streams: the table of one that holds many rows, and documents that are
 * too big for a datagram. All of it is checked as if a stranger had said it, and whoever stalls or lies is
 * left for another. */
#ifndef CORE_FETCH_H
#define CORE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"
#include "reply.h"

struct muster_core;
struct message;

/* Where a stream leads. */
struct fetch_source {
    struct muster_endpoint endpoint;
    uint32_t interface;
    uint64_t peers; /* rows that it says to hold */
    bool is_used;   /* its table was asked for in this round */
};

struct fetch {
    uint64_t stream;                 /* its number; 0: not in use */
    bool is_table;                   /* else a document, */
    uint8_t id[MUSTER_ID_BYTES];     /* of this peer, */
    uint8_t hash[MUSTER_HASH_BYTES]; /* with this body */
    struct fetch_source source;
    struct reply_reader reader;
    char *request; /* to be written; NULL: it was */
    size_t request_length;
    bool is_new; /* to be opened */
    bool is_open;
    bool is_asked;  /* the request was handed over for writing */
    bool is_over;   /* to be closed */
    unsigned bad;   /* rows that no key vouches for */
    uint64_t count; /* parts that came */
    uint64_t began_ms;
    uint64_t moved_ms; /* bytes came last */
};

struct fetches {
    struct fetch items[MUSTER_FETCHES_MAX];
    uint64_t last_stream;
    struct fetch_source sources[MUSTER_SOURCES_MAX]; /* of tables, the largest first */
    size_t source_count;
    bool has_begun;        /* a table was asked for in this round of questions, */
    bool has_failed;       /* and none could be had */
    uint64_t documents_ms; /* when to look for documents that lack */
};

void fetch_deinit(struct fetches *fetches);

/* A round of questions begins: what earlier ones brought is old. */
void fetch_begin_round(struct muster_core *core);

/* An answer to a question of ours: its sender may hold more rows than we do. */
void fetch_note_answer(struct muster_core *core, const struct message *message,
                       const struct muster_datagram *datagram);

/* A row announces a document that is not here. */
void fetch_note_large(struct muster_core *core);

/* True while a table is being taken, or documents that a look should wait for. */
bool fetch_is_busy(const struct muster_core *core);

/* True when a question of this round may leave the answering to a few: when it is the first one, and later
 * only where one of those few gives its table. */
bool fetch_takes_table(const struct muster_core *core);

/* Something happened on a stream of an even number. */
void fetch_step(struct muster_core *core, const struct muster_stream *stream);

/* The next output for a stream, if there is one. */
bool fetch_next(struct muster_core *core, struct muster_output *output);

void fetch_tick(struct muster_core *core);

uint64_t fetch_deadline(const struct muster_core *core);

#endif
