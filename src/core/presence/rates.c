#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "limit.h"

void rates_deinit(struct rates *rates) {
    free(rates->buckets);
    rates->buckets = NULL;
}

struct bucket *rates_bucket(struct rates *rates, enum rate_kind kind, const struct muster_endpoint *source) {
    uint8_t key[1 + sizeof source->ip + sizeof source->port] = {(uint8_t)kind};
    uint64_t hash;
    if (rates->buckets == NULL) {
        rates->buckets = calloc(MUSTER_BUCKETS, sizeof *rates->buckets);
    }
    if (rates->buckets == NULL) {
        return NULL;
    }
    memcpy(key + 1, source->ip, sizeof source->ip);
    if (kind == RATE_SOURCE) {
        memcpy(key + 1 + sizeof source->ip, &source->port, sizeof source->port);
    }
    crypto_shorthash((uint8_t *)&hash, key, sizeof key, rates->seed);
    return &rates->buckets[hash % MUSTER_BUCKETS];
}
