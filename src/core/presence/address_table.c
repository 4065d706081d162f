/* SPDX-License-Identifier: MIT */
#include "address_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define SIZE_MIN 16

/* The address as it stands in the table. */
static void key_of(const struct muster_endpoint *endpoint, uint8_t key[16]) {
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (endpoint->family == 6) {
        memcpy(key, endpoint->ip, 16);
        return;
    }
    memcpy(key, v4_mapped, sizeof v4_mapped);
    memcpy(key + sizeof v4_mapped, endpoint->ip, 4);
}

/* Where an address would stand in a table of this size. */
static size_t home_of(const uint8_t seed[16], const uint8_t ip[16], size_t size) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, ip, 16, seed);
    return (size_t)hash & (size - 1);
}

/* Its place, or the free one where it belongs. */
static struct address_count *place_of(const struct address_table *table, const uint8_t seed[16],
                                      const uint8_t ip[16]) {
    size_t i = home_of(seed, ip, table->size);
    while (table->places[i].rows > 0 && memcmp(table->places[i].ip, ip, 16) != 0) {
        i = (i + 1) & (table->size - 1);
    }
    return &table->places[i];
}

void address_table_deinit(struct address_table *table) {
    free(table->places);
    *table = (struct address_table){0};
}

int address_table_reserve(struct address_table *table, const uint8_t seed[16], size_t rows) {
    size_t size = table->size == 0 ? SIZE_MIN : table->size;
    while (size - size / 4 < rows) {
        size *= 2;
    }
    if (size == table->size) {
        return 0;
    }
    struct address_table next = {.places = calloc(size, sizeof *next.places), .size = size};
    if (next.places == NULL) {
        return MUSTER_ENOMEM;
    }
    for (size_t i = 0; i < table->size; i++) {
        const struct address_count *count = &table->places[i];
        if (count->rows > 0) {
            *place_of(&next, seed, count->ip) = *count;
        }
    }
    next.count = table->count;
    free(table->places);
    *table = next;
    return 0;
}

struct address_count *address_table_find(const struct address_table *table, const uint8_t seed[16],
                                         const struct muster_endpoint *endpoint) {
    if (table->size == 0) {
        return NULL;
    }
    uint8_t ip[16];
    key_of(endpoint, ip);
    struct address_count *count = place_of(table, seed, ip);
    return count->rows == 0 ? NULL : count;
}

struct address_count *address_table_add(struct address_table *table, const uint8_t seed[16],
                                        const struct muster_endpoint *endpoint) {
    uint8_t ip[16];
    key_of(endpoint, ip);
    struct address_count *count = place_of(table, seed, ip);
    if (count->rows == 0) {
        assert(table->count < table->size - table->size / 4);
        *count = (struct address_count){.rows = 0};
        memcpy(count->ip, ip, sizeof count->ip);
        table->count++;
    }
    count->rows++;
    return count;
}

/* What stands behind a place that became free moves there, unless it is nearer to where it belongs. */
static void close_gap(struct address_table *table, const uint8_t seed[16], size_t gap) {
    size_t mask = table->size - 1;
    for (size_t i = (gap + 1) & mask; table->places[i].rows > 0; i = (i + 1) & mask) {
        size_t home = home_of(seed, table->places[i].ip, table->size);
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            table->places[gap] = table->places[i];
            table->places[i].rows = 0;
            gap = i;
        }
    }
}

void address_table_remove(struct address_table *table, const uint8_t seed[16], struct address_count *count) {
    assert(count->rows > 0);
    if (--count->rows == 0) {
        table->count--;
        close_gap(table, seed, (size_t)(count - table->places));
    }
}
