/* SPDX-License-Identifier: MIT */
/* Bytes that come and go: appended at the end, taken from the begin. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
struct buffer {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

/* MUSTER_ENOMEM, then nothing changed. */
int buffer_append(struct buffer *buffer, const void *bytes, size_t length);

/* Room for so many bytes more behind the last one, for the caller to fill and to count in length; NULL when
 * memory is out. */
void *buffer_reserve(struct buffer *buffer, size_t length);

/* Takes the first bytes away. */
void buffer_drop(struct buffer *buffer, size_t length);

void buffer_deinit(struct buffer *buffer);
