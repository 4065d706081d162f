/* SPDX-License-Identifier: MIT */
/* A recording that is written: an SQLite file, in slices of time, of which the oldest go when there is no
 * room, or when they are too old. */
#pragma once

#include <stdint.h>

#include "batch.h"
#include "reason.h"

/* The size of all files of a recording: database, write-ahead log and reserve. */
#define STORE_BYTES_MIN 6000000
#define STORE_BYTES_DEFAULT 1000000000
#define STORE_BYTES_MAX 10000000000000

#define STORE_DAYS_MAX 36500

struct store_limits {
    uint64_t bytes_max; /* STORE_BYTES_MIN or more */
    uint64_t keep_us;   /* 0: as long as there is room */
};

struct store;

enum store_result {
    STORE_OK,
    STORE_BUSY, /* another program reads or writes, and the log may not grow: try again later */
    STORE_FULL, /* the disk is full; all of the batch was written nevertheless when it is done */
    STORE_ERROR,
};

/* Opens or makes a recording, for one thread at a time. 0, or -1 with a reason. */
int store_open(struct store **store, const char *path, const struct store_limits *limits,
               struct reason *reason);

/* Writes a batch, and makes room before. The batch says how much of it was written, and that is kept whatever
 * happens then; a later call writes the rest. now_us is the time of the wall clock. */
enum store_result store_write(struct store *store, struct batch *batch, int64_t now_us);

/* What was wrong the last time, for people. */
const char *store_fault(const struct store *store);

/* The bytes of all its files; and of those of a recording that is closed. */
uint64_t store_bytes(const struct store *store);
uint64_t store_file_bytes(const char *path);

/* NULL is allowed. */
void store_close(struct store *store);
