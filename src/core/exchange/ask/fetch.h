/* SPDX-License-Identifier: MIT */
/* Streams that this node opened to ask others: one request on each, and its answer part by part. What the
 * parts mean is for whoever asked: tables, documents, catchup and follow. Whoever stalls is given up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"
#include "pattern_set.h"
#include "reply.h"

struct context;
struct peer;

enum fetch_kind {
    FETCH_TABLE,
    FETCH_DOCUMENT,
    FETCH_SAMPLES, /* of the past */
    FETCH_FOLLOW,  /* samples as they are sent */
    FETCH_VALUE,   /* one that is too large for a datagram */
};
#define FETCH_KINDS 5

/* Where a stream leads. */
struct fetch_source {
    struct muster_endpoint endpoint;
    uint32_t interface;
};

/* What a peer is to be asked for last values of. */
struct ask {
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot; /* of the peer: a later start is asked anew */
    uint64_t subscriptions;
    uint64_t since_ms; /* of all of them */
    uint64_t due_ms;
    unsigned tries;
    uint64_t live[MUSTER_SHARDS]; /* of its feeds, the seq from which on they are delivered live; UINT64_MAX:
                                     there was no feed yet */
    uint64_t done[MUSTER_SHARDS]; /* the last seq that an earlier try brought */
};

struct fetch {
    struct fetch *prev;
    struct fetch *next;
    uint64_t stream; /* its number */
    enum fetch_kind kind;
    struct fetch_source source;
    struct reply_reader reader;
    char *request;
    size_t request_length;
    bool is_new; /* to be opened */
    bool is_open;
    bool is_asked;  /* the request was handed over for writing */
    bool is_over;   /* to be closed */
    uint64_t count; /* parts that came */
    uint64_t began_ms;
    uint64_t moved_ms; /* bytes came last */

    /* TABLE */
    unsigned bad; /* rows that no key vouches for */

    /* DOCUMENT and VALUE */
    uint8_t id[MUSTER_ID_BYTES];     /* of this peer, */
    uint8_t hash[MUSTER_HASH_BYTES]; /* with this body */
    enum request_end end;            /* how the answer ended; DONE: it did not, or well */

    /* SAMPLES */
    struct ask ask;
    uint64_t boot;             /* of who was asked */
    struct pattern_set caches; /* whose topics it passes on */
};

struct fetches {
    struct fetch *items;
    size_t counts[FETCH_KINDS];
    uint64_t last_stream;
};

/* A zeroed struct is allowed. */
void fetches_deinit(struct fetches *fetches);

/* Where the streams of a row's peer lead. */
struct fetch_source fetch_source_of(const struct peer *peer);

/* Begins to ask. MUSTER_EFULL when too many of its kind are under way, MUSTER_ETOOBIG (the request),
 * MUSTER_ENOMEM; then nothing is. */
int fetch_begin(struct fetches *fetches, const struct context *context, enum fetch_kind kind,
                const struct fetch_source *source, const struct request *request, struct fetch **begun);

/* True when one more of this kind can begin. */
bool fetch_has_room(const struct fetches *fetches, enum fetch_kind kind);

/* True while a table is being taken. */
bool fetch_has_table(const struct fetches *fetches);

/* The fetch of a stream; NULL when there is none. */
struct fetch *fetch_find(const struct fetches *fetches, uint64_t stream);

/* Ends what is done on a stream; nobody is told. */
void fetch_stop(struct fetches *fetches, uint64_t stream);

/* The next fetch that has something to be done on its stream; NULL when there is none. */
struct fetch *fetch_first_waiting(const struct fetches *fetches);

/* What is to be done; false when its stream was never opened, so that there is nothing to close. */
bool fetch_next_output(struct fetch *fetch, struct muster_output *output);

/* Frees one that is over. */
void fetch_release(struct fetches *fetches, struct fetch *fetch);

/* When it is out of time. */
uint64_t fetch_end_ms(const struct fetch *fetch);

uint64_t fetch_deadline(const struct fetches *fetches);
