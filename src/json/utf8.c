/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <string.h>

/* Bytes of a sequence that begins with lead; 0 for a byte that begins none. C0 and C1 would only begin
 * overlong forms, F5 and above code points beyond U+10FFFF. */
static int sequence_length(unsigned char lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* The second byte carries the bounds that four lead bytes have (RFC 3629, section 4: UTF8-3, UTF8-4). */
static bool second_fits(unsigned char lead, unsigned char second) {
    switch (lead) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return second >= 0x80 && second <= 0xBF;
    }
}

int utf8_decode(const char *text, size_t length, uint32_t *code_point) {
    if (length == 0) {
        return UTF8_CUT;
    }
    const unsigned char lead = (unsigned char)text[0];
    const int bytes = sequence_length(lead);
    if (bytes == 0) {
        return UTF8_BAD;
    }
    uint32_t value = bytes == 1 ? lead : lead & (0x7FU >> bytes);
    for (int i = 1; i < bytes; i++) {
        if ((size_t)i == length) {
            return UTF8_CUT;
        }
        const unsigned char byte = (unsigned char)text[i];
        if (i == 1 ? !second_fits(lead, byte) : (byte & 0xC0) != 0x80) {
            return UTF8_BAD;
        }
        value = value << 6 | (byte & 0x3FU);
    }
    *code_point = value;
    return bytes;
}

size_t utf8_encode(uint32_t code_point, char text[UTF8_BYTES_MAX]) {
    if (code_point < 0x80) {
        text[0] = (char)code_point;
        return 1;
    }
    const size_t bytes = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--) {
        text[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    text[0] = (char)((0xF00 >> bytes & 0xF0) | code_point);
    return bytes;
}

bool utf8_is_valid(const char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        uint32_t code_point;
        int bytes = utf8_decode(text + i, length - i, &code_point);
        if (bytes <= 0) {
            return false;
        }
        i += (size_t)bytes;
    }
    return true;
}

void utf8_repair(char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        uint32_t code_point;
        int bytes = utf8_decode(text + i, length - i, &code_point);
        if (bytes <= 0) {
            text[i] = '?';
            bytes = 1;
        }
        i += (size_t)bytes;
    }
}

/* clang-format off */
#define EIGHT true, true, true, true, true, true, true, true
const bool utf8_is_plain[256] = {
    [0x20] = true, true, false, true, true, true, true, true, /* the quote */
    EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT,
    [0x58] = true, true, true, true, false, true, true, true, /* the backslash */
    EIGHT, EIGHT, EIGHT, EIGHT,
};
/* clang-format on */

#define PLAIN_BLOCK 32 /* four words */

/* The same byte in all places of a word. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The highest bit of some byte is set when one of them is zero; bytes are ASCII. */
static uint64_t find_zero(uint64_t word) {
    return (word - EACH(1)) & ~word;
}

/* The highest bit of each place that is not plain is set, and perhaps of some behind it. */
static uint64_t find_odd(const char *text) {
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return word | ((word - EACH(0x20)) & ~word) | find_zero(word ^ EACH('"')) | find_zero(word ^ EACH('\\'));
}

/* Several words at a time: texts are long, and each of their bytes is looked at twice before it leaves. */
static bool is_plain_block(const char *text) {
    uint64_t odd = find_odd(text) | find_odd(text + 8) | find_odd(text + 16) | find_odd(text + 24);
    return (odd & EACH(0x80)) == 0;
}

size_t utf8_plain_span(const char *text, size_t length) {
    size_t span = 0;
    while (length - span >= PLAIN_BLOCK && is_plain_block(text + span)) {
        span += PLAIN_BLOCK;
    }
    while (length - span >= sizeof(uint64_t) && (find_odd(text + span) & EACH(0x80)) == 0) {
        span += sizeof(uint64_t);
    }
    while (span < length && utf8_is_plain[(unsigned char)text[span]]) {
        span++;
    }
    return span;
}
