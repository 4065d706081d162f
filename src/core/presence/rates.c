/* SPDX-License-Identifier: MIT */
#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

void rates_deinit(struct rates *rates) {
    for (size_t i = 0; i < MUSTER_BUCKETS / RATES_PAGE; i++) {
        free(rates->pages[i]);
        rates->pages[i] = NULL;
    }
}

struct bucket *rates_bucket(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source) {
    uint8_t key[1 + sizeof source->ip + sizeof source->port] = {(uint8_t)kind};
    uint64_t hash;
    memcpy(key + 1, source->ip, sizeof source->ip);
    if (kind == RATE_SOURCE) {
        memcpy(key + 1 + sizeof source->ip, &source->port, sizeof source->port);
    }
    crypto_shorthash((uint8_t *)&hash, key, sizeof key, rates->seed);
    size_t index = hash % MUSTER_BUCKETS;
    struct bucket **page = &rates->pages[index / RATES_PAGE];
    *page = *page != NULL ? *page : calloc(RATES_PAGE, sizeof **page);
    return *page == NULL ? NULL : &(*page)[index % RATES_PAGE];
}
