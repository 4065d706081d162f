/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <stdlib.h>

#include "memory.h"

/* Four children an entry: fewer cache misses than with two. */
#define CHILDREN 4

static bool is_before(const struct heap_entry *a, const struct heap_entry *b) {
    return a->time_us < b->time_us || (a->time_us == b->time_us && a->sequence < b->sequence);
}

void heap_deinit(struct heap *heap) {
    free(heap->entries);
    *heap = (struct heap){0};
}

void heap_add(struct heap *heap, uint64_t time_us, heap_run *run, void *subject, uint64_t value) {
    const struct heap_entry added = {time_us, ++heap->sequence, run, subject, value};
    if (heap->count == heap->size) {
        heap->size = heap->size == 0 ? 1024 : 2 * heap->size;
        heap->entries = memory_resize(heap->entries, heap->size * sizeof *heap->entries);
    }
    size_t at = heap->count++;
    while (at > 0 && is_before(&added, &heap->entries[(at - 1) / CHILDREN])) {
        heap->entries[at] = heap->entries[(at - 1) / CHILDREN];
        at = (at - 1) / CHILDREN;
    }
    heap->entries[at] = added;
}

static size_t first_child(const struct heap *heap, size_t at) {
    size_t first = CHILDREN * at + 1;
    size_t end = first + CHILDREN < heap->count ? first + CHILDREN : heap->count;
    for (size_t child = first + 1; child < end; child++) {
        if (is_before(&heap->entries[child], &heap->entries[first])) {
            first = child;
        }
    }
    return first;
}

bool heap_take(struct heap *heap, uint64_t end_us, struct heap_entry *entry) {
    if (heap->count == 0 || heap->entries[0].time_us > end_us) {
        return false;
    }
    *entry = heap->entries[0];
    const struct heap_entry last = heap->entries[--heap->count];
    size_t at = 0;
    while (CHILDREN * at + 1 < heap->count) {
        size_t child = first_child(heap, at);
        if (!is_before(&heap->entries[child], &last)) {
            break;
        }
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    heap->entries[at] = last;
    return true;
}
