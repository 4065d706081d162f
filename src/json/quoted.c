/* SPDX-License-Identifier: MIT */
#include "quoted.h"

#include <string.h>

#define ESCAPE_BYTES 6 /* \uXXXX */

/* What stands behind a backslash for which character, in the same order. */
static const char escape_letters[] = "\"\\/bfnrt";
static const char escape_characters[] = "\"\\/\b\f\n\r\t";

int quoted_hex_digit(int byte) {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    const int lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_high_surrogate(uint32_t unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(uint32_t unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* ---- checking ---- */

/* The escape \uXXXX at `at`. */
static enum quoted_result read_unit(const char *at, const char *end, uint32_t *unit) {
    *unit = 0;
    for (int i = 2; i < ESCAPE_BYTES; i++) {
        if (at + i == end) {
            return QUOTED_CUT;
        }
        const int digit = quoted_hex_digit((unsigned char)at[i]);
        if (digit < 0) {
            return QUOTED_DIGITS;
        }
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return QUOTED_OK;
}

/* The second half of a pair. */
static enum quoted_result read_low_surrogate(const char **at, const char *end) {
    uint32_t unit;
    for (int i = 0; i < 2; i++) {
        if (*at + i == end) {
            return QUOTED_CUT;
        }
        if ((*at)[i] != "\\u"[i]) {
            return QUOTED_SURROGATE;
        }
    }
    const enum quoted_result result = read_unit(*at, end, &unit);
    if (result == QUOTED_OK && !is_low_surrogate(unit)) {
        return QUOTED_SURROGATE;
    }
    *at += ESCAPE_BYTES;
    return result;
}

static enum quoted_result read_unicode_escape(const char **at, const char *end) {
    uint32_t unit;
    const enum quoted_result result = read_unit(*at, end, &unit);
    if (result != QUOTED_OK) {
        return result;
    }
    if (unit == 0 || is_low_surrogate(unit)) {
        return unit == 0 ? QUOTED_NUL : QUOTED_SURROGATE;
    }
    *at += ESCAPE_BYTES;
    return is_high_surrogate(unit) ? read_low_surrogate(at, end) : QUOTED_OK;
}

static enum quoted_result read_escape(const char **at, const char *end) {
    if (end - *at < 2) {
        return QUOTED_CUT;
    }
    if ((*at)[1] == 'u') {
        return read_unicode_escape(at, end);
    }
    if (memchr(escape_letters, (*at)[1], sizeof(escape_letters) - 1) == NULL) {
        return QUOTED_ESCAPE;
    }
    *at += 2;
    return QUOTED_OK;
}

/* A character that is not plain, and no closing quote. */
static enum quoted_result read_odd(const char **at, const char *end, struct quoted *string) {
    const unsigned char byte = (unsigned char)**at;
    uint32_t code_point;
    if (byte == '\\') {
        string->has_escapes = true;
        return read_escape(at, end);
    }
    if (byte < 0x20) {
        return QUOTED_CONTROL;
    }
    const int bytes = utf8_decode(*at, (size_t)(end - *at), &code_point);
    if (bytes <= 0) {
        return bytes == UTF8_CUT ? QUOTED_CUT : QUOTED_UTF8;
    }
    *at += bytes;
    return QUOTED_OK;
}

/* From the first byte that is not plain on. */
enum quoted_result quoted_read_odd(const char **at, const char *end, const char *odd, struct quoted *string) {
    enum quoted_result result = QUOTED_OK;
    while (result == QUOTED_OK && odd < end && *odd != '"') {
        *at = odd;
        result = read_odd(&odd, end, string);
        odd = result == QUOTED_OK ? quoted_skip_plain(odd, end) : odd;
    }
    if (result == QUOTED_CUT || odd == end) {
        *at = end;
        return QUOTED_CUT;
    }
    if (result == QUOTED_OK) {
        string->length = (size_t)(odd - string->at);
        *at = odd + 1;
    }
    return result;
}

/* ---- decoding ---- */

/* The unit of the escape \uXXXX at *at. */
static uint32_t decode_unit(const char **at) {
    uint32_t unit;
    read_unit(*at, *at + ESCAPE_BYTES, &unit);
    *at += ESCAPE_BYTES;
    return unit;
}

static uint32_t decode_escape(const char **at) {
    const char letter = (*at)[1];
    if (letter == 'u') {
        const uint32_t unit = decode_unit(at);
        return is_high_surrogate(unit) ? 0x10000 + ((unit - 0xD800) << 10) + (decode_unit(at) - 0xDC00)
                                       : unit;
    }
    *at += 2;
    return (unsigned char)escape_characters[strchr(escape_letters, letter) - escape_letters];
}

uint32_t quoted_next(const char **at, const char *end) {
    if (**at == '\\') {
        return decode_escape(at);
    }
    if ((unsigned char)**at < 0x80) {
        return (unsigned char)*(*at)++;
    }
    uint32_t code_point = 0;
    *at += utf8_decode(*at, (size_t)(end - *at), &code_point);
    return code_point;
}

bool quoted_copy(const struct quoted *string, char *out, size_t room, size_t *length) {
    const char *end = string->at + string->length;
    size_t used = 0;
    for (const char *at = string->at; at < end && string->has_escapes;) {
        char bytes[UTF8_BYTES_MAX];
        const size_t count = utf8_encode(quoted_next(&at, end), bytes);
        if (used + count >= room) {
            return false;
        }
        memcpy(out + used, bytes, count);
        used += count;
    }
    if (!string->has_escapes) {
        if (string->length >= room) {
            return false;
        }
        memcpy(out, string->at, string->length);
        used = string->length;
    }
    out[used] = '\0';
    *length = used;
    return true;
}

static int compare_decoded(const struct quoted *a, const struct quoted *b) {
    const char *a_at = a->at;
    const char *b_at = b->at;
    const char *a_end = a->at + a->length;
    const char *b_end = b->at + b->length;
    while (a_at < a_end && b_at < b_end) {
        const uint32_t a_point = quoted_next(&a_at, a_end);
        const uint32_t b_point = quoted_next(&b_at, b_end);
        if (a_point != b_point) {
            return a_point < b_point ? -1 : 1;
        }
    }
    return (a_at < a_end) - (b_at < b_end);
}

int quoted_compare(const struct quoted *a, const struct quoted *b) {
    if (a->has_escapes || b->has_escapes) {
        return compare_decoded(a, b);
    }
    const int difference = memcmp(a->at, b->at, a->length < b->length ? a->length : b->length);
    return difference != 0 ? difference : (a->length > b->length) - (a->length < b->length);
}
