/* SPDX-License-Identifier: MIT */
/* One UTF-8 sequence at a time (RFC 3629, section 4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD (-1) /* no bytes that follow could make this a sequence: overlong, surrogate, stray byte */
#define UTF8_CUT 0    /* the text ends inside what may be a sequence, or is empty */

/* Decodes the sequence at the start of text[0..length). Returns its length in bytes, 1 to 4, or one of
 * the above; *code_point is set only in the first case. */
int utf8_decode(const char *text, size_t length, uint32_t *code_point);

#define UTF8_BYTES_MAX 4

/* Writes the sequence of a code point; returns its length. */
size_t utf8_encode(uint32_t code_point, char text[UTF8_BYTES_MAX]);

/* True when all of a NUL-terminated text is UTF-8. */
bool utf8_is_valid(const char *text);

/* Makes a NUL-terminated text UTF-8: each byte that belongs to no sequence becomes '?'. */
void utf8_repair(char *text);

/* True for a byte that is ASCII and that a JSON string holds as it is (RFC 8259, 7). */
extern const bool utf8_is_plain[256];

/* Bytes at the begin of a text that are plain; fast where these are many. */
size_t utf8_plain_span(const char *text, size_t length);
