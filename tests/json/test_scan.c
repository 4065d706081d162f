/* SPDX-License-Identifier: MIT */
/* The tokenizer: each refusal by several inputs, with the byte at which it stops. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "countdown.h"
#include "scan.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED ((size_t)-1)

struct scan_case {
    const char *text;
    enum scan_result result;
    size_t offset;
};

/* Scans a copy that ends where the text ends, so that a sanitizer sees a read past it. */
static enum scan_result scan_exactly(const char *text, size_t length, size_t *offset) {
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    /* Where nothing may be read at all, even the one byte that malloc() gave is off limits. */
    const enum scan_result result = scan_value(length == 0 ? copy + 1 : copy, length, offset);
    free(copy);
    return result;
}

static void check(const char *text, size_t length, enum scan_result expected, size_t expected_offset) {
    size_t offset = UNTOUCHED;
    const enum scan_result result = scan_exactly(text, length, &offset);
    if (result != expected || offset != expected_offset) {
        fail_msg("%.*s: %s at %zu, expected %s at %zu", (int)length, text, scan_result_text(result), offset,
                 scan_result_text(expected), expected_offset);
    }
    assert_int_equal(scan_exactly(text, length, NULL), expected);
}

/* The same of scan_large(). */
static void check_large(const char *text, size_t length, size_t nodes_max, enum scan_result expected,
                        size_t expected_offset) {
    size_t offset = UNTOUCHED;
    char *copy = malloc(length == 0 ? 1 : length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    const enum scan_result result = scan_large(length == 0 ? copy + 1 : copy, length, nodes_max, &offset);
    assert_int_equal(scan_large(length == 0 ? copy + 1 : copy, length, nodes_max, NULL), result);
    free(copy);
    if (result != expected || offset != expected_offset) {
        fail_msg("%.*s: %s at %zu, expected %s at %zu", (int)(length < 200 ? length : 200), text,
                 scan_result_text(result), offset, scan_result_text(expected), expected_offset);
    }
}

static void check_all(const struct scan_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct scan_case *c = &cases[i];
        check(c->text, strlen(c->text), c->result, c->offset);
        check_large(c->text, strlen(c->text), SCAN_NODES_MAX, c->result, c->offset);
    }
}

TEST(test_accepts) {
    static const char *const texts[] = {
        "0",
        "-0",
        "7",
        "-12",
        "10",
        "0.5",
        "-0.50",
        "1e5",
        "1E+05",
        "1e-0",
        "0e0",
        "123.456e-78",
        "1e999",
        "true",
        "false",
        "null",
        "\"\"",
        "{}",
        "[]",
        "[[],{}]",
        " \t\r\n0\n ",
        " { } ",
        " [ ] ",
        "[1,2 , 3]",
        "{\"a\":1}",
        " { \"a\" : 1 , \"b\" : [ ] } ",
        "{\"\":0}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0001\\u00e9\\uFfFf\\uD83D\\udE00\"",
        "\"\x7F\xC2\x80\xC3\xBC\xE2\x82\xAC\xED\x9F\xBF\xEE\x80\x80\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\"",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        check(texts[i], strlen(texts[i]), SCAN_OK, UNTOUCHED);
        check_large(texts[i], strlen(texts[i]), SCAN_NODES_MAX, SCAN_OK, UNTOUCHED);
    }
}

TEST(test_syntax) {
    static const struct scan_case cases[] = {
        {"01", SCAN_SYNTAX, 1},
        {"-01", SCAN_SYNTAX, 2},
        {"[00]", SCAN_SYNTAX, 2},
        {"+1", SCAN_SYNTAX, 0},
        {".5", SCAN_SYNTAX, 0},
        {"[1.]", SCAN_SYNTAX, 3},
        {"1.e5", SCAN_SYNTAX, 2},
        {"[1e]", SCAN_SYNTAX, 3},
        {"[1e+]", SCAN_SYNTAX, 4},
        {"[1e+-1]", SCAN_SYNTAX, 4},
        {"--1", SCAN_SYNTAX, 1},
        {"0x10", SCAN_SYNTAX, 1},
        {"1_000", SCAN_SYNTAX, 1},
        {"NaN", SCAN_SYNTAX, 0},
        {"nan", SCAN_SYNTAX, 1},
        {"Infinity", SCAN_SYNTAX, 0},
        {"-Infinity", SCAN_SYNTAX, 1},
        {"TRUE", SCAN_SYNTAX, 0},
        {"tru e", SCAN_SYNTAX, 3},
        {"nulL", SCAN_SYNTAX, 3},
        {"truefalse", SCAN_SYNTAX, 4},
        {"1 2", SCAN_SYNTAX, 2},
        {"{}x", SCAN_SYNTAX, 2},
        {"{}{}", SCAN_SYNTAX, 2},
        {"[]]", SCAN_SYNTAX, 2},
        {",", SCAN_SYNTAX, 0},
        {"]", SCAN_SYNTAX, 0},
        {"}", SCAN_SYNTAX, 0},
        {":", SCAN_SYNTAX, 0},
        {"[,]", SCAN_SYNTAX, 1},
        {"[1,]", SCAN_SYNTAX, 3},
        {"[1 2]", SCAN_SYNTAX, 3},
        {"[1}", SCAN_SYNTAX, 2},
        {"[1:2]", SCAN_SYNTAX, 2},
        {"{,}", SCAN_SYNTAX, 1},
        {"{\"a\"}", SCAN_SYNTAX, 4},
        {"{\"a\":}", SCAN_SYNTAX, 5},
        {"{\"a\":1,}", SCAN_SYNTAX, 7},
        {"{\"a\",1}", SCAN_SYNTAX, 4},
        {"{\"a\":1]", SCAN_SYNTAX, 6},
        {"{a:1}", SCAN_SYNTAX, 1},
        {"{'a':1}", SCAN_SYNTAX, 1},
        {"{1:1}", SCAN_SYNTAX, 1},
        {"{\"a\" 1}", SCAN_SYNTAX, 5},
        {"'a'", SCAN_SYNTAX, 0},
        {"\"a\nb\"", SCAN_SYNTAX, 2},
        {"\"\t\"", SCAN_SYNTAX, 1},
        {"\"\x01\"", SCAN_SYNTAX, 1},
        {"\"\x1F\"", SCAN_SYNTAX, 1},
        {"\"\\a\"", SCAN_SYNTAX, 2},
        {"\"\\'\"", SCAN_SYNTAX, 2},
        {"\"\\x41\"", SCAN_SYNTAX, 2},
        {"\"\\U0041\"", SCAN_SYNTAX, 2},
        {"\"\\\n\"", SCAN_SYNTAX, 2},
        {"\"\\u12g4\"", SCAN_SYNTAX, 5},
        {"\"\\u 123\"", SCAN_SYNTAX, 3},
        {"\"\\u+123\"", SCAN_SYNTAX, 3},
        {"\"\\u12\"", SCAN_SYNTAX, 5},
        {"/**/1", SCAN_SYNTAX, 0},
        {"1//", SCAN_SYNTAX, 1},
        {"\v1", SCAN_SYNTAX, 0},
        {"\f1", SCAN_SYNTAX, 0},
        {"\xC2\xA0"
         "1",
         SCAN_SYNTAX, 0},
        {"\xEF\xBB\xBF{}", SCAN_SYNTAX, 0}, /* a byte order mark, which cJSON skips */
        {"\xFF", SCAN_SYNTAX, 0},
        {"[\"a\"\x80]", SCAN_SYNTAX, 4},
        {"{\"\\ud83d\\u12g4\":1}", SCAN_SYNTAX, 12},
    };
    check_all(cases, COUNT(cases));
}

/* A NUL ends nothing: it is a byte that does not belong there. */
TEST(test_nul_is_syntax) {
    check("\0", 1, SCAN_SYNTAX, 0);
    check("{}\0", 3, SCAN_SYNTAX, 2);
    check("\"a\0b\"", 5, SCAN_SYNTAX, 2);
    check("\"\\\0\"", 4, SCAN_SYNTAX, 2);
    check("1\0", 2, SCAN_SYNTAX, 1);
}

TEST(test_truncated) {
    static const struct scan_case cases[] = {
        {"", SCAN_TRUNCATED, 0},
        {"  ", SCAN_TRUNCATED, 2},
        {"-", SCAN_TRUNCATED, 1},
        {"1.", SCAN_TRUNCATED, 2},
        {"1e", SCAN_TRUNCATED, 2},
        {"1e-", SCAN_TRUNCATED, 3},
        {"tru", SCAN_TRUNCATED, 3},
        {"n", SCAN_TRUNCATED, 1},
        {"\"", SCAN_TRUNCATED, 1},
        {"\"abc", SCAN_TRUNCATED, 4},
        {"\"\\", SCAN_TRUNCATED, 2},
        {"\"\\u", SCAN_TRUNCATED, 3},
        {"\"\\u00e", SCAN_TRUNCATED, 6},
        {"\"\\ud83d", SCAN_TRUNCATED, 7},
        {"\"\\ud83d\\", SCAN_TRUNCATED, 8},
        {"\"\\ud83d\\u", SCAN_TRUNCATED, 9},
        {"\"\\ud83d\\ude0", SCAN_TRUNCATED, 12},
        {"\"\xC3", SCAN_TRUNCATED, 2},
        {"\"\xF0\x9F\x98", SCAN_TRUNCATED, 4},
        {"[", SCAN_TRUNCATED, 1},
        {"[1", SCAN_TRUNCATED, 2},
        {"[1,", SCAN_TRUNCATED, 3},
        {"{", SCAN_TRUNCATED, 1},
        {"{\"a", SCAN_TRUNCATED, 3},
        {"{\"a\"", SCAN_TRUNCATED, 4},
        {"{\"a\":", SCAN_TRUNCATED, 5},
        {"{\"a\":1", SCAN_TRUNCATED, 6},
        {"{\"a\":1,", SCAN_TRUNCATED, 7},
        {"{\"a\":1, ", SCAN_TRUNCATED, 8},
    };
    check_all(cases, COUNT(cases));
}

/* Every state that the scanner can be in is cut somewhere in this text. */
TEST(test_every_prefix_is_truncated) {
    static const char text[] = " {\"muster\":1, \"kind\":\"announce\","
                               "\"n\\u00e4me\" : \"k\xC3\xBC"
                               "che \xF0\x9F\x98\x80 \\ud83d\\ude00\","
                               "\"list\":[ -0.25e+10 , 10,true,false,null,\"\\n\\\\\\/\", [ ], { } ],"
                               "\"\xE2\x82\xAC\":{\"a\":{\"b\":[[0]]}} }";
    const size_t length = strlen(text);
    check(text, length, SCAN_OK, UNTOUCHED);
    for (size_t prefix = 0; prefix < length; prefix++) {
        check(text, prefix, SCAN_TRUNCATED, prefix);
    }
}

TEST(test_utf8) {
    static const struct scan_case cases[] = {
        {"\"\x80\"", SCAN_UTF8, 1}, /* stray continuation */
        {"\"\xFF\"", SCAN_UTF8, 1},
        {"\"ab\xC0\x80\"", SCAN_UTF8, 3}, /* overlong */
        {"\"\xC1\xBF\"", SCAN_UTF8, 1},
        {"\"\xE0\x9F\xBF\"", SCAN_UTF8, 1},
        {"\"\xF0\x8F\xBF\xBF\"", SCAN_UTF8, 1},
        {"\"\xED\xA0\x80\"", SCAN_UTF8, 1}, /* surrogates, alone and as a pair (CESU-8) */
        {"\"\xED\xA0\xBD\xED\xB8\x80\"", SCAN_UTF8, 1},
        {"\"\xF4\x90\x80\x80\"", SCAN_UTF8, 1}, /* above U+10FFFF */
        {"\"\xF5\x80\x80\x80\"", SCAN_UTF8, 1},
        {"\"\xC3\"", SCAN_UTF8, 1}, /* cut short by the closing quote */
        {"\"\xE2\x82\"", SCAN_UTF8, 1},
        {"\"\xF0\x9F\x98 \"", SCAN_UTF8, 1},
        {"{\"a\xFF\":1}", SCAN_UTF8, 3}, /* in a name */
        {"\"\xC3\\u00e9\"", SCAN_UTF8, 1},
    };
    check_all(cases, COUNT(cases));
}

TEST(test_text) {
    static const struct scan_case cases[] = {
        {"\"\\u0000\"", SCAN_TEXT, 1},
        {"\"ab\\u0000\"", SCAN_TEXT, 3},
        {"{\"\\u0000\":1}", SCAN_TEXT, 2},
        {"\"\\ud83d\"", SCAN_TEXT, 1}, /* high, then the end of the string */
        {"\"\\uD800x\"", SCAN_TEXT, 1},
        {"\"\\udbff\\n\"", SCAN_TEXT, 1},     /* high, then another escape */
        {"\"\\ud83d\\u0041\"", SCAN_TEXT, 1}, /* high, then no surrogate */
        {"\"\\ud83d\\ud83d\"", SCAN_TEXT, 1}, /* high, high */
        {"\"\\ude00\"", SCAN_TEXT, 1},        /* low first */
        {"\"\\uDFFF\\uD800\"", SCAN_TEXT, 1},
        {"\"\\ud83d\\ude00\\udc00\"", SCAN_TEXT, 13},
        {"\"\\ud83d\xF0\x9F\x98\x80\"", SCAN_TEXT, 1},
    };
    check_all(cases, COUNT(cases));
}

/* A number of the given length behind "[". */
static void check_number(char first, char fill, size_t length, enum scan_result expected, size_t offset) {
    char text[SCAN_NUMBER_BYTES_MAX + 8] = "[";
    memset(text + 1, fill, length);
    text[1] = first;
    text[length + 1] = ']';
    check(text, length + 2, expected, offset);
}

TEST(test_number_length) {
    check_number('1', '0', SCAN_NUMBER_BYTES_MAX, SCAN_OK, UNTOUCHED);
    check_number('1', '0', SCAN_NUMBER_BYTES_MAX + 1, SCAN_NUMBER, 1);
    check_number('-', '7', SCAN_NUMBER_BYTES_MAX, SCAN_OK, UNTOUCHED);
    check_number('-', '7', SCAN_NUMBER_BYTES_MAX + 1, SCAN_NUMBER, 1);
    static const char fraction[] = "0.00000000000000000000000000000000000000000000000000000000000000001";
    check(fraction, SCAN_NUMBER_BYTES_MAX, SCAN_OK, UNTOUCHED);
    check(fraction, SCAN_NUMBER_BYTES_MAX + 1, SCAN_NUMBER, 0);
}

/* depth containers, each the last element or member of the one around it. */
static void check_depth(const char *open, const char *close, size_t depth, enum scan_result expected,
                        size_t offset) {
    char text[256] = "";
    for (size_t i = 0; i < depth; i++) {
        strcat(text, open);
    }
    strcat(text, "0");
    for (size_t i = 0; i < depth; i++) {
        strcat(text, close);
    }
    check(text, strlen(text), expected, offset);
}

TEST(test_depth) {
    check_depth("[", "]", SCAN_DEPTH_MAX, SCAN_OK, UNTOUCHED);
    check_depth("[", "]", SCAN_DEPTH_MAX + 1, SCAN_DEPTH, SCAN_DEPTH_MAX);
    check_depth("{\"a\":", "}", SCAN_DEPTH_MAX, SCAN_OK, UNTOUCHED);
    check_depth("{\"a\":", "}", SCAN_DEPTH_MAX + 1, SCAN_DEPTH, 5 * SCAN_DEPTH_MAX);
    check_depth("[[],", "]", SCAN_DEPTH_MAX - 1, SCAN_OK, UNTOUCHED);
    check_depth("[[],", "]", SCAN_DEPTH_MAX, SCAN_DEPTH, 4 * (SCAN_DEPTH_MAX - 1) + 1);
    check("[[[[[[[[[", 9, SCAN_DEPTH, 8);
}

/* An array of count - 1 zeros, or an object of as many members, all names different. */
static char *many_nodes(size_t count, char open, char close) {
    char *text = malloc(count * sizeof("\"00000\":0,") + 8);
    assert_non_null(text);
    char *at = text;
    *at++ = open;
    for (size_t i = 1; i < count; i++) {
        at += open == '{' ? sprintf(at, "\"%03zu\":0,", i) : sprintf(at, "0,");
    }
    at[-1] = close;
    *at = '\0';
    return text;
}

static void check_nodes(size_t count, char open, char close, enum scan_result expected, size_t offset) {
    char *text = many_nodes(count, open, close);
    check(text, strlen(text), expected, offset);
    free(text);
}

TEST(test_nodes) {
    check_nodes(SCAN_NODES_MAX, '[', ']', SCAN_OK, UNTOUCHED);
    check_nodes(SCAN_NODES_MAX + 1, '[', ']', SCAN_NODES, 1 + 2 * (SCAN_NODES_MAX - 1));
    check_nodes(SCAN_NODES_MAX, '{', '}', SCAN_OK, UNTOUCHED);
    check_nodes(SCAN_NODES_MAX + 1, '{', '}', SCAN_NODES, 1 + 8 * (SCAN_NODES_MAX - 1) + 6);
}

/* Containers count too, and so do those that are closed again. */
TEST(test_nodes_of_containers) {
    char text[3 * SCAN_NODES_MAX] = "[";
    for (size_t i = 0; i < SCAN_NODES_MAX - 2; i++) {
        strcat(text, i % 2 == 0 ? "[]," : "0,");
    }
    const size_t end = strlen(text);
    strcpy(text + end, "{}]");
    check(text, end + 3, SCAN_OK, UNTOUCHED);
    strcpy(text + end, "{\"a\":0}]");
    check(text, end + 8, SCAN_NODES, end + 5);
    strcpy(text + end, "{},0]");
    check(text, end + 5, SCAN_NODES, end + 3);
    check(text, end + 3, SCAN_TRUNCATED, end + 3);
}

TEST(test_duplicates) {
    static const struct scan_case cases[] = {
        {"{\"a\":1,\"a\":2}", SCAN_DUPLICATE, 7},
        {"{\"a\":1, \"a\" :2}", SCAN_DUPLICATE, 8},
        {"{\"\":1,\"\":1}", SCAN_DUPLICATE, 6},
        {"{\"a\":1,\"b\":1,\"a\":1}", SCAN_DUPLICATE, 13},
        {"{\"a\":1,\"\\u0061\":1}", SCAN_DUPLICATE, 7},
        {"{\"\\u0061\":1,\"a\":1}", SCAN_DUPLICATE, 12},
        {"{\"\\u006A\":1,\"\\u006a\":1}", SCAN_DUPLICATE, 12},
        {"{\"\\n\":1,\"\\u000a\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\b\":1,\"\\u0008\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\f\":1,\"\\u000C\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\r\":1,\"\\u000D\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\t\":1,\"\\u0009\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\\"\":1,\"\\u0022\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\\\\":1,\"\\u005c\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\/\":1,\"/\":1}", SCAN_DUPLICATE, 8},
        {"{\"\xC3\xBC\":1,\"\\u00fc\":1}", SCAN_DUPLICATE, 8},
        {"{\"\\u20ac\":1,\"\xE2\x82\xAC\":1}", SCAN_DUPLICATE, 12},
        {"{\"\xF0\x9F\x98\x80\":1,\"\\uD83D\\uDE00\":1}", SCAN_DUPLICATE, 10},
        {"[{\"x\":{\"a\":1,\"a\":1}}]", SCAN_DUPLICATE, 13},
        {"{\"a\":{\"b\":{}},\"c\":1,\"a\":1}", SCAN_DUPLICATE, 20}, /* names of closed objects are gone */
        {"{\"a\":1,\"a", SCAN_TRUNCATED, 9},
    };
    check_all(cases, COUNT(cases));
}

TEST(test_names_that_differ) {
    static const char *const texts[] = {
        "{\"a\":1,\"A\":1}",         /* in case */
        "{\"a\":1,\"aa\":1,\"\":1}", /* one begins the other */
        "{\"\\u0061\":1,\"\\u0061b\":1,\"\\u0061c\":1}",
        "{\"ab\":1,\"\\u0061\":1}",
        "{\"\xC3\xBC\":1,\"u\xCC\x88\":1}", /* in normal form: nobody normalizes names */
        "{\"\\\\u0061\":1,\"a\":1}",        /* a backslash, not an escape */
        "{\"a\":{\"a\":{\"a\":1}}}",        /* in different objects */
        "[{\"a\":1},{\"a\":1}]",
        "{\"a\":{\"b\":1,\"c\":1},\"b\":{\"b\":1,\"c\":1},\"c\":1}",
        "{\"\\ud83d\\ude00\":1,\"\\ud83d\\ude01\":1,\"\xF0\x9F\x98\x82\":1}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        check(texts[i], strlen(texts[i]), SCAN_OK, UNTOUCHED);
        check_large(texts[i], strlen(texts[i]), SCAN_NODES_MAX, SCAN_OK, UNTOUCHED);
    }
}

/* The last of the most members that a text can have equals one of the others. */
TEST(test_duplicate_among_many) {
    for (size_t twin = 1; twin < SCAN_NODES_MAX - 1; twin++) {
        char *text = many_nodes(SCAN_NODES_MAX, '{', '}');
        const size_t last = 1 + 8 * (SCAN_NODES_MAX - 2);
        memcpy(text + last, text + 1 + 8 * (twin - 1), strlen("\"000\""));
        check(text, strlen(text), SCAN_DUPLICATE, last);
        free(text);
    }
}

#define LARGE ((size_t)16384)

TEST(test_large_nodes) {
    static const char brackets[] = "[]{}";
    for (const char *pair = brackets; *pair != '\0'; pair += 2) {
        char *text = many_nodes(LARGE, pair[0], pair[1]);
        const size_t length = strlen(text);
        check_large(text, length, LARGE, SCAN_OK, UNTOUCHED);
        /* Behind the last value: the bracket, and in front of it the one byte of the value. */
        check_large(text, length, LARGE - 1, SCAN_NODES, length - 2);
        free(text);
    }
    check_large("[0]", 3, 1, SCAN_NODES, 1);
    check_large("0", 1, 1, SCAN_OK, UNTOUCHED);
    check_large("0", 1, 0, SCAN_NODES, 0);
    check_large("", 0, LARGE, SCAN_TRUNCATED, 0);
    check_large("[[[[[[[[[", 9, LARGE, SCAN_DEPTH, 8);
}

/* An object of count members with names of `format`, then those of `twins`, all values 0. */
static char *members_then(const char *format, size_t count, const char *twins) {
    char *text = malloc(count * 64 + strlen(twins) + 8);
    assert_non_null(text);
    char *at = text;
    *at++ = '{';
    for (size_t i = 0; i < count; i++) {
        *at++ = '"';
        at += sprintf(at, format, i);
        at += sprintf(at, "\":0,");
    }
    sprintf(at, "%s}", twins);
    return text;
}

static void check_twins(const char *format, const char *twins, size_t behind) {
    char *text = members_then(format, LARGE / 2, twins);
    const size_t length = strlen(text);
    check_large(text, length, LARGE, SCAN_DUPLICATE, length - strlen(twins) - 1 + behind);
    free(text);
}

TEST(test_large_duplicates) {
    check_twins("%05zu", "\"00000\":0", 0);
    check_twins("%05zu", "\"08191\":0", 0);
    check_twins("%05zu", "\"x\":0,\"04711\":0", 6);
    check_twins("%05zu", "\"\\u0030471\\u0031\":0", 0);             /* the same by its escapes */
    check_twins("\\u0030%04zu", "\"04711\":0", 0);                  /* and the other way round */
    check_twins("%05zu", "\"00002\":0,\"00001\":0,\"00002\":0", 0); /* the first in the text, not in order */
    check_twins("%05zu", "\"x\":0,\"x\":0,\"x\":0", 6);
    check_twins("%05zu", "\"o\":{\"00001\":0,\"o\":0},\"00001\":0", 22);
}

/* Names that begin the same and have the one byte that differs last, in no order. */
TEST(test_large_without_duplicates) {
    static const char *const formats[] = {"%zu", "same-beginning-%05zu", "\\u0061\\ud83d\\ude00%zu",
                                          "\xC3\xBC%zu"};
    for (size_t i = 0; i < COUNT(formats); i++) {
        char *text = members_then(formats[i], LARGE / 2, "\"\":{\"a\":0},\"a\":0,\"A\":0,\"\\u00fc\":0");
        check_large(text, strlen(text), LARGE, SCAN_OK, UNTOUCHED);
        free(text);
    }
}

TEST(test_large_without_memory) {
    char *text = members_then("%zu", 1000, "\"x\":0");
    unsigned long failures = 0;
    for (;; failures++) {
        size_t offset = UNTOUCHED;
        countdown_set(failures + 1);
        const enum scan_result result = scan_large(text, strlen(text), LARGE, &offset);
        const int has_failed = countdown_has_failed();
        countdown_set(0);
        if (!has_failed) {
            assert_int_equal(result, SCAN_OK);
            break;
        }
        assert_int_equal(result, SCAN_MEMORY);
        assert_true(offset < strlen(text));
    }
    assert_true(failures > 1);
    free(text);
}

/* No allocation of any kind: datagrams are scanned with the memory that there is. */
TEST(test_value_allocates_nothing) {
    char *text = many_nodes(SCAN_NODES_MAX, '{', '}');
    countdown_set(1);
    assert_int_equal(scan_value(text, strlen(text), NULL), SCAN_OK);
    assert_false(countdown_has_failed());
    countdown_set(0);
    free(text);
}

TEST(test_positions) {
    static const char text[] = "{\n  \"\xC3\xBC\xF0\x9F\x98\x80\": x\r\n}\n";
    static const struct {
        size_t offset;
        size_t line;
        size_t column;
    } cases[] = {{0, 1, 1},  {1, 1, 2},  {2, 2, 1},  {5, 2, 4},  {7, 2, 5},
                 {11, 2, 6}, {14, 2, 9}, {17, 3, 1}, {18, 3, 2}, {19, 4, 1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct scan_position position = scan_position(text, cases[i].offset);
        assert_int_equal(position.line, cases[i].line);
        assert_int_equal(position.column, cases[i].column);
    }
}

TEST(test_result_texts) {
    for (int a = SCAN_OK; a <= SCAN_MEMORY; a++) {
        assert_true(strlen(scan_result_text((enum scan_result)a)) > 0);
        for (int b = SCAN_OK; b < a; b++) {
            assert_string_not_equal(scan_result_text((enum scan_result)a),
                                    scan_result_text((enum scan_result)b));
        }
    }
    assert_string_equal(scan_result_text(SCAN_UTF8), "bytes that are not UTF-8");
    assert_non_null(scan_result_text((enum scan_result)(SCAN_MEMORY + 1)));
}

int main(void) {
    return test_run(NULL, NULL);
}
