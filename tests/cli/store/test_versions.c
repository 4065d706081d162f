/* SPDX-License-Identifier: MIT */
/* Recordings of versions before this one: brought up to date to be written, and read as they are. */
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "archive.h"
#include "fixture.h"
#include "store.h"

#define NOW_US INT64_C(1800000000000000)

static const struct store_limits limits = {.bytes_max = STORE_BYTES_DEFAULT};

static void run(const char *path, const char *sql) {
    sqlite3 *db;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s", error);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Compares the first column of all rows, joined. */
static void check_rows(const char *path, const char *sql, const char *expected) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    char text[1024] = "";
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        strcat(strcat(text, (const char *)sqlite3_column_text(statement, 0)), "\n");
    }
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_string_equal(text, expected);
}

static struct store *open_store(const char *path) {
    struct reason reason = {""};
    struct store *store;
    if (store_open(&store, path, &limits, &reason) != 0) {
        fail_msg("%s", reason.text);
    }
    return store;
}

static void add(struct batch *batch, const char *origin, int64_t time_s, double number) {
    const struct batch_source source = {.id = {1},
                                        .peer = "thermo",
                                        .topic = "kitchen",
                                        .name = "kitchen/t",
                                        .unit = "Cel",
                                        .origin = origin};
    const struct muster_record record = {
        .kind = MUSTER_VALUE_NUMBER, .number = number, .time_s = (double)time_s};
    assert_int_equal(batch_add(batch, &source, &record, time_s * 1000000 + 250, false), 0);
}

/* A recording as version 1 had it, with a reading and an event. `columns` and `unique` are what series had.
 */
static void make_version_1(const char *path, const char *columns, const char *unique, const char *origin) {
    char sql[8192];
    snprintf(
        sql, sizeof(sql),
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
        "PRAGMA application_id = 0x6d757374; PRAGMA user_version = 1;"
        "CREATE TABLE slice ("
        " slice INTEGER PRIMARY KEY, began_us INTEGER NOT NULL, first_us INTEGER, last_us INTEGER,"
        " readings INTEGER NOT NULL, next_entry INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
        "CREATE TABLE peer ("
        " peer INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, name TEXT NOT NULL,"
        " last_slice INTEGER NOT NULL, UNIQUE (id, name)) STRICT;"
        "CREATE TABLE series ("
        " series INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, topic TEXT NOT NULL,"
        " unit TEXT NOT NULL,%s peer INTEGER NOT NULL REFERENCES peer, last_slice INTEGER NOT NULL,"
        " UNIQUE (%s)) STRICT;"
        "CREATE INDEX series_of_peer ON series (peer);"
        "CREATE TABLE reading ("
        " slice INTEGER NOT NULL, series INTEGER NOT NULL, time_us INTEGER NOT NULL, entry INTEGER NOT NULL,"
        " delay_us INTEGER NOT NULL, number REAL, integer INTEGER, boolean INTEGER, text TEXT, data TEXT,"
        " sum REAL, update_s REAL,"
        " PRIMARY KEY (slice, series, time_us, entry)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE minute ("
        " slice INTEGER NOT NULL, series INTEGER NOT NULL, minute INTEGER NOT NULL, count INTEGER NOT NULL,"
        " numbers INTEGER NOT NULL, min REAL, max REAL, total REAL NOT NULL,"
        " PRIMARY KEY (slice, series, minute)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE event ("
        " slice INTEGER NOT NULL, time_us INTEGER NOT NULL, entry INTEGER NOT NULL,"
        " peer INTEGER REFERENCES peer, event TEXT NOT NULL, reason TEXT, count INTEGER,"
        " PRIMARY KEY (slice, time_us, entry)) STRICT, WITHOUT ROWID;"
        "CREATE VIEW readings AS SELECT r.time_us, p.name AS peer, s.name AS name"
        " FROM reading r JOIN series s USING (series) JOIN peer p USING (peer);"
        "CREATE VIEW minutes AS SELECT * FROM minute; CREATE VIEW events AS SELECT * FROM event;"
        "CREATE VIEW topics AS SELECT * FROM series;"
        "INSERT INTO peer VALUES (3, '01000000000000000000000000000000', 'thermo', 1);"
        "INSERT INTO series VALUES (9, 'kitchen/gone', 'kitchen', '',%s 3, 1);"
        "INSERT INTO series VALUES (7, 'kitchen/t', 'kitchen', 'Cel',%s 3, 1);"
        "DELETE FROM series WHERE series = 9;"
        "INSERT INTO slice VALUES (1, 1800000000000000, 1800000000000000, 1800000000000000, 1, 2, 200);"
        "INSERT INTO reading VALUES"
        " (1, 7, 1800000000000000, 0, 250, 21.5, NULL, NULL, NULL, NULL, NULL, NULL);"
        "INSERT INTO minute VALUES (1, 7, 30000000, 1, 1, 21.5, 21.5, 21.5);"
        "INSERT INTO event VALUES (1, 1800000000000000, 1, 3, 'joined', NULL, NULL);",
        columns, unique, origin, origin);
    run(path, sql);
}

/* What was recorded is kept, what comes goes on with it, and a number of a series is never given again. */
static void check_goes_on(const char *path, const char *origin) {
    struct batch batch = {0};
    char expected[256];
    struct store *store = open_store(path);
    add(&batch, origin, 1800000001, 22);
    add(&batch, "site-c", 1800000002, 23);
    assert_int_equal(store_write(store, &batch, NOW_US + 2000000), STORE_OK);
    batch_deinit(&batch);
    store_close(store);
    snprintf(expected, sizeof(expected),
             "thermo kitchen/t 21.5 Cel '%s' 1800000000000250\nthermo kitchen/t 22.0 Cel '%s' "
             "1800000001000250\nthermo kitchen/t 23.0 Cel 'site-c' 1800000002000250\n",
             origin, origin);
    check_rows(path,
               "SELECT format('%s %s %.1f %s ''%s'' %d', peer, name, number, unit, origin, received_us)"
               " FROM readings ORDER BY time_us",
               expected);
    check_rows(path, "SELECT series || ' ' || last_slice FROM series", "7 1\n10 1\n");
    check_rows(path, "SELECT peer || ' ' || event FROM events", "thermo joined\n");
    check_rows(path, "SELECT sum(count) FROM minutes JOIN topics USING (name, peer, unit, origin)", "3\n");
    check_rows(path, "PRAGMA user_version", "2\n");
    check_rows(path, "PRAGMA integrity_check", "ok\n");
    check_rows(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'series_of_peer'", "1\n");
    store_close(open_store(path));
}

/* A reader takes the file as it is, and changes nothing of it. */
static void check_reads(const char *path, const char *origin) {
    struct archive archive;
    struct archive_reading reading;
    struct reason reason = {""};
    if (archive_open(&archive, path, &reason) != 0) {
        fail_msg("%s", reason.text);
    }
    assert_int_equal(archive.series_count, 1);
    assert_string_equal(archive.series[0].name, "kitchen/t");
    assert_string_equal(archive.series[0].origin, origin);
    assert_string_equal(archive.series[0].peer, "thermo");
    const struct archive_series *series = &archive.series[0];
    assert_int_equal(archive_begin(&archive, &series, 1, 0, INT64_MAX, true), 0);
    assert_int_equal(archive_next(&archive, &reading), 1);
    assert_true(reading.record.number == 21.5);
    assert_int_equal(archive_next(&archive, &reading), 0);
    archive_close(&archive);
    check_rows(path, "PRAGMA user_version", "1\n");
}

TEST(test_version_1) {
    const char *path = fixture_path("1.db");
    make_version_1(path, "", "name, topic, unit, peer", "");
    check_reads(path, "");
    check_goes_on(path, "");
}

TEST(test_version_1_with_origins) {
    const char *path = fixture_path("1-origins.db");
    make_version_1(path, " origin TEXT NOT NULL,", "name, topic, unit, origin, peer", " 'site-b',");
    check_reads(path, "site-b");
    check_goes_on(path, "site-b");
}

static void check_refused(const char *path, const char *expected) {
    struct reason reason;
    struct store *store;
    assert_int_equal(store_open(&store, path, &limits, &reason), -1);
    assert_string_equal(reason.text, expected);
}

/* The file is as it was where the change fails: here a table of the user has the name of a view. */
TEST(test_version_1_that_stays) {
    const char *path = fixture_path("1-stays.db");
    make_version_1(path, "", "name, topic, unit, peer", "");
    run(path, "DROP VIEW topics; CREATE TABLE topics (a)");
    check_refused(path, "it is a recording of version 1, and can't be made one of version 2:"
                        " use DROP TABLE to delete table topics");
    check_rows(path, "SELECT unit FROM series", "Cel\n");
    check_reads(path, "");
}

TEST(test_version_1_whose_tables_were_changed) {
    const char *path = fixture_path("1-changed.db");
    make_version_1(path, " more TEXT NOT NULL,", "name, topic, unit, peer", " '',");
    check_refused(path, "it is no recording of muster as it is: its tables were changed");
}

TEST(test_a_newer_version) {
    const char *path = fixture_path("newer.db");
    struct archive archive;
    struct reason reason;
    store_close(open_store(path));
    run(path, "PRAGMA user_version = 3");
    check_refused(path, "a newer muster recorded it (version 3, this one knows up to 2): update muster");
    assert_int_equal(archive_open(&archive, path, &reason), -1);
    assert_string_equal(reason.text,
                        "a newer muster recorded it (version 3, this one knows up to 2): update muster");
    archive_close(&archive);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_version_1_with_origins),
        cmocka_unit_test(test_version_1_that_stays),
        cmocka_unit_test(test_version_1_whose_tables_were_changed),
        cmocka_unit_test(test_a_newer_version),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
