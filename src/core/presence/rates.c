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

/* Of an address: whoever sends by IPv6 from afar has a /64 of them. Hosts of one link may share it, so a port
 * counts for its own address. */
static size_t bytes_of_host(enum rate_kind kind, const struct muster_endpoint *source) {
    bool is_global = source->family == 6 && source->ip[0] >> 5 == 1; /* 2000::/3 (RFC 4291, 2.4) */
    return kind != RATE_SOURCE && is_global ? sizeof source->ip / 2 : sizeof source->ip;
}

/* Never 0. */
static uint64_t hash_of(const struct rates *rates, enum rate_kind kind,
                        const struct muster_endpoint *source) {
    uint8_t key[sizeof source->ip + sizeof source->port] = {0};
    uint64_t hash;
    memcpy(key, source->ip, bytes_of_host(kind, source));
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
