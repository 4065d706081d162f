/* From the datagrams of telemetry to what subscribers get: each as it is pulled. What can be delivered at
 * once is a view of the bytes that came. */
#ifndef CORE_ARRIVAL_H
#define CORE_ARRIVAL_H

#include <stdbool.h>

#include <muster/core.h>
#include <muster/telemetry.h>

struct telemetry;

/* Begins to look at what came to a shard's group, or, MUSTER_SHARDS, to that for naks. */
void arrival_begin(struct telemetry *telemetry, const struct muster_datagram *datagram, unsigned shard);

/* Looks at all of it at once: nothing in it is for a subscriber, so the bytes are not needed any longer. */
void arrival_take_all(struct telemetry *telemetry);

/* The next arrival of what was heard; false when there is none, or the engine has a note to be routed first.
 */
bool arrival_next(struct telemetry *telemetry, struct muster_arrival *arrival);

/* Nobody pulled what is left: it is lost to this program. */
void arrival_drop_all(struct telemetry *telemetry);

#endif
