/* SPDX-License-Identifier: MIT */
/* Samples that came by streams and wait to be pulled, and which values of sensors were delivered so, that
 * nobody is given one twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct exchange;

struct backlog_sample {
    struct backlog_sample *prev;
    struct backlog_sample *next;
    uint64_t subscriptions;
    uint64_t put_ms;
    uint64_t until;              /* of last values that wait: the last seq that they cover */
    struct muster_sample sample; /* what it points to follows */
    uint8_t id[MUSTER_ID_BYTES];
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    char name[MUSTER_NAME_BYTES_MAX + 1];
    char body[];
};

/* The newest last value of a sensor that was delivered. */
struct last_known {
    UT_hash_handle hh;
    uint64_t key;           /* hash of the publisher's id and the full name */
    double time_s;          /* its own time, or, where it says none, */
    uint64_t said_ms;       /* when it was published */
    uint64_t subscriptions; /* that had it, or an equal one */
    uint64_t live;          /* those that get the sensor's values as they are sent, */
    uint64_t boot;          /* in this boot of the publisher */
};

struct backlog {
    struct backlog_sample *samples;  /* in the order in which they came */
    struct backlog_sample *borrowed; /* by who pulled the last one */
    size_t bytes;                    /* those that wait in joins included */
    struct last_known *known;
};

/* A zeroed struct is allowed. */
void backlog_deinit(struct backlog *backlog);

/* A copy of a sample, to be put in a list; NULL when there is no room or memory. */
struct backlog_sample *backlog_copy(struct exchange *exchange, const struct muster_sample *sample,
                                    uint64_t subscriptions);

/* Copies a sample for these subscriptions. False when there is no room or memory: it is counted then. */
bool backlog_put(struct exchange *exchange, const struct muster_sample *sample, uint64_t subscriptions);

/* The next one, borrowed until the next call; false when there is none. */
bool backlog_next(struct exchange *exchange, struct muster_arrival *arrival);

/* Notes what is delivered live, while last values are being asked for: they are not wanted of these sensors.
 */
void backlog_record_live(struct exchange *exchange, const struct muster_sample *sample,
                         uint64_t subscriptions);

/* Those of the subscriptions that were not given all of these last values yet: they have them now. None where
 * the body is no pack. */
uint64_t backlog_record_last(struct exchange *exchange, const struct muster_sample *sample,
                             uint64_t subscriptions);

/* A subscription ended, bit 1 << its number. */
void backlog_forget(struct backlog *backlog, uint64_t subscription);
