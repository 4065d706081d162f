/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <sodium.h>

#include "little_endian.h"

uint64_t hash_bytes(const void *bytes, size_t length, const uint8_t seed[HASH_SEED_BYTES]) {
    uint8_t hash[LITTLE_ENDIAN_BYTES];
    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "one number");
    _Static_assert(HASH_SEED_BYTES == crypto_shorthash_KEYBYTES, "its key");
    crypto_shorthash(hash, bytes, length, seed);
    return little_endian_load(hash);
}
