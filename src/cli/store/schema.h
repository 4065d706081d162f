/* SPDX-License-Identifier: MIT */
/* The tables of a recording: schemas/STORE.md describes them. */
#pragma once

/* PRAGMA application_id, "must", and PRAGMA user_version. */
#define SCHEMA_APPLICATION 0x6d757374
#define SCHEMA_VERSION 2

/* Makes the tables and views of an empty database, in one transaction. */
extern const char schema_sql[];

/* Version 1: its tables, with `series` as it was and as it came to be under that number. */
extern const char schema_1_sql[];

/* Has a reader of version 1 without origins see an empty one in each series. Changes nothing of the file. */
extern const char schema_1_read_sql[];

/* Two parts of one transaction that makes version 2 of version 1: the first where there are no origins. */
extern const char schema_1_series_sql[];
extern const char schema_1_views_sql[];
