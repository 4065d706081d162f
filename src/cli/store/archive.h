/* SPDX-License-Identifier: MIT */
/* A recording that is read, also while it is written. No call holds the file longer than it runs: what is
 * read in steps is copied first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "reason.h"

/* Buckets of one question. */
#define ARCHIVE_BUCKETS_MAX 1000000

/* Readings of one publisher with one name and unit. Texts are the archive's. */
struct archive_series {
    int64_t series;
    char *name;
    char *topic;
    char *unit;   /* "": none */
    char *origin; /* where its publisher brought it from; "": it was its own */
    char *peer;   /* "": not known */
    char *id;
};

/* What was read between begin_us and the begin of the next bucket. */
struct archive_bucket {
    int64_t begin_us;
    int64_t count;   /* of readings */
    int64_t numbers; /* of those that are numbers or booleans: the rest is about them */
    double min;
    double max;
    double total;
};

struct archive_event {
    int64_t time_us;
    const char *event;
    const char *reason; /* NULL: none */
    int64_t count;      /* 0: none */
    const char *peer;
    const char *id;
};

struct archive_reading {
    const struct archive_series *series;
    int64_t time_us;
    int64_t received_us;
    struct muster_record record; /* its name and unit are those of the series */
};

struct archive {
    struct sqlite3 *db;
    struct archive_series *series; /* all there are, sorted by number */
    size_t series_count;
    struct sqlite3_stmt *next; /* of what is read in steps */
    int64_t slice;             /* of the readings */
    int64_t from_us;
    int64_t until_us;
    bool by_time;
    struct reason fault;
};

/* Opens a recording, and reads its series. 0, or -1 with a reason; archive_close() is allowed after both. */
int archive_open(struct archive *archive, const char *path, struct reason *reason);
void archive_close(struct archive *archive);

/* The times of the first and last reading of these series. 1; 0 when there is none; -1 with a fault. */
int archive_range(struct archive *archive, const struct archive_series *const *series, size_t count,
                  int64_t *first_us, int64_t *last_us);

/* Readings of these series in a time, as counted by whole minutes. -1 with a fault. */
int64_t archive_count(struct archive *archive, const struct archive_series *const *series, size_t count,
                      int64_t from_us, int64_t until_us);

/* Adds the readings of these series to buckets, of which each ends where the next one begins, and the last
 * one at until_us. The caller has set their begins, which are some every_us apart, and zeroed the rest. 0, or
 * -1 with a fault. */
int archive_buckets(struct archive *archive, const struct archive_series *const *series, size_t count,
                    struct archive_bucket *buckets, size_t bucket_count, int64_t every_us, int64_t until_us);

/* Begins to read the readings of these series from from_us on and before until_us: of each slice in the order
 * of their times, or of their arrival. 0, or -1 with a fault. */
int archive_begin(struct archive *archive, const struct archive_series *const *series, size_t count,
                  int64_t from_us, int64_t until_us, bool by_time);

/* The next one: 1, borrowed until the next call; 0 behind the last one; -1 with a fault. */
int archive_next(struct archive *archive, struct archive_reading *reading);

/* The same for the events of the peers of an id, or of a name. */
int archive_begin_events(struct archive *archive, const char *name_or_id, int64_t from_us, int64_t until_us);
int archive_next_event(struct archive *archive, struct archive_event *event);

/* True when a peer of this name or id is in the recording. */
bool archive_has_peer(struct archive *archive, const char *name_or_id);
