/* One UTF-8 sequence at a time (RFC 3629, section 4). */
#ifndef JSON_UTF8_H
#define JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD (-1) /* no bytes that follow could make this a sequence: overlong, surrogate, stray byte */
#define UTF8_CUT 0    /* the text ends inside what may be a sequence, or is empty */

/* Decodes the sequence at the start of text[0..length). Returns its length in bytes, 1 to 4, or one of
 * the above; *code_point is set only in the first case. */
int utf8_decode(const char *text, size_t length, uint32_t *code_point);

/* True when all of a NUL-terminated text is UTF-8. */
bool utf8_is_valid(const char *text);

/* Bytes at the begin of a text that are ASCII and that a JSON string holds as they are (RFC 8259, 7). */
size_t utf8_plain_span(const char *text, size_t length);

#endif
