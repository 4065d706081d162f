/* SPDX-License-Identifier: MIT */
#include "database.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema.h"

/* How long a reader waits for a recorder that recovers the file, or the other way round. */
#define OPEN_BUSY_MS 5000

/* Of a row or value: no recorder writes any that is as long, not one with a large value either. */
#define VALUE_BYTES_MAX 2000000

sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) == SQLITE_OK
               ? statement
               : NULL;
}

int database_run(sqlite3 *db, const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The first column of the first row; `otherwise` when there is no row, or an error. */
static int64_t read_integer(sqlite3 *db, const char *sql, int64_t otherwise) {
    sqlite3_stmt *statement = database_prepare(db, sql);
    const bool has_row = statement != NULL && sqlite3_step(statement) == SQLITE_ROW;
    const int64_t value = has_row ? sqlite3_column_int64(statement, 0) : otherwise;
    sqlite3_finalize(statement);
    return value;
}

static int make_tables(sqlite3 *db, struct reason *reason) {
    /* Both have to be said before the first page is written. */
    if (database_run(db, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;") != SQLITE_OK ||
        database_run(db, "PRAGMA journal_mode = WAL;") != SQLITE_OK ||
        database_run(db, schema_sql) != SQLITE_OK) {
        return reason_set(reason, "%s", sqlite3_errmsg(db));
    }
    return 0;
}

/* The tables that are read and written are those of schema.c, to the letter, and nothing runs when they are
 * written. Beside them anybody may keep views, indexes and tables of his own. */
static bool has_our_tables(sqlite3 *db, const char *tables_sql) {
    static const char sql[] =
        "SELECT count(DISTINCT sql) = 6 AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger')"
        " FROM sqlite_schema WHERE type = 'table' AND instr(?1, sql || ';') > 0 AND"
        " name IN ('slice', 'peer', 'series', 'reading', 'minute', 'event')";
    sqlite3_stmt *statement = database_prepare(db, sql);
    sqlite3_bind_text(statement, 1, tables_sql, -1, SQLITE_STATIC);
    const bool has =
        statement != NULL && sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 1;
    sqlite3_finalize(statement);
    return has;
}

/* Makes a recording of version 1 one of this version, or leaves it as it is. */
static int migrate(sqlite3 *db, bool has_origins, struct reason *reason) {
    if (database_run(db, "BEGIN IMMEDIATE") == SQLITE_OK &&
        (has_origins || database_run(db, schema_1_series_sql) == SQLITE_OK) &&
        database_run(db, schema_1_views_sql) == SQLITE_OK && database_run(db, "COMMIT") == SQLITE_OK) {
        return 0;
    }
    reason_set(reason, "it is a recording of version 1, and can't be made one of version %d: %s",
               SCHEMA_VERSION, sqlite3_errmsg(db));
    database_run(db, "ROLLBACK");
    return -1;
}

/* A recorder brings an older recording up to date. A reader takes it as it is. */
static int take_version_1(sqlite3 *db, enum database_mode mode, struct reason *reason) {
    const bool has_origins =
        read_integer(db, "SELECT count(*) FROM pragma_table_info('series') WHERE name = 'origin'", 0) == 1;
    if (mode == DATABASE_WRITE) {
        return migrate(db, has_origins, reason);
    }
    return has_origins || database_run(db, schema_1_read_sql) == SQLITE_OK
               ? 0
               : reason_set(reason, "%s", sqlite3_errmsg(db));
}

/* A recording may come from anybody: its schema runs no code of its own, and no text of it is long. */
static void distrust(sqlite3 *db) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    database_run(db, "PRAGMA cell_size_check = ON");
}

static int check(sqlite3 *db, enum database_mode mode, struct reason *reason) {
    const int64_t application = read_integer(db, "PRAGMA application_id", -1);
    const int64_t version = read_integer(db, "PRAGMA user_version", -1);
    if (application < 0 || version < 0) {
        return reason_set(reason, "%s", sqlite3_errmsg(db));
    }
    if (application == 0 && read_integer(db, "SELECT count(*) FROM sqlite_schema", -1) == 0) {
        return mode == DATABASE_WRITE ? make_tables(db, reason) : reason_set(reason, "it is empty");
    }
    if (application != SCHEMA_APPLICATION) {
        return reason_set(reason, "it is a database, but no recording of muster");
    }
    if (version > SCHEMA_VERSION) {
        return reason_set(reason,
                          "a newer muster recorded it (version %lld, this one knows up to %d): update muster",
                          (long long)version, SCHEMA_VERSION);
    }
    if (!has_our_tables(db, version == 1 ? schema_1_sql : schema_sql)) {
        return reason_set(reason, "it is no recording of muster as it is: its tables were changed");
    }
    return version == 1 ? take_version_1(db, mode, reason) : 0;
}

/* A reader of a file that it may not write to, in a directory that it may not write to, can't use the files
 * that go with it. Where there are none, nobody writes, and the file can be read as it is. */
static int open_unchanging(sqlite3 **db, const char *path) {
    char *uri = sqlite3_mprintf("%s-wal", path);
    FILE *wal = uri != NULL ? fopen(uri, "r") : NULL;
    int result = SQLITE_CANTOPEN;
    sqlite3_free(uri);
    if (wal != NULL) {
        fclose(wal);
        return result;
    }
    uri = strpbrk(path, "?#%") == NULL ? sqlite3_mprintf("file:%s?immutable=1", path) : NULL;
    if (uri != NULL) {
        result = sqlite3_open_v2(uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    }
    if (result == SQLITE_OK) {
        distrust(*db);
    }
    sqlite3_free(uri);
    return result;
}

/* SQLite opens one to read, and then says "disk I/O error". */
static bool is_directory(const char *path) {
    struct stat state;
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode);
}

int database_open(sqlite3 **db, const char *path, enum database_mode mode, struct reason *reason) {
    const int flags =
        SQLITE_OPEN_NOMUTEX |
        (mode == DATABASE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int result = sqlite3_open_v2(path, db, flags, NULL);
    if (result == SQLITE_OK) {
        sqlite3_busy_timeout(*db, OPEN_BUSY_MS);
        distrust(*db);
        result = database_run(*db, "SELECT count(*) FROM sqlite_schema");
    }
    const bool is_missing = result == SQLITE_CANTOPEN && access(path, F_OK) != 0;
    if (mode == DATABASE_READ && !is_missing && (result == SQLITE_CANTOPEN || result == SQLITE_READONLY)) {
        sqlite3_close(*db);
        *db = NULL;
        result = open_unchanging(db, path);
    }
    int error = 0;
    if (result != SQLITE_OK) {
        const int system = is_directory(path)                         ? EISDIR
                           : *db != NULL && result == SQLITE_CANTOPEN ? sqlite3_system_errno(*db)
                                                                      : 0;
        error = reason_set(reason, "%s", system != 0 ? strerror(system) : sqlite3_errstr(result));
    } else {
        error = check(*db, mode, reason);
    }
    if (error != 0) {
        sqlite3_close(*db);
        *db = NULL;
    }
    return error;
}
