/* SPDX-License-Identifier: MIT */
/* A record, written once for programs and for people: as JSON, as a row of a table (table.h), or as lines
 * that begin with a title.
 *
 * A field has a name, by which JSON has it, and a heading, under which people see it. A field whose name is
 * NULL is for people alone, one whose heading is NULL for programs alone; elements of an array have no names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <muster/core.h>

/* Every JSON document says it; it grows when a member changes its meaning. */
#define WRITER_SCHEMA 1

/* Objects and arrays inside of each other. */
#define WRITER_DEPTH_MAX 8

enum writer_flag {
    WRITER_RIGHT = 1 << 0, /* aligned to the right, as numbers are */
    WRITER_CUT = 1 << 1,   /* may be cut to fit a terminal */
    WRITER_LIST = 1 << 2,  /* is cut behind a comma, so that no item is a part of one */
};

struct writer {
    bool is_json;
    bool is_line;                /* of JSON: not indented */
    FILE *out;                   /* of JSON */
    char ends[WRITER_DEPTH_MAX]; /* of the objects and arrays that are open: } or ] */
    size_t depth;
    bool has_value; /* the innermost one: a comma comes before the next value */

    /* For people: begins a field and returns where its text goes, NULL when nobody wants to see it. color is
     * an escape sequence or NULL. */
    FILE *(*begin)(struct writer *writer, const char *heading, unsigned flags, const char *color);
    const void *context; /* for write() of rows */
    int title_width;     /* of lines */
    bool has_line;       /* one was begun */
};

/* Records of one kind, in an array. */
struct writer_rows {
    void (*write)(struct writer *writer, const void *row); /* the same fields of each */
    const void *rows;
    size_t row_bytes;
    size_t count;
    const void *context; /* of the writer while it writes them */
};

/* ---- JSON ---- */

/* Begins a document on stdout, which is indented. */
void writer_open_document(struct writer *writer);

/* Begins a line of a stream: what happened, and that it did so now. */
void writer_open_line(struct writer *writer, FILE *out, const char *event);

/* Begins a line that is a record alone. */
void writer_open_row(struct writer *writer, FILE *out);

/* Ends it with a LF. */
void writer_close(struct writer *writer);

/* Begin an object or an array, which writer_end() ends. False for people, who see none: then nothing of it is
 * to be written, and nothing to be ended. */
bool writer_object(struct writer *writer, const char *name);
bool writer_array(struct writer *writer, const char *name);
void writer_end(struct writer *writer);

/* Writes an array of records; nothing for people, who see a table of them. */
void writer_array_of(struct writer *writer, const char *name, struct writer_rows rows);

/* Writes an array of texts; nothing for people. */
void writer_texts(struct writer *writer, const char *name, const char *const *texts, size_t count);

void writer_null(struct writer *writer, const char *name);
void writer_number(struct writer *writer, const char *name, double value);

/* ---- lines for people ---- */

/* Begins lines on stdout, a field each, in which titles take so many columns. */
void writer_open_lines(struct writer *writer, int title_width);

/* Ends the last line. */
void writer_close_lines(struct writer *writer);

/* ---- fields ---- */

/* A field for people alone: returns where its text goes, or NULL when it is not to be written. */
FILE *writer_cell(struct writer *writer, const char *heading, unsigned flags);

/* The same, printed; what came from outside has been made safe. color is an escape sequence, or NULL. */
void writer_shown(struct writer *writer, const char *heading, unsigned flags, const char *color,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

void writer_text(struct writer *writer, const char *name, const char *heading, const char *text);

/* A text that is "" when it is not known: null, and "-". */
void writer_known(struct writer *writer, const char *name, const char *heading, const char *text);

void writer_bool(struct writer *writer, const char *name, const char *heading, bool value);
void writer_integer(struct writer *writer, const char *name, const char *heading, uint64_t value);

/* Milliseconds: an integer, and "3m20s". */
void writer_duration(struct writer *writer, const char *name, const char *heading, int64_t ms);

/* A share in 0..1: a number with four places, and "12%"; null, and "-", for a negative one, which is not
 * known. */
void writer_share(struct writer *writer, const char *name, const char *heading, double share);

/* 32 hexadecimal digits. */
void writer_id(struct writer *writer, const char *name, const char *heading,
               const uint8_t id[MUSTER_ID_BYTES]);

/* An address without its port; null, and "-", when it is not specified. */
void writer_address(struct writer *writer, const char *name, const char *heading,
                    const struct muster_endpoint *endpoint);

/* The same with its port, which has a name of its own in JSON. */
void writer_endpoint(struct writer *writer, const char *address_name, const char *port_name,
                     const char *heading, const struct muster_endpoint *endpoint);

/* An object of texts, and "a=b c=d". */
void writer_items(struct writer *writer, const char *name, const char *heading,
                  const struct muster_text *items, size_t count);
