/* The cheap checks, before anything of a datagram is parsed: length, first byte, path, distance, source rate.
 * And the counters of all that was received. */
#ifndef CORE_ADMISSION_H
#define CORE_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "bucket.h"
#include "limit.h"
#include "paths.h"

struct admission {
    uint8_t seed[16]; /* of the hash that picks a bucket, so that nobody can aim at one */
    struct muster_counters counters;
    struct bucket buckets[MUSTER_BUCKETS];
};

/* Takes a token for telemetry of a source address, whatever its port; false when it has none. They are apart
 * from those of control messages: data at full rate must not keep its publisher from introducing itself. */
bool admission_allows_stranger(struct admission *admission, const struct muster_endpoint *source,
                               uint64_t now_ms);

/* The bucket of repairs that a source address earns. */
struct bucket *admission_repairs_of(struct admission *admission, const struct muster_endpoint *source);

/* Counts the datagram as received. True when it is worth parsing; *reason otherwise. */
bool admission_check(struct admission *admission, const struct paths *paths,
                     const struct muster_datagram *datagram, uint64_t now_ms, enum muster_drop *reason);

#endif
