/* SPDX-License-Identifier: MIT */
#include "aead.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "limit.h"
#include "little_endian.h"

#define BLOCK_BYTES 64

/* libsodium's ChaCha20 for x86 is made for 4 and 8 blocks; what is left costs more for each block than four
 * together. Elsewhere it works at one block at a time. */
#if defined(__x86_64__) || defined(__i386__)
#define STEP_BYTES (4 * BLOCK_BYTES)
#else
#define STEP_BYTES BLOCK_BYTES
#endif

#define ROUND_UP(length, step) (((length) + (step)-1) / (step) * (step))

/* The keystream's first block is the key of Poly1305, then it is for the text. */
struct work {
    uint8_t first[BLOCK_BYTES];
    uint8_t text[ROUND_UP(BLOCK_BYTES + MUSTER_DATAGRAM_BYTES_MAX, STEP_BYTES) - BLOCK_BYTES];
};

_Static_assert(AEAD_KEY_BYTES == crypto_stream_chacha20_ietf_KEYBYTES, "its key");
_Static_assert(AEAD_NONCE_BYTES == crypto_stream_chacha20_ietf_NONCEBYTES, "its nonce");
_Static_assert(AEAD_TAG_BYTES == crypto_onetimeauth_poly1305_BYTES, "its tag");
_Static_assert(sizeof(struct work) % STEP_BYTES == 0, "whole steps, with nothing between");

/* Puts the text there, ciphered or deciphered. */
static void cipher(struct work *work, const uint8_t *text, size_t length, const uint8_t *nonce,
                   const uint8_t *key) {
    size_t whole = ROUND_UP(BLOCK_BYTES + length, STEP_BYTES);
    memset(work->first, 0, sizeof work->first);
    memcpy(work->text, text, length);
    memset(work->text + length, 0, whole - BLOCK_BYTES - length);
    crypto_stream_chacha20_ietf_xor((uint8_t *)work, (const uint8_t *)work, whole, nonce, key);
}

/* RFC 8439, 2.8: the ciphertext, zeros up to a whole of 16 bytes, and the lengths of the additional data and
 * of the ciphertext. */
static void make_tag(uint8_t tag[AEAD_TAG_BYTES], const uint8_t *ciphertext, size_t length,
                     const uint8_t *key) {
    crypto_onetimeauth_poly1305_state state;
    uint8_t end[3 * AEAD_TAG_BYTES] = {0};
    size_t zeros = ROUND_UP(length, AEAD_TAG_BYTES) - length;
    little_endian_store(length, end + zeros + LITTLE_ENDIAN_BYTES);
    crypto_onetimeauth_poly1305_init(&state, key);
    crypto_onetimeauth_poly1305_update(&state, ciphertext, length);
    crypto_onetimeauth_poly1305_update(&state, end, zeros + (size_t)2 * LITTLE_ENDIAN_BYTES);
    crypto_onetimeauth_poly1305_final(&state, tag);
}

void aead_seal(uint8_t *sealed, const uint8_t *plain, size_t length, const uint8_t nonce[AEAD_NONCE_BYTES],
               const uint8_t key[AEAD_KEY_BYTES]) {
    struct work work;
    assert(length <= MUSTER_DATAGRAM_BYTES_MAX);
    cipher(&work, plain, length, nonce, key);
    make_tag(sealed + length, work.text, length, work.first);
    memcpy(sealed, work.text, length);
    sodium_memzero(work.first, sizeof work.first);
}

bool aead_open(uint8_t *plain, const uint8_t *sealed, size_t length, const uint8_t nonce[AEAD_NONCE_BYTES],
               const uint8_t key[AEAD_KEY_BYTES]) {
    struct work work;
    uint8_t tag[AEAD_TAG_BYTES];
    if (length < AEAD_TAG_BYTES || length - AEAD_TAG_BYTES > MUSTER_DATAGRAM_BYTES_MAX) {
        return false;
    }
    length -= AEAD_TAG_BYTES;
    cipher(&work, sealed, length, nonce, key);
    make_tag(tag, sealed, length, work.first);
    bool is_true = crypto_verify_16(tag, sealed + length) == 0;
    if (is_true) {
        memcpy(plain, work.text, length);
    }
    sodium_memzero(work.first, sizeof work.first);
    return is_true;
}
