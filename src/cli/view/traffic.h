/* Telemetry in numbers, for people and as JSON: what a node published, and what it hears of others. */
#ifndef CLI_TRAFFIC_H
#define CLI_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>

#include <muster/core.h>

#include "document.h"
#include "settings.h"

/* Prints the lines "Published" of what a node is shown by. */
void traffic_print_sender(const struct muster_sender *sender);

/* Feeds, and the peers that their publishers may be among; all borrowed. */
struct traffic_feeds {
    const struct muster_feed *feeds;
    size_t count;
    const struct muster_peer_list *peers;
};

/* Prints an empty line and a table, nothing when there is no feed. Returns STATUS_OK, or STATUS_ERROR after
 * complaining. */
int traffic_print_feeds(const struct settings *settings, bool wide, const struct traffic_feeds *feeds);

/* Puts the members of a sender into an object. */
void traffic_put_sender(struct document *document, document_node_t *object,
                        const struct muster_sender *sender);

/* Puts "feeds": all, or those of the publisher of this id. */
void traffic_put_feeds(struct document *document, document_node_t *object, const struct traffic_feeds *feeds,
                       const uint8_t *id);

#endif
