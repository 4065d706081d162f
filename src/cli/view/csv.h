/* SPDX-License-Identifier: MIT */
/* Readings as comma-separated values (RFC 4180), on stdout. */
#pragma once

#include <stdbool.h>

#include <muster/telemetry.h>

/* The heading of a time, csv_print_series() and csv_print_record(). */
#define CSV_READING_HEADING "time,name,peer,id,unit,kind,value,sum,origin,stale"

/* A field, in quotes where it needs them, without what could control a terminal. What a spreadsheet would
 * take for a formula is text of strangers: a ' stands before it. */
void csv_print_text(const char *text);

/* With all its digits. */
void csv_print_number(double number);

/* A value, for CSV or for people. */
void csv_print_value(const struct muster_record *record, bool is_csv);

/* Four fields, each behind a comma. */
void csv_print_series(const char *name, const char *peer, const char *id, const char *unit);

/* Kind, value, sum, origin ("": none) and whether it is stale, each behind a comma, and a LF. */
void csv_print_record(const struct muster_record *record, const char *origin, bool is_stale);
