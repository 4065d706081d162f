/* Readings from an input to the topics of a node: as they come, and no faster than they can be sent. */
#ifndef CLI_RELAY_H
#define CLI_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "descriptor.h"
#include "lines.h"
#include "outlets.h"
#include "reading.h"
#include "session.h"

/* New topics are announced at once and 250 ms later. By then listeners know them, and hear the first record.
 */
#define RELAY_ANNOUNCE_MS 300

/* Units that are warned of. */
#define RELAY_UNKNOWN_UNITS_MAX 32

enum relay_phase {
    RELAY_TAKING,   /* input is taken as it comes */
    RELAY_HELD,     /* until new topics are known */
    RELAY_FULL,     /* too much waits to be sent */
    RELAY_DRAINING, /* nothing more is taken; what was still leaves, and may be asked for again */
};

struct relay {
    struct session *session;
    const struct reading_style *style;
    uint64_t rate_bytes_s; /* 0: the library's default */
    bool is_strict;        /* the first bad line is the last one */
    bool is_value;         /* not lines are read but one VALUE */

    /* Not for others. */
    enum relay_phase phase;
    struct outlets outlets;
    struct descriptor input;
    struct lines lines;
    double read_s; /* when the bytes of it came */
    struct reading reading;
    bool has_ended;  /* the input */
    bool has_line;   /* the reading is of one */
    bool has_record; /* it has one that waits to be added */
    bool has_added;
    bool is_stopped;
    uv_timer_t timer;
    uint64_t drain_began_ms; /* since when */
    uint64_t sent;           /* datagrams, */
    uint64_t sent_ms;        /* and when the last one was, or when it was last looked for */
    char unknown_units[RELAY_UNKNOWN_UNITS_MAX][MUSTER_NAME_BYTES_MAX + 1];
    size_t unknown_unit_count;
    int status;
};

/* Relays one line, or all lines of a descriptor, through the session's open node, and then ends the session:
 * with STATUS_OK, or, having complained of what was bad in it, with STATUS_USAGE of the one line and
 * STATUS_ERROR of many. The style and the line are borrowed till then. The relay begins zeroed but for its
 * first members. */
void relay_value(struct relay *relay, const char *line);
void relay_lines(struct relay *relay, int fd);

/* Takes nothing more, and ends the session as soon as what was taken has left. */
void relay_stop(struct relay *relay);

/* When the session has ended. A zeroed relay is allowed. */
void relay_deinit(struct relay *relay);

#endif
