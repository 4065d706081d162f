/* SPDX-License-Identifier: MIT */
/* The rows of a recording that is written: series, peers, readings, sums of minutes and events, in slices.
 * Every call that may write belongs into a transaction. The results are SQLite's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "batch.h"
#include "reason.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    FIND_PEER,
    NAME_PEER,
    ADD_PEER,
    USE_PEER,
    FIND_SERIES,
    ADD_SERIES,
    USE_SERIES,
    FIND_READING,
    ADD_READING,
    ADD_MINUTE,
    ADD_EVENT,
    ADD_SLICE,
    UPDATE_SLICE,
    OLDEST_SLICE,
    END_OF_SLICE,
    DELETE_READINGS,
    DELETE_MINUTES,
    DELETE_EVENTS,
    DELETE_SLICE,
    DELETE_SERIES,
    DELETE_PEERS,
    PAGES,
    FREE_PAGES,
    STATEMENTS,
};

/* The slice that is written to. */
struct slice {
    int64_t number; /* 0: none yet */
    int64_t began_us;
    int64_t first_us; /* the first and last time of its readings, if any */
    int64_t last_us;
    int64_t readings;
    int64_t next_entry; /* entries count through all slices, in the order of arrival */
    int64_t bytes;      /* as estimated */
};

/* What writes rows, and the slice that they belong to. */
struct rows {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    struct slice slice;
    size_t known; /* readings that were passed over: they are kept already */
};

/* Prepares the statements, and goes on in the slice where the last recorder ended. The caller has opened
 * rows->db. 0, or -1 with a reason; rows_close() is allowed after both. */
int rows_prepare(struct rows *rows, struct reason *reason);
void rows_close(struct rows *rows);

/* Runs a statement without parameters. */
int rows_run(struct rows *rows, enum statement which);

/* Two integers of the first row. SQLITE_ROW, SQLITE_DONE when there is none, or an error. */
int rows_ask(struct rows *rows, enum statement which, int64_t values[2]);

/* Writes readings of one series from the *at-th on, for as many bytes as there are. */
int rows_write_series(struct rows *rows, const struct batch *batch, size_t *at, int64_t *bytes);

/* Writes an event, the number-th entry of its batch. */
int rows_write_event(struct rows *rows, const struct batch_event *event, size_t number);

/* Begins the next slice. */
int rows_add_slice(struct rows *rows, int64_t now_us);

/* Writes what the slice says of itself. `entries` of the batch are being written: their numbers are never
 * given again. */
int rows_update_slice(struct rows *rows, size_t entries);

/* Deletes rows of the oldest slice, as many as a transaction may, and with its last ones the slice. */
int rows_delete(struct rows *rows, int64_t slice);
