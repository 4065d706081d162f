/* SPDX-License-Identifier: MIT */
/* Memory for zlib from calloc() and free() of this program, as all else has it. */
#pragma once

#include <stdlib.h>

#define ZLIB_CONST /* what is read is const */
#include <zlib.h>

static inline void *zlib_memory_take(void *owner, uInt count, uInt size) {
    (void)owner;
    return calloc(count, size);
}

static inline void zlib_memory_give(void *owner, void *memory) {
    (void)owner;
    free(memory);
}

static inline void zlib_memory_set(z_stream *stream) {
    stream->zalloc = zlib_memory_take;
    stream->zfree = zlib_memory_give;
}
