/* SPDX-License-Identifier: MIT */
/* Bytes said in fewer: zlib (RFC 1950) with a window of MUSTER_DEFLATE_WINDOW_BITS. One deflater is one
 * such stream, and takes some 40 kB. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

struct deflater;

/* NULL: out of memory. */
struct deflater *deflater_new(void);

/* NULL is allowed. */
void deflater_free(struct deflater *deflater);

/* Appends to out what says all of these bytes, so that the other side has them without waiting for others.
 * is_last: there are no others, and the stream ends. MUSTER_ENOMEM; then the stream can't be used any more.
 */
int deflater_write(struct deflater *deflater, const uint8_t *bytes, size_t length, bool is_last,
                   struct buffer *out);
