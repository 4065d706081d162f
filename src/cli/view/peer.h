/* SPDX-License-Identifier: MIT */
/* A peer as a record. */
#pragma once

#include <muster/core.h>

#include "changes.h"
#include "roster.h"
#include "writer.h"

/* The names of the members of a peer. */
#define PEER_MEMBERS                                                                                      \
    "id", "name", "state", "verified", "provisional", "address", "other_address", "port", "interface",    \
        "age_ms", "next_ms", "since_ms", "loss", "received", "copies", "paths", "boot", "rev", "partial", \
        "self", "services", "attrs", "topics", "caches"

/* Writes the members of a peer (schemas/peers.schema.json), for people with the columns that column.h lists.
 */
void peer_write(struct writer *writer, const struct muster_peer *peer);

/* The paths that work, bits of enum muster_path_kind: without those that brought none of its last messages.
 * Of who is gone all that worked. */
unsigned peer_paths_now(const struct muster_peer *peer);

/* The loss of a peer, negative as long as nothing of it was counted. */
double peer_loss(const struct muster_peer *peer);

/* Makes a line of JSON of what happened to a peer, with its LF, to be freed; changes (NULL: none) are what is
 * different. NULL when memory is out. */
char *peer_event_line(enum muster_peer_event event, const struct muster_peer *peer,
                      const struct changes *changes);

/* The peers of a roster with their labels, to be written. */
struct writer_rows peer_rows(const struct roster *roster);

/* Writes whose something is: interface, and an object "peer". */
void peer_write_owner(struct writer *writer, const struct muster_peer *peer);

/* Writes a service's own members. */
void peer_write_service(struct writer *writer, const void *muster_service);

/* Its services, and each observed 5-tuple. */
struct writer_rows peer_services(const struct muster_document *document);
struct writer_rows peer_tuples(const struct muster_peer *peer);
