#include "random.h"

#include <string.h>

#include <sodium.h>

void random_init(struct random *random, const uint8_t seed[MUSTER_SEED_BYTES]) {
    memcpy(random->key, seed, MUSTER_SEED_BYTES);
    random->block = 0;
    random->left = 0;
}

uint64_t random_u64(struct random *random) {
    uint64_t number;
    if (random->left < sizeof number) {
        uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
        for (size_t i = 0; i < sizeof nonce; i++) {
            nonce[i] = (uint8_t)(random->block >> (8 * i));
        }
        random->block++;
        crypto_stream_chacha20(random->bytes, sizeof random->bytes, nonce, random->key);
        random->left = sizeof random->bytes;
    }
    memcpy(&number, random->bytes + random->left - sizeof number, sizeof number);
    random->left -= (unsigned)sizeof number;
    return number;
}

double random_fraction(struct random *random) {
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

uint64_t random_ms(struct random *random, uint64_t max_ms) {
    return (uint64_t)(random_fraction(random) * ((double)max_ms + 1));
}
