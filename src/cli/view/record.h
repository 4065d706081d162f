/* SPDX-License-Identifier: MIT */
/* What a subscriber gets, as lines on stdout: for people in columns, for programs as SenML. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/muster.h>

#include "text.h"

/* Who publishes a record. */
struct record_publisher {
    uint8_t id[MUSTER_ID_BYTES];
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* "": not known */
    struct text_label label;              /* with digits of the id where another one has that name */
    size_t label_width;                   /* in columns */
};

/* Columns grow with what was shown, up to these. */
#define RECORD_PEER_WIDTH_MAX 24
#define RECORD_NAME_WIDTH_MAX 48
#define RECORD_VALUE_WIDTH_MAX 16

/* How wide the columns have become. Zeroed: not yet. */
struct record_columns {
    size_t peer;
    size_t name;
    size_t value;
    bool color;
};

/* True for a reading that its sensor would have renewed by now: it is older than its update time (`ut`) by
 * half. */
bool record_is_stale(const struct muster_record *record, double now_s);

/* When what a sample says without a time was said: a last value is as old as its sample. */
double record_now_s(const struct muster_sample *sample, double now_s);

/* Writes a number for people: whole ones as they are, others with six digits, and two behind the point. */
void record_write_rounded(double number, char *text, size_t size);

/* Prints "(data, 34567 bytes)" in the place of a value that went by stream: nobody reads it in a terminal.
 * False, and nothing, for all others. */
bool record_print_size(const struct muster_record *record);

/* Prints "12:00:01.250   thermo  kitchen/climate/temperature  21.5 Cel", and "bridge~site-b" as the publisher
 * of what was brought from elsewhere. The time is the record's, in local
 * time; a time of another day shows the day. A last value has a ~ behind the time, and is dim; one that is
 * stale has a !.
 */
void record_print_text(struct record_columns *columns, const struct muster_record *record,
                       const struct muster_sample *sample, const struct record_publisher *publisher,
                       double now_s);

/* Prints SenML with three members more: {"n":…,"v":…,"t":…,"peer":"thermo","id":"3fa9…","sample":"live"},
 * and "origin" where there is one.
 * Readers ignore members that they do not know (RFC 8428, 4.4). -1 when the record can't be printed. */
int record_print_json(const struct muster_record *record, const struct muster_sample *sample,
                      const struct record_publisher *publisher, double now_s);

/* What a template may have of a record: the members of record_print_json(), and the value of any kind. */
extern const char *const record_members[];

/* Prints a record through a template of these members (template_parse_members()). -1 when the record can't be
 * printed, or memory is out. */
int record_print_format(const char *format, const struct muster_record *record,
                        const struct muster_sample *sample, const struct record_publisher *publisher,
                        double now_s);

/* A pack as it came, in one line; its first record has the same members more, unless the pack has such. */
void record_print_pack(const struct muster_sample *sample, const struct record_publisher *publisher);
