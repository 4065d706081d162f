/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <muster/error.h>

#define CAPACITY_MIN 512

void *buffer_reserve(struct buffer *buffer, size_t length) {
    size_t needed = buffer->length + length;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
        while (capacity < needed) {
            capacity *= 2;
        }
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (grown == NULL) {
            return NULL;
        }
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    return buffer->bytes + buffer->length;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t length) {
    if (length == 0) {
        return 0;
    }
    void *room = buffer_reserve(buffer, length);
    if (room == NULL) {
        return MUSTER_ENOMEM;
    }
    memcpy(room, bytes, length);
    buffer->length += length;
    return 0;
}

void buffer_drop(struct buffer *buffer, size_t length) {
    assert(length <= buffer->length);
    buffer->length -= length;
    if (buffer->length > 0) {
        memmove(buffer->bytes, buffer->bytes + length, buffer->length);
    }
}

void buffer_deinit(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
