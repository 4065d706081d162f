/* SPDX-License-Identifier: MIT */
/* What this node publishes: its topics, and their records on the way into datagrams. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "buffer.h"
#include "own_topic.h"
#include "own_values.h"
#include "ring.h"

struct telemetry;

struct publisher {
    struct own_topic *topics[MUSTER_TOPICS_MAX];
    size_t topic_count; /* places in use */
    size_t open_count;
    struct ring ring; /* once there is a topic */
    struct own_values values;
    size_t ring_bytes;
    uint64_t linger_ms;
    size_t queue_bytes_max; /* that may wait to be sent */
    bool is_full;           /* somebody was told to try again later */
    bool is_announce_due;   /* a sensor is new, or a rate */
    uint64_t retentions;    /* values that came and are to outlive the node, or no longer */
};

void publisher_init(struct publisher *publisher, const struct muster_core_options *options);

/* A zeroed struct is allowed. */
void publisher_deinit(struct publisher *publisher);

/* Writes the headers of topics anew, under another identity; what was sealed under the old one is gone. */
void publisher_rekey(struct telemetry *telemetry);

/* The number of an open topic. False when none has this name. */
bool publisher_topic_find(const struct publisher *publisher, const char *name, unsigned *number);

/* Marks an open topic as one of another program. */
void publisher_topic_lend(struct publisher *publisher, unsigned number);

/* Another program uses an open topic now. */
void publisher_topic_use(struct telemetry *telemetry, unsigned number);

/* The last value of a name of the topic (NULL, "": the topic's own) is to outlive the node, or not. */
void publisher_topic_retain(struct publisher *publisher, unsigned number, const char *name, bool retains);

/* Appends those that are to, as publisher_write_last() does. */
int publisher_write_retained(const struct telemetry *telemetry, const struct own_topic *topic,
                             struct buffer *out, uint64_t *count);

/* Puts such a value back, which was published so long ago. Its name is in full. False without memory. */
bool publisher_topic_restore(struct telemetry *telemetry, unsigned number, const struct muster_record *record,
                             uint64_t age_ms);

/* The topic of another program that was not used for longest. False when there is none. */
bool publisher_topic_idlest(const struct publisher *publisher, unsigned *number);

/* Opens a topic; the caller announces it by publisher_describe(). MUSTER_EINVAL (incomplete, or open
 * already), MUSTER_EFULL, MUSTER_ENOMEM. */
int publisher_topic_open(struct telemetry *telemetry, const struct muster_topic *described, unsigned *number);

/* Undoes publisher_topic_open(): nothing of the topic is sent. */
void publisher_topic_discard(struct publisher *publisher, unsigned number);

/* muster_core_topic_add(), _flush(), _close(), muster_core_is_writable() of a node that stays. MUSTER_ETOOBIG
 * for a record that fits no datagram, unless it may go by stream. */
int publisher_topic_add(struct telemetry *telemetry, unsigned number, const struct muster_record *record,
                        uint64_t now_ms, double wall_s, bool may_stream);
void publisher_topic_flush(struct telemetry *telemetry, unsigned number);
void publisher_topic_close(struct telemetry *telemetry, unsigned number);
bool publisher_is_writable(struct publisher *publisher);

/* The open topics as they are announced. */
struct publisher_topics {
    struct muster_topic *items;
    size_t count;
    struct muster_text *texts; /* their units */
};

/* Describes the open topics, with all their sensors or those alone that were declared. MUSTER_ENOMEM. */
int publisher_describe(const struct publisher *publisher, bool with_all, struct publisher_topics *topics);
void publisher_topics_deinit(struct publisher_topics *topics);

/* Appends the last values of a topic to out, as parts of an answer, and counts these in *count.
 * MUSTER_ENOMEM. */
int publisher_write_last(const struct telemetry *telemetry, const struct own_topic *topic, struct buffer *out,
                         uint64_t *count);

/* Seals all that was added: the node leaves. */
void publisher_leave(struct telemetry *telemetry);

/* True when one more datagram may wait to be sent. */
bool publisher_has_room(const struct publisher *publisher);

/* Seals what lingered long enough. */
void publisher_seal_lingering(struct telemetry *telemetry);

/* Measures how often records come. */
void publisher_measure_rates(struct telemetry *telemetry);
