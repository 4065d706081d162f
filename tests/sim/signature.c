/* SPDX-License-Identifier: MIT */
#include "signature.h"

#include <string.h>

#define WORDS (MUSTER_SIGNATURE_BYTES / sizeof(uint64_t))

static uint64_t mix(uint64_t state, uint64_t word) {
    uint64_t product = (state ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return product ^ product >> 29;
}

static uint64_t hash(const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length) {
    uint64_t words[MUSTER_KEY_BYTES / sizeof(uint64_t)];
    uint64_t state = length;
    memcpy(words, key, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        state = mix(state, words[i]);
    }
    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        state = mix(state, word);
    }
    uint64_t rest = 0;
    memcpy(&rest, bytes, length);
    return mix(mix(state, rest), words[0]);
}

void signature_make(const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                    uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    uint64_t words[WORDS];
    words[0] = hash(key, bytes, length);
    for (size_t i = 1; i < WORDS; i++) {
        words[i] = mix(words[i - 1], i);
    }
    memcpy(signature, words, sizeof words);
}

static int sign(void *context, const uint8_t *bytes, size_t length,
                uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    signature_make(context, bytes, length, signature);
    return 0;
}

static int verify(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                  const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    uint8_t expected[MUSTER_SIGNATURE_BYTES];
    signature_make(key, bytes, length, expected);
    return memcmp(signature, expected, sizeof expected) == 0 ? 0 : MUSTER_ECRYPTO;
}

struct muster_crypto signature_crypto(uint8_t key[MUSTER_KEY_BYTES]) {
    return (struct muster_crypto){.sign = sign, .verify = verify, .context = key};
}
