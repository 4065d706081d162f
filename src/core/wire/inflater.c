/* SPDX-License-Identifier: MIT */
#include "inflater.h"

#include <stdlib.h>

#include <muster/error.h>

#include "limit.h"
#include "zlib_memory.h"

_Static_assert(MUSTER_INFLATE_BYTES_FREE >= MUSTER_VALUE_LINE_BYTES_MAX, "any value that may be said");

struct inflater {
    z_stream stream;
    bool has_ended;
    uint64_t said;  /* bytes that came out, of all streams, */
    uint64_t heard; /* of so many that came in */
};

struct inflater *inflater_new(void) {
    struct inflater *inflater = calloc(1, sizeof *inflater);
    if (inflater == NULL) {
        return NULL;
    }
    zlib_memory_set(&inflater->stream);
    if (inflateInit2(&inflater->stream, MUSTER_DEFLATE_WINDOW_BITS) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void inflater_free(struct inflater *inflater) {
    if (inflater != NULL) {
        inflateEnd(&inflater->stream);
        free(inflater);
    }
}

void inflater_restart(struct inflater *inflater) {
    inflateReset(&inflater->stream);
    inflater->has_ended = false;
}

static bool is_trap(const struct inflater *inflater) {
    return inflater->said > MUSTER_INFLATE_BYTES_FREE + MUSTER_INFLATE_RATIO_MAX * inflater->heard;
}

static int error_of(int result) {
    switch (result) {
    case Z_OK:
    case Z_STREAM_END:
    case Z_BUF_ERROR: return 0; /* the last: it needs more bytes */
    case Z_MEM_ERROR: return MUSTER_ENOMEM;
    default: return MUSTER_EINVAL;
    }
}

int inflater_read(struct inflater *inflater, const uint8_t *bytes, size_t length, size_t *taken,
                  struct buffer *out) {
    z_stream *stream = &inflater->stream;
    *taken = 0;
    stream->next_in = bytes;
    stream->avail_in = (uInt)length;
    stream->next_out = is_trap(inflater) ? NULL : buffer_reserve(out, MUSTER_INFLATE_PIECE_BYTES);
    stream->avail_out = MUSTER_INFLATE_PIECE_BYTES;
    if (stream->next_out == NULL) {
        return is_trap(inflater) ? MUSTER_EINVAL : MUSTER_ENOMEM;
    }
    int result = inflate(stream, Z_SYNC_FLUSH);
    size_t came = MUSTER_INFLATE_PIECE_BYTES - stream->avail_out;
    *taken = length - stream->avail_in;
    out->length += came;
    inflater->has_ended = result == Z_STREAM_END;
    inflater->said += came;
    inflater->heard += *taken;
    if (came > 0) {
        return 1; /* a fault behind it shows in the next call */
    }
    return error_of(result) == 0 && *taken > 0 ? 1 : error_of(result);
}

bool inflater_has_ended(const struct inflater *inflater) {
    return inflater->has_ended;
}
