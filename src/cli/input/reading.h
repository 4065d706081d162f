/* SPDX-License-Identifier: MIT */
/* Readings as people and programs write them: a line of text, or a pack over several, to records and the
 * topics they belong to.
 *
 *     kitchen/climate/temperature 21.5                       TOPIC VALUE: a record that bears the topic's
 * name
 *     [{"bn":"kitchen/climate/","n":"temperature","v":21.5}]  SenML, one record or a pack
 *     21.5                                                    where the topic is given beside the line */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/telemetry.h>

#include "reason.h"

/* How lines are meant; all of it borrowed. */
struct reading_style {
    const char
        *topic;       /* of every line, which is a VALUE alone, or SenML named below it; NULL: lines say it */
    const char *unit; /* of numbers that have none; NULL: none */
    bool text;        /* values are texts as they stand, numbers and JSON too */
    bool flatten;     /* of json_line.h: JSON becomes one reading a value */
    bool keeps_blanks; /* texts are taken with the blanks around them, and blanks alone are one */
};

/* One line, while it is read. */
struct reading {
    char topic[MUSTER_FULL_NAME_BYTES_MAX + 1];
    struct muster_record record; /* its name is below the topic */

    /* Not for the caller. */
    const struct reading_style *style;
    const char *line;
    size_t length;
    double now_s;
    bool begun;
    bool is_pack;
    bool is_over;
    struct muster_pack pack;
};

struct reading_fault {
    struct reason reason;
    size_t line;   /* from 0: of a pack over several lines */
    size_t column; /* in characters, from 1; 0: the line as a whole */
};

/* Begins to read a line, borrowed like the style as long as it is read. now_s, in seconds since 1970, is the
 * time of values alone, and what relative times of SenML count from. Where a clock stands before 1978, as on
 * a device that has none, values alone have no time. */
void reading_open(struct reading *reading, const struct reading_style *style, const char *line, size_t length,
                  double now_s);

/* Goes on with the next record of a stream of SenML, whose bases hold; after a fault, those before it. */
void reading_more(struct reading *reading, const char *line, size_t length, double now_s);

/* True when a line of SenML may set bases for those behind it. */
bool reading_has_bases(const struct reading *reading);

/* The next record: 1 with topic and record, which can be published and hold until the next call; 0 behind the
 * last one, at once where the line is empty; -1 with what is wrong with the line, of which nothing comes
 * then. */
int reading_next(struct reading *reading, struct reading_fault *fault);

/* A time as records have it: 0 where a clock was never set. */
double reading_known_time(double now_s);

/* What is left of a full name below a topic; the whole name when it is another's. */
const char *reading_name_below(const char *name, const char *topic);
