/* SPDX-License-Identifier: MIT */
#include "array.h"

#include <stdlib.h>

#define CAPACITY_MIN 8

void *array_reserve(void *items, size_t size, size_t *capacity, size_t count, size_t count_max) {
    if (count >= count_max) {
        return NULL;
    }
    if (count < *capacity) {
        return items;
    }
    size_t next = *capacity == 0 ? CAPACITY_MIN : 2 * *capacity;
    next = next < count_max ? next : count_max;
    void *grown = realloc(items, next * size);
    *capacity = grown == NULL ? *capacity : next;
    return grown;
}
