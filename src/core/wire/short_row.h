/* SPDX-License-Identifier: MIT */
/* The announce of a row without what its key tells: its id (PROTOCOL.md, "Short rows"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

/* Where the id stands in an announce of one or two lines: true with its first byte and its length, when the
 * announce can do without. */
bool short_row_find_id(const uint8_t *announce, size_t length, size_t *at, size_t *id_length);

/* Makes a short announce whole, in the place of what the buffer has. MUSTER_EINVAL: it has no key where it
 * must have one; MUSTER_ENOMEM. */
int short_row_restore(const uint8_t *announce, size_t length, struct buffer *whole);
