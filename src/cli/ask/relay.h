/* SPDX-License-Identifier: MIT */
/* Takes readings from an input and publishes them by a node, no faster than the node can send them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "descriptor.h"
#include "json_line.h"
#include "line_format.h"
#include "lines.h"
#include "reading.h"
#include "relay_topics.h"
#include "session.h"

/* New topics are announced at once and 250 ms later. After this time subscribers know them, and hear the
 * first record. */
#define RELAY_ANNOUNCE_MS 300

/* An array that is not closed after this time is a stream: its records are taken as they come. */
#define RELAY_ARRAY_MS 100

/* Units that are warned of. */
#define RELAY_UNKNOWN_UNITS_MAX 32

enum relay_phase {
    RELAY_TAKING,   /* input is taken as it comes */
    RELAY_HELD,     /* until new topics are known */
    RELAY_FULL,     /* too much waits to be sent */
    RELAY_DRAINING, /* no more input is taken; the records that were taken leave, and repairs may be asked for
                     */
    RELAY_ENDED,
};

struct relay {
    struct session *session;
    const struct reading_style *style;
    uint64_t rate_bytes_s;      /* 0: the library's default */
    struct line_format *format; /* of lines of other programs; NULL: they are TOPIC VALUE or JSON */
    bool is_strict;             /* the first bad line is the last one */
    bool is_value;              /* not lines are read but one VALUE */

    /* Not for others. */
    enum relay_phase phase;
    struct relay_topics topics;
    struct descriptor input;
    struct lines lines;
    double read_s; /* when the bytes of it came */
    struct reading reading;
    char room[LINES_BYTES_MAX]; /* for a text of it that is longer than a datagram */
    struct json_line translated; /* what the reading is of, where the line was JSON and no SenML, and who
                                    published it, */
    struct json_line ahead;      /* and that of a line that is looked at ahead */
    bool has_ended;              /* the input */
    bool has_line;               /* the reading is of one */
    bool has_record;             /* it has one that waits to be added */
    bool has_added;
    bool is_stopped;
    bool has_warned_of_digits;
    char id[MUSTER_ID_TEXT_BYTES]; /* of this node */
    uint64_t passed_over;          /* readings that were carried on before */
    uv_timer_t timer;
    uv_timer_t patience; /* of whoever stopped it */
    uv_timer_t array;    /* since an array began that is not closed */
    bool is_astray;      /* the records of this array behind a bad one have unknown bases */
    uint64_t sent;       /* datagrams, */
    uint64_t sent_ms;    /* and when the last one was, or when it was last looked for */
    char unknown_units[RELAY_UNKNOWN_UNITS_MAX][MUSTER_NAME_BYTES_MAX + 1];
    size_t unknown_unit_count;
    int status;
};

/* Publish one line, one record, or all lines of a descriptor, by the session's open node, and then end the
 * session: with STATUS_OK, or, after reporting what was bad, with STATUS_USAGE for the one line and
 * STATUS_ERROR for many. The style, the line and the texts of the record are borrowed until then. All members
 * but the first ones are zeroed before. */
void relay_value(struct relay *relay, const char *line);
void relay_record(struct relay *relay, const char *topic, const struct muster_record *record);
void relay_lines(struct relay *relay, int fd);

/* Warns of a unit that is in no registry; NULL and "" are none. */
void relay_warn_of_unit(const struct settings *settings, const char *unit);

/* Reads no more input, and ends the session as soon as all that was read has left, or after 2 s. */
void relay_stop(struct relay *relay);

/* Ends the session now: with STATUS_ERROR where something that was read did not leave, which is reported. */
void relay_end(struct relay *relay);

/* To be called when the session has ended. A zeroed relay is allowed. */
void relay_deinit(struct relay *relay);
