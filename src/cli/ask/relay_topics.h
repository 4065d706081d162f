/* SPDX-License-Identifier: MIT */
/* The topics that a command publishes, by name. A topic is planned when a reading names it, and opened with
 * all others that are planned; it is announced with the units that were planned until then. */
#pragma once

#include <stddef.h>

#include <muster/muster.h>

/* Topics of one command, and records below one of them whose units are announced. */
#define RELAY_TOPICS_MAX 256
#define RELAY_UNITS_MAX 64

struct relay_topic {
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1];
    char *unit;                /* planned, of the topic's own records; NULL: none */
    struct muster_text *units; /* planned, of the records below it */
    size_t unit_count;
    char
        origin[MUSTER_ORIGIN_BYTES_MAX + 1]; /* where its first reading was brought from; "": it is our own */
    muster_publisher_t *publisher;           /* NULL while it is planned, or when it could not be opened: */
    int error;                               /* then this is why */
};

/* Zeroed: no topic. */
struct relay_topics {
    struct relay_topic topics[RELAY_TOPICS_MAX]; /* sorted by name */
    size_t count;
};

/* The topic of this name; NULL when it is not there. Borrowed until the next topic is planned. */
struct relay_topic *relay_topics_find(struct relay_topics *topics, const char *name);

/* Plans a topic, unless it was opened before, with its origin, and the unit of a record in it ("": the
 * topic's own); NULL or "" is no unit. 0, MUSTER_EFULL (RELAY_TOPICS_MAX) or MUSTER_ENOMEM. */
int relay_topics_plan(struct relay_topics *topics, const char *name, const char *origin, const char *record,
                      const char *unit);

/* Opens all topics that are planned. A topic that can't be opened keeps its error, and is not tried again. */
void relay_topics_open(struct relay_topics *topics, muster_t *node);

/* Lets all that was added leave. */
void relay_topics_flush(struct relay_topics *topics);

/* Frees the topics. Their publishers are the node's, which closes them. A zeroed struct is allowed. */
void relay_topics_deinit(struct relay_topics *topics);
