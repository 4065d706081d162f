/* SPDX-License-Identifier: MIT */
/* Sealed datagrams (PROTOCOL.md, "Sealing"): what only those can read, and say, who have the group's key.
 *
 *     0x01, key id (4 bytes), nonce (24 bytes), ciphertext, tag (16 bytes)
 *
 * XChaCha20-Poly1305 by libsodium. The nonce tells who sealed, in which start, and as which datagram of it,
 * so that a receiver knows a recording. It is 3 numbers of 8 bytes, the lowest byte first. The first two of
 * them make a key of their own by HChaCha20, which stays the same as long as the sender runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

#define SEAL_FIRST_BYTE 0x01
#define SEAL_KEY_ID_BYTES MUSTER_GROUP_KEY_ID_BYTES

/* The keys of the groups that a node is in: the first one seals, all open. */
struct seal_keys {
    size_t count;
    uint8_t ids[MUSTER_GROUP_KEYS_MAX][SEAL_KEY_ID_BYTES];
    uint8_t keys[MUSTER_GROUP_KEYS_MAX][MUSTER_GROUP_KEY_BYTES];
};

/* Each lane has counters of its own, because sockets are not read in the order in which datagrams came. */
enum seal_lane { SEAL_CONTROL, SEAL_TELEMETRY };
#define SEAL_LANES 2

struct seal_nonce {
    uint64_t sender;  /* the first 8 bytes of its id */
    uint64_t start;   /* grows with each start: 2,048 * boot, and a random number below that */
    uint64_t counter; /* of the lane: 1, 2, ...; the highest bit is the lane */
};

struct seal_sender {
    struct seal_nonce nonce;
    uint64_t counters[SEAL_LANES];          /* of the last datagram in each */
    uint8_t subkey[MUSTER_GROUP_KEY_BYTES]; /* of the first key */
};

/* Copies so many keys, each of MUSTER_GROUP_KEY_BYTES. MUSTER_EINVAL: too many, or one twice; then nothing
 * changed. */
int seal_keys_set(struct seal_keys *keys, const uint8_t *bytes, size_t count);

void seal_keys_wipe(struct seal_keys *keys);

/* The place of a key id; false when it is not among them. */
bool seal_keys_find(const struct seal_keys *keys, const uint8_t id[SEAL_KEY_ID_BYTES], size_t *index);

/* Who seals, with the first key; there is one. start is drawn anew each time, and counting begins again: only
 * for an id and boot that did not seal before. */
void seal_sender_init(struct seal_sender *sender, const struct seal_keys *keys,
                      const uint8_t id[MUSTER_ID_BYTES], uint64_t boot, uint64_t random);

/* The first key is another one. Counting goes on. */
void seal_sender_rekey(struct seal_sender *sender, const struct seal_keys *keys);

/* Writes length + MUSTER_SEAL_BYTES bytes; sealed and plain must not overlap. */
void seal_write(struct seal_sender *sender, const struct seal_keys *keys, enum seal_lane lane,
                const uint8_t *plain, size_t length, uint8_t *sealed);

/* Reads what stands before the ciphertext. False when that is not all there, or no key here is its key. */
bool seal_read_nonce(const struct seal_keys *keys, const uint8_t *sealed, size_t length, size_t *key,
                     struct seal_nonce *nonce);

/* The key of what one start of a sender seals by a key. */
void seal_derive(const struct seal_keys *keys, size_t key, const struct seal_nonce *nonce,
                 uint8_t subkey[MUSTER_GROUP_KEY_BYTES]);

/* Opens what has such a nonce: writes length - MUSTER_SEAL_BYTES bytes, which may begin where sealed does or
 * not overlap it. False when a byte was changed, or the sealer had another key. */
bool seal_open(const uint8_t subkey[MUSTER_GROUP_KEY_BYTES], const uint8_t *sealed, size_t length,
               uint8_t *plain);

/* The lane of a nonce. */
static inline enum seal_lane seal_lane_of(const struct seal_nonce *nonce) {
    return nonce->counter >> 63 != 0 ? SEAL_TELEMETRY : SEAL_CONTROL;
}
