/* What this node publishes: its topics, and their records on the way into datagrams. */
#ifndef CORE_PUBLISHER_H
#define CORE_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "buffer.h"
#include "ring.h"
#include "senml.h"
#include "signal.h"

struct telemetry;

/* What a topic has records of, under one name, and the last one of them. */
struct sensor {
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* "": the topic's own */
    size_t name_length;
    char unit[MUSTER_NAME_BYTES_MAX + 1]; /* "": none, or not known */
    bool is_declared;                     /* when the topic was opened */
    bool has_last;
    struct muster_record last; /* its texts are this sensor's */
    uint64_t last_ms;          /* when it was added, */
    uint64_t last_number;      /* and the number of the ring's next datagram then */
    char *text;
    size_t text_size;
};

struct own_topic {
    char name[MUSTER_TOPIC_BYTES_MAX + 1];
    size_t name_length;
    unsigned shard;
    struct sensor *sensors;
    size_t sensor_count;
    size_t sensor_next; /* of which the next record is likely to be */
    uint64_t sealed;    /* one more than the ring's number of its last datagram; 0: there was none */

    uint64_t counted;  /* records, the first of them */
    uint64_t count_ms; /* at this time */
    double rate;       /* records a second, as announced; 0: not known yet */

    /* The pack that is being filled, */
    bool has_records;
    bool is_due; /* as soon as there is room */
    uint64_t began_ms;
    struct senml_writer writer;
    char body[MUSTER_DATAGRAM_BYTES_MAX];
    size_t prefix_length; /* and the header for it, up to its seq, */
    size_t name_at;       /* with the topic's name here */
    char prefix[SIGNAL_PREFIX_BYTES_MAX];
};

struct publisher {
    struct own_topic *topics[MUSTER_TOPICS_MAX];
    size_t topic_count; /* places in use */
    size_t open_count;
    struct ring ring; /* once there is a topic */
    size_t ring_bytes;
    uint64_t linger_ms;
    size_t queue_bytes_max; /* that may wait to be sent */
    bool is_full;           /* somebody was told to try again later */
    bool is_announce_due;   /* a sensor is new, or a rate */
    uint64_t rates_due_ms;  /* when to look at the rates */
    uint64_t linger_due_ms; /* the earliest of all topics */
};

void publisher_init(struct publisher *publisher, const struct muster_core_options *options);

/* A zeroed struct is allowed. */
void publisher_deinit(struct publisher *publisher);

/* Writes the headers of topics anew, under another identity; what was sealed under the old one is gone. */
void publisher_rekey(struct telemetry *telemetry);

/* Opens a topic; the caller announces it by publisher_describe(). MUSTER_EINVAL (incomplete, or open
 * already), MUSTER_EFULL, MUSTER_ENOMEM. */
int publisher_topic_open(struct telemetry *telemetry, const struct muster_topic *described, unsigned *number);

/* Undoes publisher_topic_open(). */
void publisher_topic_discard(struct publisher *publisher, unsigned number);

/* muster_core_topic_add(), _flush(), _close(), muster_core_is_writable() of a node that stays. */
int publisher_topic_add(struct telemetry *telemetry, unsigned number, const struct muster_record *record,
                        uint64_t now_ms, double wall_s);
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

/* Seals what lingered long enough. */
void publisher_tick(struct telemetry *telemetry);

uint64_t publisher_deadline(const struct telemetry *telemetry);

#endif
