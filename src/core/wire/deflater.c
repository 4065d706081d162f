/* SPDX-License-Identifier: MIT */
#include "deflater.h"

#include <assert.h>
#include <stdlib.h>

#include <muster/error.h>

#include "limit.h"
#include "zlib_memory.h"

#define PIECE_BYTES 4096

struct deflater {
    z_stream stream;
};

struct deflater *deflater_new(void) {
    struct deflater *deflater = calloc(1, sizeof *deflater);
    if (deflater == NULL) {
        return NULL;
    }
    zlib_memory_set(&deflater->stream);
    if (deflateInit2(&deflater->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MUSTER_DEFLATE_WINDOW_BITS,
                     MUSTER_DEFLATE_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

void deflater_free(struct deflater *deflater) {
    if (deflater != NULL) {
        deflateEnd(&deflater->stream);
        free(deflater);
    }
}

int deflater_write(struct deflater *deflater, const uint8_t *bytes, size_t length, bool is_last,
                   struct buffer *out) {
    z_stream *stream = &deflater->stream;
    stream->next_in = bytes;
    stream->avail_in = (uInt)length;
    do {
        stream->next_out = buffer_reserve(out, PIECE_BYTES);
        stream->avail_out = PIECE_BYTES;
        if (stream->next_out == NULL) {
            return MUSTER_ENOMEM;
        }
        int result = deflate(stream, is_last ? Z_FINISH : Z_SYNC_FLUSH);
        assert(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);
        out->length += PIECE_BYTES - stream->avail_out;
    } while (stream->avail_out == 0);
    return 0;
}
