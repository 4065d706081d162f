/* SPDX-License-Identifier: MIT */
/* Recordings: what is kept, how much of it, and what a crash or a full disk leaves. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fixture.h"
#include "store.h"

#define SECOND_US ((int64_t)1000000)
#define DAY_US (86400 * SECOND_US)
#define NOW_US (1800000000 * SECOND_US)

static const struct store_limits small = {.bytes_max = STORE_BYTES_MIN};
static const struct store_limits large = {.bytes_max = STORE_BYTES_DEFAULT};

static const struct batch_source thermo = {
    .id = {1}, .peer = "thermo", .topic = "kitchen", .name = "kitchen/t", .unit = "Cel", .origin = ""};

/* ---- helpers ---- */

static struct store *open_store(const char *path, const struct store_limits *limits) {
    struct reason reason = {""};
    struct store *store;
    if (store_open(&store, path, limits, &reason) != 0) {
        fail_msg("%s: %s", path, reason.text);
    }
    return store;
}

static void check_refused(const char *path, const char *expected) {
    struct reason reason;
    struct store *store;
    assert_int_equal(store_open(&store, path, &large, &reason), -1);
    assert_null(store);
    assert_string_equal(reason.text, expected);
}

/* A database that is open for reading, as by sqlite3(1), and its rows as text. */
static sqlite3 *reader_open(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    return db;
}

static int print_row(void *context, int count, char **values, char **names) {
    char *text = context;
    (void)names;
    for (int i = 0; i < count; i++) {
        snprintf(text + strlen(text), 4096 - strlen(text), "%s%s", i > 0 ? "|" : "",
                 values[i] != NULL ? values[i] : "-");
    }
    strcat(text, "\n");
    return 0;
}

static void check_rows(const char *path, const char *sql, const char *expected) {
    sqlite3 *db = reader_open(path);
    char text[8192] = "";
    char *error = NULL;
    if (sqlite3_exec(db, sql, print_row, text, &error) != SQLITE_OK) {
        fail_msg("%s", error);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_string_equal(text, expected);
}

static int64_t integer_of(const char *path, const char *sql) {
    sqlite3 *db = reader_open(path);
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return value;
}

static void add(struct batch *batch, const struct batch_source *source, double time_s,
                struct muster_record record) {
    record.time_s = time_s;
    record.text_length = record.text != NULL ? strlen(record.text) : 0;
    assert_int_equal(batch_add(batch, source, &record, llround(time_s * 1e6) + 250, false), 0);
}

/* Adds numbers of many series, one a second each, that count up from `first`. */
static void add_numbers(struct batch *batch, int64_t first, size_t count, unsigned series) {
    struct batch_source source = thermo;
    char name[32];
    source.name = name;
    for (size_t i = 0; i < count; i++) {
        const int64_t number = first + (int64_t)i;
        snprintf(name, sizeof(name), "n/%u", (unsigned)(number % series));
        add(batch, &source, (double)(NOW_US / SECOND_US + number / series),
            (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = (double)number});
    }
}

static enum store_result write_numbers(struct store *store, int64_t first, size_t count, unsigned series) {
    struct batch batch = {0};
    add_numbers(&batch, first, count, series);
    const enum store_result result =
        store_write(store, &batch, NOW_US + (first + (int64_t)count) / series * SECOND_US);
    if (result == STORE_OK) {
        assert_int_equal(batch.readings_done, count);
    }
    batch_deinit(&batch);
    return result;
}

/* ---- what is kept ---- */

TEST(test_values) {
    const char *path = fixture_path("values.db");
    struct store *store = open_store(path, &large);
    struct batch batch = {0};
    const struct batch_event joined = {
        .time_us = NOW_US, .has_peer = true, .id = {1}, .peer = "thermo", .event = "joined"};
    const struct batch_event lost = {
        .time_us = NOW_US + 1, .event = "datagrams-lost", .reason = "wire", .count = 3};
    add(&batch, &thermo, 1.8e9, (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = 21.5});
    add(&batch, &thermo, 1.8e9 + 0.25, (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = 22});
    add(&batch, &thermo, 1.8e9 + 1,
        (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = 9007199254740992});
    add(&batch, &thermo, 1.8e9 + 2, (struct muster_record){.kind = MUSTER_VALUE_BOOLEAN, .boolean = true});
    add(&batch, &thermo, 1.8e9 + 3, (struct muster_record){.kind = MUSTER_VALUE_TEXT, .text = "007"});
    add(&batch, &thermo, 1.8e9 + 4, (struct muster_record){.kind = MUSTER_VALUE_DATA, .text = "aGkg"});
    add(&batch, &thermo, 1.8e9 + 5,
        (struct muster_record){.kind = MUSTER_VALUE_NONE, .has_sum = true, .sum = 1e300, .update_s = 60});
    assert_int_equal(batch_add_event(&batch, &joined), 0);
    assert_int_equal(batch_add_event(&batch, &lost), 0);
    assert_int_equal(store_write(store, &batch, NOW_US), STORE_OK);
    batch_deinit(&batch);
    store_close(store);
    check_rows(
        path, "SELECT time, peer, name, number, integer, boolean, text, data, sum, unit, kind FROM readings",
        "2027-01-15 08:00:00.000|thermo|kitchen/t|21.5|-|-|-|-|-|Cel|number\n"
        "2027-01-15 08:00:00.250|thermo|kitchen/t|22|22|-|-|-|-|Cel|number\n"
        "2027-01-15 08:00:01.000|thermo|kitchen/t|9007199254740992|9007199254740992|-|-|-|-|Cel|number\n"
        "2027-01-15 08:00:02.000|thermo|kitchen/t|-|-|1|-|-|-|Cel|boolean\n"
        "2027-01-15 08:00:03.000|thermo|kitchen/t|-|-|-|007|-|-|Cel|text\n"
        "2027-01-15 08:00:04.000|thermo|kitchen/t|-|-|-|-|aGkg|-|Cel|data\n"
        "2027-01-15 08:00:05.000|thermo|kitchen/t|-|-|-|-|-|1.0e+300|Cel|none\n");
    check_rows(path, "SELECT time_us, received_us, update_s, peer_id FROM readings WHERE kind = 'none'",
               "1800000005000000|1800000005000250|60.0|01000000000000000000000000000000\n");
    check_rows(path, "SELECT time, count, numbers, min, max FROM minutes",
               "2027-01-15 08:00|7|4|1.0|9.00719925474099e+15\n");
    check_rows(path, "SELECT time, peer, event, reason, count FROM events",
               "2027-01-15 08:00:00.000|thermo|joined|-|-\n"
               "2027-01-15 08:00:00.000|-|datagrams-lost|wire|3\n");
    check_rows(path, "SELECT name, peer, unit, readings FROM topics", "kitchen/t|thermo|Cel|7\n");
    check_rows(path, "PRAGMA application_id", "1836413812\n");
    check_rows(path, "PRAGMA user_version", "2\n");
}

/* Infinities can't come, but sums of what comes can become them. */
TEST(test_the_largest_numbers) {
    const char *path = fixture_path("largest.db");
    struct store *store = open_store(path, &large);
    for (int i = 0; i < 4; i++) {
        struct batch batch = {0};
        const double number = i % 2 == 0 ? 1.7e308 : -1.7e308;
        for (int j = 0; j < 3; j++) {
            add(&batch, &thermo, 1.8e9 + i + j * 0.1,
                (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = number});
        }
        assert_int_equal(store_write(store, &batch, NOW_US), STORE_OK);
        batch_deinit(&batch);
    }
    store_close(store);
    check_rows(path, "SELECT count, min, max FROM minute", "12|-1.7e+308|1.7e+308\n");
}

TEST(test_a_name_that_is_learned_later) {
    const char *path = fixture_path("name.db");
    struct store *store = open_store(path, &large);
    static const char *const names[] = {"", "thermo", "other"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct batch_source source = thermo;
        struct batch batch = {0};
        source.peer = names[i];
        add(&batch, &source, 1.8e9 + (double)i,
            (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = 1});
        assert_int_equal(store_write(store, &batch, NOW_US), STORE_OK);
        batch_deinit(&batch);
    }
    store_close(store);
    check_rows(path, "SELECT peer FROM readings ORDER BY time_us", "thermo\nthermo\nother\n");
}

/* Whoever begins again is told last values that are kept already. */
TEST(test_last_values_are_kept_once) {
    const char *path = fixture_path("last.db");
    struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 1, .time_s = 1.8e9};
    for (int i = 0; i < 3; i++) {
        struct store *store = open_store(path, &large);
        struct batch batch = {0};
        record.time_s += i == 2 ? 1 : 0;
        assert_int_equal(batch_add(&batch, &thermo, &record, NOW_US, true), 0);
        if (i == 2) { /* it comes live, too */
            assert_int_equal(batch_add(&batch, &thermo, &record, NOW_US + 1, false), 0);
        }
        assert_int_equal(store_write(store, &batch, NOW_US + i), STORE_OK);
        assert_int_equal(batch.readings_known, i == 0 ? 0 : 1);
        batch_deinit(&batch);
        store_close(store);
    }
    check_rows(path, "SELECT count(*) FROM reading", "2\n");
    check_rows(path, "SELECT count FROM minute", "2\n");
}

/* ---- bounds ---- */

/* Minutes say what readings say, and nothing is left of what is gone. */
static void check_consistent(const char *path) {
    check_rows(path, "PRAGMA integrity_check", "ok\n");
    check_rows(path, "SELECT count(*) FROM reading WHERE slice NOT IN (SELECT slice FROM slice)", "0\n");
    check_rows(path, "SELECT count(*) FROM minute WHERE slice NOT IN (SELECT slice FROM slice)", "0\n");
    check_rows(path, "SELECT count(*) FROM reading WHERE series NOT IN (SELECT series FROM series)", "0\n");
    check_rows(path, "SELECT count(*) FROM series WHERE peer NOT IN (SELECT peer FROM peer)", "0\n");
    check_rows(path,
               "SELECT (SELECT sum(count) FROM minute WHERE slice > (SELECT min(slice) FROM slice)) ="
               " (SELECT count(*) FROM reading WHERE slice > (SELECT min(slice) FROM slice)),"
               " (SELECT sum(total) FROM minute WHERE slice > (SELECT min(slice) FROM slice)) ="
               " (SELECT sum(integer) FROM reading WHERE slice > (SELECT min(slice) FROM slice))",
               "1|1\n");
}

static void check_size(unsigned series) {
    char name[32];
    snprintf(name, sizeof(name), "size-%u.db", series);
    const char *path = fixture_path(name);
    struct store *store = open_store(path, &small);
    const int64_t count = 80000;
    uint64_t largest = 0;
    for (int64_t i = 0; i < count; i += 2000) {
        assert_int_equal(write_numbers(store, i, 2000, series), STORE_OK);
        const uint64_t bytes = store_bytes(store);
        largest = bytes > largest ? bytes : largest;
    }
    store_close(store);
    assert_in_range(largest, STORE_BYTES_MIN / 2, STORE_BYTES_MIN);
    assert_int_equal(integer_of(path, "SELECT max(integer) FROM readings"), count - 1);
    /* At least half of what there is room for is kept, and that is the newest. */
    const int64_t kept = integer_of(path, "SELECT count(*) FROM reading");
    assert_in_range(kept, 10000, count - 1);
    assert_int_equal(
        integer_of(path, "SELECT count(*) FROM reading WHERE slice > (SELECT min(slice) FROM slice)"),
        count - integer_of(path, "SELECT min(integer) FROM reading WHERE slice >"
                                 " (SELECT min(slice) FROM slice)"));
    check_consistent(path);
}

TEST(test_size_of_few_series) {
    check_size(3);
}

TEST(test_size_of_many_series) {
    check_size(1500);
}

/* Series and peers that never come again go with their readings. */
TEST(test_size_of_strangers) {
    const char *path = fixture_path("strangers.db");
    struct store *store = open_store(path, &small);
    struct batch_source source = thermo;
    char name[128];
    source.name = name;
    for (int i = 0; i < 30; i++) {
        struct batch batch = {0};
        for (int j = 0; j < 1000; j++) {
            snprintf(name, sizeof(name), "a-rather-long-name-of-a-topic-that-nobody-has-heard-of/%d/%d", i,
                     j);
            source.id[2] = (uint8_t)i;
            source.id[3] = (uint8_t)j;
            add(&batch, &source, 1.8e9 + i, (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = j});
        }
        assert_int_equal(store_write(store, &batch, NOW_US + i * SECOND_US), STORE_OK);
        assert_true(store_bytes(store) <= STORE_BYTES_MIN);
        batch_deinit(&batch);
    }
    store_close(store);
    assert_in_range(integer_of(path, "SELECT count(*) FROM series"), 1000, 20000);
    check_consistent(path);
}

/* Of the largest ones, which take more than a transaction should, one at a time, or some. */
static void check_size_of_values(uint64_t bytes_max, size_t each) {
    const char *path = fixture_path("values.db");
    const struct store_limits limits = {.bytes_max = bytes_max};
    struct store *store = open_store(path, &limits);
    const size_t length = MUSTER_LARGE_BYTES_MAX / 3 * 4;
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, 'A', length);
    text[length] = '\0';
    for (int i = 0; i < 12; i++) {
        struct batch batch = {0};
        for (size_t j = 0; j < each; j++) {
            add(&batch, &thermo, 1.8e9 + i + (double)j / 8,
                (struct muster_record){.kind = MUSTER_VALUE_DATA, .text = text});
        }
        assert_int_equal(store_write(store, &batch, NOW_US + i * SECOND_US), STORE_OK);
        assert_true(store_bytes(store) <= bytes_max);
        batch_deinit(&batch);
    }
    store_close(store);
    free(text);
    assert_int_equal(integer_of(path, "SELECT max(time_us) / 1000000 FROM reading"), 1800000011);
    check_rows(path, "PRAGMA integrity_check", "ok\n");
    unlink(path);
}

TEST(test_size_of_large_values) {
    check_size_of_values(STORE_BYTES_MIN, 1);
    check_size_of_values(2 * STORE_BYTES_MIN, 3);
    check_size_of_values(5 * STORE_BYTES_MIN, 3);
    check_size_of_values(10 * STORE_BYTES_MIN, 5);
}

TEST(test_days) {
    const struct store_limits limits = {.bytes_max = STORE_BYTES_DEFAULT, .keep_us = 2 * (uint64_t)DAY_US};
    const char *path = fixture_path("days.db");
    struct store *store = open_store(path, &limits);
    for (int64_t hour = 0; hour < 24 * 10; hour++) {
        struct batch batch = {0};
        const int64_t now_us = NOW_US + hour * 3600 * SECOND_US;
        add(&batch, &thermo, (double)(now_us / SECOND_US),
            (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = (double)hour});
        assert_int_equal(store_write(store, &batch, now_us), STORE_OK);
        batch_deinit(&batch);
    }
    assert_in_range(integer_of(path, "SELECT count(*) FROM reading"), 48, 56);
    store_close(store);
    check_consistent(path);
}

/* What was written while the clock was a year ahead goes with what was written behind it. */
TEST(test_days_behind_a_clock_that_was_ahead) {
    const struct store_limits limits = {.bytes_max = STORE_BYTES_DEFAULT, .keep_us = 2 * (uint64_t)DAY_US};
    const char *path = fixture_path("ahead.db");
    struct store *store = open_store(path, &limits);
    for (int64_t hour = 0; hour < 24 * 10; hour++) {
        struct batch batch = {0};
        const int64_t ahead_us = hour >= 10 && hour < 20 ? 365 * DAY_US : 0;
        const int64_t now_us = NOW_US + hour * 3600 * SECOND_US + ahead_us;
        add(&batch, &thermo, (double)(now_us / SECOND_US),
            (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = (double)hour});
        assert_int_equal(store_write(store, &batch, now_us), STORE_OK);
        batch_deinit(&batch);
    }
    assert_in_range(integer_of(path, "SELECT count(*) FROM reading"), 48, 56);
    store_close(store);
    check_consistent(path);
}

TEST(test_a_lower_limit) {
    const char *path = fixture_path("lower.db");
    struct store *store = open_store(path, &large);
    for (int64_t i = 0; i < 300000; i += 10000) {
        assert_int_equal(write_numbers(store, i, 10000, 10), STORE_OK);
    }
    store_close(store);
    store = open_store(path, &large);
    assert_true(store_bytes(store) > 2 * (uint64_t)STORE_BYTES_MIN);
    store_close(store);
    store = open_store(path, &small);
    assert_int_equal(write_numbers(store, 300000, 100, 10), STORE_OK);
    store_close(store);
    store = open_store(path, &small);
    assert_true(store_bytes(store) <= STORE_BYTES_MIN);
    store_close(store);
    assert_int_equal(integer_of(path, "SELECT max(integer) FROM readings"), 300099);
    check_consistent(path);
}

/* Who reads on and on keeps the log from being emptied: it does not grow beyond its share. */
TEST(test_a_long_reader) {
    const char *path = fixture_path("reader.db");
    struct store *store = open_store(path, &small);
    assert_int_equal(write_numbers(store, 0, 2000, 10), STORE_OK);
    sqlite3 *reader = reader_open(path);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM reading", NULL, NULL, NULL),
                     SQLITE_OK);
    struct batch batch = {0};
    enum store_result result = STORE_OK;
    int64_t next = 2000;
    for (; result == STORE_OK && next < 100000; next += 2000) {
        batch_clear(&batch);
        add_numbers(&batch, next, 2000, 10);
        result = store_write(store, &batch, NOW_US);
        assert_true(store_bytes(store) <= STORE_BYTES_MIN);
    }
    assert_int_equal(result, STORE_BUSY);
    assert_string_equal(store_fault(store),
                        "another program reads it for so long that its log would grow too large");
    assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_equal(store_write(store, &batch, NOW_US), STORE_OK);
    batch_deinit(&batch);
    store_close(store);
    assert_int_equal(integer_of(path, "SELECT max(integer) FROM readings"), next - 1);
    check_consistent(path);
}

/* ---- crashes and full disks ---- */

/* Writes batches until it is killed, and says of each that it was written. */
static void write_until_killed(const char *path, int said) {
    struct store *store = open_store(path, &small);
    for (int64_t i = 0;; i += 500) {
        if (write_numbers(store, i, 500, 7) != STORE_OK || write(said, "x", 1) != 1) {
            _exit(1);
        }
    }
}

TEST(test_a_killed_recorder) {
    const char *path = fixture_path("killed.db");
    int ends[2];
    char byte;
    int status;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_until_killed(path, ends[1]);
    }
    close(ends[1]);
    int64_t written = 0;
    while (written < 100 && read(ends[0], &byte, 1) == 1) {
        written++;
    }
    kill(child, SIGKILL);
    while (read(ends[0], &byte, 1) == 1) {
        written++;
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(ends[0]);
    struct store *store = open_store(path, &small); /* the dead one's lock is gone */
    assert_true(integer_of(path, "SELECT max(integer) FROM readings") >= written * 500 - 1);
    assert_int_equal(write_numbers(store, 1000000, 500, 7), STORE_OK);
    store_close(store);
    check_consistent(path);
}

/* Writes on a disk that is full at some size of the log, and ends as the command does. */
static void write_until_full(const char *path) {
    const struct rlimit limit = {.rlim_cur = 600000, .rlim_max = RLIM_INFINITY};
    struct store *store = open_store(path, &small);
    enum store_result result = STORE_OK;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int64_t i = 0; result == STORE_OK && i < 100000; i += 500) {
        result = write_numbers(store, i, 500, 7);
    }
    if (result != STORE_FULL ||
        strcmp(store_fault(store), "the disk is full, or a limit of it is reached") != 0) {
        _exit(1);
    }
    store_close(store);
    _exit(0);
}

TEST(test_a_full_disk) {
    const char *path = fixture_path("full.db");
    int status;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        write_until_full(path);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_not_equal(access(fixture_path("full.db-reserve"), F_OK), 0);
    assert_true(integer_of(path, "SELECT max(integer) FROM readings") > 1000);
    check_consistent(path);
}

/* ---- refusals ---- */

TEST(test_one_recorder_at_a_time) {
    const char *path = fixture_path("one.db");
    const char *link = fixture_path("link.db");
    struct store *store = open_store(path, &large);
    check_refused(path, "another muster record writes to it");
    assert_int_equal(symlink(path, link), 0);
    check_refused(link, "another muster record writes to it");
    store_close(store);
    store_close(open_store(link, &large));
}

static void make_database(const char *path, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

TEST(test_other_files) {
    const char *path = fixture_path("other.db");
    make_database(path, "CREATE TABLE a (b)");
    check_refused(path, "it is a database, but no recording of muster");
    path = fixture_path("future.db");
    make_database(path, "CREATE TABLE a (b); PRAGMA application_id = 1836413812; PRAGMA user_version = 7");
    check_refused(path, "a newer muster recorded it (version 7, this one knows up to 2): update muster");
    path = fixture_path("text.db");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        fputs("no database\n", file);
    }
    fclose(file);
    check_refused(path, "file is not a database");
    char expected[256];
    path = fixture_path("missing/x.db");
    snprintf(expected, sizeof(expected), "there is no directory %.*s", (int)(strrchr(path, '/') - path),
             path);
    check_refused(path, expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_the_largest_numbers),
        cmocka_unit_test(test_a_name_that_is_learned_later),
        cmocka_unit_test(test_last_values_are_kept_once),
        cmocka_unit_test(test_size_of_few_series),
        cmocka_unit_test(test_size_of_many_series),
        cmocka_unit_test(test_size_of_strangers),
        cmocka_unit_test(test_size_of_large_values),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_days_behind_a_clock_that_was_ahead),
        cmocka_unit_test(test_a_lower_limit),
        cmocka_unit_test(test_a_long_reader),
        cmocka_unit_test(test_a_killed_recorder),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_one_recorder_at_a_time),
        cmocka_unit_test(test_other_files),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
