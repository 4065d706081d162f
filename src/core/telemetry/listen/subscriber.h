/* What this node subscribes to: patterns, the groups that they need, and the feeds that are heard there. */
#ifndef CORE_SUBSCRIBER_H
#define CORE_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "feed_table.h"

struct muster_core;
struct message;
struct peer;

struct subscription {
    bool is_newest;
    uint64_t since_ms; /* last values are asked for, and what was sent in this time */
    size_t pattern_count;
    char patterns[]; /* one after the other, each ended by NUL */
};

struct subscriber {
    struct subscription *subscriptions[MUSTER_SUBSCRIPTIONS_MAX];
    uint64_t ordered;     /* bit 1 << number of each that wants the publisher's order, */
    uint64_t newest;      /* and of each other, */
    uint64_t lasting;     /* and of each that last values are asked for */
    uint64_t generation;  /* grows with each change of them */
    bool has_missed_rows; /* for want of memory it is not known what they publish, */
    uint64_t rows_ms;     /* and not looked at again before */
    uint32_t groups;      /* wanted, */
    uint32_t groups_told; /* and as they were handed out last */
    struct feed_table feeds;
};

/* A zeroed struct is allowed. */
void subscriber_deinit(struct subscriber *subscriber);

/* The subscriptions that a topic may be for. */
uint64_t subscriber_audience(const struct subscriber *subscriber, const char *topic);

/* Those that any topic of a row in this shard may be for; without memory all. */
uint64_t subscriber_row_audience(struct muster_core *core, const struct peer *peer, unsigned shard);

/* A peer publishes these topics. */
void subscriber_note_topics(struct muster_core *core, struct peer *peer,
                            const struct muster_document *document);

/* What this node subscribes to has changed. */
void subscriber_note_groups(struct muster_core *core);

/* It publishes now, or no more: whoever misses something asks in a group. */
void subscriber_note_publishing(struct muster_core *core);

/* Looks once more at what could not be looked at for want of memory. */
void subscriber_tick(struct muster_core *core);

/* When it wants to do so, or has groups to tell. */
uint64_t subscriber_deadline(const struct muster_core *core);

/* True when they have changed. */
bool subscriber_has_news(const struct subscriber *subscriber);

/* The groups to hear, when they have changed. */
bool subscriber_next(struct muster_core *core, struct muster_output *output);

#endif
