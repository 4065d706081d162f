/* SPDX-License-Identifier: MIT */
/* A recording as an SQLite database: what it is checked for, and statements. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "reason.h"

/* The size of its pages. */
#define DATABASE_PAGE_BYTES 4096

enum database_mode {
    DATABASE_READ,  /* it has to be there */
    DATABASE_WRITE, /* it is made where it is not there */
};

/* Opens a recording, and checks that it is one, of a version that this program knows. One of an older version
 * is brought up to date to be written, and read as it is. The handle is for one thread at a time. 0, or -1
 * with a reason, and *db NULL. */
int database_open(sqlite3 **db, const char *path, enum database_mode mode, struct reason *reason);

/* Prepares a statement that is kept; NULL when it can't be (sqlite3_errmsg() says why). */
sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql);

/* Runs a text of statements without results. Returns an SQLite result. */
int database_run(sqlite3 *db, const char *sql);
