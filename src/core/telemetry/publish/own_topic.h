/* SPDX-License-Identifier: MIT */
/* A topic that this node publishes: the sensors that it has records of, the last value of each, how many
 * records come a second, and the pack that is being filled. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "senml.h"
#include "signal.h"
#include "value_ref.h"

struct context;

/* What a topic has records of, under one name, and the last one of them. */
struct sensor {
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* "": the topic's own */
    char unit[MUSTER_NAME_BYTES_MAX + 1]; /* "": none, or not known */
    bool is_declared;                     /* when the topic was opened */
    bool has_last;
    bool is_retained;          /* the last one is to outlive this node, */
    bool is_restored;          /* or has outlived an earlier one: it was sent by that */
    bool is_reference;         /* the last one is too large for a datagram: text is what refers to it */
    struct muster_record last; /* its texts are this sensor's */
    uint64_t last_ms;          /* when it was added, */
    uint64_t last_number;      /* and the number of the ring's next datagram then */
    char *text;
    size_t text_size;
};

struct own_topic {
    char name[MUSTER_TOPIC_BYTES_MAX + 1];
    size_t name_length;
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1]; /* "": none */
    unsigned shard;
    struct sensor *sensors;
    size_t sensor_count;
    size_t sensor_next; /* of which the next record is likely to be */
    uint64_t sealed;    /* one more than the ring's number of its last datagram; 0: there was none */

    bool is_of_others; /* opened for another program: it makes room */
    uint64_t used_ms;  /* by that, last */

    bool is_changed; /* a sensor is new, or a rate: it is to be announced anew */

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
    size_t name_at;       /* with the topic's name here, */
    size_t origin_length; /* and so many bytes of its origin's member behind the quote */
    char prefix[SIGNAL_PREFIX_BYTES_MAX];
};

/* True when a topic can be announced. */
bool own_topic_is_valid(const struct muster_topic *described);

/* Of a valid description; NULL without memory. */
struct own_topic *own_topic_new(const struct context *context, const struct muster_topic *described);

/* NULL is allowed. */
void own_topic_free(struct own_topic *topic);

/* Writes its header anew, under another identity. */
void own_topic_rekey(struct own_topic *topic, const struct context *context);

/* Adds a record to the pack that is being filled, and begins one where there is none. time_s: since 1970, of
 * the record. number: of the ring's next datagram, of at most bytes_max bytes. MUSTER_EINVAL
 * (muster_record_fault() says why), MUSTER_ETOOBIG (it does not fit beside what is in the pack). */
int own_topic_add(struct own_topic *topic, const struct muster_record *record, double time_s, uint64_t number,
                  size_t bytes_max, uint64_t now_ms);

/* Makes a pack of the reference to a record that fits no datagram; there is no other pack. The same errors.
 */
int own_topic_add_reference(struct own_topic *topic, const struct muster_record *record,
                            const struct value_ref *ref, uint64_t number, size_t bytes_max, uint64_t now_ms);

/* The last value of this name is to outlive the node, or not. True when that, or such a value, is new. */
bool own_topic_retain(struct own_topic *topic, const char *name, bool retains);

/* True when a value of it is to outlive the node. */
bool own_topic_is_retained(const struct own_topic *topic);

/* Puts such a value back, of said_ms; its name is in full. What is known already stays. False without memory,
 * and for a name that is not the topic's. */
bool own_topic_restore(struct own_topic *topic, const struct muster_record *record, uint64_t said_ms);

/* Measures how many records come a second. */
void own_topic_measure_rate(struct own_topic *topic, uint64_t now_ms);

/* Describes the topic with all its sensors, or those alone that were declared; its units are written to
 * texts.
 */
struct muster_topic own_topic_describe(const struct own_topic *topic, struct muster_text *texts,
                                       bool with_all);
