/* SPDX-License-Identifier: MIT */
/* Publishers as a subscriber knows them: their names, the jitter of what they send, and losses that were not
 * reported yet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "record.h"

/* Held at a time. */
#define SOURCES_MAX 4096

struct source {
    struct record_publisher publisher;

    bool is_streamed;                     /* its data came by a stream last */
    uint64_t malformed;                   /* bodies */
    uint64_t losses[MUSTER_LOSS_REASONS]; /* datagrams, since that was last said */

    /* The interarrival jitter of RFC 3550, 6.4.1, by the records' own times. */
    bool has_transit;
    double transit_s;
    double jitter_s;
    uint64_t heard; /* datagrams that counted for it, since source_jitter() was last asked */
};

/* Zeroed: none. */
struct sources {
    struct source **sources; /* sorted by id */
    size_t count;
};

/* The publisher of this id, which a peer table may know. When there are too many, all are forgotten first.
 * NULL when memory is out. Borrowed until the next call. */
struct source *source_find(struct sources *sources, const muster_t *node, const uint8_t id[MUSTER_ID_BYTES]);

/* Takes over the name that a sample says of its publisher, where none is known. */
void source_learn(struct sources *sources, struct source *source, const struct muster_sample *sample);

/* Takes over the name of a peer, if it is one of the publishers. */
void source_rename(struct sources *sources, const struct muster_peer *peer);

/* Records that a datagram came at arrival_s with a record of time_s, both since 1970. */
void source_record_heard(struct source *source, double time_s, double arrival_s);

/* The largest jitter of all that were heard since the last call; negative when none was. */
double source_jitter(struct sources *sources);

/* A zeroed struct is allowed. */
void source_deinit(struct sources *sources);
