/* Topics as users look for them: reading by reading, each with the peer that publishes it. */
#ifndef CLI_CATALOG_H
#define CLI_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include <muster/telemetry.h>

#include "args.h"
#include "roster.h"
#include "writer.h"

struct catalog_row {
    const struct roster_row *row;
    const struct muster_topic *topic;
    bool is_kept;                     /* by another peer, and nobody announces it */
    const struct muster_text *record; /* its name and unit; NULL: it bears the topic's own name, or nothing is
                                         said of the topic's records */
};

struct catalog {
    struct catalog_row *rows;
    size_t count;
};

/* Collects the readings that one of the patterns (none: all) matches, of peers that are alive or suspect, and
 * of publishers that are away (kept_look()), by full name and peer. A topic of whose records nothing is said
 * is one row, when some pattern could match one of them. They point into the rosters. -1 when memory is out.
 */
int catalog_init(struct catalog *catalog, const struct roster *roster, const struct roster *away,
                 const struct operands *patterns);

/* A zeroed catalog is allowed. */
void catalog_deinit(struct catalog *catalog);

/* Writes the full name, "kitchen/climate/temperature". Returns text. */
const char *catalog_name(const struct catalog_row *row, char text[MUSTER_FULL_NAME_BYTES_MAX + 1]);

/* "" when it is not said. */
const char *catalog_unit(const struct catalog_row *row);

/* The readings with their peers, to be written. */
struct writer_rows catalog_rows(const struct catalog *catalog);

#endif
