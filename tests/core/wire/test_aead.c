/* SPDX-License-Identifier: MIT */
/* ChaCha20-Poly1305 is libsodium's own, at each length of a datagram. */
#include "aead.h"

#include <string.h>

#include <sodium.h>

#include "limit.h"
#include "test.h"

#define LENGTH_MAX MUSTER_DATAGRAM_BYTES_MAX
#define SEALED_MAX (LENGTH_MAX + AEAD_TAG_BYTES)

static uint8_t key[AEAD_KEY_BYTES];
static uint8_t nonce[AEAD_NONCE_BYTES];
static uint8_t plain[LENGTH_MAX];

static void setup(void) {
    static const uint8_t seed[randombytes_SEEDBYTES] = {1};
    randombytes_buf_deterministic(plain, sizeof plain, seed);
    memcpy(key, plain + 100, sizeof key);
    memcpy(nonce, plain + 200, sizeof nonce);
}

TEST(each_length_is_sealed_and_opened_as_by_libsodium) {
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        uint8_t sealed[SEALED_MAX];
        uint8_t expected[SEALED_MAX];
        uint8_t opened[LENGTH_MAX];
        crypto_aead_chacha20poly1305_ietf_encrypt(expected, NULL, plain, length, NULL, 0, NULL, nonce, key);
        aead_seal(sealed, plain, length, nonce, key);
        assert_memory_equal(sealed, expected, length + AEAD_TAG_BYTES);
        assert_true(aead_open(opened, expected, length + AEAD_TAG_BYTES, nonce, key));
        assert_memory_equal(opened, plain, length);
    }
}

TEST(it_works_in_place) {
    uint8_t bytes[SEALED_MAX];
    memcpy(bytes, plain, LENGTH_MAX);
    aead_seal(bytes, bytes, LENGTH_MAX, nonce, key);
    assert_memory_not_equal(bytes, plain, LENGTH_MAX);
    assert_true(aead_open(bytes, bytes, SEALED_MAX, nonce, key));
    assert_memory_equal(bytes, plain, LENGTH_MAX);
}

TEST(what_was_changed_at_any_bit_writes_nothing) {
    enum { LENGTH = 70 };
    uint8_t sealed[LENGTH + AEAD_TAG_BYTES];
    aead_seal(sealed, plain, LENGTH, nonce, key);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        uint8_t opened[LENGTH] = {0};
        const uint8_t untouched[LENGTH] = {0};
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(aead_open(opened, sealed, sizeof sealed, nonce, key));
        assert_memory_equal(opened, untouched, sizeof opened);
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    nonce[0] ^= 1;
    assert_false(aead_open(sealed, sealed, sizeof sealed, nonce, key));
}

TEST(no_other_length_is_opened) {
    static const uint8_t sealed[SEALED_MAX + 1];
    uint8_t opened[SEALED_MAX + 1];
    assert_false(aead_open(opened, sealed, AEAD_TAG_BYTES - 1, nonce, key));
    assert_false(aead_open(opened, sealed, SEALED_MAX + 1, nonce, key));
}

int main(void) {
    return test_run(setup, NULL);
}
