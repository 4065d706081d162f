/* SPDX-License-Identifier: MIT */
/* Topics as users look for them: reading by reading, each with the peer that publishes it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/telemetry.h>

#include "args.h"
#include "roster.h"
#include "writer.h"

/* A reading as it was last: of a publisher that is here, or kept by another peer. */
struct catalog_reading {
    uint8_t id[MUSTER_ID_BYTES]; /* of the publisher */
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char record[MUSTER_NAME_BYTES_MAX + 1];
    char unit[MUSTER_NAME_BYTES_MAX + 1];
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    char publisher[MUSTER_NAME_BYTES_MAX + 1]; /* its name, as who keeps the reading knew it; "": not known */
    bool is_announced;                         /* by its publisher, which is here */
    enum muster_value_kind kind;
    double number;
    bool boolean;
    char text[MUSTER_NAME_BYTES_MAX + 1]; /* its beginning */
    double time_s;
    double update_s; /* the next one follows within so long; 0: not said */
};

struct catalog_row {
    const struct roster_row *row;
    const char *topic;
    const char *record; /* "": it bears the topic's own name, or nothing is said of the topic's records */
    const char *unit;   /* "" when it is not said */
    double rate;        /* 0 likewise */
    const char *origin; /* where it was brought from; "": it is its publisher's own */
    bool is_kept;
    const struct catalog_reading *reading; /* NULL: not known */
};

struct catalog {
    bool has_values; /* they are written, too, */
    double now_s;    /* with what they are at this time */
    struct catalog_row *rows;
    size_t count;
};

/* By publisher and name, the latest first. */
int catalog_compare(const void *left, const void *right);

/* True for two of one publisher and name. */
bool catalog_is_same(const struct catalog_reading *a, const struct catalog_reading *b);

/* Collects the readings that one of the patterns (none: all) matches, of peers that are alive or suspect, and
 * kept ones of publishers that are away, by full name and peer. A topic of whose records nothing is said is
 * one row, when some pattern could match one of them. They point into the rosters and the kept readings,
 * which are sorted by catalog_compare(), each once. -1 when memory is out. */
int catalog_init(struct catalog *catalog, const struct roster *roster, const struct roster *away,
                 const struct catalog_reading *kept, size_t kept_count, const struct operands *patterns);

/* A zeroed catalog is allowed. */
void catalog_deinit(struct catalog *catalog);

/* The readings with their peers, to be written. */
struct writer_rows catalog_rows(const struct catalog *catalog);
