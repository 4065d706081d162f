/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "aead.h"
#include "little_endian.h"

#define START_BITS                                                                           \
    11 /* random ones: who holds a copy of an identity seals with another nonce all the same \
        */
#define NONCE_AT (1 + SEAL_KEY_ID_BYTES)
#define COUNTER_AT (NONCE_AT + 16)
#define BODY_AT (NONCE_AT + 24)

_Static_assert(MUSTER_SEAL_BYTES == BODY_AT + AEAD_TAG_BYTES, "all of it");
_Static_assert(MUSTER_GROUP_KEY_BYTES == crypto_core_hchacha20_KEYBYTES, "its key");
_Static_assert(AEAD_KEY_BYTES == crypto_core_hchacha20_OUTPUTBYTES, "and the one made of it");

/* ---- keys ---- */

int muster_group_key_id(const uint8_t key[MUSTER_GROUP_KEY_BYTES], uint8_t id[MUSTER_GROUP_KEY_ID_BYTES]) {
    uint8_t hash[MUSTER_HASH_BYTES];
    if (sodium_init() < 0) {
        return MUSTER_ECRYPTO;
    }
    crypto_generichash(hash, sizeof hash, key, MUSTER_GROUP_KEY_BYTES, NULL, 0);
    memcpy(id, hash, MUSTER_GROUP_KEY_ID_BYTES);
    return 0;
}

bool seal_keys_find(const struct seal_keys *keys, const uint8_t id[SEAL_KEY_ID_BYTES], size_t *index) {
    for (size_t i = 0; i < keys->count; i++) {
        if (memcmp(keys->ids[i], id, SEAL_KEY_ID_BYTES) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

int seal_keys_set(struct seal_keys *keys, const uint8_t *bytes, size_t count) {
    struct seal_keys next = {0};
    int error = count > MUSTER_GROUP_KEYS_MAX ? MUSTER_EINVAL : 0;
    for (size_t i = 0; i < count && error == 0; i++) {
        size_t index;
        error = muster_group_key_id(bytes + i * MUSTER_GROUP_KEY_BYTES, next.ids[i]);
        if (error == 0 && seal_keys_find(&next, next.ids[i], &index)) {
            error = MUSTER_EINVAL;
        }
        memcpy(next.keys[i], bytes + i * MUSTER_GROUP_KEY_BYTES, MUSTER_GROUP_KEY_BYTES);
        next.count++;
    }
    if (error == 0) {
        *keys = next;
    }
    seal_keys_wipe(&next);
    return error;
}

void seal_keys_wipe(struct seal_keys *keys) {
    sodium_memzero(keys, sizeof *keys);
}

static void store_prefix(const struct seal_nonce *nonce, uint8_t bytes[crypto_core_hchacha20_INPUTBYTES]) {
    little_endian_store(nonce->sender, bytes);
    little_endian_store(nonce->start, bytes + LITTLE_ENDIAN_BYTES);
}

void seal_derive(const struct seal_keys *keys, size_t key, const struct seal_nonce *nonce,
                 uint8_t subkey[MUSTER_GROUP_KEY_BYTES]) {
    uint8_t prefix[crypto_core_hchacha20_INPUTBYTES];
    assert(key < keys->count);
    store_prefix(nonce, prefix);
    crypto_core_hchacha20(subkey, prefix, keys->keys[key], NULL);
}

/* What is left of XChaCha20 once its subkey is there: ChaCha20 with 4 zero bytes before the nonce's last 8.
 */
static void make_short_nonce(const uint8_t counter[LITTLE_ENDIAN_BYTES], uint8_t nonce[AEAD_NONCE_BYTES]) {
    memset(nonce, 0, 4);
    memcpy(nonce + 4, counter, LITTLE_ENDIAN_BYTES);
}

/* ---- sealing ---- */

void seal_sender_init(struct seal_sender *sender, const struct seal_keys *keys,
                      const uint8_t id[MUSTER_ID_BYTES], uint64_t boot, uint64_t random) {
    *sender =
        (struct seal_sender){.nonce = {.sender = little_endian_load(id),
                                       .start = boot << START_BITS | (random & ((1u << START_BITS) - 1))}};
    seal_sender_rekey(sender, keys);
}

void seal_sender_rekey(struct seal_sender *sender, const struct seal_keys *keys) {
    seal_derive(keys, 0, &sender->nonce, sender->subkey);
}

void seal_write(struct seal_sender *sender, const struct seal_keys *keys, enum seal_lane lane,
                const uint8_t *plain, size_t length, uint8_t *sealed) {
    uint8_t nonce[AEAD_NONCE_BYTES];
    assert(keys->count > 0);
    sealed[0] = SEAL_FIRST_BYTE;
    memcpy(sealed + 1, keys->ids[0], SEAL_KEY_ID_BYTES);
    store_prefix(&sender->nonce, sealed + NONCE_AT);
    little_endian_store(++sender->counters[lane] | (uint64_t)lane << 63, sealed + COUNTER_AT);
    make_short_nonce(sealed + COUNTER_AT, nonce);
    aead_seal(sealed + BODY_AT, plain, length, nonce, sender->subkey);
}

/* ---- opening ---- */

bool seal_read_nonce(const struct seal_keys *keys, const uint8_t *sealed, size_t length, size_t *key,
                     struct seal_nonce *nonce) {
    if (length < MUSTER_SEAL_BYTES || sealed[0] != SEAL_FIRST_BYTE ||
        !seal_keys_find(keys, sealed + 1, key)) {
        return false;
    }
    nonce->sender = little_endian_load(sealed + NONCE_AT);
    nonce->start = little_endian_load(sealed + NONCE_AT + LITTLE_ENDIAN_BYTES);
    nonce->counter = little_endian_load(sealed + COUNTER_AT);
    return true;
}

bool seal_open(const uint8_t subkey[MUSTER_GROUP_KEY_BYTES], const uint8_t *sealed, size_t length,
               uint8_t *plain) {
    uint8_t nonce[AEAD_NONCE_BYTES];
    make_short_nonce(sealed + COUNTER_AT, nonce);
    return aead_open(plain, sealed + BODY_AT, length - BODY_AT, nonce, subkey);
}
