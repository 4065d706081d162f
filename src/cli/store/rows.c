/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "database.h"

/* What a row is taken to need, beside its text. */
#define ROW_BYTES 64

/* Rows that one transaction deletes. */
#define DELETE_ROWS 10000

static const char *const statements_sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND_PEER] = "SELECT peer, last_slice FROM peer WHERE id = ?1 AND name = ?2",
    [NAME_PEER] = "UPDATE peer SET name = ?2 WHERE id = ?1 AND name = '' RETURNING peer, last_slice",
    [ADD_PEER] = "INSERT INTO peer (id, name, last_slice) VALUES (?1, ?2, ?3)",
    [USE_PEER] = "UPDATE peer SET last_slice = ?2 WHERE peer = ?1",
    [FIND_SERIES] = "SELECT series, last_slice FROM series"
                    " WHERE name = ?1 AND topic = ?2 AND unit = ?3 AND peer = ?4 AND origin = ?5",
    [ADD_SERIES] = "INSERT INTO series (name, topic, unit, peer, origin, last_slice)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
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

/* Runs a statement that was bound, and makes it ready for the next time. Returns an SQLite result. */
int rows_run(struct rows *rows, enum statement which) {
    sqlite3_stmt *statement = rows->statements[which];
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

static int run_with(struct rows *rows, enum statement which, int64_t first, int64_t second) {
    sqlite3_stmt *statement = rows->statements[which];
    sqlite3_bind_int64(statement, 1, first);
    if (sqlite3_bind_parameter_count(statement) > 1) {
        sqlite3_bind_int64(statement, 2, second);
    }
    return rows_run(rows, which);
}

int rows_ask(struct rows *rows, enum statement which, int64_t values[2]) {
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
        return run_with(rows, use, *row, rows->slice.number);
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
        bind_text(rows->statements[keyed[i]], 5, source->origin, strlen(source->origin));
    }
    sqlite3_bind_int64(rows->statements[ADD_SERIES], 6, rows->slice.number);
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

int rows_write_series(struct rows *rows, const struct batch *batch, size_t *at, int64_t *bytes) {
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

int rows_write_event(struct rows *rows, const struct batch_event *event, size_t number) {
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
    if (event->reason[0] != '\0') {
        bind_text(statement, 6, event->reason, strlen(event->reason));
    }
    if (event->count > 0) {
        sqlite3_bind_int64(statement, 7, (int64_t)event->count);
    }
    rows->slice.bytes += ROW_BYTES;
    return result == SQLITE_OK ? rows_run(rows, ADD_EVENT) : result;
}

/* ---- slices ---- */

int rows_add_slice(struct rows *rows, int64_t now_us) {
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

int rows_update_slice(struct rows *rows, size_t entries) {
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

int rows_delete(struct rows *rows, int64_t slice) {
    static const enum statement deletes[] = {DELETE_READINGS, DELETE_MINUTES, DELETE_EVENTS};
    int64_t count = DELETE_ROWS;
    for (size_t i = 0; i < 3 && count > 0; i++) {
        const int result = run_with(rows, deletes[i], slice, count);
        if (result != SQLITE_OK) {
            return result;
        }
        count -= sqlite3_changes(rows->db);
    }
    int result = SQLITE_OK;
    if (count > 0) {
        result = run_with(rows, DELETE_SLICE, slice, 0);
        result = result == SQLITE_OK ? run_with(rows, DELETE_SERIES, slice, 0) : result;
        result = result == SQLITE_OK ? run_with(rows, DELETE_PEERS, slice, 0) : result;
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

int rows_prepare(struct rows *rows, struct reason *reason) {
    for (size_t i = 0; i < STATEMENTS; i++) {
        rows->statements[i] = database_prepare(rows->db, statements_sql[i]);
        if (rows->statements[i] == NULL) {
            return reason_set(reason, "%s", sqlite3_errmsg(rows->db));
        }
    }
    return read_slice(rows, reason);
}

void rows_close(struct rows *rows) {
    for (size_t i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(rows->statements[i]);
    }
    sqlite3_close(rows->db);
}
