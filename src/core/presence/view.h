/* SPDX-License-Identifier: MIT */
/* Rows as the application sees them. */
#pragma once

#include <muster/core.h>

#include "message.h"
#include "reply.h"

struct presence;
struct peer;

/* Fills *view from a row. Its texts point into *message, decoded here from the row's announce, and its tuples
 * are the array, of at least MUSTER_TUPLES_MAX. MUSTER_ENOMEM, then nothing needs freeing. */
int view_fill(const struct presence *presence, const struct peer *peer, struct message *message,
              struct muster_tuple *tuples, struct muster_peer *view);

/* The same without the document. */
void view_measure(const struct presence *presence, const struct peer *peer, struct muster_tuple *tuples,
                  struct muster_peer *view);

/* This node's own row, without a document and without paths, as nothing brought it; and what the document is
 * in. */
struct view_own {
    struct muster_peer peer;
    struct reply_lines lines; /* into announce, and the node's body */
    uint8_t announce[MUSTER_DATAGRAM_BYTES_MAX];
};

/* MUSTER_ENOMEM, or what sign returned. For nodes with a document. */
int view_own(const struct presence *presence, struct view_own *own);
