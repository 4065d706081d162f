/* Telemetry in numbers: what a node published, and what it hears of others. */
#ifndef CLI_TRAFFIC_H
#define CLI_TRAFFIC_H

#include <stddef.h>

#include <muster/core.h>

#include "roster.h"
#include "table.h"
#include "writer.h"

/* Prints what was published as lines of a page. */
void traffic_print_sender(const struct muster_sender *sender);

/* Writes the members of a sender. */
void traffic_write_sender(struct writer *writer, const struct muster_sender *sender);

/* Writes "lost": the datagrams that will not come, by reason. */
void traffic_write_lost(struct writer *writer, const struct muster_feed *feed);

/* Feeds, each with its publisher. */
struct traffic {
    struct roster roster;
    struct traffic_row {
        const struct muster_feed *feed;
        const struct roster_row *publisher; /* NULL: not known */
    } * rows;
    size_t count;
};

/* Takes in feeds, those of the publisher of this id or (NULL) all, whose publishers may be among the peers;
 * all borrowed. -1 when memory is out; traffic_deinit() must follow anyway. */
int traffic_init(struct traffic *traffic, const struct muster_feed *feeds, size_t count,
                 const struct muster_peer_list *peers, const uint8_t *id);

void traffic_deinit(struct traffic *traffic);

/* The feeds, to be written. */
struct writer_rows traffic_rows(const struct traffic *traffic);

/* Prints an empty line and a table of them; nothing when there is none. -1 when memory is out. */
int traffic_print(const struct traffic *traffic, struct table_style style);

#endif
