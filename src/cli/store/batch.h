/* SPDX-License-Identifier: MIT */
/* Readings and events in memory, until they are written to a recording. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

/* Readings of one batch, its events, and the bytes of the readings' texts. */
#define BATCH_READINGS_MAX 65536
#define BATCH_EVENTS_MAX 16384
#define BATCH_BYTES_MAX (16u << 20)

/* Whose readings, and what they are called. Texts are borrowed. */
struct batch_source {
    uint8_t id[MUSTER_ID_BYTES];
    const char *peer; /* "": not known */
    const char *topic;
    const char *name;   /* in full */
    const char *unit;   /* "": none */
    const char *origin; /* where the peer brought it from; "": it is its own */
};

struct batch_reading {
    uint32_t series; /* in the order of the batch */
    uint32_t order;  /* of arrival */
    int64_t time_us;
    int64_t received_us;
    enum muster_value_kind kind;
    bool has_sum;
    bool is_last;  /* it may be kept already */
    double number; /* NUMBER; BOOLEAN: 0 or 1 */
    double sum;
    double update_s;
    uint32_t text; /* TEXT, DATA: at this byte */
    uint32_t text_length;
};

/* What a recording says beside readings: an event of a peer, or of the recorder, which has no peer. */
struct batch_event {
    int64_t time_us;
    bool has_peer;
    uint8_t id[MUSTER_ID_BYTES];
    char peer[MUSTER_NAME_BYTES_MAX + 1];
    const char *event; /* static */
    char reason[256];  /* "": none */
    uint64_t count;    /* 0: none */
};

/* Zeroed: empty. The members are for the writer to read. */
struct batch {
    struct batch_reading *readings;
    size_t reading_count;
    struct batch_event *events;
    size_t event_count;
    uint32_t *series; /* where the texts of each series begin */
    size_t series_count;
    char *bytes;
    size_t length;
    size_t longest; /* text of a reading */
    bool is_sorted;
    size_t readings_done;  /* written */
    size_t readings_known; /* of these, last values that are kept otherwise */
    size_t events_done;

    size_t readings_room;
    size_t events_room;
    size_t series_room;
    size_t bytes_room;
    uint32_t *slots; /* a hash table of series, counted from 1 */
    size_t slot_count;
    uint8_t hash_key[16]; /* a secret */
};

/* Adds a reading, copied. 0; MUSTER_EFULL when the batch has no room for it; MUSTER_ENOMEM. */
int batch_add(struct batch *batch, const struct batch_source *source, const struct muster_record *record,
              int64_t received_us, bool is_last);

/* Adds an event, copied. 0; MUSTER_EFULL when the batch has no room for it; MUSTER_ENOMEM. */
int batch_add_event(struct batch *batch, const struct batch_event *event);

/* The source of a series. Its texts are borrowed from the batch. */
struct batch_source batch_source(const struct batch *batch, uint32_t series);

/* Sorts the readings by series and time. */
void batch_sort(struct batch *batch);

/* True when all of it was written. */
bool batch_is_done(const struct batch *batch);

/* Forgets what it holds, and keeps the memory. */
void batch_clear(struct batch *batch);

/* A zeroed batch is allowed. */
void batch_deinit(struct batch *batch);
