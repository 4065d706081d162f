/* SPDX-License-Identifier: MIT */
/* The objects of answers: one walk over the members of a struct both writes and reads them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "document.h"
#include "name.h"
#include "reply.h"

struct reply_walk {
    struct document *document;     /* that is written; NULL while one is read */
    document_node_t *target;       /* the object that is written, */
    const document_node_t *source; /* or read */
    struct reply_lists *lists;     /* for what is read */
    enum muster_drop *reason;      /* set without memory for it */
    bool is_wrong;                 /* what is read lacks what it must have, or there is no memory for it */
};

/* The members of one object. What is read goes into a zeroed struct, where what is missing or out of range
 * stays 0. The struct that is written is as it was after the walk. */
void reply_walk_counters(struct reply_walk *walk, struct muster_counters *counters);
void reply_walk_row(struct reply_walk *walk, struct muster_peer *peer); /* and what its announce can't say, */
void reply_walk_evidence(struct reply_walk *walk, struct muster_peer *peer); /* to programs of this machine */
void reply_walk_self(struct reply_walk *walk, struct muster_self *self);     /* its row excepted */

/* A walk over the object that is the member `name` of this one. */
struct reply_walk reply_walk_enter(struct reply_walk *walk, const char *name);

/* Counters by name. */
struct reply_counter {
    const char *name;
    size_t offset; /* of an uint64_t in the struct that the table is of */
};
#define REPLY_COUNTERS 20
extern const struct reply_counter reply_counters[REPLY_COUNTERS]; /* struct muster_counters */
#define REPLY_FEED_COUNTERS 14
extern const struct reply_counter reply_feed_counters[REPLY_FEED_COUNTERS]; /* struct muster_feed */
