/* SPDX-License-Identifier: MIT */
/* Every code point, and every way of not being one. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "utf8.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Decodes a copy that ends where the text ends, so that a sanitizer sees a read past it. */
static int decode(const char *text, size_t length, uint32_t *code_point) {
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    const int bytes = utf8_decode(copy, length, code_point);
    free(copy);
    return bytes;
}

TEST(test_every_code_point) {
    for (uint32_t code_point = 0; code_point <= 0x10FFFF; code_point++) {
        char text[4];
        uint32_t decoded = 0;
        const size_t bytes = utf8_encode(code_point, text);
        if (code_point >= 0xD800 && code_point <= 0xDFFF) {
            assert_int_equal(utf8_decode(text, bytes, &decoded), UTF8_BAD);
        } else {
            assert_int_equal(utf8_decode(text, bytes, &decoded), (int)bytes);
            assert_int_equal(decoded, code_point);
        }
    }
}

TEST(test_what_follows_is_left_alone) {
    uint32_t code_point;
    assert_int_equal(decode("\xC3\xBC\xFF", 3, &code_point), 2);
    assert_int_equal(code_point, 0xFC);
    assert_int_equal(decode("a\xFF", 2, &code_point), 1);
    assert_int_equal(decode("\0", 1, &code_point), 1);
    assert_int_equal(code_point, 0);
}

TEST(test_bad) {
    static const char *const texts[] = {
        "\x80", /* continuation without a lead */
        "\xBF",
        "\xC0\x80",         /* overlong: U+0000 */
        "\xC1\xBF",         /* overlong: DEL */
        "\xE0\x80\x80",     /* overlong in three bytes */
        "\xE0\x9F\xBF",     /* overlong: U+07FF */
        "\xF0\x80\x80\x80", /* overlong in four bytes */
        "\xF0\x8F\xBF\xBF", /* overlong: U+FFFF */
        "\xED\xA0\x80",     /* first surrogate */
        "\xED\xBF\xBF",     /* last surrogate */
        "\xF4\x90\x80\x80", /* U+110000 */
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80", /* five bytes, of RFC 2279 */
        "\xFE",
        "\xFF",
        "\xC3\"", /* interrupted by ASCII, by a lead */
        "\xC3\xC3",
        "\xE2\x82\"",
        "\xE2\"\x82",
        "\xF0\x9F\x98\"",
        "\xF0\x9F\xF0\x9F",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint32_t code_point = 7;
        assert_int_equal(decode(texts[i], strlen(texts[i]), &code_point), UTF8_BAD);
        assert_int_equal(code_point, 7);
    }
}

TEST(test_cut) {
    static const char *const texts[] = {"", "\xC3", "\xE2", "\xE2\x82", "\xF0", "\xF0\x9F", "\xF0\x9F\x98"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint32_t code_point = 7;
        assert_int_equal(decode(texts[i], strlen(texts[i]), &code_point), UTF8_CUT);
        assert_int_equal(code_point, 7);
    }
}

/* What can't become a sequence any more is bad at once, not cut. */
TEST(test_bad_before_cut) {
    uint32_t code_point;
    assert_int_equal(decode("\xE0\x80", 2, &code_point), UTF8_BAD);
    assert_int_equal(decode("\xED\xA0", 2, &code_point), UTF8_BAD);
    assert_int_equal(decode("\xF4\x90", 2, &code_point), UTF8_BAD);
    assert_int_equal(decode("\xC0", 1, &code_point), UTF8_BAD);
}

TEST(test_whole_texts) {
    assert_true(utf8_is_valid(""));
    assert_true(utf8_is_valid("K\xC3\xBC"
                              "che \xF0\x9F\x8D\xB3"));
    assert_false(utf8_is_valid("K\xC3"));
    assert_false(utf8_is_valid("\xFF"
                               "a"));
}

TEST(test_plain) {
    char text[100];
    for (int byte = 0; byte < 256; byte++) {
        const bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
        assert_int_equal(utf8_is_plain[byte], is_plain);
        for (size_t at = 0; at < sizeof(text); at += 9) {
            memset(text, 'x', sizeof(text));
            text[at] = (char)byte;
            assert_int_equal(utf8_plain_span(text, sizeof(text)), is_plain ? sizeof(text) : at);
        }
    }
    assert_int_equal(utf8_plain_span(text, 0), 0);
}

TEST(test_repair) {
    static const char *const texts[][2] = {{"", ""},
                                           {"eth0", "eth0"},
                                           {"\xC3\xBC", "\xC3\xBC"},
                                           {"a\xFF", "a?"},
                                           {"\xFF\xFE"
                                            "b",
                                            "??b"},
                                           {"\xE2\x82", "??"},
                                           {"\xC3\xC3\xBC", "?\xC3\xBC"}};
    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[8];
        strcpy(text, texts[i][0]);
        utf8_repair(text);
        assert_string_equal(text, texts[i][1]);
        assert_true(utf8_is_valid(text));
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
