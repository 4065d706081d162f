/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Entries for so small a datagram on average; where they are smaller, fewer bytes are kept. */
#define DATAGRAM_BYTES_MEAN 128

#define PAGE_BYTES 4096
#define TOUCHED_BYTES_MAX (8 << 20)

/* Zeroed, and written to at once: the kernel finds the pages now, not when a datagram waits to be sent. A
 * ring for a high rate finds most of its own as it goes. */
static void *touched_alloc(size_t count, size_t size) {
    volatile uint8_t *bytes = calloc(count, size);
    size_t end = count * size < TOUCHED_BYTES_MAX ? count * size : TOUCHED_BYTES_MAX;
    for (size_t at = 0; bytes != NULL && at < end; at += PAGE_BYTES) {
        bytes[at] = 0;
    }
    return (void *)bytes;
}

int ring_init(struct ring *ring, size_t size) {
    *ring = (struct ring){.size = size, .capacity = 1};
    while (ring->capacity < size / DATAGRAM_BYTES_MEAN) {
        ring->capacity *= 2;
    }
    ring->bytes = touched_alloc(size, 1);
    ring->kept = touched_alloc(ring->capacity, sizeof *ring->kept);
    if (ring->bytes == NULL || ring->kept == NULL) {
        ring_deinit(ring);
        return MUSTER_ENOMEM;
    }
    return 0;
}

void ring_deinit(struct ring *ring) {
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        free(ring->numbers[shard]);
    }
    free(ring->bytes);
    free(ring->kept);
    *ring = (struct ring){0};
}

void ring_clear(struct ring *ring) {
    ring->first = ring->unsent = ring->next;
    ring->unsent_bytes = 0;
    memset(ring->seqs, 0, sizeof ring->seqs);
    memset(ring->gone, 0, sizeof ring->gone);
}

int ring_open_shard(struct ring *ring, unsigned shard) {
    if (ring->numbers[shard] == NULL) {
        ring->numbers[shard] = touched_alloc(ring->capacity, sizeof *ring->numbers[shard]);
    }
    return ring->numbers[shard] == NULL ? MUSTER_ENOMEM : 0;
}

struct kept *ring_at(const struct ring *ring, uint64_t number) {
    return &ring->kept[number & (ring->capacity - 1)];
}

static void give_up(struct ring *ring, const struct kept *kept) {
    uint64_t *gone = &ring->gone[kept->shard];
    *gone = kept->seq > *gone ? kept->seq : *gone;
}

static void drop_first(struct ring *ring) {
    assert(ring->first < ring->unsent);
    give_up(ring, ring_at(ring, ring->first));
    ring->first++;
}

/* True when the oldest one lies in [begin, end). */
static bool is_first_within(const struct ring *ring, size_t begin, size_t end) {
    const struct kept *first = ring_at(ring, ring->first);
    return ring->first < ring->next && first->offset < end && first->offset + first->length > begin;
}

/* A datagram lies in one piece: what is left at the end of the bytes is passed over. */
static void make_room(struct ring *ring, size_t length) {
    if (ring->head + length > ring->size) {
        while (is_first_within(ring, ring->head, ring->size)) {
            drop_first(ring);
        }
        ring->head = 0;
    }
    while (is_first_within(ring, ring->head, ring->head + length)) {
        drop_first(ring);
    }
    if (ring->next - ring->first == ring->capacity) {
        drop_first(ring);
    }
}

/* One datagram's length may be passed over at the end, and another one is asked for. */
bool ring_has_room(const struct ring *ring) {
    return ring->unsent_bytes + 2 * MUSTER_DATAGRAM_BYTES_MAX < ring->size &&
           ring->next - ring->unsent < ring->capacity;
}

struct kept *ring_append(struct ring *ring, unsigned shard, size_t length, uint64_t now_ms) {
    assert(length <= MUSTER_DATAGRAM_BYTES_MAX && ring->numbers[shard] != NULL);
    make_room(ring, length);
    struct kept *kept = ring_at(ring, ring->next);
    *kept = (struct kept){.seq = ++ring->seqs[shard],
                          .sealed_ms = now_ms,
                          .offset = (uint32_t)ring->head,
                          .length = (uint16_t)length,
                          .shard = (uint8_t)shard};
    ring->numbers[shard][kept->seq & (ring->capacity - 1)] = ring->next;
    ring->next++;
    ring->head += length;
    ring->unsent_bytes += length;
    return kept;
}

bool ring_find(const struct ring *ring, unsigned shard, uint64_t seq, uint64_t *number) {
    if (ring->numbers[shard] == NULL || seq == 0 || seq > ring->seqs[shard]) {
        return false;
    }
    *number = ring->numbers[shard][seq & (ring->capacity - 1)];
    if (*number < ring->first || *number >= ring->next) {
        return false;
    }
    const struct kept *kept = ring_at(ring, *number);
    return kept->shard == shard && kept->seq == seq;
}

uint64_t ring_oldest(const struct ring *ring, unsigned shard) {
    return ring->gone[shard] + 1;
}

void ring_give_up_longer(struct ring *ring, size_t length) {
    for (uint64_t number = ring->first; number < ring->unsent; number++) {
        const struct kept *kept = ring_at(ring, number);
        if (kept->length > length) {
            give_up(ring, kept);
        }
    }
}

void ring_give_up_unsent(struct ring *ring) {
    give_up(ring, ring_at(ring, ring->unsent));
    ring_sent(ring, 1);
}

void ring_sent(struct ring *ring, uint64_t count) {
    assert(count <= ring->next - ring->unsent);
    for (uint64_t i = 0; i < count; i++) {
        ring->unsent_bytes -= ring_at(ring, ring->unsent + i)->length;
    }
    ring->unsent += count;
}
