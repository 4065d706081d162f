/* SPDX-License-Identifier: MIT */
#include "escape.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define ELLIPSIS "\xE2\x80\xA6"
#define ELLIPSIS_BYTES (sizeof(ELLIPSIS) - 1)

struct range {
    uint32_t first;
    uint32_t last;
};

/* What one code point or one bad byte is printed as. */
struct escape {
    char text[sizeof("\\u{10FFFF}")];
    size_t length;
};

/* Sorted. Ranges of Default_Ignorable_Code_Point keep the code points that Unicode has reserved in them. */
static const struct range unsafe_ranges[] = {
    {0x0000, 0x001F},   /* C0 */
    {0x007F, 0x009F},   /* DEL, C1 */
    {0x00AD, 0x00AD},   /* soft hyphen */
    {0x034F, 0x034F},   /* combining grapheme joiner */
    {0x061C, 0x061C},   /* Arabic letter mark: bidirectional */
    {0x115F, 0x1160},   /* Hangul fillers */
    {0x17B4, 0x17B5},   /* Khmer inherent vowels */
    {0x180B, 0x180F},   /* Mongolian selectors and vowel separator */
    {0x200B, 0x200F},   /* zero-width, bidirectional marks */
    {0x2028, 0x202E},   /* separators, bidirectional embeddings and overrides */
    {0x2060, 0x206F},   /* word joiner, invisible operators, bidirectional isolates */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xD800, 0xDFFF},   /* surrogates */
    {0xFDD0, 0xFDEF},   /* noncharacters */
    {0xFE00, 0xFE0F},   /* variation selectors */
    {0xFEFF, 0xFEFF},   /* byte order mark */
    {0xFFA0, 0xFFA0},   /* halfwidth Hangul filler */
    {0xFFF0, 0xFFFB},   /* interlinear annotation */
    {0x1BCA0, 0x1BCA3}, /* shorthand format controls */
    {0x1D173, 0x1D17A}, /* musical format controls */
    {0xE0000, 0xE0FFF}, /* tags, variation selectors */
    {0x110000, UINT32_MAX},
};

static bool is_noncharacter(uint32_t code_point) {
    return (code_point & 0xFFFE) == 0xFFFE;
}

bool escape_is_unsafe(uint32_t code_point) {
    if (code_point >= 0x20 && code_point < 0x7F) {
        return false;
    }
    size_t i = 0;
    while (code_point > unsafe_ranges[i].last) {
        i++;
    }
    return code_point >= unsafe_ranges[i].first || is_noncharacter(code_point);
}

/* Sets escape to what stands for the start of text. Returns the bytes of text it stands for. */
static size_t next_escape(const char *text, size_t length, struct escape *escape) {
    uint32_t code_point;
    const int bytes = utf8_decode(text, length, &code_point);
    if (bytes <= 0) {
        escape->length = (size_t)sprintf(escape->text, "\\x%02X", (unsigned char)text[0]);
        return 1;
    }
    if (escape_is_unsafe(code_point)) {
        escape->length = (size_t)sprintf(escape->text, "\\u{%04" PRIX32 "}", code_point);
    } else if (code_point == '\\') {
        escape->length = (size_t)sprintf(escape->text, "\\\\");
    } else {
        escape->length = (size_t)bytes;
        memcpy(escape->text, text, escape->length);
    }
    return (size_t)bytes;
}

/* Copies what stands for text, as far as it fits whole into room bytes. Returns true when all did. */
static bool copy_escaped(const char *text, char *buffer, size_t room, size_t *used) {
    size_t left = strlen(text);
    *used = 0;
    while (left > 0) {
        struct escape escape;
        const size_t taken = next_escape(text, left, &escape);
        if (escape.length > room - *used) {
            return false;
        }
        memcpy(buffer + *used, escape.text, escape.length);
        *used += escape.length;
        text += taken;
        left -= taken;
    }
    return true;
}

char *escape_text(const char *text, char *buffer, size_t size) {
    assert(size > 0);
    const size_t room = size - 1;
    size_t used;
    if (!copy_escaped(text, buffer, room, &used) && room >= ELLIPSIS_BYTES) {
        copy_escaped(text, buffer, room - ELLIPSIS_BYTES, &used);
        memcpy(buffer + used, ELLIPSIS, ELLIPSIS_BYTES);
        used += ELLIPSIS_BYTES;
    }
    buffer[used] = '\0';
    return buffer;
}
