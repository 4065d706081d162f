/* SPDX-License-Identifier: MIT */
/* The strings of a JSON text where they stand: checked (RFC 8259, 7), decoded, copied and compared. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "utf8.h"

/* A string between its quotes. All but quoted_read() take one that it accepted. */
struct quoted {
    const char *at;
    size_t length;
    bool has_escapes; /* so its bytes alone do not tell what it says */
};

enum quoted_result {
    QUOTED_OK,
    QUOTED_CUT,       /* the text ends inside the string */
    QUOTED_CONTROL,   /* a control character */
    QUOTED_UTF8,      /* bytes that are not UTF-8 */
    QUOTED_ESCAPE,    /* an escape that JSON does not have */
    QUOTED_DIGITS,    /* \u without four hexadecimal digits */
    QUOTED_NUL,       /* \u0000 */
    QUOTED_SURROGATE, /* half a surrogate pair */
};

/* Reads a string from *at, behind its opening quote. *at is then behind the closing one; when something is at
 * fault it is the first byte of the character or escape, and for QUOTED_CUT the end. */
static inline enum quoted_result quoted_read(const char **at, const char *end, struct quoted *string);

/* Decodes the code point at *at, and *at is behind it. */
uint32_t quoted_next(const char **at, const char *end);

/* Copies what a string says, and a NUL. False when it has more than room - 1 bytes; else *length is its
 * length. */
bool quoted_copy(const struct quoted *string, char *out, size_t room, size_t *length);

/* Less than, equal to or greater than 0, by code points: the order of UTF-8's bytes too (RFC 3629, 1). */
int quoted_compare(const struct quoted *a, const struct quoted *b);

/* True when two say the same, whatever their escapes. */
static inline bool quoted_is_same(const struct quoted *a, const struct quoted *b) {
    if (a->has_escapes || b->has_escapes) {
        return quoted_compare(a, b) == 0;
    }
    return a->length == b->length && memcmp(a->at, b->at, a->length) == 0;
}

/* The value of a hexadecimal digit of either case; -1 for all else. */
int quoted_hex_digit(int byte);

/* ---- the inside of quoted_read(): nearly all bytes that arrive are plain, and looked at in a row ---- */

enum quoted_result quoted_read_odd(const char **at, const char *end, const char *odd, struct quoted *string);

static inline const char *quoted_skip_plain(const char *at, const char *end) {
    while (at < end && utf8_is_plain[(unsigned char)*at]) {
        at++;
    }
    return at;
}

static inline enum quoted_result quoted_read(const char **at, const char *end, struct quoted *string) {
    const char *next = quoted_skip_plain(*at, end);
    string->at = *at;
    string->has_escapes = false;
    if (next == end || *next != '"') {
        return quoted_read_odd(at, end, next, string);
    }
    string->length = (size_t)(next - string->at);
    *at = next + 1;
    return QUOTED_OK;
}
