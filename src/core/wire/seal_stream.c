/* SPDX-License-Identifier: MIT */
#include "seal_stream.h"

#include <assert.h>
#include <string.h>

#include "little_endian.h"

#define LENGTH_BYTES 2
#define EXTRA_BYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define CHUNK_BYTES_MAX (MUSTER_SEAL_FRAME_BYTES_MAX - EXTRA_BYTES)

_Static_assert(MUSTER_GROUP_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "its key");
_Static_assert(SEAL_HEADER_BYTES % LITTLE_ENDIAN_BYTES == 0, "whole numbers");

/* A state is the same for who says and who hears. It is made of a header that is drawn here, so that all
 * randomness is the node's. */
static void begin_state(crypto_secretstream_xchacha20poly1305_state *state, const struct seal_keys *keys,
                        size_t key, const uint8_t header[SEAL_HEADER_BYTES]) {
    crypto_secretstream_xchacha20poly1305_init_pull(state, header, keys->keys[key]);
}

void seal_stream_init(struct seal_stream *stream, const struct seal_keys *keys, bool has_opened,
                      struct random *random) {
    uint8_t *header = has_opened ? stream->opener : stream->answerer;
    *stream = (struct seal_stream){.has_opened = has_opened};
    for (size_t i = 0; i < SEAL_HEADER_BYTES; i += LITTLE_ENDIAN_BYTES) {
        little_endian_store(random_u64(random), header + i);
    }
    if (has_opened) {
        memcpy(stream->key_id, keys->ids[0], SEAL_KEY_ID_BYTES);
        begin_state(&stream->said, keys, 0, header);
    }
}

void seal_stream_deinit(struct seal_stream *stream) {
    buffer_deinit(&stream->in);
    sodium_memzero(stream, sizeof *stream);
}

/* The answer to one question is none to another: each of its frames is bound to the header that opened the
 * stream. */
static const uint8_t *bound_to(const struct seal_stream *stream, bool is_answer, size_t *length) {
    *length = is_answer ? SEAL_HEADER_BYTES : 0;
    return is_answer ? stream->opener : NULL;
}

/* ---- saying ---- */

static int write_hello(struct seal_stream *stream, struct buffer *sealed) {
    uint8_t hello[SEAL_HELLO_BYTES] = {SEAL_FIRST_BYTE};
    memcpy(hello + 1, stream->key_id, SEAL_KEY_ID_BYTES);
    memcpy(hello + 1 + SEAL_KEY_ID_BYTES, stream->has_opened ? stream->opener : stream->answerer,
           SEAL_HEADER_BYTES);
    stream->has_said_hello = true;
    return buffer_append(sealed, hello, sizeof hello);
}

static int write_frame(struct seal_stream *stream, const uint8_t *bytes, size_t length,
                       struct buffer *sealed) {
    size_t bound;
    const uint8_t *to = bound_to(stream, !stream->has_opened, &bound);
    size_t frame = length + EXTRA_BYTES;
    uint8_t *room = buffer_reserve(sealed, LENGTH_BYTES + frame);
    if (room == NULL) {
        return MUSTER_ENOMEM;
    }
    room[0] = (uint8_t)frame;
    room[1] = (uint8_t)(frame >> 8);
    crypto_secretstream_xchacha20poly1305_push(&stream->said, room + LENGTH_BYTES, NULL, bytes, length, to,
                                               bound, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    sealed->length += LENGTH_BYTES + frame;
    return 0;
}

int seal_stream_write(struct seal_stream *stream, const uint8_t *bytes, size_t length,
                      struct buffer *sealed) {
    if (!stream->has_opened && !stream->has_heard_hello) {
        return MUSTER_EAGAIN;
    }
    int error = stream->has_said_hello ? 0 : write_hello(stream, sealed);
    for (size_t at = 0; at < length && error == 0; at += CHUNK_BYTES_MAX) {
        size_t left = length - at < CHUNK_BYTES_MAX ? length - at : CHUNK_BYTES_MAX;
        error = write_frame(stream, bytes + at, left, sealed);
    }
    return error;
}

/* ---- hearing ---- */

/* Who opened it says by which key it is sealed, the other one answers by the same. */
static int read_hello(struct seal_stream *stream, const struct seal_keys *keys, const uint8_t *hello) {
    const uint8_t *id = hello + 1;
    const uint8_t *header = hello + 1 + SEAL_KEY_ID_BYTES;
    size_t key;
    if (!seal_keys_find(keys, id, &key) ||
        (stream->has_opened && memcmp(id, stream->key_id, SEAL_KEY_ID_BYTES) != 0)) {
        return MUSTER_EINVAL;
    }
    memcpy(stream->has_opened ? stream->answerer : stream->opener, header, SEAL_HEADER_BYTES);
    begin_state(&stream->heard, keys, key, header);
    if (!stream->has_opened) {
        memcpy(stream->key_id, id, SEAL_KEY_ID_BYTES);
        begin_state(&stream->said, keys, key, stream->answerer);
    }
    stream->has_heard_hello = true;
    return 0;
}

static int read_frame(struct seal_stream *stream, const uint8_t *frame, size_t length, struct buffer *plain) {
    size_t bound;
    unsigned char tag;
    const uint8_t *to = bound_to(stream, stream->has_opened, &bound);
    uint8_t *room = buffer_reserve(plain, length);
    if (room == NULL) {
        return MUSTER_ENOMEM;
    }
    if (crypto_secretstream_xchacha20poly1305_pull(&stream->heard, room, NULL, &tag, frame, length, to,
                                                   bound) != 0) {
        return MUSTER_EINVAL;
    }
    plain->length += length - EXTRA_BYTES;
    return 0;
}

/* Takes one hello or frame, *taken bytes; 0 where it is not there yet. Of a hello there is a byte at least.
 */
static int read_next(struct seal_stream *stream, const struct seal_keys *keys, const uint8_t *bytes,
                     size_t length, struct buffer *plain, size_t *taken) {
    *taken = 0;
    if (!stream->has_heard_hello) {
        assert(length > 0);
        if (bytes[0] != SEAL_FIRST_BYTE) {
            return MUSTER_EINVAL;
        }
        *taken = length < SEAL_HELLO_BYTES ? 0 : SEAL_HELLO_BYTES;
        return *taken == 0 ? 0 : read_hello(stream, keys, bytes);
    }
    if (length < LENGTH_BYTES) {
        return 0;
    }
    size_t frame = bytes[0] | (size_t)bytes[1] << 8;
    if (frame < EXTRA_BYTES || frame > MUSTER_SEAL_FRAME_BYTES_MAX) {
        return MUSTER_EINVAL;
    }
    *taken = length - LENGTH_BYTES < frame ? 0 : LENGTH_BYTES + frame;
    return *taken == 0 ? 0 : read_frame(stream, bytes + LENGTH_BYTES, frame, plain);
}

int seal_stream_read(struct seal_stream *stream, const struct seal_keys *keys, const uint8_t *bytes,
                     size_t length, struct buffer *plain) {
    size_t at = 0;
    size_t taken;
    if (length == 0) {
        return 0;
    }
    int error = buffer_append(&stream->in, bytes, length);
    do {
        taken = 0;
        if (error == 0) {
            error = read_next(stream, keys, stream->in.bytes + at, stream->in.length - at, plain, &taken);
        }
        at += taken;
    } while (error == 0 && taken > 0);
    buffer_drop(&stream->in, at);
    return error;
}
