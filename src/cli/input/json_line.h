/* SPDX-License-Identifier: MIT */
/* Lines of JSON that are no SenML, as lines that reading_open() takes:
 * - what `mosquitto_sub -F %j` prints, an object with `topic` and `payload`, becomes TOPIC VALUE, and its
 *   time `tst` the time of the reading;
 * - where JSON is to be flattened, each number, text, true and false in it becomes a record, named by the
 *   members and places that lead to it: {"a":{"b":[1,2]}} has a/b/0 and a/b/1. null is nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lines.h"
#include "reading.h"

#define JSON_LINE_BYTES_MAX (2 * LINES_BYTES_MAX)

/* Who published a reading, where its line says so: as muster subscribe and muster history print it. Zeroed:
 * it does not say so. */
struct line_source {
    char id[MUSTER_ID_TEXT_BYTES];
    char
        origin[MUSTER_ORIGIN_BYTES_MAX + 1]; /* of what carries the reading on: the publisher's name, or id */
    bool is_brought;                         /* the publisher brought it from elsewhere itself */
};

/* A publisher's id, its name, and the origin that it said; each "" where it is not known. What is no id
 * leaves the source zeroed. */
void line_source_set(struct line_source *source, const char *id, const char *name, const char *origin);

/* That of a line of muster subscribe --ndjson, or of --senml, whose first record says it. */
void line_source_read(struct line_source *source, const char *line, size_t length);

struct json_line {
    struct line_source source;
    char text[JSON_LINE_BYTES_MAX];
    size_t length;
    double now_s;                         /* for reading_open(), */
    struct reading_style style;           /* and how it is meant there */
    char unit[MUSTER_NAME_BYTES_MAX + 1]; /* of that style, where the line has one */
};

enum json_line_result {
    JSON_LINE_OTHER, /* it is none of these: it is read as it is */
    JSON_LINE_READ,  /* the line to read instead is there */
    JSON_LINE_EMPTY, /* it says nothing */
    JSON_LINE_BAD,
};

/* now_s is the time of the line unless it says one. The source is there in any case. */
enum json_line_result json_line_read(const struct reading_style *style, const char *line, size_t length,
                                     double now_s, struct json_line *read, struct reading_fault *fault);
