/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define COUNTER_MASK (UINT64_MAX >> 1)
#define WORD_BITS 64

struct replay_window {
    uint64_t sender; /* the key of the table */
    uint64_t start;  /* the greatest that was heard */
    uint64_t top;    /* its greatest counter */

    /* What seal_derive() makes of these, once for all datagrams of a start. */
    uint8_t key_id[SEAL_KEY_ID_BYTES];
    uint8_t subkey[MUSTER_GROUP_KEY_BYTES];

    UT_hash_handle hh;
    struct replay_window *prev;
    struct replay_window *next;
    size_t size;     /* in datagrams, a power of two */
    uint64_t bits[]; /* by counter, modulo size */
};

static const size_t sizes[SEAL_LANES] = {MUSTER_REPLAY_WINDOW, MUSTER_REPLAY_WINDOW_TELEMETRY};
static const size_t counts_max[SEAL_LANES] = {MUSTER_REPLAY_SENDERS_MAX, MUSTER_REPLAY_PUBLISHERS_MAX};

static void remove_window(struct replay_lane *lane, struct replay_window *window) {
    HASH_DEL(lane->by_sender, window);
    DL_DELETE(lane->oldest, window);
    lane->count--;
    sodium_memzero(window->subkey, sizeof window->subkey);
    free(window);
}

void replays_deinit(struct replays *replays) {
    for (size_t i = 0; i < SEAL_LANES; i++) {
        while (replays->lanes[i].oldest != NULL) {
            remove_window(&replays->lanes[i], replays->lanes[i].oldest);
        }
    }
}

static size_t bit_of(const struct replay_window *window, uint64_t counter) {
    return (size_t)(counter & (window->size - 1));
}

static bool is_set(const struct replay_window *window, uint64_t counter) {
    size_t bit = bit_of(window, counter);
    return (window->bits[bit / WORD_BITS] >> (bit % WORD_BITS) & 1) != 0;
}

static bool has_come(const struct replay_window *window, const struct seal_nonce *nonce, uint64_t counter) {
    if (nonce->start != window->start) {
        return nonce->start < window->start;
    }
    return counter <= window->top && (window->top - counter >= window->size || is_set(window, counter));
}

/* Forgets what falls out of the window when it moves on to this counter. */
static void advance(struct replay_window *window, uint64_t counter) {
    if (counter - window->top >= window->size) {
        memset(window->bits, 0, window->size / 8);
    } else {
        for (uint64_t i = window->top + 1; i <= counter; i++) {
            size_t bit = bit_of(window, i);
            window->bits[bit / WORD_BITS] &= ~(UINT64_C(1) << (bit % WORD_BITS));
        }
    }
    window->top = counter;
}

static void record(struct replay_lane *lane, struct replay_window *window, const struct seal_nonce *nonce,
                   uint64_t counter) {
    if (nonce->start != window->start) {
        memset(window->bits, 0, window->size / 8);
        window->start = nonce->start;
        window->top = counter;
    } else if (counter > window->top) {
        advance(window, counter);
    }
    size_t bit = bit_of(window, counter);
    window->bits[bit / WORD_BITS] |= UINT64_C(1) << (bit % WORD_BITS);
    DL_DELETE(lane->oldest, window);
    DL_APPEND(lane->oldest, window);
}

static struct replay_window *add_window(struct replays *replays, enum seal_lane kind,
                                        const struct seal_nonce *nonce) {
    struct replay_lane *lane = &replays->lanes[kind];
    struct replay_window *window = calloc(1, sizeof *window + sizes[kind] / 8);
    if (window == NULL) {
        return NULL;
    }
    window->sender = nonce->sender;
    window->start = nonce->start;
    window->size = sizes[kind];
    HASH_ADD(hh, lane->by_sender, sender, sizeof window->sender, window);
    if (window->hh.tbl == NULL) { /* without memory it was not added */
        free(window);
        return NULL;
    }
    DL_APPEND(lane->oldest, window);
    if (++lane->count > counts_max[kind]) {
        remove_window(lane, lane->oldest);
        replays->evicted++;
    }
    return window;
}

/* Opens by the key that the window remembers, or by one that is made for this datagram. */
static bool open_sealed(const struct seal_keys *keys, size_t key, const struct seal_nonce *nonce,
                        const struct replay_window *window, uint8_t subkey[MUSTER_GROUP_KEY_BYTES],
                        const uint8_t *sealed, size_t length, uint8_t *plain) {
    if (window != NULL && window->start == nonce->start &&
        memcmp(window->key_id, keys->ids[key], SEAL_KEY_ID_BYTES) == 0) {
        memcpy(subkey, window->subkey, MUSTER_GROUP_KEY_BYTES);
    } else {
        seal_derive(keys, key, nonce, subkey);
    }
    return seal_open(subkey, sealed, length, plain);
}

static bool take(struct replays *replays, const struct seal_keys *keys, size_t key,
                 const struct seal_nonce *nonce, struct replay_window *window, const uint8_t *subkey,
                 enum muster_drop *reason) {
    enum seal_lane kind = seal_lane_of(nonce);
    if (window == NULL && (window = add_window(replays, kind, nonce)) == NULL) {
        *reason = MUSTER_DROP_MEMORY;
        return false;
    }
    record(&replays->lanes[kind], window, nonce, nonce->counter & COUNTER_MASK);
    memcpy(window->key_id, keys->ids[key], SEAL_KEY_ID_BYTES);
    memcpy(window->subkey, subkey, MUSTER_GROUP_KEY_BYTES);
    return true;
}

bool replays_open(struct replays *replays, const struct seal_keys *keys, uint64_t exempt,
                  const uint8_t *sealed, size_t length, uint8_t *plain, enum muster_drop *reason) {
    struct seal_nonce nonce;
    struct replay_window *window;
    size_t key;
    uint8_t subkey[MUSTER_GROUP_KEY_BYTES];
    *reason = MUSTER_DROP_SEALED;
    if (!seal_read_nonce(keys, sealed, length, &key, &nonce)) {
        return false;
    }
    struct replay_lane *lane = &replays->lanes[seal_lane_of(&nonce)];
    HASH_FIND(hh, lane->by_sender, &nonce.sender, sizeof nonce.sender, window);
    if (nonce.sender != exempt && window != NULL && has_come(window, &nonce, nonce.counter & COUNTER_MASK)) {
        *reason = MUSTER_DROP_REPLAY;
        return false;
    }
    bool is_taken = open_sealed(keys, key, &nonce, window, subkey, sealed, length, plain) &&
                    (nonce.sender == exempt || take(replays, keys, key, &nonce, window, subkey, reason));
    sodium_memzero(subkey, sizeof subkey);
    return is_taken;
}
