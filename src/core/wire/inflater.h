/* SPDX-License-Identifier: MIT */
/* Bytes that a deflater said. Whoever says them may be anybody: a few of them can say millions, so they are
 * made clear piece by piece, and there are so many for each that came and no more. One takes some 12 kB. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

struct inflater;

/* NULL: out of memory. */
struct inflater *inflater_new(void);

/* NULL is allowed. */
void inflater_free(struct inflater *inflater);

/* Another stream begins. What all of them said counts together. */
void inflater_restart(struct inflater *inflater);

/* Appends to out the next of what these bytes say, at most MUSTER_INFLATE_PIECE_BYTES. *taken: so many of the
 * bytes were read, the others are to be given again. 1 when something was read or appended, 0 when it needs
 * more bytes. MUSTER_EINVAL: they are of no such stream, or say too much; MUSTER_ENOMEM. After an error the
 * stream can't be used any more. */
int inflater_read(struct inflater *inflater, const uint8_t *bytes, size_t length, size_t *taken,
                  struct buffer *out);

/* True when the stream has ended, and its checksum held. */
bool inflater_has_ended(const struct inflater *inflater);
