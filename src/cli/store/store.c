/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "database.h"
#include "reserve.h"
#include "rows.h"

/* Shares of the size: the log has a quarter, the reserve a sixteenth, within these bounds. The shortest log
 * has room for a value of 1 MiB, in base64. */
#define LOG_BYTES_MIN (2u << 20)
#define LOG_BYTES_MAX (64u << 20)
#define RESERVE_BYTES_MAX (4u << 20)

/* The index of the log: 32 KiB for each 4,096 pages of it. */
#define INDEX_BYTES(log_pages) ((int64_t)32768 * (1 + (log_pages) / 4096))

/* A slice has a sixteenth of the database or of --keep-days, and at most these. */
#define SLICES 16
#define SLICE_US_MAX ((int64_t)86400 * 1000000)
#define SLICE_US_MIN ((int64_t)60 * 1000000)
#define SLICE_READINGS_MAX 500000

/* What a series is taken to need in a transaction: it changes pages of its own. */
#define SERIES_PAGES 4

/* Pages that one transaction gives back. */
#define VACUUM_PAGES 64

/* Pages of a transaction on a full disk: small ones keep as much as has room. */
#define FULL_TRANSACTION_PAGES 64

/* Pages that a transaction may take beyond its estimate. */
#define SLACK_PAGES 16

/* How long a transaction waits for another program that writes, or a full log for one that reads. */
#define BUSY_MS 250

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
    int64_t value_pages; /* that the longest text of the batch may take beyond that */
    int64_t log_pages;   /* since it was last emptied */
    bool is_full;
    struct reason fault;
};

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

/* Pages that the next transaction takes at most. */
static int64_t next_pages(const struct store *store) {
    return store->transaction_pages_max + SLACK_PAGES + store->value_pages;
}

/* Empties the log when the next transaction might not fit it. Who reads holds the log as it was when the read
 * began. While nothing is written, new readers don't need it, so that old ones are waited for at most. */
static enum store_result empty_log(struct store *store) {
    if (store->log_pages + next_pages(store) <= store->log_pages_max) {
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
           (has_expired(store, now_us) || used_pages(store) + next_pages(store) > store->pages_max)) {
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
    store->value_pages = (int64_t)(batch->longest / DATABASE_PAGE_BYTES);
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
        database_run(store->rows.db, "PRAGMA secure_delete = FAST"); /* else the log has what is deleted */
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
