/* SPDX-License-Identifier: MIT */
/* Recordings: what was written is read as it was, and a file of anybody gives readings that can be, or a
 * reason.
 *
 * The first byte says what the others are; numbers are little endian:
 *
 *     0  readings that are written: series byte % 4, seconds 2 bytes, kind byte % 5, and a double, a byte or
 * a text 1  rows that no recorder writes, of columns that take every type: table byte % 6, and its columns,
 * each a type byte % 6 and its value 2  a recording, and bytes of it that are changed: place 3 bytes,
 * difference byte */
#include <math.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include <sqlite3.h>

#include "archive.h"
#include "database.h"
#include "fuzz.h"
#include "input.h"
#include "schema.h"
#include "store.h"

#define SECOND_US ((int64_t)1000000)
#define BEGIN_US (1800000000 * SECOND_US)
#define TIME_US_END ((int64_t)MUSTER_TIME_S_MAX * SECOND_US)
#define READINGS_MAX 128
#define ROWS_MAX 256
#define TEXT_BYTES_MAX 32
#define BUCKETS 64

static char path[] = "/dev/shm/muster-fuzz-XXXXXX"; /* or in /tmp, where nobody may write there */
static char *rows_template;                         /* a recording without rows that takes all types */
static size_t rows_template_length;
static char *whole_template; /* a recording */
static size_t whole_template_length;

/* ---- files ---- */

static void remove_files(void) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-reserve", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        unlink(file);
    }
}

static void write_path(const char *bytes, size_t length) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, length) == (ssize_t)length && close(fd) == 0);
}

static char *read_path(size_t *length) {
    int fd = open(path, O_RDONLY);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    REQUIRE(size > 0);
    char *bytes = malloc((size_t)size);
    *length = (size_t)size;
    REQUIRE(bytes != NULL && pread(fd, bytes, *length, 0) == size && close(fd) == 0);
    return bytes;
}

static void run(sqlite3 *db, const char *sql) {
    REQUIRE(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

/* Takes away what keeps the tables from taking a value. Those whose rows have numbers of their own keep
 * these. */
static char *loose_schema(void) {
    static const char *const strict[] = {" STRICT, WITHOUT", " STRICT", " NOT NULL", " REAL", " TEXT"};
    char *schema = strdup(schema_sql);
    REQUIRE(schema != NULL);
    strcpy(strstr(schema, "CREATE VIEW"), "COMMIT;");
    for (size_t i = 0; i < sizeof strict / sizeof *strict; i++) {
        for (char *at; (at = strstr(schema, strict[i])) != NULL;) {
            size_t kept = i == 0 ? strlen(" WITHOUT") : 0;
            size_t length = strlen(strict[i]) - kept;
            memmove(at, at + length, strlen(at + length) + 1);
        }
    }
    for (char *at = schema; (at = strstr(at, " INTEGER")) != NULL; at++) {
        if (strncmp(at, " INTEGER PRIMARY", 16) != 0) {
            memmove(at, at + 8, strlen(at + 8) + 1);
        }
    }
    return schema;
}

/* Gives each table its right text again, though not its right rows. */
static void tighten_schema(sqlite3 *db) {
    sqlite3 *right;
    REQUIRE(sqlite3_open(":memory:", &right) == SQLITE_OK);
    run(right, schema_sql);
    sqlite3_stmt *tables =
        database_prepare(right, "SELECT name, sql FROM sqlite_schema WHERE type = 'table'");
    run(db, "PRAGMA writable_schema = ON");
    sqlite3_stmt *change = database_prepare(db, "UPDATE sqlite_schema SET sql = ?2 WHERE name = ?1");
    REQUIRE(tables != NULL && change != NULL);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        sqlite3_bind_value(change, 1, sqlite3_column_value(tables, 0));
        sqlite3_bind_value(change, 2, sqlite3_column_value(tables, 1));
        REQUIRE(sqlite3_step(change) == SQLITE_DONE);
        sqlite3_reset(change);
    }
    sqlite3_finalize(tables);
    sqlite3_finalize(change);
    sqlite3_close(right);
}

static void make_rows_template(void) {
    sqlite3 *db;
    char *schema = loose_schema();
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    run(db, schema);
    sqlite3_close(db);
    free(schema);
    rows_template = read_path(&rows_template_length);
    remove_files();
}

/* ---- what is written, and its model ---- */

struct model {
    struct batch batch;
    struct archive_reading readings[READINGS_MAX]; /* without series, as they came */
    unsigned series[READINGS_MAX];
    char texts[READINGS_MAX][TEXT_BYTES_MAX];
    size_t count;
};

static const char *const names[] = {"a", "a/b", "kitchen/door", "x"};

static struct muster_record take_record(struct input *input, char text[TEXT_BYTES_MAX]) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct muster_record record = {.kind = (enum muster_value_kind)(take(input) % 5)};
    uint8_t bytes[sizeof record.number];
    switch (record.kind) {
    case MUSTER_VALUE_NONE:
    case MUSTER_VALUE_NUMBER:
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = take(input);
        }
        memcpy(&record.number, bytes, sizeof bytes);
        record.number = isfinite(record.number) ? record.number : 0;
        if (record.kind == MUSTER_VALUE_NONE) {
            record.has_sum = true;
            record.sum = record.number;
            record.number = 0;
        }
        break;
    case MUSTER_VALUE_BOOLEAN: record.boolean = take(input) % 2 == 1; break;
    default:
        record.text_length = take(input) % TEXT_BYTES_MAX;
        for (size_t i = 0; i < record.text_length; i++) {
            text[i] = letters[take(input) % 64];
        }
        record.text = text;
    }
    return record;
}

static void take_reading(struct model *model, struct input *input) {
    struct archive_reading *reading = &model->readings[model->count];
    unsigned series = take(input) % 4;
    int64_t time_us = BEGIN_US + take_2(input) % 600 * SECOND_US;
    struct batch_source source = {
        .id = {1}, .peer = "thermo", .topic = "t", .name = names[series], .unit = "Cel", .origin = "mqtt"};
    reading->record = take_record(input, model->texts[model->count]);
    reading->record.time_s = (double)time_us / 1e6;
    reading->time_us = time_us;
    reading->received_us = BEGIN_US + (int64_t)model->count;
    model->series[model->count++] = series;
    REQUIRE(batch_add(&model->batch, &source, &reading->record, reading->received_us, false) == 0);
}

static void write_model(struct model *model, struct input *input) {
    const struct store_limits limits = {.bytes_max = STORE_BYTES_MIN};
    struct reason reason;
    struct store *store;
    while (input->left > 0 && model->count < READINGS_MAX) {
        take_reading(model, input);
    }
    REQUIRE(store_open(&store, path, &limits, &reason) == 0);
    REQUIRE(store_write(store, &model->batch, BEGIN_US) == STORE_OK && batch_is_done(&model->batch));
    store_close(store);
    batch_deinit(&model->batch);
}

static void check_record(const struct muster_record *record, const struct muster_record *expected) {
    REQUIRE(record->kind == expected->kind && record->has_sum == expected->has_sum);
    REQUIRE(!record->has_sum || record->sum == expected->sum);
    REQUIRE(record->number == expected->number); /* SQLite makes 0 of -0 */
    REQUIRE(record->boolean == expected->boolean && record->text_length == expected->text_length);
    REQUIRE(record->text_length == 0 || memcmp(record->text, expected->text, record->text_length) == 0);
}

/* All of them come, as they came. */
static void check_model(struct archive *archive, const struct archive_series *const *all,
                        const struct model *model) {
    struct archive_reading reading;
    size_t count = 0;
    REQUIRE(archive_begin(archive, all, archive->series_count, INT64_MIN, INT64_MAX, false) == 0);
    while (archive_next(archive, &reading) == 1) {
        REQUIRE(count < model->count);
        const struct archive_reading *expected = &model->readings[count];
        REQUIRE(strcmp(reading.record.name, names[model->series[count]]) == 0);
        REQUIRE(strcmp(reading.record.unit, "Cel") == 0 && strcmp(reading.series->peer, "thermo") == 0);
        REQUIRE(strcmp(reading.series->origin, "mqtt") == 0);
        REQUIRE(reading.time_us == expected->time_us && reading.received_us == expected->received_us);
        check_record(&reading.record, &expected->record);
        count++;
    }
    REQUIRE(count == model->count);
}

/* ---- what must hold of any file ---- */

static bool has_fault(const struct archive *archive) {
    REQUIRE(archive->fault.text[0] != '\0');
    return true;
}

/* Walks through the readings of a time. Returns how many; -1 for a file that says it is damaged. */
static int64_t walk(struct archive *archive, const struct archive_series *const *all, int64_t from_us,
                    int64_t until_us, bool by_time) {
    struct archive_reading reading;
    int64_t count = 0;
    int64_t slice = 0;
    int64_t last_us = 0;
    int result = archive_begin(archive, all, archive->series_count, from_us, until_us, by_time);
    while (result >= 0 && (result = archive_next(archive, &reading)) == 1) {
        const struct muster_record *record = &reading.record;
        REQUIRE(reading.series >= archive->series &&
                reading.series < archive->series + archive->series_count);
        REQUIRE(reading.time_us >= 0 && reading.time_us < TIME_US_END);
        REQUIRE(reading.time_us >= from_us && reading.time_us < until_us);
        REQUIRE(reading.received_us >= 0 && reading.received_us < TIME_US_END);
        REQUIRE(isfinite(record->number) && isfinite(record->sum) && isfinite(record->update_s));
        REQUIRE((record->kind != MUSTER_VALUE_TEXT && record->kind != MUSTER_VALUE_DATA) ||
                record->text != NULL);
        REQUIRE(!by_time || slice != archive->slice || reading.time_us >= last_us);
        last_us = reading.time_us;
        slice = archive->slice;
        count++;
    }
    return result == 0 || !has_fault(archive) ? count : -1;
}

static int64_t count_in_buckets(struct archive *archive, const struct archive_series *const *all,
                                int64_t begin_us, int64_t every_us) {
    struct archive_bucket buckets[BUCKETS] = {{0}};
    int64_t count = 0;
    for (int i = 0; i < BUCKETS; i++) {
        buckets[i].begin_us = begin_us + i * every_us;
    }
    if (archive_buckets(archive, all, archive->series_count, buckets, BUCKETS, every_us,
                        begin_us + BUCKETS * every_us) != 0 &&
        has_fault(archive)) {
        return -1;
    }
    for (int i = 0; i < BUCKETS; i++) {
        const struct archive_bucket *bucket = &buckets[i];
        REQUIRE(bucket->count >= bucket->numbers && bucket->numbers >= 0);
        REQUIRE(isfinite(bucket->min) && isfinite(bucket->max) && isfinite(bucket->total));
        count += bucket->count;
    }
    return count;
}

static void check_events(struct archive *archive) {
    struct archive_event event;
    int result = archive_begin_events(archive, "thermo", INT64_MIN, INT64_MAX);
    while (result >= 0 && (result = archive_next_event(archive, &event)) == 1) {
        REQUIRE(event.time_us >= 0 && event.time_us < TIME_US_END);
        REQUIRE(event.event != NULL && event.peer != NULL && event.id != NULL);
    }
    REQUIRE(result == 0 || has_fault(archive));
    archive_has_peer(archive, "thermo");
}

/* Reads all of it in each way. model: what is in it; NULL: anything. */
static void check_archive(const struct model *model) {
    const struct archive_series *all[ROWS_MAX + READINGS_MAX];
    struct reason reason = {""};
    struct archive archive;
    int64_t first_us = 0;
    int64_t last_us = 0;
    if (archive_open(&archive, path, &reason) != 0 || archive.series_count > ROWS_MAX) {
        REQUIRE(model == NULL && (reason.text[0] != '\0' || archive.series_count > ROWS_MAX));
        archive_close(&archive);
        return;
    }
    for (size_t i = 0; i < archive.series_count; i++) {
        all[i] = &archive.series[i];
    }
    int range = archive_range(&archive, all, archive.series_count, &first_us, &last_us);
    REQUIRE(range >= 0 || has_fault(&archive));
    REQUIRE(range != 1 || (first_us >= 0 && first_us <= last_us && last_us < TIME_US_END));
    int64_t from_us = range == 1 ? first_us : BEGIN_US;
    walk(&archive, all, INT64_MIN, INT64_MAX, true);
    /* Buckets of a second, from a time that no minute begins at, count the readings themselves. */
    from_us -= from_us % (60 * SECOND_US) == 0 ? 1 : 0;
    int64_t walked = walk(&archive, all, from_us, from_us + BUCKETS * SECOND_US, false);
    int64_t counted = count_in_buckets(&archive, all, from_us, SECOND_US);
    REQUIRE(model == NULL || walked == counted);
    counted = count_in_buckets(&archive, all, BEGIN_US, 60 * SECOND_US);
    archive_count(&archive, all, archive.series_count, INT64_MIN, INT64_MAX);
    if (model != NULL) {
        REQUIRE(counted == (int64_t)model->count);
        check_model(&archive, all, model);
    }
    check_events(&archive);
    archive_close(&archive);
}

/* ---- the three kinds of input ---- */

static void check_written(struct input *input) {
    static struct model model;
    memset(&model, 0, sizeof model);
    write_model(&model, input);
    check_archive(&model);
}

static void take_value(sqlite3_stmt *row, int column, struct input *input) {
    uint8_t bytes[8];
    int64_t integer;
    double number;
    unsigned type = take(input) % 6;
    for (size_t i = 0; i < sizeof bytes && (type == 2 || type == 3); i++) {
        bytes[i] = take(input);
    }
    size_t length = type >= 4 ? take(input) : 0;
    length = length < input->left ? length : input->left;
    switch (type) {
    case 0: sqlite3_bind_null(row, column); break;
    case 1: sqlite3_bind_int64(row, column, (int8_t)take(input)); break;
    case 2:
        memcpy(&integer, bytes, sizeof integer);
        sqlite3_bind_int64(row, column, integer);
        break;
    case 3:
        memcpy(&number, bytes, sizeof number);
        sqlite3_bind_double(row, column, number);
        break;
    case 4: sqlite3_bind_text(row, column, (const char *)input->at, (int)length, SQLITE_TRANSIENT); break;
    default: sqlite3_bind_blob(row, column, input->at, (int)length, SQLITE_TRANSIENT); break;
    }
    input->at += length;
    input->left -= length;
}

static void check_rows(struct input *input) {
    static const char *const inserts[] = {
        "INSERT OR IGNORE INTO slice VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        "INSERT OR IGNORE INTO peer VALUES (?1, ?2, ?3, ?4)",
        "INSERT OR IGNORE INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        "INSERT OR IGNORE INTO reading VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        "INSERT OR IGNORE INTO minute VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        "INSERT OR IGNORE INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    };
    sqlite3 *db;
    write_path(rows_template, rows_template_length);
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    run(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
    for (int i = 0; input->left > 0 && i < ROWS_MAX; i++) {
        sqlite3_stmt *row = database_prepare(db, inserts[take(input) % 6]);
        REQUIRE(row != NULL);
        for (int column = 1; column <= sqlite3_bind_parameter_count(row); column++) {
            take_value(row, column, input);
        }
        sqlite3_step(row);
        sqlite3_finalize(row);
    }
    tighten_schema(db);
    run(db, "COMMIT");
    sqlite3_close(db);
    check_archive(NULL);
}

static void check_damaged(struct input *input) {
    char *bytes = malloc(whole_template_length);
    REQUIRE(bytes != NULL);
    memcpy(bytes, whole_template, whole_template_length);
    while (input->left > 0) {
        size_t place = take_2(input);
        place |= (size_t)take(input) << 16;
        bytes[place % whole_template_length] ^= (char)take(input);
    }
    write_path(bytes, whole_template_length);
    free(bytes);
    check_archive(NULL);
}

static void free_all(void) {
    free(rows_template);
    free(whole_template);
    remove_files();
}

static void begin(void) {
    static const uint8_t readings[] =
        "\0\1\0\1abcdefgh\1\2\0\2\1\2\3\0\3\1\0\5\0\4\12abcdefghij\3\6\0\0abcdefgh";
    static struct model model;
    struct input input = {readings, sizeof readings - 1};
    if (access("/dev/shm", W_OK) != 0) {
        strcpy(path, "/tmp/muster-fuzz-XXXXXX");
    }
    int fd = mkstemp(path);
    REQUIRE(fd >= 0 && close(fd) == 0 && atexit(free_all) == 0);
    make_rows_template();
    write_model(&model, &input);
    whole_template = read_path(&whole_template_length);
    remove_files();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct input input = {bytes, length};
    if (whole_template == NULL) {
        begin();
    }
    switch (take(&input) % 3) {
    case 0: check_written(&input); break;
    case 1: check_rows(&input); break;
    default: check_damaged(&input); break;
    }
    remove_files();
    return 0;
}
