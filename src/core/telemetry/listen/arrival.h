/* From the datagrams of telemetry to what subscribers get: each as it is pulled. What can be delivered at
 * once is a view of the bytes that came. */
#ifndef CORE_ARRIVAL_H
#define CORE_ARRIVAL_H

#include <muster/core.h>

struct muster_core;

/* Begins to look at what came to a shard's group, or, MUSTER_SHARDS, to that for naks. */
void arrival_begin(struct muster_core *core, const struct muster_datagram *datagram, unsigned shard);

/* Looks at all of it at once: nothing in it is for a subscriber, so the bytes are not needed any longer. */
void arrival_take_all(struct muster_core *core);

/* Nobody pulled what is left: it is lost to this program. */
void arrival_drop_all(struct muster_core *core);

#endif
