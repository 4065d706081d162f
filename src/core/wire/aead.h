/* SPDX-License-Identifier: MIT */
/* ChaCha20-Poly1305 (RFC 8439, 2.8) without additional data, of a datagram: byte for byte what libsodium's
 * crypto_aead_chacha20poly1305_ietf does, from libsodium's ChaCha20 and Poly1305. That makes the key of
 * Poly1305 and the rest of the keystream in two calls. Here it is one, of a length for which libsodium works
 * at several blocks at once: a short datagram costs half, a full one four fifths. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY_BYTES 32
#define AEAD_NONCE_BYTES 12
#define AEAD_TAG_BYTES 16

/* Writes length + AEAD_TAG_BYTES bytes; length is MUSTER_DATAGRAM_BYTES_MAX at most. sealed and plain may
 * overlap. */
void aead_seal(uint8_t *sealed, const uint8_t *plain, size_t length, const uint8_t nonce[AEAD_NONCE_BYTES],
               const uint8_t key[AEAD_KEY_BYTES]);

/* Writes length - AEAD_TAG_BYTES bytes; sealed and plain may overlap. False, and nothing is written, when the
 * tag is wrong, or the length is none of a datagram. */
bool aead_open(uint8_t *plain, const uint8_t *sealed, size_t length, const uint8_t nonce[AEAD_NONCE_BYTES],
               const uint8_t key[AEAD_KEY_BYTES]);
