/* SPDX-License-Identifier: MIT */
/* What will happen, ordered by (time, sequence): two things of one time happen in the order in which they
 * were added, so that a run is the same each time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;

/* Runs an entry of the heap; subject and value are those of heap_add(). With the value HEAP_DISCARD the world
 * ends: it frees what the subject is, and does nothing else. */
#define HEAP_DISCARD UINT64_MAX
typedef void heap_run(struct world *world, void *subject, uint64_t value);

struct heap_entry {
    uint64_t time_us;
    uint64_t sequence;
    heap_run *run;
    void *subject;
    uint64_t value;
};

/* Zeroed: empty. */
struct heap {
    struct heap_entry *entries;
    size_t count;
    size_t size;
    uint64_t sequence; /* of the last one that was added */
};

void heap_deinit(struct heap *heap);
void heap_add(struct heap *heap, uint64_t time_us, heap_run *run, void *subject, uint64_t value);

/* Takes the first entry that is due by end_us; false when there is none. */
bool heap_take(struct heap *heap, uint64_t end_us, struct heap_entry *entry);
