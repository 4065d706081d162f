/* SPDX-License-Identifier: MIT */
/* What each source may send: token buckets that are found by hash, so that a source costs no memory of its
 * own. Buckets of different kinds share no tokens, but for a collision of hashes. */
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
};

#define RATES_PAGE 32 /* buckets that are made together */

struct rates {
    uint8_t seed[16]; /* of the hash that picks a bucket, so that nobody can aim at one */
    struct bucket *pages[MUSTER_BUCKETS / RATES_PAGE]; /* NULL: none of its buckets was needed yet */
};

void rates_deinit(struct rates *rates);

/* The bucket of a source; NULL without memory: then what it would limit is refused. */
struct bucket *rates_bucket(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source);
