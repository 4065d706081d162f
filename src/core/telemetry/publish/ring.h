/* SPDX-License-Identifier: MIT */
/* The datagrams of telemetry that this node sealed: those that wait to be sent, and those that were and are
 * kept for repair. The oldest make room. Each has a number that grows by one; those of one shard have its
 * sequence numbers besides. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct kept {
    uint64_t seq;
    uint64_t sealed_ms;
    uint64_t repaired_ms; /* sent again last; 0: never */
    uint32_t offset;
    uint16_t length;
    uint8_t shard;
    bool is_wanted; /* waits to be sent again */

    /* Where its topic and its body are, from its own begin. */
    uint8_t topic_at;
    uint8_t topic_length;
    uint8_t origin_length; /* of its origin's member, behind the topic's; 0: it has none */
    uint16_t body_at;
    uint16_t body_length;
};

struct ring {
    uint8_t *bytes;
    size_t size;
    size_t head; /* offset at which the next one begins */

    struct kept *kept; /* by number, modulo capacity */
    size_t capacity;   /* a power of two */
    uint64_t first;    /* number of the oldest one kept, */
    uint64_t unsent;   /* of the first one that was not sent yet, */
    uint64_t next;     /* and of the next one */
    size_t unsent_bytes;

    uint64_t seqs[MUSTER_SHARDS];     /* sealed last; 0: none */
    uint64_t gone[MUSTER_SHARDS];     /* the last one that is not sent again; 0: none */
    uint64_t *numbers[MUSTER_SHARDS]; /* by seq, modulo capacity; NULL: nothing was sealed */
};

/* size: bytes of datagrams that it keeps. MUSTER_ENOMEM. */
int ring_init(struct ring *ring, size_t size);

/* A zeroed struct is allowed. */
void ring_deinit(struct ring *ring);

/* Forgets all datagrams and numbers. */
void ring_clear(struct ring *ring);

/* Makes sure that a shard can be used. MUSTER_ENOMEM. */
int ring_open_shard(struct ring *ring, unsigned shard);

/* True when one more datagram of any length pushes out none that waits to be sent. */
bool ring_has_room(const struct ring *ring);

/* Room for a datagram of this length in an open shard, to be filled in by the caller at once: its entry,
 * whose bytes are at ring->bytes + offset. The oldest ones go. Only while ring_has_room(). */
struct kept *ring_append(struct ring *ring, unsigned shard, size_t length, uint64_t now_ms);

/* The entry of a number, which must be kept. */
struct kept *ring_at(const struct ring *ring, uint64_t number);

/* The number of a shard's datagram; false when it is not kept. */
bool ring_find(const struct ring *ring, unsigned shard, uint64_t seq, uint64_t *number);

/* The oldest seq of a shard that is sent again; the next one that would be sealed when none is. */
uint64_t ring_oldest(const struct ring *ring, unsigned shard);

/* Gives up, for repair, all that were sent and are longer than this, and with each what is older in its
 * shard: ring_oldest() lies behind them. */
void ring_give_up_longer(struct ring *ring, size_t length);

/* The same with one that waits to be sent first: it is not sent. */
void ring_give_up_unsent(struct ring *ring);

/* Notes that the first count unsent ones were sent. */
void ring_sent(struct ring *ring, uint64_t count);
