/* SPDX-License-Identifier: MIT */
/* The tables of a recording: schemas/STORE.md describes them. */
#pragma once

/* PRAGMA application_id, "must", and PRAGMA user_version. */
#define SCHEMA_APPLICATION 0x6d757374
#define SCHEMA_VERSION 1

/* Makes the tables and views of an empty database, in one transaction. */
extern const char schema_sql[];
