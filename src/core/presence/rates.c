/* SPDX-License-Identifier: MIT */
#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "endpoint.h"

void rates_deinit(struct rates *rates) {
    for (size_t kind = 0; kind < RATE_KINDS; kind++) {
        for (size_t i = 0; i < MUSTER_BUCKETS / RATES_PAGE; i++) {
            free(rates->pages[kind][i]);
            rates->pages[kind][i] = NULL;
        }
    }
}

/* The page of a source, made when it is needed first; NULL without memory. */
static struct rate *page_of(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source) {
    uint8_t key[sizeof source->ip + sizeof source->port];
    uint64_t hash;
    memcpy(key, source->ip, sizeof source->ip);
    memcpy(key + sizeof source->ip, &source->port, sizeof source->port);
    crypto_shorthash((uint8_t *)&hash, key, sizeof key, rates->seed);
    struct rate **page = &rates->pages[kind][hash % (MUSTER_BUCKETS / RATES_PAGE)];
    *page = *page != NULL ? *page : calloc(RATES_PAGE, sizeof **page);
    return *page;
}

struct bucket *rates_bucket(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source) {
    struct muster_endpoint owner = *source;
    owner.port = kind == RATE_SOURCE ? source->port : 0;
    struct rate *page = page_of(rates, kind, &owner);
    if (page == NULL) {
        return NULL;
    }
    struct rate *least = page; /* in debt: the fullest one */
    for (size_t i = 0; i < RATES_PAGE; i++) {
        if (endpoint_is_same(&page[i].source, &owner)) {
            return &page[i].bucket;
        }
        least = page[i].bucket.full_ms < least->bucket.full_ms ? &page[i] : least;
    }
    *least = (struct rate){.source = owner};
    return &least->bucket;
}
