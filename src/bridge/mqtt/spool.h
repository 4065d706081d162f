/* SPDX-License-Identifier: MIT */
/* What waits for the broker while that is away, and how far readings were carried: an SQLite file. It is
 * written in transactions, each of which is there as a whole or not at all after the process was killed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reading_ref.h"
#include "reason.h"

struct sqlite3;
struct sqlite3_stmt;

/* A message that waits. What it points to is borrowed. */
struct spool_row {
    uint64_t id; /* grows from row to row */
    const char *topic;
    const char *payload;
    size_t length;
    const char *unit; /* of a plain value, "" for none, */
    double time_s;    /* and its time */
    struct reading_ref ref;
    uint64_t since_ms; /* 1970, that it waits */
};

/* Of the readings of a publisher in one shard, the last one that was carried. */
struct spool_mark {
    const char *site; /* that it came from; "" of this one */
    struct reading_ref ref;
};

/* Zeroed: none. */
struct spool {
    struct sqlite3 *database;
    struct sqlite3_stmt *statements[9];
};

/* Opens a file, which is made where there is none, for this process alone. 0, or -1 with a reason. */
int spool_open(struct spool *spool, const char *path, struct reason *reason);

/* A zeroed spool is allowed. */
void spool_close(struct spool *spool);

/* Between these two what is written belongs together. Both, and what stands between them, return 0, or -1
 * with a reason, and then nothing of it is written: spool_rollback() is to follow. */
int spool_begin(struct spool *spool, struct reason *reason);
int spool_commit(struct spool *spool, struct reason *reason);
void spool_rollback(struct spool *spool);

int spool_add(struct spool *spool, const struct spool_row *row, struct reason *reason);
int spool_remove(struct spool *spool, uint64_t id, struct reason *reason);
int spool_mark(struct spool *spool, const struct spool_mark *mark, struct reason *reason);

/* Removes the oldest rows behind an id, as many as count. */
int spool_trim(struct spool *spool, uint64_t after, uint64_t count, struct reason *reason);

/* Calls on_row for the rows behind an id, in order, as many as count at most. */
int spool_read(struct spool *spool, uint64_t after, size_t count,
               void (*on_row)(const struct spool_row *row, void *context), void *context,
               struct reason *reason);

/* Leaves so many marks: of this site first, then those of the newest boots. */
int spool_trim_marks(struct spool *spool, uint64_t count, struct reason *reason);

/* Those that matter least come first, in the order of spool_trim_marks(). */
int spool_read_marks(struct spool *spool, void (*on_mark)(const struct spool_mark *mark, void *context),
                     void *context, struct reason *reason);

/* How many rows there are, and the highest id, 0 when there is none. */
int spool_count(struct spool *spool, uint64_t *count, uint64_t *last, struct reason *reason);

/* Gives room that is not needed any more back, some of it at a time. */
void spool_shrink(struct spool *spool);
