/* SPDX-License-Identifier: MIT */
/* What each source may send: token buckets by kind and source. A bucket belongs to one source, so that nobody
 * pays for what another one spent. Where many sources are in debt at once the one that owes least is
 * forgotten. */
#pragma once

#include <stdint.h>

#include <muster/core.h>

#include "bucket.h"
#include "limit.h"

enum rate_kind {
    RATE_SOURCE,    /* control messages of one address and port, so that a stray program can't silence the
                       muster beside it */
    RATE_CONTROL,   /* control messages of one address, whatever the port */
    RATE_TELEMETRY, /* telemetry of one address: data at full rate must not keep its publisher from
                       introducing itself */
    RATE_REPAIRS,   /* repairs that one address asks for */
    RATE_KINDS,
};

#define RATES_PAGE 8 /* buckets in one of which a source finds its own; they are made together */

/* The bucket of a source. */
struct rate {
    uint64_t source; /* keyed hash of its address, of RATE_SOURCE with its port; 0: it belongs to nobody */
    struct bucket bucket;
};

struct rates {
    uint8_t seed[16]; /* of the hash of a source, so that nobody can aim at another one's */
    struct rate
        *pages[RATE_KINDS][MUSTER_BUCKETS / RATES_PAGE]; /* NULL: none of its buckets was needed yet */
};

void rates_deinit(struct rates *rates);

/* The bucket of a source, valid until the next call; NULL without memory: then what it would limit is
 * refused. */
struct bucket *rates_bucket(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source);
