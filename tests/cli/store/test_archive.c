/* SPDX-License-Identifier: MIT */
/* Recordings are read: buckets, readings in their order, events; also while they are written. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "archive.h"
#include "fixture.h"
#include "store.h"

#define SECOND_US ((int64_t)1000000)
#define MINUTE_US (60 * SECOND_US)
#define BEGIN_US (1800000000 * SECOND_US)
#define ALL_US (10000 * SECOND_US)

static void add(struct batch *batch, const char *name, double time_s, struct muster_record record) {
    const struct batch_source source = {.id = {1},
                                        .peer = "thermo",
                                        .topic = "t",
                                        .name = name,
                                        .unit = "Cel",
                                        .origin = strcmp(name, "t/b") == 0 ? "site-b" : ""};
    record.time_s = time_s;
    assert_int_equal(batch_add(batch, &source, &record, llround(time_s * 1e6) + 1000, false), 0);
}

/* t/a counts up each second for 1,000 s, in several slices (a limit of 6 MB makes slices of some 2,500
 * readings); t/b says texts in between. */
static void write_recording(const char *path) {
    const struct store_limits small = {.bytes_max = STORE_BYTES_MIN};
    struct reason reason;
    struct store *store;
    assert_int_equal(store_open(&store, path, &small, &reason), 0);
    for (int i = 0; i < 1000; i += 100) {
        struct batch batch = {0};
        for (int j = i; j < i + 100; j++) {
            add(&batch, "t/a", 1.8e9 + j, (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = j});
            add(&batch, "t/b", 1.8e9 + j + 0.5,
                (struct muster_record){.kind = MUSTER_VALUE_TEXT, .text = "on", .text_length = 2});
        }
        const struct batch_event event = {.time_us = BEGIN_US + i * SECOND_US,
                                          .has_peer = true,
                                          .id = {1},
                                          .peer = "thermo",
                                          .event = i % 200 == 0 ? "joined" : "lost"};
        assert_int_equal(batch_add_event(&batch, &event), 0);
        assert_int_equal(store_write(store, &batch, BEGIN_US + i * 1000 * SECOND_US), STORE_OK);
        batch_deinit(&batch);
    }
    store_close(store);
}

static const struct archive_series *find(const struct archive *archive, const char *name) {
    for (size_t i = 0; i < archive->series_count; i++) {
        if (strcmp(archive->series[i].name, name) == 0) {
            return &archive->series[i];
        }
    }
    fail();
    return NULL;
}

static void open_archive(struct archive *archive, const char *path) {
    struct reason reason = {""};
    if (archive_open(archive, path, &reason) != 0) {
        fail_msg("%s", reason.text);
    }
}

static void check_buckets(struct archive *archive, const char *name, int64_t from_us, int64_t every_us,
                          const struct archive_bucket *expected, size_t count) {
    const struct archive_series *series = find(archive, name);
    struct archive_bucket buckets[16] = {0};
    for (size_t i = 0; i < count; i++) {
        buckets[i].begin_us = from_us + (int64_t)i * every_us;
    }
    assert_int_equal(
        archive_buckets(archive, &series, 1, buckets, count, every_us, from_us + (int64_t)count * every_us),
        0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(buckets[i].count, expected[i].count);
        assert_int_equal(buckets[i].numbers, expected[i].numbers);
        assert_true(buckets[i].min == expected[i].min && buckets[i].max == expected[i].max);
        assert_true(buckets[i].total == expected[i].total);
    }
}

TEST(test_buckets) {
    const char *path = fixture_path("buckets.db");
    struct archive archive;
    write_recording(path);
    open_archive(&archive, path);
    check_buckets(&archive, "t/a", BEGIN_US - 10 * MINUTE_US, 10 * MINUTE_US,
                  (const struct archive_bucket[]){
                      {0},
                      {.count = 600, .numbers = 600, .min = 0, .max = 599, .total = 179700},
                      {.count = 400, .numbers = 400, .min = 600, .max = 999, .total = 319800},
                      {0}},
                  4);
    check_buckets(
        &archive, "t/a", BEGIN_US + 5 * SECOND_US, 2 * SECOND_US,
        (const struct archive_bucket[]){{.count = 2, .numbers = 2, .min = 5, .max = 6, .total = 11},
                                        {.count = 2, .numbers = 2, .min = 7, .max = 8, .total = 15}},
        2);
    check_buckets(&archive, "t/b", BEGIN_US, 10 * MINUTE_US, (const struct archive_bucket[]){{.count = 600}},
                  1);
    const struct archive_series *series = find(&archive, "t/a");
    int64_t first_us;
    int64_t last_us;
    assert_int_equal(archive_range(&archive, &series, 1, &first_us, &last_us), 1);
    assert_int_equal(first_us, BEGIN_US);
    assert_int_equal(last_us, BEGIN_US + 999 * SECOND_US);
    assert_int_equal(archive_count(&archive, &series, 1, BEGIN_US, BEGIN_US + MINUTE_US - 1), 60);
    archive_close(&archive);
}

TEST(test_readings) {
    const char *path = fixture_path("readings.db");
    struct archive archive;
    struct archive_reading reading;
    write_recording(path);
    open_archive(&archive, path);
    const struct archive_series *both[] = {find(&archive, "t/a"), find(&archive, "t/b")};
    assert_string_equal(both[0]->origin, "");
    assert_string_equal(both[1]->origin, "site-b");
    assert_int_equal(
        archive_begin(&archive, both, 2, BEGIN_US + 90 * SECOND_US, BEGIN_US + 500 * SECOND_US, false), 0);
    for (int i = 0; i < 820; i++) {
        assert_int_equal(archive_next(&archive, &reading), 1);
        assert_int_equal(reading.time_us, BEGIN_US + 90 * SECOND_US + i * SECOND_US / 2);
        assert_int_equal(reading.received_us, reading.time_us + 1000);
        assert_string_equal(reading.record.name, i % 2 == 0 ? "t/a" : "t/b");
        if (i % 2 == 0) {
            assert_true(reading.record.kind == MUSTER_VALUE_NUMBER && reading.record.number == 90 + i / 2);
        } else {
            assert_string_equal(reading.record.text, "on");
        }
    }
    assert_int_equal(archive_next(&archive, &reading), 0);
    assert_int_equal(archive_next(&archive, &reading), 0);
    archive_close(&archive);
}

TEST(test_events) {
    const char *path = fixture_path("events.db");
    struct archive archive;
    struct archive_event event;
    write_recording(path);
    open_archive(&archive, path);
    assert_true(archive_has_peer(&archive, "thermo"));
    assert_true(archive_has_peer(&archive, "01000000000000000000000000000000"));
    assert_false(archive_has_peer(&archive, "01"));
    assert_int_equal(
        archive_begin_events(&archive, "thermo", BEGIN_US + 100 * SECOND_US, BEGIN_US + 300 * SECOND_US), 0);
    assert_int_equal(archive_next_event(&archive, &event), 1);
    assert_string_equal(event.event, "lost");
    assert_null(event.reason);
    assert_int_equal(archive_next_event(&archive, &event), 1);
    assert_string_equal(event.event, "joined");
    assert_int_equal(event.time_us, BEGIN_US + 200 * SECOND_US);
    assert_int_equal(archive_next_event(&archive, &event), 0);
    archive_close(&archive);
}

/* A reader sees what was written until then, and does not hold up the recorder between its steps. */
TEST(test_reading_while_it_is_written) {
    const char *path = fixture_path("live.db");
    struct reason reason;
    struct store *store;
    struct archive archive;
    struct archive_reading reading;
    const struct store_limits small = {.bytes_max = STORE_BYTES_MIN};
    write_recording(path);
    open_archive(&archive, path);
    const struct archive_series *series = find(&archive, "t/a");
    assert_int_equal(archive_begin(&archive, &series, 1, BEGIN_US, BEGIN_US + ALL_US, false), 0);
    assert_int_equal(archive_next(&archive, &reading), 1);
    assert_int_equal(store_open(&store, path, &small, &reason), 0);
    for (int i = 0; i < 60; i++) { /* many times the log */
        struct batch batch = {0};
        for (int j = 0; j < 1000; j++) {
            add(&batch, "t/c", 1.8e9 + i, (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = j});
        }
        assert_int_equal(store_write(store, &batch, BEGIN_US), STORE_OK);
        batch_deinit(&batch);
    }
    store_close(store);
    while (archive_next(&archive, &reading) == 1) {
    }
    archive_close(&archive);
}

/* Looks back as somebody who may only read. Returns what to exit with. */
static int read_only(const char *path) {
    struct archive archive;
    struct reason reason;
    if (geteuid() == 0 && setuid(65534) != 0) {
        return 2;
    }
    if (archive_open(&archive, path, &reason) != 0) {
        fprintf(stderr, "%s\n", reason.text);
        return 3;
    }
    const bool is_whole = archive.series_count == 2;
    archive_close(&archive);
    return is_whole ? 0 : 4;
}

TEST(test_a_file_that_may_only_be_read) {
    const char *path = fixture_path("others.db");
    int status;
    write_recording(path);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(fixture_directory, 0555), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(read_only(path));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(fixture_directory, 0700), 0);
    assert_int_equal(status, 0);
}

/* As read_only(), where the files that go with the recording are there, and can't be used. */
static int read_only_beside_a_log(const char *path) {
    struct archive archive;
    struct reason reason;
    if (geteuid() == 0 && setuid(65534) != 0) {
        return 2;
    }
    const int error = archive_open(&archive, path, &reason);
    archive_close(&archive);
    if (error == 0 || strcmp(reason.text, "unable to open database file") != 0) {
        fprintf(stderr, "%d %s\n", error, reason.text);
        return 3;
    }
    return 0;
}

TEST(test_a_log_that_may_only_be_read) {
    const char *path = fixture_path("logged.db");
    int status;
    write_recording(path);
    FILE *log = fopen(fixture_path("logged.db-wal"), "w");
    assert_non_null(log);
    assert_int_equal(fputs("some", log), 1);
    assert_int_equal(fclose(log), 0);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(fixture_directory, 0555), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(read_only_beside_a_log(path));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(fixture_directory, 0700), 0);
    assert_int_equal(status, 0);
}

TEST(test_files_that_are_none) {
    struct reason reason;
    struct archive archive;
    assert_int_equal(archive_open(&archive, fixture_path("missing.db"), &reason), -1);
    assert_string_equal(reason.text, "No such file or directory");
    archive_close(&archive);
    assert_int_equal(mkdir(fixture_path("directory.db"), 0700), 0);
    assert_int_equal(archive_open(&archive, fixture_path("directory.db"), &reason), -1);
    assert_string_equal(reason.text, "Is a directory");
    archive_close(&archive);
    FILE *file = fopen(fixture_path("empty.db"), "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(archive_open(&archive, fixture_path("empty.db"), &reason), -1);
    assert_string_equal(reason.text, "it is empty");
    archive_close(&archive);
}

static void change(const char *path, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

TEST(test_tables_that_were_changed) {
    static const char *const changes[] = {
        /* What is read is made up while it is read, without an end. */
        "DROP VIEW readings; DROP VIEW minutes; DROP VIEW events; DROP VIEW topics; ALTER TABLE reading "
        "RENAME TO r;"
        "CREATE VIEW reading AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT 1 slice, i series, i time_us, i entry FROM n",
        "CREATE TRIGGER t AFTER INSERT ON reading BEGIN DELETE FROM peer; END",
        "ALTER TABLE series ADD COLUMN more TEXT",
        "DROP TABLE event",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '')",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *path = fixture_path("changed.db");
        struct archive archive;
        struct reason reason;
        write_recording(path);
        change(path, changes[i]);
        assert_int_equal(archive_open(&archive, path, &reason), -1);
        assert_string_equal(reason.text, "it is no recording of muster as it is: its tables were changed");
        archive_close(&archive);
        assert_int_equal(remove(path), 0);
    }
    /* What is beside them is the user's own. */
    const char *path = fixture_path("added.db");
    struct archive archive;
    write_recording(path);
    change(path, "CREATE TABLE note (text); CREATE INDEX by_time ON reading (time_us);"
                 "CREATE VIEW mine AS SELECT * FROM readings");
    open_archive(&archive, path);
    archive_close(&archive);
}

/* Says why the readings can't be read; "" when they can. */
static const char *walk_fault(const char *path) {
    static struct reason fault;
    struct archive archive;
    struct archive_reading reading;
    int result;
    open_archive(&archive, path);
    const struct archive_series *series = find(&archive, "t/a");
    assert_int_equal(archive_begin(&archive, &series, 1, INT64_MIN, INT64_MAX, true), 0);
    while ((result = archive_next(&archive, &reading)) == 1) {
    }
    fault = archive.fault;
    archive_close(&archive);
    return result < 0 ? fault.text : "";
}

TEST(test_values_that_no_recorder_writes) {
    struct archive archive;
    struct archive_bucket bucket = {.begin_us = BEGIN_US};
    int64_t first_us;
    int64_t last_us;
    const char *path = fixture_path("values.db");
    write_recording(path);
    change(path,
           "INSERT INTO reading SELECT slice, series, 9223372036854775807, 1000000, 0, 1, NULL, NULL, NULL,"
           " NULL, NULL, NULL FROM reading LIMIT 1;"
           "INSERT INTO reading SELECT slice, series, -1, 1000001, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL"
           " FROM reading LIMIT 1; UPDATE slice SET first_us = -1, last_us = 9223372036854775807");
    assert_string_equal(walk_fault(path), "");
    open_archive(&archive, path);
    const struct archive_series *series = find(&archive, "t/a");
    assert_int_equal(archive_range(&archive, &series, 1, &first_us, &last_us), 1);
    assert_int_equal(first_us, BEGIN_US);
    assert_int_equal(last_us, BEGIN_US + 999 * SECOND_US);
    archive_close(&archive);

    change(path, "UPDATE minute SET count = 9223372036854775807");
    open_archive(&archive, path);
    series = find(&archive, "t/a");
    assert_int_equal(archive_buckets(&archive, &series, 1, &bucket, 1, MINUTE_US, BEGIN_US + MINUTE_US), -1);
    assert_string_equal(archive.fault.text, "it is damaged: it counts what can't be");
    archive_close(&archive);

    change(path, "UPDATE reading SET number = 9e999 WHERE entry < 100");
    assert_string_equal(walk_fault(path), "it is damaged: a number is not finite");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_readings),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_reading_while_it_is_written),
        cmocka_unit_test(test_a_file_that_may_only_be_read),
        cmocka_unit_test(test_a_log_that_may_only_be_read),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_tables_that_were_changed),
        cmocka_unit_test(test_values_that_no_recorder_writes),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
