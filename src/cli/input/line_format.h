/* SPDX-License-Identifier: MIT */
/* Lines of other programs, as lines that reading_open() takes: their fields by a template such as '%t %v', or
 * the columns of comma-separated values, which the first line names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "json_line.h"
#include "lines.h"
#include "reading.h"
#include "reason.h"

enum line_field {
    LINE_TOPIC, /* the full name */
    LINE_VALUE,
    LINE_TIME,
    LINE_UNIT,
    LINE_KIND,
    LINE_PEER, /* of comma-separated values: who published it, */
    LINE_ID,
    LINE_ORIGIN, /* and where that brought it from */
};
#define LINE_FIELDS 8

/* All but the template is zeroed at first, and not for the caller. */
struct line_format {
    const char *template;        /* NULL: comma-separated values */
    char separator;              /* of these, as the heading has it; 0: it did not come yet */
    bool is_refused;             /* the heading lacks a column: the lines are passed over */
    size_t columns[LINE_FIELDS]; /* where they are, from 1; 0: nowhere */
    char bytes[LINES_BYTES_MAX]; /* of the fields of a line, without their quotes */
};

/* args_option.parse of a template. %t is the topic, %v the value, %s the time in seconds since 1970, %u the
 * unit, %* is passed over, %% is a %. A blank stands for some, \t for a tab. -1 with a reason. */
int line_format_parse(const char *text, void *place_const_char_pointer, struct reason *reason);

/* True when a template has a topic. */
bool line_format_has_topic(const char *template);

/* Reads a line. With a topic in the style, that of the line is not looked for. What no time is said of has
 * now_s. EMPTY also for the heading, BAD with a fault. */
enum json_line_result line_format_read(struct line_format *format, const struct reading_style *style,
                                       const char *line, size_t length, double now_s, struct json_line *read,
                                       struct reading_fault *fault);
