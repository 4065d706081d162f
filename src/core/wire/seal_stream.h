/* SPDX-License-Identifier: MIT */
/* A sealed stream (PROTOCOL.md, "Sealed streams"): bytes that are to be said become frames, frames that came
 * become bytes. Each side begins with a hello; who accepted answers with the key of who opened.
 *
 *     hello   0x01, key id (4 bytes), header (24 bytes)
 *     frame   length (2 bytes, the lowest first), so many bytes of ciphertext
 *
 * libsodium's secretstream (XChaCha20-Poly1305). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sodium.h>

#include "buffer.h"
#include "random.h"
#include "seal.h"

#define SEAL_HEADER_BYTES crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define SEAL_HELLO_BYTES (1 + SEAL_KEY_ID_BYTES + SEAL_HEADER_BYTES)

struct seal_stream {
    bool has_opened; /* this side opened it, not the other */
    bool has_said_hello;
    bool has_heard_hello;
    uint8_t opener[SEAL_HEADER_BYTES];   /* header of who opened it: the answer is bound to it */
    uint8_t answerer[SEAL_HEADER_BYTES]; /* of who accepted it */
    uint8_t key_id[SEAL_KEY_ID_BYTES];
    crypto_secretstream_xchacha20poly1305_state said;
    crypto_secretstream_xchacha20poly1305_state heard;
    struct buffer in; /* a frame that has not come whole */
};

/* A stream that this side opened is sealed by the first of the keys. */
void seal_stream_init(struct seal_stream *stream, const struct seal_keys *keys, bool has_opened,
                      struct random *random);

/* A zeroed struct is allowed. */
void seal_stream_deinit(struct seal_stream *stream);

/* Appends to sealed what says these bytes. MUSTER_EAGAIN: who opened it did not say by which key.
 * MUSTER_ENOMEM. After an error the stream can't be used any more. */
int seal_stream_write(struct seal_stream *stream, const uint8_t *bytes, size_t length, struct buffer *sealed);

/* Appends to plain what was said by these bytes. MUSTER_EINVAL: it does not open, or is no sealed stream.
 * MUSTER_ENOMEM. After an error the stream can't be used any more. */
int seal_stream_read(struct seal_stream *stream, const struct seal_keys *keys, const uint8_t *bytes,
                     size_t length, struct buffer *plain);
