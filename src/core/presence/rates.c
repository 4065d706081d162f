/* SPDX-License-Identifier: MIT */
#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

void rates_deinit(struct rates *rates) {
    for (size_t kind = 0; kind < RATE_KINDS; kind++) {
        for (size_t i = 0; i < MUSTER_BUCKETS / RATES_PAGE; i++) {
            free(rates->pages[kind][i]);
            rates->pages[kind][i] = NULL;
        }
    }
}

/* Never 0. */
static uint64_t hash_of(const struct rates *rates, enum rate_kind kind,
                        const struct muster_endpoint *source) {
    uint8_t key[sizeof source->ip + sizeof source->port] = {0};
    uint64_t hash;
    memcpy(key, source->ip, sizeof source->ip);
    if (kind == RATE_SOURCE) {
        memcpy(key + sizeof source->ip, &source->port, sizeof source->port);
    }
    crypto_shorthash((uint8_t *)&hash, key, sizeof key, rates->seed);
    return hash == 0 ? 1 : hash;
}

struct bucket *rates_bucket(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source) {
    uint64_t hash = hash_of(rates, kind, source);
    struct rate **page = &rates->pages[kind][hash % (MUSTER_BUCKETS / RATES_PAGE)];
    *page = *page != NULL ? *page : calloc(RATES_PAGE, sizeof **page);
    if (*page == NULL) {
        return NULL;
    }
    struct rate *least = *page; /* in debt: the fullest one */
    for (size_t i = 0; i < RATES_PAGE; i++) {
        struct rate *rate = &(*page)[i];
        if (rate->source == hash) {
            return &rate->bucket;
        }
        least = rate->bucket.full_ms < least->bucket.full_ms ? rate : least;
    }
    *least = (struct rate){.source = hash};
    return &least->bucket;
}
