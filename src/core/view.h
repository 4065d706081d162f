/* Rows as the application sees them. */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include <muster/core.h>

#include "message.h"

struct muster_core;
struct peer;

/* Fills *view from a row. Its texts point into *message, decoded here from the row's announce, and its tuples
 * are the array, of at least MUSTER_TUPLES_MAX. MUSTER_ENOMEM, then nothing needs freeing. */
int view_fill(const struct muster_core *core, const struct peer *peer, struct message *message,
              struct muster_tuple *tuples, struct muster_peer *view);

#endif
