/* SPDX-License-Identifier: MIT */
#include "archive.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "database.h"

#define MINUTE_US ((int64_t)60000000)

/* How long a question waits for a recorder that is just recovering or closing the file. */
#define BUSY_MS 5000

/* Nobody reads before 1970, or at a time that would break what is computed with times. */
#define TIME_US_END ((int64_t)MUSTER_TIME_S_MAX * 1000000)

/* More readings than any slice has, and so any minute of it. */
#define MINUTE_READINGS_MAX 1000000

static int fail(struct archive *archive) {
    return reason_set(&archive->fault, "%s", sqlite3_errmsg(archive->db));
}

/* SQLite reads what a recorder never wrote. */
static int fail_damaged(struct archive *archive, const char *what) {
    return reason_set(&archive->fault, "it is damaged: %s", what);
}

static bool is_time(int64_t us) {
    return us >= 0 && us < TIME_US_END;
}

/* ---- series ---- */

static char *copy_column(sqlite3_stmt *statement, int column) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text != NULL ? strdup((const char *)text) : NULL;
}

/* Reads a row; false when memory is out. */
static bool read_series(struct archive *archive, sqlite3_stmt *statement) {
    struct archive_series *series = &archive->series[archive->series_count++];
    series->series = sqlite3_column_int64(statement, 0);
    series->name = copy_column(statement, 1);
    series->topic = copy_column(statement, 2);
    series->unit = copy_column(statement, 3);
    series->peer = copy_column(statement, 4);
    series->id = copy_column(statement, 5);
    series->origin = copy_column(statement, 6);
    return series->name != NULL && series->topic != NULL && series->unit != NULL && series->peer != NULL &&
           series->id != NULL && series->origin != NULL;
}

static int read_all_series(struct archive *archive, struct reason *reason) {
    sqlite3_stmt *statement = database_prepare(
        archive->db,
        "SELECT s.series, s.name, s.topic, s.unit, p.name, p.id, s.origin FROM series s JOIN peer p"
        " USING (peer) ORDER BY s.series");
    size_t room = 0;
    int result = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    while (statement != NULL && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        if (archive->series_count == room) {
            room = room > 0 ? 2 * room : 64;
            struct archive_series *grown = realloc(archive->series, room * sizeof(*grown));
            if (grown == NULL) {
                result = SQLITE_NOMEM;
                break;
            }
            archive->series = grown;
        }
        if (!read_series(archive, statement)) {
            result = SQLITE_NOMEM;
            break;
        }
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE
               ? 0
               : reason_set(reason, "%s",
                            result == SQLITE_NOMEM ? sqlite3_errstr(result) : sqlite3_errmsg(archive->db));
}

static int compare_series(const void *left, const void *right) {
    const struct archive_series *a = left;
    const struct archive_series *b = right;
    return a->series < b->series ? -1 : a->series > b->series;
}

static const struct archive_series *find_series(const struct archive *archive, int64_t number) {
    const struct archive_series key = {.series = number};
    return archive->series_count == 0
               ? NULL
               : bsearch(&key, archive->series, archive->series_count, sizeof(key), compare_series);
}

/* ---- opening ---- */

int archive_open(struct archive *archive, const char *path, struct reason *reason) {
    *archive = (struct archive){0};
    if (database_open(&archive->db, path, DATABASE_READ, reason) != 0) {
        return -1;
    }
    sqlite3_busy_timeout(archive->db, BUSY_MS);
    if (database_run(archive->db, "CREATE TEMP TABLE wanted (series INTEGER PRIMARY KEY)") != SQLITE_OK) {
        return reason_set(reason, "%s", sqlite3_errmsg(archive->db));
    }
    return read_all_series(archive, reason);
}

void archive_close(struct archive *archive) {
    for (size_t i = 0; i < archive->series_count; i++) {
        free(archive->series[i].name);
        free(archive->series[i].topic);
        free(archive->series[i].unit);
        free(archive->series[i].peer);
        free(archive->series[i].id);
        free(archive->series[i].origin);
    }
    free(archive->series);
    sqlite3_finalize(archive->next);
    sqlite3_close(archive->db);
    *archive = (struct archive){0};
}

/* Says which series the next statements are about. */
static int want(struct archive *archive, const struct archive_series *const *series, size_t count) {
    int result = database_run(archive->db, "DELETE FROM wanted");
    sqlite3_stmt *statement = database_prepare(archive->db, "INSERT OR IGNORE INTO wanted VALUES (?1)");
    for (size_t i = 0; i < count && result == SQLITE_OK && statement != NULL; i++) {
        sqlite3_bind_int64(statement, 1, series[i]->series);
        result = sqlite3_step(statement) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_OK && statement != NULL ? 0 : fail(archive);
}

/* Prepares a statement with up to three integers. */
static sqlite3_stmt *prepare(struct archive *archive, const char *sql, int64_t first, int64_t second,
                             int64_t third) {
    const int64_t values[] = {first, second, third};
    sqlite3_stmt *statement = database_prepare(archive->db, sql);
    for (int i = 0; statement != NULL && i < sqlite3_bind_parameter_count(statement); i++) {
        sqlite3_bind_int64(statement, i + 1, values[i]);
    }
    return statement;
}

/* ---- buckets ---- */

int archive_range(struct archive *archive, const struct archive_series *const *series, size_t count,
                  int64_t *first_us, int64_t *last_us) {
    if (want(archive, series, count) != 0) {
        return -1;
    }
    sqlite3_stmt *statement =
        prepare(archive,
                "SELECT min((SELECT time_us FROM reading r WHERE r.slice = l.slice AND r.series = w.series"
                " AND r.time_us >= 0 AND r.time_us < ?1 ORDER BY time_us LIMIT 1)),"
                " max((SELECT time_us FROM reading r WHERE r.slice = l.slice AND r.series = w.series"
                " AND r.time_us >= 0 AND r.time_us < ?1 ORDER BY time_us DESC LIMIT 1))"
                " FROM slice l CROSS JOIN wanted w",
                TIME_US_END, 0, 0);
    const int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    const bool has_any = result == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL;
    if (has_any) {
        *first_us = sqlite3_column_int64(statement, 0);
        *last_us = sqlite3_column_int64(statement, 1);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_ROW ? has_any : fail(archive);
}

int64_t archive_count(struct archive *archive, const struct archive_series *const *series, size_t count,
                      int64_t from_us, int64_t until_us) {
    if (want(archive, series, count) != 0) {
        return -1;
    }
    sqlite3_stmt *statement =
        prepare(archive,
                "SELECT sum(m.count) FROM slice l CROSS JOIN wanted w CROSS JOIN minute m ON"
                " m.slice = l.slice AND m.series = w.series AND m.minute BETWEEN ?1 / 60000000 AND"
                " ?2 / 60000000 WHERE l.last_us >= ?1 AND l.first_us < ?2",
                from_us, until_us, 0);
    const int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    const int64_t readings = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : fail(archive);
    sqlite3_finalize(statement);
    return readings;
}

static bool is_bucket(const struct archive_bucket *bucket) {
    return bucket->count >= 0 && bucket->count <= MINUTE_READINGS_MAX && bucket->numbers >= 0 &&
           bucket->numbers <= bucket->count && isfinite(bucket->min) && isfinite(bucket->max) &&
           isfinite(bucket->total);
}

static void add_to_bucket(struct archive_bucket *bucket, const struct archive_bucket *more) {
    bucket->count += more->count;
    if (more->numbers == 0) {
        return;
    }
    bucket->min = bucket->numbers == 0 || more->min < bucket->min ? more->min : bucket->min;
    bucket->max = bucket->numbers == 0 || more->max > bucket->max ? more->max : bucket->max;
    bucket->total = fmax(-DBL_MAX, fmin(DBL_MAX, bucket->total + more->total));
    bucket->numbers += more->numbers;
}

/* Days may be an hour shorter or longer than others. */
static size_t find_bucket(const struct archive_bucket *buckets, size_t count, int64_t every_us, int64_t us) {
    const int64_t about = (us - buckets[0].begin_us) / every_us;
    size_t i = about < 0 ? 0 : about < (int64_t)count ? (size_t)about : count - 1;
    while (i > 0 && us < buckets[i].begin_us) {
        i--;
    }
    while (i + 1 < count && us >= buckets[i + 1].begin_us) {
        i++;
    }
    return i;
}

int archive_buckets(struct archive *archive, const struct archive_series *const *series, size_t count,
                    struct archive_bucket *buckets, size_t bucket_count, int64_t every_us, int64_t until_us) {
    /* Both give the time, count, numbers, min, max and total. */
    static const char of_minutes[] =
        "SELECT m.minute * 60000000, m.count, m.numbers, m.min, m.max, m.total FROM slice l CROSS JOIN"
        " wanted w CROSS JOIN minute m ON m.slice = l.slice AND m.series = w.series AND"
        " m.minute >= ?1 / 60000000 AND m.minute < ?2 / 60000000 WHERE l.last_us >= ?1 AND l.first_us < ?2";
    static const char of_readings[] =
        "SELECT r.time_us, 1, coalesce(r.number, r.integer, r.boolean) IS NOT NULL,"
        " coalesce(r.number, r.integer, r.boolean), coalesce(r.number, r.integer, r.boolean),"
        " coalesce(r.number, r.integer, r.boolean) FROM slice l CROSS JOIN wanted w CROSS JOIN reading r ON"
        " r.slice = l.slice AND r.series = w.series AND r.time_us >= ?1 AND r.time_us < ?2"
        " WHERE l.last_us >= ?1 AND l.first_us < ?2";
    const int64_t from_us = buckets[0].begin_us;
    const bool by_minute = every_us % MINUTE_US == 0 && from_us % MINUTE_US == 0;
    if (want(archive, series, count) != 0) {
        return -1;
    }
    sqlite3_stmt *statement = prepare(archive, by_minute ? of_minutes : of_readings, from_us, until_us, 0);
    int result = SQLITE_ERROR;
    while (statement != NULL && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct archive_bucket more = {
            .count = sqlite3_column_int64(statement, 1),
            .numbers = sqlite3_column_int64(statement, 2),
            .min = sqlite3_column_double(statement, 3),
            .max = sqlite3_column_double(statement, 4),
            .total = sqlite3_column_double(statement, 5),
        };
        const int64_t us = sqlite3_column_int64(statement, 0);
        if (!is_bucket(&more)) {
            sqlite3_finalize(statement);
            return fail_damaged(archive, "it counts what can't be");
        }
        add_to_bucket(&buckets[find_bucket(buckets, bucket_count, every_us, us)], &more);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : fail(archive);
}

/* ---- readings ---- */

/* Copies the wanted readings of a slice in their order, and begins to read the copy. */
static int read_slice(struct archive *archive) {
    static const char copy[] =
        "INSERT INTO copied SELECT NULL, r.series, r.time_us, r.time_us + r.delay_us, r.number, r.integer,"
        " r.boolean, r.text, r.data, r.sum, r.update_s FROM wanted w CROSS JOIN reading r ON r.slice = ?1 AND"
        " r.series = w.series AND r.time_us >= ?2 AND r.time_us < ?3 ORDER BY ";
    char sql[sizeof(copy) + 32];
    sqlite3_finalize(archive->next);
    archive->next = NULL;
    if (database_run(archive->db,
                     "DROP TABLE IF EXISTS temp.copied;"
                     "CREATE TEMP TABLE copied (number INTEGER PRIMARY KEY, series, time_us,"
                     " received_us, number_value, integer, boolean, text, data, sum, update_s)") !=
        SQLITE_OK) {
        return fail(archive);
    }
    snprintf(sql, sizeof(sql), "%s%s", copy, archive->by_time ? "r.time_us, r.entry" : "r.entry");
    sqlite3_stmt *statement = prepare(archive, sql, archive->slice, archive->from_us, archive->until_us);
    const int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    sqlite3_finalize(statement);
    if (result == SQLITE_DONE) {
        archive->next = prepare(archive, "SELECT * FROM temp.copied ORDER BY number", 0, 0, 0);
    }
    return archive->next != NULL ? 0 : fail(archive);
}

/* Goes on with the next slice. 1; 0 when there is none; -1 with a fault. */
static int next_slice(struct archive *archive) {
    sqlite3_stmt *statement = prepare(archive,
                                      "SELECT slice FROM slice WHERE slice > ?1 AND last_us >= ?2 AND"
                                      " first_us < ?3 ORDER BY slice LIMIT 1",
                                      archive->slice, archive->from_us, archive->until_us);
    const int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    if (result == SQLITE_ROW) {
        archive->slice = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    if (result == SQLITE_DONE) {
        return 0;
    }
    return result != SQLITE_ROW ? fail(archive) : read_slice(archive) != 0 ? -1 : 1;
}

int archive_begin(struct archive *archive, const struct archive_series *const *series, size_t count,
                  int64_t from_us, int64_t until_us, bool by_time) {
    sqlite3_finalize(archive->next);
    archive->next = NULL;
    archive->slice = 0;
    archive->from_us = from_us > 0 ? from_us : 0;
    archive->until_us = until_us < TIME_US_END ? until_us : TIME_US_END;
    archive->by_time = by_time;
    return want(archive, series, count);
}

static void read_value(sqlite3_stmt *row, struct muster_record *record) {
    enum { NUMBER = 4, INTEGER, BOOLEAN, TEXT, DATA, SUM, UPDATE };
    const int text = sqlite3_column_type(row, TEXT) != SQLITE_NULL ? TEXT : DATA;
    if (sqlite3_column_type(row, NUMBER) != SQLITE_NULL || sqlite3_column_type(row, INTEGER) != SQLITE_NULL) {
        record->kind = MUSTER_VALUE_NUMBER;
        record->number = sqlite3_column_type(row, NUMBER) != SQLITE_NULL
                             ? sqlite3_column_double(row, NUMBER)
                             : (double)sqlite3_column_int64(row, INTEGER);
    } else if (sqlite3_column_type(row, BOOLEAN) != SQLITE_NULL) {
        record->kind = MUSTER_VALUE_BOOLEAN;
        record->boolean = sqlite3_column_int(row, BOOLEAN) != 0;
    } else if (sqlite3_column_type(row, text) != SQLITE_NULL) {
        record->kind = text == TEXT ? MUSTER_VALUE_TEXT : MUSTER_VALUE_DATA;
        const unsigned char *bytes = sqlite3_column_text(row, text);
        record->text = bytes != NULL ? (const char *)bytes : "";
        record->text_length = bytes != NULL ? (size_t)sqlite3_column_bytes(row, text) : 0;
    }
    record->has_sum = sqlite3_column_type(row, SUM) != SQLITE_NULL;
    record->sum = sqlite3_column_double(row, SUM);
    record->update_s = sqlite3_column_double(row, UPDATE);
}

static int read_reading(struct archive *archive, struct archive_reading *reading) {
    sqlite3_stmt *row = archive->next;
    *reading = (struct archive_reading){
        .series = find_series(archive, sqlite3_column_int64(row, 1)),
        .time_us = sqlite3_column_int64(row, 2),
        .received_us = sqlite3_column_int64(row, 3),
    };
    if (reading->series == NULL || !is_time(reading->time_us)) {
        return fail_damaged(archive, "a reading is of no series, or of no time");
    }
    if (!is_time(reading->received_us)) {
        reading->received_us = reading->time_us;
    }
    reading->record.name = reading->series->name;
    reading->record.unit = reading->series->unit;
    reading->record.time_s = (double)reading->time_us / 1e6;
    read_value(row, &reading->record);
    const struct muster_record *record = &reading->record;
    if (!isfinite(record->number) || !isfinite(record->sum) || !isfinite(record->update_s)) {
        return fail_damaged(archive, "a number is not finite");
    }
    return 1;
}

int archive_next(struct archive *archive, struct archive_reading *reading) {
    int result = SQLITE_DONE;
    int slice = 1;
    while (slice == 1 && (archive->next == NULL || (result = sqlite3_step(archive->next)) == SQLITE_DONE)) {
        slice = next_slice(archive);
    }
    if (slice != 1) {
        sqlite3_finalize(archive->next); /* else it would begin again */
        archive->next = NULL;
        return slice;
    }
    if (result != SQLITE_ROW) {
        return fail(archive);
    }
    return read_reading(archive, reading);
}

/* ---- events ---- */

bool archive_has_peer(struct archive *archive, const char *name_or_id) {
    sqlite3_stmt *statement = database_prepare(archive->db, "SELECT 1 FROM peer WHERE name = ?1 OR id = ?1");
    if (statement == NULL) {
        return false;
    }
    sqlite3_bind_text(statement, 1, name_or_id, -1, SQLITE_STATIC);
    const bool has_peer = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_finalize(statement);
    return has_peer;
}

int archive_begin_events(struct archive *archive, const char *name_or_id, int64_t from_us, int64_t until_us) {
    sqlite3_finalize(archive->next);
    archive->next = NULL;
    if (database_run(archive->db,
                     "DROP TABLE IF EXISTS temp.told;"
                     "CREATE TEMP TABLE told (number INTEGER PRIMARY KEY, time_us, event, reason,"
                     " count, name, id)") != SQLITE_OK) {
        return fail(archive);
    }
    sqlite3_stmt *statement =
        prepare(archive,
                "INSERT INTO told SELECT NULL, e.time_us, e.event, e.reason, e.count, p.name, p.id FROM"
                " event e JOIN peer p USING (peer) WHERE (p.name = ?3 OR p.id = ?3) AND e.time_us >= ?1"
                " AND e.time_us < ?2 ORDER BY e.slice, e.entry",
                from_us > 0 ? from_us : 0, until_us < TIME_US_END ? until_us : TIME_US_END, 0);
    sqlite3_bind_text(statement, 3, name_or_id, -1, SQLITE_STATIC);
    const int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    sqlite3_finalize(statement);
    if (result == SQLITE_DONE) {
        archive->next = prepare(archive, "SELECT * FROM temp.told ORDER BY number", 0, 0, 0);
    }
    return archive->next != NULL ? 0 : fail(archive);
}

int archive_next_event(struct archive *archive, struct archive_event *event) {
    const int result = sqlite3_step(archive->next);
    if (result != SQLITE_ROW) {
        return result == SQLITE_DONE ? 0 : fail(archive);
    }
    *event = (struct archive_event){
        .time_us = sqlite3_column_int64(archive->next, 1),
        .event = (const char *)sqlite3_column_text(archive->next, 2),
        .reason = (const char *)sqlite3_column_text(archive->next, 3),
        .count = sqlite3_column_int64(archive->next, 4),
        .peer = (const char *)sqlite3_column_text(archive->next, 5),
        .id = (const char *)sqlite3_column_text(archive->next, 6),
    };
    if (event->event == NULL || event->peer == NULL || event->id == NULL) {
        return fail_damaged(archive, "an event has no name, or no peer");
    }
    return 1;
}
