/* A row that outlives the output it came in. */
#ifndef CORE_PEER_COPY_H
#define CORE_PEER_COPY_H

#include <muster/core.h>

/* Copies a row with all that it points to into one block, for the caller to free(). NULL when memory is
 * out. */
struct muster_peer *peer_copy(const struct muster_peer *peer);

#endif
