/* What this node asks others for on streams: the table of one that holds many rows, documents that are too
 * big for a datagram, and samples. All of it is checked as if a stranger had said it, and whoever stalls or
 * lies is left for another. */
#ifndef CORE_FETCH_H
#define CORE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "catchup.h"
#include "limit.h"
#include "reply.h"
#include "table_source.h"

struct muster_core;
struct message;
struct peer;

enum fetch_kind {
    FETCH_TABLE,
    FETCH_DOCUMENT,
    FETCH_SAMPLES, /* of the past */
    FETCH_FOLLOW,  /* samples as they are sent */
};

struct fetch {
    uint64_t stream; /* its number; 0: not in use */
    enum fetch_kind kind;
    uint8_t id[MUSTER_ID_BYTES];     /* DOCUMENT: of this peer, */
    uint8_t hash[MUSTER_HASH_BYTES]; /* with this body */
    struct ask ask;                  /* SAMPLES */
    uint64_t boot;                   /* SAMPLES: of who was asked */
    char *keeps;                     /* SAMPLES: patterns of whose topics it passes on, each ended by NUL */
    size_t keep_count;
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

/* Tables and documents, last values, and followed streams have places of their own. */
#define FETCH_PLACES (MUSTER_FETCHES_MAX + MUSTER_CATCHUPS_MAX + MUSTER_FOLLOWS_MAX)

struct fetches {
    struct fetch items[FETCH_PLACES];
    size_t samples; /* of them, those that take samples of the past */
    uint64_t last_stream;
    struct table_sources sources;
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

/* True when a table was taken in this round, and no other is under way or has failed for good. */
bool fetch_took_table(const struct muster_core *core);

/* True when one more of this kind can begin. */
bool fetch_has_room(const struct muster_core *core, enum fetch_kind kind);

/* Asks a peer of this document for samples. MUSTER_EFULL, MUSTER_ETOOBIG (the request), MUSTER_ENOMEM. */
int fetch_samples(struct muster_core *core, const struct peer *peer, const struct request *request,
                  const struct ask *ask, const struct muster_document *document);

/* Follows the samples of a peer, on a stream of this number. Errors as above. */
int fetch_follow(struct muster_core *core, const struct peer *peer, const struct request *request,
                 uint64_t *stream);

/* True while samples of the past are being taken. */
bool fetch_takes_samples(const struct muster_core *core);

/* Ends what is done on a stream; nobody is told. */
void fetch_stop(struct muster_core *core, uint64_t stream);

/* A subscription ended, bit 1 << its number: nothing is asked for it any more. */
void fetch_forget(struct muster_core *core, uint64_t subscription);

/* Something happened on a stream of an even number. */
void fetch_step(struct muster_core *core, const struct muster_stream *stream);

/* The next output for a stream, if there is one. */
bool fetch_next(struct muster_core *core, struct muster_output *output);

void fetch_tick(struct muster_core *core);

uint64_t fetch_deadline(const struct muster_core *core);

#endif
