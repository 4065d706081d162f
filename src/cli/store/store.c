/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "database.h"
#include "reserve.h"

/* Shares of the size: the log has a quarter, the reserve a sixteenth, within these bounds. */
#define LOG_BYTES_MIN (1u << 20)
#define LOG_BYTES_MAX (64u << 20)
#define RESERVE_BYTES_MAX (4u << 20)

/* The index of the log: 32 KiB for each 4,096 pages of it. */
#define INDEX_BYTES(log_pages) ((int64_t)32768 * (1 + (log_pages) / 4096))

/* A slice has a sixteenth of the database or of --keep-days, and at most these. */
#define SLICES 16
#define SLICE_US_MAX ((int64_t)86400 * 1000000)
#define SLICE_US_MIN ((int64_t)60 * 1000000)
#define SLICE_READINGS_MAX 500000

/* What a row is taken to need, beside its text; and a series in a transaction, which changes pages of its
 * own. */
#define ROW_BYTES 64
#define SERIES_PAGES 4

/* Rows that one transaction deletes, and pages that one gives back. */
#define DELETE_ROWS 10000
#define VACUUM_PAGES 64

/* Pages of a transaction on a full disk: small ones keep as much as has room. */
#define FULL_TRANSACTION_PAGES 64

/* Pages that a transaction may take beyond its estimate. */
#define SLACK_PAGES 16

/* How long a transaction waits for another program that writes, or a full log for one that reads. */
#define BUSY_MS 250

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

static const char *const statements_sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND_PEER] = "SELECT peer, last_slice FROM peer WHERE id = ?1 AND name = ?2",
    [NAME_PEER] = "UPDATE peer SET name = ?2 WHERE id = ?1 AND name = '' RETURNING peer, last_slice",
    [ADD_PEER] = "INSERT INTO peer (id, name, last_slice) VALUES (?1, ?2, ?3)",
    [USE_PEER] = "UPDATE peer SET last_slice = ?2 WHERE peer = ?1",
    [FIND_SERIES] = "SELECT series, last_slice FROM series"
                    " WHERE name = ?1 AND topic = ?2 AND unit = ?3 AND peer = ?4",
    [ADD_SERIES] = "INSERT INTO series (name, topic, unit, peer, last_slice) VALUES (?1, ?2, ?3, ?4, ?5)",
    [USE_SERIES] = "UPDATE series SET last_slice = ?2 WHERE series = ?1",
    [FIND_READING] = "SELECT 1 FROM slice l JOIN reading r ON r.slice = l.slice AND r.series = ?1"
                     " AND r.time_us = ?2 WHERE l.first_us <= ?2 AND l.last_us >= ?2 LIMIT 1",
    [ADD_READING] = "INSERT INTO reading VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    [ADD_MINUTE] = "INSERT INTO minute VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET"
                   " count = count + excluded.count, numbers = numbers + excluded.numbers,"
                   " min = min(coalesce(min, excluded.min), coalesce(excluded.min, min)),"
                   " max = max(coalesce(max, excluded.max), coalesce(excluded.max, max)),"
                   " total = max(-1.7976931348623157e308, min(1.7976931348623157e308,"
                   " coalesce(total + excluded.total, 0)))",
    [ADD_EVENT] = "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [ADD_SLICE] = "INSERT INTO slice VALUES (?1, ?2, NULL, NULL, 0, ?3, 0)",
    [UPDATE_SLICE] = "UPDATE slice SET first_us = ?2, last_us = ?3, readings = ?4, next_entry = ?5,"
                     " bytes = ?6 WHERE slice = ?1",
    [OLDEST_SLICE] = "SELECT slice FROM slice ORDER BY slice LIMIT 1",
    /* Of the oldest: when a later one began, by a clock that may have been set back meanwhile. */
    [END_OF_SLICE] = "SELECT min(began_us) FROM slice WHERE slice > (SELECT min(slice) FROM slice)"
                     " HAVING count(*) > 0",
    [DELETE_READINGS] = "DELETE FROM reading WHERE slice = ?1 AND (series, time_us, entry) IN"
                        " (SELECT series, time_us, entry FROM reading WHERE slice = ?1 LIMIT ?2)",
    [DELETE_MINUTES] = "DELETE FROM minute WHERE slice = ?1 AND (series, minute) IN"
                       " (SELECT series, minute FROM minute WHERE slice = ?1 LIMIT ?2)",
    [DELETE_EVENTS] = "DELETE FROM event WHERE slice = ?1 AND (time_us, entry) IN"
                      " (SELECT time_us, entry FROM event WHERE slice = ?1 LIMIT ?2)",
    [DELETE_SLICE] = "DELETE FROM slice WHERE slice = ?1",
    [DELETE_SERIES] = "DELETE FROM series WHERE last_slice <= ?1",
    [DELETE_PEERS] = "DELETE FROM peer WHERE last_slice <= ?1",
    [PAGES] = "PRAGMA page_count",
    [FREE_PAGES] = "PRAGMA freelist_count",
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

struct store {
    struct rows rows;
    char *path;
    struct reserve reserve;
    uint64_t keep_us;
    int64_t slice_us_max;
    int64_t slice_bytes_max;
    int64_t pages_max;
    int64_t log_pages_max;
    int64_t transaction_pages_max;
    int64_t log_pages; /* since it was last emptied */
    bool is_full;
    struct reason fault;
};

/* Runs a statement that was bound, and makes it ready for the next time. Returns an SQLite result. */
static int rows_run(struct rows *rows, enum statement which) {
    sqlite3_stmt *statement = rows->statements[which];
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

static int rows_run_with(struct rows *rows, enum statement which, int64_t first, int64_t second) {
    sqlite3_stmt *statement = rows->statements[which];
    sqlite3_bind_int64(statement, 1, first);
    if (sqlite3_bind_parameter_count(statement) > 1) {
        sqlite3_bind_int64(statement, 2, second);
    }
    return rows_run(rows, which);
}

/* Two integers of the first row. SQLITE_ROW, SQLITE_DONE when there is none, or an error. */
static int rows_ask(struct rows *rows, enum statement which, int64_t values[2]) {
    sqlite3_stmt *statement = rows->statements[which];
    const int result = sqlite3_step(statement);
    for (int i = 0; result == SQLITE_ROW && i < 2 && i < sqlite3_column_count(statement); i++) {
        values[i] = sqlite3_column_int64(statement, i);
    }
    sqlite3_reset(statement);
    return result;
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text, size_t length) {
    sqlite3_bind_text(statement, place, text, (int)length, SQLITE_STATIC);
}

/* ---- series and peers ---- */

/* Finds the row whose key is bound to `find`, or adds it by `add`, and marks it as used by this slice. */
static int find_or_add(struct rows *rows, enum statement find, enum statement rename, enum statement add,
                       enum statement use, int64_t *row) {
    int64_t found[2] = {0, 0};
    int result = rows_ask(rows, find, found);
    if (result == SQLITE_DONE && rename != find) {
        result = rows_ask(rows, rename, found);
    }
    if (result == SQLITE_DONE) {
        result = rows_run(rows, add);
        *row = sqlite3_last_insert_rowid(rows->db);
        return result;
    }
    *row = found[0];
    if (result == SQLITE_ROW && found[1] != rows->slice.number) {
        return rows_run_with(rows, use, *row, rows->slice.number);
    }
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

static int find_peer(struct rows *rows, const uint8_t id[MUSTER_ID_BYTES], const char *name, int64_t *peer) {
    static const enum statement keyed[] = {FIND_PEER, NAME_PEER, ADD_PEER};
    char text[MUSTER_ID_TEXT_BYTES];
    muster_id_text(id, text);
    for (size_t i = 0; i < 3; i++) {
        bind_text(rows->statements[keyed[i]], 1, text, strlen(text));
        bind_text(rows->statements[keyed[i]], 2, name, strlen(name));
    }
    sqlite3_bind_int64(rows->statements[ADD_PEER], 3, rows->slice.number);
    return find_or_add(rows, FIND_PEER, name[0] != '\0' ? NAME_PEER : FIND_PEER, ADD_PEER, USE_PEER, peer);
}

static int find_series(struct rows *rows, const struct batch_source *source, int64_t *series) {
    static const enum statement keyed[] = {FIND_SERIES, ADD_SERIES};
    int64_t peer;
    int result = find_peer(rows, source->id, source->peer, &peer);
    for (size_t i = 0; i < 2; i++) {
        bind_text(rows->statements[keyed[i]], 1, source->name, strlen(source->name));
        bind_text(rows->statements[keyed[i]], 2, source->topic, strlen(source->topic));
        bind_text(rows->statements[keyed[i]], 3, source->unit, strlen(source->unit));
        sqlite3_bind_int64(rows->statements[keyed[i]], 4, peer);
    }
    sqlite3_bind_int64(rows->statements[ADD_SERIES], 5, rows->slice.number);
    return result != SQLITE_OK ? result
                               : find_or_add(rows, FIND_SERIES, FIND_SERIES, ADD_SERIES, USE_SERIES, series);
}

/* ---- rows ---- */

/* Readings of one series in one minute. */
struct minute {
    int64_t minute;
    int64_t count;
    int64_t numbers;
    double min;
    double max;
    double total;
};

static void minute_count(struct minute *minute, const struct batch_reading *reading) {
    minute->count++;
    if (reading->kind != MUSTER_VALUE_NUMBER && reading->kind != MUSTER_VALUE_BOOLEAN) {
        return;
    }
    minute->min = minute->numbers == 0 || reading->number < minute->min ? reading->number : minute->min;
    minute->max = minute->numbers == 0 || reading->number > minute->max ? reading->number : minute->max;
    minute->total = fmax(-DBL_MAX, fmin(DBL_MAX, minute->total + reading->number));
    minute->numbers++;
}

static int write_minute(struct rows *rows, int64_t series, const struct minute *minute) {
    sqlite3_stmt *statement = rows->statements[ADD_MINUTE];
    if (minute->count == 0) {
        return SQLITE_OK;
    }
    sqlite3_bind_int64(statement, 1, rows->slice.number);
    sqlite3_bind_int64(statement, 2, series);
    sqlite3_bind_int64(statement, 3, minute->minute);
    sqlite3_bind_int64(statement, 4, minute->count);
    sqlite3_bind_int64(statement, 5, minute->numbers);
    sqlite3_bind_null(statement, 6);
    sqlite3_bind_null(statement, 7);
    if (minute->numbers > 0) {
        sqlite3_bind_double(statement, 6, minute->min);
        sqlite3_bind_double(statement, 7, minute->max);
    }
    sqlite3_bind_double(statement, 8, minute->total);
    rows->slice.bytes += ROW_BYTES;
    return rows_run(rows, ADD_MINUTE);
}

/* True for a number that an integer says exactly: a program that reads it may count on all of its digits. */
static bool is_integer(double number) {
    return fabs(number) <= 9007199254740992.0 && number == trunc(number) && !(number == 0 && signbit(number));
}

static void bind_value(sqlite3_stmt *statement, const struct batch *batch,
                       const struct batch_reading *reading) {
    const bool has_number = reading->kind == MUSTER_VALUE_NUMBER;
    const char *text = batch->bytes + reading->text;
    for (int place = 6; place <= 12; place++) {
        sqlite3_bind_null(statement, place);
    }
    if (has_number && is_integer(reading->number)) {
        sqlite3_bind_int64(statement, 7, (int64_t)reading->number);
    } else if (has_number) {
        sqlite3_bind_double(statement, 6, reading->number);
    } else if (reading->kind == MUSTER_VALUE_BOOLEAN) {
        sqlite3_bind_int64(statement, 8, reading->number != 0);
    } else if (reading->kind == MUSTER_VALUE_TEXT) {
        bind_text(statement, 9, text, reading->text_length);
    } else if (reading->kind == MUSTER_VALUE_DATA) {
        bind_text(statement, 10, text, reading->text_length);
    }
    if (reading->has_sum) {
        sqlite3_bind_double(statement, 11, reading->sum);
    }
    if (reading->update_s > 0) {
        sqlite3_bind_double(statement, 12, reading->update_s);
    }
}

static int write_reading(struct rows *rows, const struct batch *batch, const struct batch_reading *reading,
                         int64_t series) {
    sqlite3_stmt *statement = rows->statements[ADD_READING];
    struct slice *slice = &rows->slice;
    sqlite3_bind_int64(statement, 1, slice->number);
    sqlite3_bind_int64(statement, 2, series);
    sqlite3_bind_int64(statement, 3, reading->time_us);
    sqlite3_bind_int64(statement, 4, slice->next_entry + reading->order);
    sqlite3_bind_int64(statement, 5, reading->received_us - reading->time_us);
    bind_value(statement, batch, reading);
    slice->first_us =
        slice->readings == 0 || reading->time_us < slice->first_us ? reading->time_us : slice->first_us;
    slice->last_us =
        slice->readings == 0 || reading->time_us > slice->last_us ? reading->time_us : slice->last_us;
    slice->readings++;
    slice->bytes += ROW_BYTES + reading->text_length;
    return rows_run(rows, ADD_READING);
}

/* True when a last value is kept otherwise: a recorder that begins again is told it again, and it may come
 * live, too. */
static bool is_kept(struct rows *rows, const struct batch *batch, const struct batch_reading *reading,
                    int64_t series) {
    const struct batch_reading *next = reading + 1;
    int64_t values[2];
    if (next < batch->readings + batch->reading_count && next->series == reading->series &&
        next->time_us == reading->time_us) {
        return true;
    }
    sqlite3_bind_int64(rows->statements[FIND_READING], 1, series);
    sqlite3_bind_int64(rows->statements[FIND_READING], 2, reading->time_us);
    return rows_ask(rows, FIND_READING, values) == SQLITE_ROW;
}

/* Writes readings of one series from the *at-th on, for as many bytes as there are. */
static int rows_write_series(struct rows *rows, const struct batch *batch, size_t *at, int64_t *bytes) {
    const uint32_t number = batch->readings[*at].series;
    const struct batch_source source = batch_source(batch, number);
    struct minute minute = {0};
    int64_t series;
    int result = find_series(rows, &source, &series);
    for (; result == SQLITE_OK && *bytes > 0 && *at < batch->reading_count; (*at)++) {
        const struct batch_reading *reading = &batch->readings[*at];
        if (reading->series != number) {
            break;
        }
        if (reading->is_last && is_kept(rows, batch, reading, series)) {
            rows->known++;
            continue;
        }
        if (minute.count > 0 && minute.minute != reading->time_us / 60000000) {
            result = write_minute(rows, series, &minute);
            minute = (struct minute){0};
        }
        if (result == SQLITE_OK) {
            minute.minute = reading->time_us / 60000000;
            minute_count(&minute, reading);
            result = write_reading(rows, batch, reading, series);
            *bytes -= 2 * (int64_t)(ROW_BYTES + reading->text_length);
        }
    }
    return result == SQLITE_OK ? write_minute(rows, series, &minute) : result;
}

static int rows_write_event(struct rows *rows, const struct batch_event *event, size_t number) {
    sqlite3_stmt *statement = rows->statements[ADD_EVENT];
    int64_t peer = 0;
    int result = SQLITE_OK;
    sqlite3_clear_bindings(statement);
    if (event->has_peer) {
        result = find_peer(rows, event->id, event->peer, &peer);
        sqlite3_bind_int64(statement, 4, peer);
    }
    sqlite3_bind_int64(statement, 1, rows->slice.number);
    sqlite3_bind_int64(statement, 2, event->time_us);
    sqlite3_bind_int64(statement, 3, rows->slice.next_entry + (int64_t)number);
    sqlite3_bind_text(statement, 5, event->event, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, event->reason, -1, SQLITE_STATIC);
    if (event->count > 0) {
        sqlite3_bind_int64(statement, 7, (int64_t)event->count);
    }
    rows->slice.bytes += ROW_BYTES;
    return result == SQLITE_OK ? rows_run(rows, ADD_EVENT) : result;
}

/* ---- slices ---- */

static int rows_add_slice(struct rows *rows, int64_t now_us) {
    sqlite3_stmt *statement = rows->statements[ADD_SLICE];
    const struct slice next = {
        .number = rows->slice.number + 1, .began_us = now_us, .next_entry = rows->slice.next_entry};
    sqlite3_bind_int64(statement, 1, next.number);
    sqlite3_bind_int64(statement, 2, next.began_us);
    sqlite3_bind_int64(statement, 3, next.next_entry);
    const int result = rows_run(rows, ADD_SLICE);
    if (result == SQLITE_OK) {
        rows->slice = next;
    }
    return result;
}

/* `entries` of the batch are being written: their numbers are never given again. */
static int rows_update_slice(struct rows *rows, size_t entries) {
    sqlite3_stmt *statement = rows->statements[UPDATE_SLICE];
    const struct slice *slice = &rows->slice;
    sqlite3_clear_bindings(statement);
    sqlite3_bind_int64(statement, 1, slice->number);
    if (slice->readings > 0) {
        sqlite3_bind_int64(statement, 2, slice->first_us);
        sqlite3_bind_int64(statement, 3, slice->last_us);
    }
    sqlite3_bind_int64(statement, 4, slice->readings);
    sqlite3_bind_int64(statement, 5, slice->next_entry + (int64_t)entries);
    sqlite3_bind_int64(statement, 6, slice->bytes);
    return rows_run(rows, UPDATE_SLICE);
}

/* Deletes rows of the oldest slice, as many as a transaction may, and with its last ones the slice. */
static int rows_delete(struct rows *rows, int64_t slice) {
    static const enum statement deletes[] = {DELETE_READINGS, DELETE_MINUTES, DELETE_EVENTS};
    int64_t count = DELETE_ROWS;
    for (size_t i = 0; i < 3 && count > 0; i++) {
        const int result = rows_run_with(rows, deletes[i], slice, count);
        if (result != SQLITE_OK) {
            return result;
        }
        count -= sqlite3_changes(rows->db);
    }
    int result = SQLITE_OK;
    if (count > 0) {
        result = rows_run_with(rows, DELETE_SLICE, slice, 0);
        result = result == SQLITE_OK ? rows_run_with(rows, DELETE_SERIES, slice, 0) : result;
        result = result == SQLITE_OK ? rows_run_with(rows, DELETE_PEERS, slice, 0) : result;
    }
    return result;
}

/* ---- opening, and closing ---- */

/* Goes on where the last recorder ended. */
static int read_slice(struct rows *rows, struct reason *reason) {
    sqlite3_stmt *statement = database_prepare(
        rows->db, "SELECT slice, began_us, first_us, last_us, readings, next_entry, bytes FROM slice"
                  " ORDER BY slice DESC LIMIT 1");
    const int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    if (result == SQLITE_ROW) {
        rows->slice = (struct slice){
            .number = sqlite3_column_int64(statement, 0),
            .began_us = sqlite3_column_int64(statement, 1),
            .first_us = sqlite3_column_int64(statement, 2),
            .last_us = sqlite3_column_int64(statement, 3),
            .readings = sqlite3_column_int64(statement, 4),
            .next_entry = sqlite3_column_int64(statement, 5),
            .bytes = sqlite3_column_int64(statement, 6),
        };
    }
    sqlite3_finalize(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE ? 0
                                                         : reason_set(reason, "%s", sqlite3_errmsg(rows->db));
}

static int rows_prepare(struct rows *rows, struct reason *reason) {
    for (size_t i = 0; i < STATEMENTS; i++) {
        rows->statements[i] = database_prepare(rows->db, statements_sql[i]);
        if (rows->statements[i] == NULL) {
            return reason_set(reason, "%s", sqlite3_errmsg(rows->db));
        }
    }
    return read_slice(rows, reason);
}

static void rows_close(struct rows *rows) {
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(rows->statements[i]);
    }
    sqlite3_close(rows->db);
}

/* ---- results ---- */

/* True when there was no room to write to. SQLite tells errno of some calls only. */
static bool has_no_room(int result, int system) {
    const bool is_write = result == SQLITE_IOERR_WRITE || result == SQLITE_IOERR_SHMSIZE;
    return (result & 0xff) == SQLITE_FULL ||
           ((result & 0xff) == SQLITE_IOERR &&
            (system == ENOSPC || system == EFBIG || system == EDQUOT || (is_write && system != EIO)));
}

/* What an SQLite result means, which is not SQLITE_OK. */
static enum store_result fail(struct store *store, int result) {
    const int system = sqlite3_system_errno(store->rows.db);
    result = sqlite3_extended_errcode(store->rows.db) % 256 == result % 256
                 ? sqlite3_extended_errcode(store->rows.db)
                 : result;
    const bool is_disk_error = (result & 0xff) == SQLITE_IOERR;
    if ((result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED) {
        reason_set(&store->fault, "another program writes to it");
        return STORE_BUSY;
    }
    if (has_no_room(result, system)) {
        reason_set(&store->fault, "the disk is full, or a limit of it is reached");
        return STORE_FULL;
    }
    reason_set(&store->fault, "%s%s%s", sqlite3_errstr(result), is_disk_error && system != 0 ? ": " : "",
               is_disk_error && system != 0 ? strerror(system) : "");
    return STORE_ERROR;
}

const char *store_fault(const struct store *store) {
    return store->fault.text;
}

/* True when what comes now belongs to a slice of its own. */
static bool is_slice_over(const struct store *store, int64_t now_us) {
    const struct slice *slice = &store->rows.slice;
    if (slice->number != 0 && slice->bytes == 0) {
        return false;
    }
    return slice->number == 0 || slice->bytes >= store->slice_bytes_max ||
           slice->readings >= SLICE_READINGS_MAX || now_us - slice->began_us >= store->slice_us_max ||
           now_us < slice->began_us - SLICE_US_MIN; /* the clock was set back */
}

/* ---- transactions ---- */

/* Ends a transaction in which `result` came about: all of it is kept, or nothing. */
static enum store_result end_transaction(struct store *store, int result, const struct slice *before) {
    if (result == SQLITE_OK) {
        result = rows_run(&store->rows, COMMIT);
    }
    if (result == SQLITE_OK) {
        return STORE_OK;
    }
    const enum store_result failed = fail(store, result);
    if (sqlite3_get_autocommit(store->rows.db) == 0) {
        rows_run(&store->rows, ROLLBACK);
    }
    store->rows.slice = *before;
    return failed;
}

/* SQLite calls it after each commit, with the pages that the log holds then. */
static int on_commit(void *context, sqlite3 *db, const char *name, int pages) {
    struct store *store = context;
    (void)name;
    store->log_pages = pages;
    if (pages > store->log_pages_max / 4) {
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
    return SQLITE_OK;
}

/* Empties the log when the next transaction might not fit it. Who reads holds the log as it was when the read
 * began. While nothing is written, new readers don't need it, so that old ones are waited for at most. */
static enum store_result empty_log(struct store *store) {
    if (store->log_pages + store->transaction_pages_max + SLACK_PAGES <= store->log_pages_max) {
        return STORE_OK;
    }
    const int result = sqlite3_wal_checkpoint_v2(store->rows.db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    if (result == SQLITE_OK) {
        store->log_pages = 0;
        return STORE_OK;
    }
    const enum store_result failed = fail(store, result);
    if (failed == STORE_BUSY) {
        reason_set(&store->fault, "another program reads it for so long that its log would grow too large");
    }
    return failed;
}

/* Deletes a part of the oldest slice. */
static enum store_result delete_oldest(struct store *store, int64_t now_us) {
    const struct slice before = store->rows.slice;
    int64_t oldest[2];
    const enum store_result ready = empty_log(store);
    if (ready != STORE_OK) {
        return ready;
    }
    int result = rows_run(&store->rows, BEGIN);
    if (result == SQLITE_OK) {
        result = rows_ask(&store->rows, OLDEST_SLICE, oldest);
        result = result == SQLITE_ROW ? SQLITE_OK : result == SQLITE_DONE ? SQLITE_FULL : result;
    }
    if (result == SQLITE_OK && oldest[0] == store->rows.slice.number) {
        result = store->rows.slice.bytes == 0 ? SQLITE_FULL : rows_add_slice(&store->rows, now_us);
    }
    if (result == SQLITE_OK) {
        result = rows_delete(&store->rows, oldest[0]);
    }
    return end_transaction(store, result, &before);
}

static int64_t used_pages(struct store *store) {
    int64_t pages[2] = {0};
    int64_t free_pages[2] = {0};
    rows_ask(&store->rows, PAGES, pages);
    rows_ask(&store->rows, FREE_PAGES, free_pages);
    return pages[0] - free_pages[0];
}

/* True when the oldest slice is too old; the one that is written to never is. */
static bool has_expired(struct store *store, int64_t now_us) {
    int64_t end_us[2];
    return store->keep_us > 0 && rows_ask(&store->rows, END_OF_SLICE, end_us) == SQLITE_ROW &&
           end_us[0] < now_us - (int64_t)store->keep_us;
}

static enum store_result make_room(struct store *store, int64_t now_us) {
    enum store_result result = STORE_OK;
    while (result == STORE_OK &&
           (has_expired(store, now_us) ||
            used_pages(store) + store->transaction_pages_max + SLACK_PAGES > store->pages_max)) {
        result = delete_oldest(store, now_us);
    }
    return result == STORE_OK ? empty_log(store) : result;
}

/* Writes as much of a batch as one transaction may. */
static enum store_result write_part(struct store *store, struct batch *batch) {
    const struct slice before = store->rows.slice;
    int64_t bytes = store->transaction_pages_max * DATABASE_PAGE_BYTES;
    size_t reading = batch->readings_done;
    size_t event = batch->events_done;
    int result = rows_run(&store->rows, BEGIN);
    store->rows.known = 0;
    for (; result == SQLITE_OK && bytes > 0 && event < batch->event_count; event++) {
        bytes -= SERIES_PAGES * DATABASE_PAGE_BYTES / 4;
        result = rows_write_event(&store->rows, &batch->events[event], batch->reading_count + event);
    }
    if (store->is_full && event > batch->events_done) {
        bytes = 0; /* events are kept even where readings have no room any more */
    }
    while (result == SQLITE_OK && bytes > 0 && reading < batch->reading_count) {
        bytes -= SERIES_PAGES * DATABASE_PAGE_BYTES;
        result = rows_write_series(&store->rows, batch, &reading, &bytes);
    }
    result = result == SQLITE_OK ? rows_update_slice(&store->rows, batch->reading_count + batch->event_count)
                                 : result;
    const enum store_result written = end_transaction(store, result, &before);
    if (written == STORE_OK) {
        batch->readings_done = reading;
        batch->readings_known += store->rows.known;
        batch->events_done = event;
    }
    if (written == STORE_OK && batch_is_done(batch)) {
        store->rows.slice.next_entry += (int64_t)(batch->reading_count + batch->event_count);
    }
    return written;
}

static enum store_result begin_slice(struct store *store, int64_t now_us) {
    const struct slice before = store->rows.slice;
    int result = rows_run(&store->rows, BEGIN);
    result = result == SQLITE_OK ? rows_add_slice(&store->rows, now_us) : result;
    return end_transaction(store, result, &before);
}

static enum store_result write_all(struct store *store, struct batch *batch, int64_t now_us) {
    enum store_result result = make_room(store, now_us);
    if (result == STORE_OK && batch->readings_done + batch->events_done == 0 &&
        is_slice_over(store, now_us)) {
        result = begin_slice(store, now_us);
    }
    while (result == STORE_OK && !batch_is_done(batch)) {
        result = make_room(store, now_us);
        result = result == STORE_OK ? write_part(store, batch) : result;
    }
    return result;
}

/* Gives a half of the reserve back: one for the batch that found the disk full, and one for the last batch.
 */
static void use_reserve(struct store *store) {
    reserve_reduce(&store->reserve, store->is_full ? 0 : store->reserve.bytes / 2);
    store->is_full = true;
    if (store->transaction_pages_max > FULL_TRANSACTION_PAGES) {
        store->transaction_pages_max = FULL_TRANSACTION_PAGES;
    }
}

enum store_result store_write(struct store *store, struct batch *batch, int64_t now_us) {
    batch_sort(batch);
    enum store_result result = write_all(store, batch, now_us);
    if (result == STORE_FULL && store->reserve.bytes > 0) {
        use_reserve(store);
        result = write_all(store, batch, now_us);
    }
    return result == STORE_OK && store->is_full ? STORE_FULL : result;
}

/* ---- opening ---- */

static uint64_t file_bytes(const char *path, const char *suffix) {
    struct stat status = {0};
    char *name;
    if (asprintf(&name, "%s%s", path, suffix) < 0) {
        return 0;
    }
    const bool is_there = stat(name, &status) == 0;
    free(name);
    return is_there ? (uint64_t)status.st_size : 0;
}

uint64_t store_file_bytes(const char *path) {
    return file_bytes(path, "") + file_bytes(path, "-wal") + file_bytes(path, "-shm");
}

uint64_t store_bytes(const struct store *store) {
    return store_file_bytes(store->path) + store->reserve.bytes;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max) {
    return value < min ? min : value > max ? max : value;
}

static uint64_t share_out(struct store *store, const struct store_limits *limits) {
    const int64_t bytes = (int64_t)limits->bytes_max;
    const int64_t log = clamp(bytes / 4, LOG_BYTES_MIN, LOG_BYTES_MAX);
    const int64_t reserve = clamp(bytes / 16, 0, RESERVE_BYTES_MAX);
    store->log_pages_max = log / (DATABASE_PAGE_BYTES + 24); /* each has a header in the log */
    store->transaction_pages_max = store->log_pages_max / 4;
    store->pages_max = (bytes - log - reserve - INDEX_BYTES(store->log_pages_max)) / DATABASE_PAGE_BYTES;
    store->slice_bytes_max = store->pages_max * DATABASE_PAGE_BYTES / SLICES;
    store->keep_us = limits->keep_us;
    store->slice_us_max = limits->keep_us > 0
                              ? clamp((int64_t)limits->keep_us / SLICES, SLICE_US_MIN, SLICE_US_MAX)
                              : SLICE_US_MAX;
    return (uint64_t)reserve;
}

static int64_t all_pages(struct store *store) {
    int64_t pages[2] = {0};
    rows_ask(&store->rows, PAGES, pages);
    return pages[0];
}

/* Gives pages back to the file system when the limit is lower than the file: the oldest slices go. */
static enum store_result shrink(struct store *store) {
    char sql[64];
    enum store_result result = STORE_OK;
    snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
    while (result == STORE_OK && all_pages(store) > store->pages_max) {
        const int64_t before = all_pages(store);
        result = empty_log(store);
        if (result == STORE_OK && used_pages(store) > store->pages_max - VACUUM_PAGES) {
            result = delete_oldest(store, store->rows.slice.began_us);
        } else if (result == STORE_OK) {
            const int vacuum = database_run(store->rows.db, sql);
            result = vacuum != SQLITE_OK          ? fail(store, vacuum)
                     : all_pages(store) >= before ? fail(store, SQLITE_FULL)
                                                  : STORE_OK;
        }
    }
    return result;
}

/* Bounds the file as the limits say. SQLite's own limit is the last line: it is never reached. */
static int bound(struct store *store, struct reason *reason) {
    char sql[128];
    if (shrink(store) != STORE_OK) {
        return reason_set(reason, "it can't be made smaller: %s", store->fault.text);
    }
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %" PRId64, store->pages_max);
    if (database_run(store->rows.db, sql) != SQLITE_OK) {
        return reason_set(reason, "%s", sqlite3_errmsg(store->rows.db));
    }
    return 0;
}

int store_open(struct store **opened, const char *path, const struct store_limits *limits,
               struct reason *reason) {
    struct store *store = calloc(1, sizeof(*store));
    *opened = NULL;
    if (store == NULL) {
        return reason_set_memory(reason);
    }
    store->reserve.fd = -1;
    store->path = realpath(path, NULL); /* the lock is the same by all links */
    store->path = store->path != NULL ? store->path : strdup(path);
    int error = store->path != NULL ? 0 : reason_set_memory(reason);
    error = error != 0 ? error : reserve_open(&store->reserve, store->path, share_out(store, limits), reason);
    error = error != 0 ? error : database_open(&store->rows.db, store->path, DATABASE_WRITE, reason);
    if (error == 0) {
        sqlite3_busy_timeout(store->rows.db, BUSY_MS);
        sqlite3_wal_hook(store->rows.db, on_commit, store);
        database_run(store->rows.db, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;");
    }
    error = error != 0 ? error : rows_prepare(&store->rows, reason);
    error = error != 0 ? error : bound(store, reason);
    if (error != 0) {
        store_close(store);
        return error;
    }
    *opened = store;
    return 0;
}

void store_close(struct store *store) {
    if (store == NULL) {
        return;
    }
    rows_close(&store->rows);
    reserve_close(&store->reserve);
    free(store->path);
    free(store);
}
