/* SPDX-License-Identifier: MIT */
/* What is escaped, and where a text that does not fit is cut. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <muster/core.h>

#include "escape.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ELLIPSIS "\xE2\x80\xA6"

static void check_range(uint32_t first, uint32_t last, bool unsafe) {
    for (uint32_t code_point = first; code_point <= last; code_point++) {
        if (escape_is_unsafe(code_point) != unsafe) {
            fail_msg("U+%04X is %s", (unsigned)code_point, unsafe ? "safe" : "unsafe");
        }
    }
}

TEST(test_controls) {
    check_range(0x00, 0x1F, true);
    check_range(0x20, 0x7E, false);
    check_range(0x7F, 0x9F, true);
    check_range(0xA0, 0xAC, false);
    check_range(0xAD, 0xAD, true); /* soft hyphen */
    check_range(0xAE, 0x34E, false);
}

TEST(test_bidirectional) {
    check_range(0x061B, 0x061B, false);
    check_range(0x061C, 0x061C, true);
    check_range(0x200E, 0x200F, true);
    check_range(0x202A, 0x202E, true);
    check_range(0x2066, 0x2069, true);
    check_range(0x05D0, 0x05EA, false); /* Hebrew letters themselves are not in question */
}

TEST(test_invisible) {
    check_range(0x200A, 0x200A, false); /* hair space */
    check_range(0x200B, 0x200D, true);
    check_range(0x2010, 0x2027, false);
    check_range(0x2028, 0x2029, true);
    check_range(0x202F, 0x205F, false);
    check_range(0x2060, 0x206F, true);
    check_range(0x2070, 0x3163, false);
    check_range(0x034F, 0x034F, true);
    check_range(0x115F, 0x1160, true);
    check_range(0x17B4, 0x17B5, true);
    check_range(0x180B, 0x180F, true);
    check_range(0x3164, 0x3164, true);
    check_range(0xFE00, 0xFE0F, true);
    check_range(0xFEFF, 0xFEFF, true);
    check_range(0xFFA0, 0xFFA0, true);
    check_range(0xFFF0, 0xFFFB, true);
    check_range(0xFFFC, 0xFFFD, false);
    check_range(0x1BCA0, 0x1BCA3, true);
    check_range(0x1D173, 0x1D17A, true);
    check_range(0x1F600, 0x1F64F, false); /* emoji */
    check_range(0xE0000, 0xE0FFF, true);
    check_range(0xE1000, 0xE1000, false);
}

TEST(test_no_characters) {
    check_range(0xD7FF, 0xD7FF, false);
    check_range(0xD800, 0xDFFF, true);
    check_range(0xE000, 0xF8FF, false); /* private use */
    check_range(0xFDD0, 0xFDEF, true);
    for (uint32_t plane = 0; plane <= 0x10; plane++) {
        check_range(plane << 16 | 0xFFFE, plane << 16 | 0xFFFF, true);
    }
    check_range(0x10FFFD, 0x10FFFD, false);
    check_range(0x110000, 0x110000, true);
    assert_true(escape_is_unsafe(UINT32_MAX));
}

struct escape_case {
    const char *text;
    const char *escaped;
};

TEST(test_escapes) {
    static const struct escape_case cases[] = {
        {"", ""},
        {"plain text, k\xC3\xBC"
         "che \xF0\x9F\x98\x80",
         "plain text, k\xC3\xBC"
         "che \xF0\x9F\x98\x80"},
        {"a\\b", "a\\\\b"},
        {"\\u{001B}", "\\\\u{001B}"}, /* cannot be taken for an escape of ours */
        {"\x01\n\x1B[31m", "\\u{0001}\\u{000A}\\u{001B}[31m"},
        {"\x7F", "\\u{007F}"},
        {"\xC2\x9B"
         "2J",
         "\\u{009B}2J"},
        {"a\xE2\x80\xAE"
         "b",
         "a\\u{202E}b"},
        {"\xE2\x80\x8B\xEF\xBB\xBF", "\\u{200B}\\u{FEFF}"},
        {"\xF3\xA0\x81\x81", "\\u{E0041}"},
        {"\xF4\x8F\xBF\xBF", "\\u{10FFFF}"},
        {"a\xFF"
         "b\x80",
         "a\\xFFb\\x80"},
        {"\xC0\x80", "\\xC0\\x80"},          /* overlong */
        {"\xED\xA0\x80", "\\xED\\xA0\\x80"}, /* surrogate */
        {"\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"},
        {"\xC3", "\\xC3"}, /* cut short */
        {"\xF0\x9F\x98", "\\xF0\\x9F\\x98"},
        {"\xE2\x82"
         "a",
         "\\xE2\\x82"
         "a"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buffer[128];
        assert_ptr_equal(escape_text(cases[i].text, buffer, sizeof(buffer)), buffer);
        assert_string_equal(buffer, cases[i].escaped);
        assert_true(strlen(buffer) < MUSTER_TEXT_SAFE_BYTES(strlen(cases[i].text)));
    }
}

/* Of all bytes, alone and in pairs, none grows beyond what MUSTER_TEXT_SAFE_BYTES() says, and what comes out
 * is printable. */
TEST(test_size) {
    for (unsigned first = 1; first < 256; first++) {
        for (unsigned second = 1; second < 256; second++) {
            const char text[] = {(char)first, (char)second, '\0'};
            char *buffer = malloc(MUSTER_TEXT_SAFE_BYTES(2));
            assert_non_null(buffer);
            escape_text(text, buffer, MUSTER_TEXT_SAFE_BYTES(2));
            assert_null(strstr(buffer, ELLIPSIS));
            for (const char *at = buffer; *at != '\0'; at++) {
                assert_false((unsigned char)*at < 0x20 || *at == 0x7F);
            }
            free(buffer);
        }
    }
    assert_int_equal(MUSTER_TEXT_SAFE_BYTES(0), 1);
    assert_int_equal(strlen(escape_text("\x01", (char[9]){""}, 9)) + 1, MUSTER_TEXT_SAFE_BYTES(1));
}

/* A heap block of exactly size bytes lets a sanitizer see a write past it. */
static void check_cut(const char *text, size_t size, const char *expected) {
    char *buffer = malloc(size);
    assert_non_null(buffer);
    escape_text(text, buffer, size);
    assert_string_equal(buffer, expected);
    free(buffer);
}

TEST(test_cut_at_every_size) {
    /* Escaped "a\u{001B}ü\\": pieces of 1, 8, 2 and 2 bytes. */
    static const char text[] = "a\x1B\xC3\xBC\\";
    static const char *const expected[] = {
        [1] = "",
        [2] = "a",
        [3] = "a",
        [4] = ELLIPSIS,
        [5] = "a" ELLIPSIS,
        [6] = "a" ELLIPSIS,
        [7] = "a" ELLIPSIS,
        [8] = "a" ELLIPSIS,
        [9] = "a" ELLIPSIS,
        [10] = "a" ELLIPSIS,
        [11] = "a" ELLIPSIS,
        [12] = "a" ELLIPSIS,
        [13] = "a\\u{001B}" ELLIPSIS,
        [14] = "a\\u{001B}\xC3\xBC\\\\",
        [15] = "a\\u{001B}\xC3\xBC\\\\",
    };
    for (size_t size = 1; size < COUNT(expected); size++) {
        check_cut(text, size, expected[size]);
    }
}

TEST(test_cut_needs_a_longer_text) {
    check_cut("", 1, "");
    check_cut("abc", 4, "abc");
    check_cut("abcd", 4, ELLIPSIS);
    check_cut("abcd", 5, "abcd");
    check_cut("\xC3\xBC\xC3\xBC\xC3\xBC", 6, "\xC3\xBC" ELLIPSIS);
    check_cut("\xC3\xBC\xC3\xBC\xC3\xBC", 3, "\xC3\xBC");
    check_cut("\xC3\xBC", 2, "");
}

int main(void) {
    return test_run(NULL, NULL);
}
