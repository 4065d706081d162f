/* SPDX-License-Identifier: MIT */
#include "spool.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Of the file: of rows, and of marks. Another one is refused. */
#define VERSION 1

enum { INSERT, REMOVE, MARK, TRIM_MARKS, TRIM, READ, BEGIN, COMMIT, ROLLBACK };

static const char *const texts[] = {
    [INSERT] = "INSERT INTO rows (id, topic, payload, unit, time, ref, since) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [REMOVE] = "DELETE FROM rows WHERE id = ?",
    [MARK] =
        ("INSERT INTO marks (site, peer, boot, shard, seq, record) VALUES (?, ?, ?, ?, ?, ?) "
         "ON CONFLICT (site, peer, boot, shard) DO UPDATE SET seq = excluded.seq, record = excluded.record"),
    [TRIM_MARKS] = ("DELETE FROM marks WHERE (site, peer, boot, shard) IN (SELECT site, peer, boot, shard "
                    "FROM marks ORDER BY site = '' DESC, boot DESC LIMIT -1 OFFSET ?)"),
    [TRIM] = "DELETE FROM rows WHERE id IN (SELECT id FROM rows WHERE id > ? ORDER BY id LIMIT ?)",
    [READ] = "SELECT id, topic, payload, unit, time, ref, since FROM rows WHERE id > ? ORDER BY id LIMIT ?",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

static const char schema[] =
    "PRAGMA auto_vacuum = INCREMENTAL;"
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA cache_size = -2000;"
    "PRAGMA journal_size_limit = 16777216;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL,"
    " unit TEXT NOT NULL, time REAL NOT NULL, ref TEXT NOT NULL, since INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS marks (site TEXT NOT NULL, peer BLOB NOT NULL, boot INTEGER NOT NULL,"
    " shard INTEGER NOT NULL, seq INTEGER NOT NULL, record INTEGER NOT NULL,"
    " PRIMARY KEY (site, peer, boot, shard)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static int refuse(struct spool *spool, struct reason *reason) {
    return reason_set(reason, "%s", sqlite3_errmsg(spool->database));
}

/* ---- opening ---- */

static int read_version(struct spool *spool, int *version) {
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(spool->database, "PRAGMA user_version", -1, &statement, NULL);
    result = result == SQLITE_OK ? sqlite3_step(statement) : result;
    *version = result == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    return *version < 0 ? -1 : 0;
}

static int prepare(struct spool *spool) {
    int result = SQLITE_OK;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && result == SQLITE_OK; i++) {
        result = sqlite3_prepare_v3(spool->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &spool->statements[i], NULL);
    }
    return result == SQLITE_OK ? 0 : -1;
}

int spool_open(struct spool *spool, const char *path, struct reason *reason) {
    int version;
    *spool = (struct spool){.database = NULL};
    if (sqlite3_open(path, &spool->database) != SQLITE_OK || read_version(spool, &version) != 0) {
        return refuse(spool, reason);
    }
    if (version != 0 && version != VERSION) {
        return reason_set(reason, "it is of another version, %d", version);
    }
    return sqlite3_exec(spool->database, schema, NULL, NULL, NULL) == SQLITE_OK && prepare(spool) == 0
               ? 0
               : refuse(spool, reason);
}

void spool_close(struct spool *spool) {
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        sqlite3_finalize(spool->statements[i]);
    }
    sqlite3_close(spool->database);
    *spool = (struct spool){.database = NULL};
}

/* ---- writing ---- */

/* Runs a statement to its end, and lets it be used again. */
static int run(struct spool *spool, int which, struct reason *reason) {
    sqlite3_stmt *statement = spool->statements[which];
    const int result = sqlite3_step(statement);
    const int error = result == SQLITE_DONE ? 0 : refuse(spool, reason);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return error;
}

int spool_begin(struct spool *spool, struct reason *reason) {
    return run(spool, BEGIN, reason);
}

int spool_commit(struct spool *spool, struct reason *reason) {
    return run(spool, COMMIT, reason);
}

void spool_rollback(struct spool *spool) {
    struct reason reason;
    if (sqlite3_get_autocommit(spool->database) == 0) { /* a full disk has ended some transactions itself */
        (void)run(spool, ROLLBACK, &reason);
    }
}

int spool_add(struct spool *spool, const struct spool_row *row, struct reason *reason) {
    char ref[READING_REF_TEXT_BYTES];
    sqlite3_stmt *statement = spool->statements[INSERT];
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)row->id);
    sqlite3_bind_text(statement, 2, row->topic, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, row->payload, (int)row->length, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, row->unit, -1, SQLITE_STATIC);
    sqlite3_bind_double(statement, 5, row->time_s);
    sqlite3_bind_text(statement, 6, reading_ref_text(&row->ref, ref), -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 7, (sqlite3_int64)row->since_ms);
    return run(spool, INSERT, reason);
}

int spool_remove(struct spool *spool, uint64_t id, struct reason *reason) {
    sqlite3_bind_int64(spool->statements[REMOVE], 1, (sqlite3_int64)id);
    return run(spool, REMOVE, reason);
}

int spool_mark(struct spool *spool, const struct spool_mark *mark, struct reason *reason) {
    sqlite3_stmt *statement = spool->statements[MARK];
    sqlite3_bind_text(statement, 1, mark->site, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, mark->ref.peer, sizeof(mark->ref.peer), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)mark->ref.boot);
    sqlite3_bind_int(statement, 4, (int)mark->ref.shard);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)mark->ref.seq);
    sqlite3_bind_int(statement, 6, (int)mark->ref.record);
    return run(spool, MARK, reason);
}

int spool_trim_marks(struct spool *spool, uint64_t count, struct reason *reason) {
    sqlite3_bind_int64(spool->statements[TRIM_MARKS], 1, (sqlite3_int64)count);
    return run(spool, TRIM_MARKS, reason);
}

int spool_trim(struct spool *spool, uint64_t after, uint64_t count, struct reason *reason) {
    sqlite3_bind_int64(spool->statements[TRIM], 1, (sqlite3_int64)after);
    sqlite3_bind_int64(spool->statements[TRIM], 2, (sqlite3_int64)count);
    return run(spool, TRIM, reason);
}

/* ---- reading ---- */

static const char *text_at(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}

static void take_row(sqlite3_stmt *statement, void (*on_row)(const struct spool_row *row, void *context),
                     void *context) {
    struct spool_row row = {.id = (uint64_t)sqlite3_column_int64(statement, 0),
                            .topic = text_at(statement, 1),
                            .payload = sqlite3_column_blob(statement, 2),
                            .length = (size_t)sqlite3_column_bytes(statement, 2),
                            .unit = text_at(statement, 3),
                            .time_s = sqlite3_column_double(statement, 4),
                            .since_ms = (uint64_t)sqlite3_column_int64(statement, 6)};
    const char *ref = text_at(statement, 5);
    reading_ref_parse(ref, strlen(ref), &row.ref);
    row.payload = row.payload != NULL ? row.payload : "";
    on_row(&row, context);
}

int spool_read(struct spool *spool, uint64_t after, size_t count,
               void (*on_row)(const struct spool_row *row, void *context), void *context,
               struct reason *reason) {
    sqlite3_stmt *statement = spool->statements[READ];
    int result;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)count);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        take_row(statement, on_row, context);
    }
    const int error = result == SQLITE_DONE ? 0 : refuse(spool, reason);
    sqlite3_reset(statement);
    return error;
}

static void take_mark(sqlite3_stmt *statement, void (*on_mark)(const struct spool_mark *mark, void *context),
                      void *context) {
    struct spool_mark mark = {.site = text_at(statement, 0),
                              .ref = {.boot = (uint64_t)sqlite3_column_int64(statement, 2),
                                      .shard = (unsigned)sqlite3_column_int(statement, 3),
                                      .seq = (uint64_t)sqlite3_column_int64(statement, 4),
                                      .record = (unsigned)sqlite3_column_int(statement, 5)}};
    const void *peer = sqlite3_column_blob(statement, 1);
    if (peer != NULL && sqlite3_column_bytes(statement, 1) == (int)sizeof(mark.ref.peer)) {
        memcpy(mark.ref.peer, peer, sizeof(mark.ref.peer));
        on_mark(&mark, context);
    }
}

int spool_read_marks(struct spool *spool, void (*on_mark)(const struct spool_mark *mark, void *context),
                     void *context, struct reason *reason) {
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(
        spool->database, "SELECT site, peer, boot, shard, seq, record FROM marks ORDER BY site = '', boot",
        -1, &statement, NULL);
    while (result == SQLITE_OK || result == SQLITE_ROW) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            take_mark(statement, on_mark, context);
        }
    }
    const int error = result == SQLITE_DONE ? 0 : refuse(spool, reason);
    sqlite3_finalize(statement);
    return error;
}

int spool_count(struct spool *spool, uint64_t *count, uint64_t *last, struct reason *reason) {
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(spool->database, "SELECT count(*), ifnull(max(id), 0) FROM rows", -1,
                                    &statement, NULL);
    result = result == SQLITE_OK ? sqlite3_step(statement) : result;
    const int error = result == SQLITE_ROW ? 0 : refuse(spool, reason);
    *count = error == 0 ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    *last = error == 0 ? (uint64_t)sqlite3_column_int64(statement, 1) : 0;
    sqlite3_finalize(statement);
    return error;
}

void spool_shrink(struct spool *spool) {
    sqlite3_exec(spool->database, "PRAGMA incremental_vacuum(512)", NULL, NULL, NULL);
}
