/* SPDX-License-Identifier: MIT */
#include "signature.h"

#include <string.h>

#define WORDS (MUSTER_SIGNATURE_BYTES / sizeof(uint64_t))

static uint64_t mix(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 wide;
    const wide product = (wide)(a ^ UINT64_C(0x9E3779B97F4A7C15)) * (b ^ UINT64_C(0xC2B2AE3D27D4EB4F));
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length) {
    uint64_t words[MUSTER_KEY_BYTES / sizeof(uint64_t)];
    memcpy(words, key, sizeof words);
    uint64_t state = mix(words[0], words[1]);
    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        state = mix(state ^ word, words[2]);
    }
    uint64_t rest = length;
    memcpy((uint8_t *)&rest + 1, bytes, length);
    return mix(state ^ rest, words[3]);
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
