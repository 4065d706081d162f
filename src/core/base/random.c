/* SPDX-License-Identifier: MIT */
#include "random.h"

#include <string.h>

#include <sodium.h>

#include "little_endian.h"

void random_init(struct random *random, const uint8_t seed[MUSTER_SEED_BYTES]) {
    memcpy(random->key, seed, MUSTER_SEED_BYTES);
    random->block = 0;
    random->left = 0;
}

uint64_t random_u64(struct random *random) {
    if (random->left < LITTLE_ENDIAN_BYTES) {
        uint8_t nonce[LITTLE_ENDIAN_BYTES];
        _Static_assert(sizeof nonce == crypto_stream_chacha20_NONCEBYTES, "one number");
        little_endian_store(random->block++, nonce);
        crypto_stream_chacha20(random->bytes, sizeof random->bytes, nonce, random->key);
        random->left = sizeof random->bytes;
    }
    random->left -= LITTLE_ENDIAN_BYTES;
    return little_endian_load(random->bytes + random->left);
}

double random_fraction(struct random *random) {
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

uint64_t random_ms(struct random *random, uint64_t max_ms) {
    return (uint64_t)(random_fraction(random) * ((double)max_ms + 1));
}
