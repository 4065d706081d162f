/* SPDX-License-Identifier: MIT */
/* Doubles as text, there and back, against the C library. */
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "number.h"
#include "scan.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SEED 20180801u

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Reads a copy that ends where the text ends, so that a sanitizer sees a read past it. */
static enum number_result read_exactly(const char *text, size_t length, double *value, size_t *stop) {
    char copy[length == 0 ? 1 : length];
    memcpy(copy, text, length);
    const char *at = copy;
    const enum number_result result = number_read(&at, copy + length, value);
    *stop = (size_t)(at - copy);
    return result;
}

static void check_read(const char *text) {
    double value = NAN;
    size_t stop;
    if (read_exactly(text, strlen(text), &value, &stop) != NUMBER_OK || stop != strlen(text) ||
        bits_of(value) != bits_of(strtod(text, NULL))) {
        fail_msg("%s: read %.17g", text, value);
    }
}

TEST(test_reads_what_strtod_reads) {
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.0e7",
        "0e999999999999999999",
        "0.000e-99999999999999",
        "7",
        "21.53",
        "-273.15",
        "1e22",
        "1e23", /* the power is not exact any more */
        "9007199254740992",
        "9007199254740993",
        "9007199254740993.0000000000000000000000000000000000000001",
        "123456789012345678",
        "12345678901234567890123",
        "18446744073709551616",
        "0.1e1",
        "1E+05",
        "1.7976931348623157e308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324", /* rounds to 0, */
        "2.4703282292062328e-324", /* and to the smallest double */
        "1e-400",
        "2.2250738585072011e-308",
        "100000000000000000000000e-22",
        "0.00000000000000000000000000000000000001e38",
        "1.276020076001e+09",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        check_read(texts[i]);
    }
    draw_seed(SEED);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 "e%d", draw() >> draw() % 64,
                 draw() >> draw() % 64, (int)(draw() % 60) - 30);
        check_read(text);
        /* Halfway between two doubles, and a bit beside. */
        const uint64_t bits = draw() >> 11;
        snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)1 << 53 | bits | 1);
        check_read(text);
        snprintf(text, sizeof(text), "%" PRIu64 ".5%s", (uint64_t)1 << 52 | bits >> 1,
                 i % 2 == 0 ? "" : "01");
        check_read(text);
        snprintf(text, sizeof(text), "%.17g", ldexp((double)bits, -(int)(draw() % 80)));
        check_read(text);
    }
}

struct fault_case {
    const char *text;
    enum number_result result;
    size_t stop;
};

TEST(test_refuses) {
    static const struct fault_case cases[] = {
        {"", NUMBER_SYNTAX, 0},
        {"-", NUMBER_SYNTAX, 1},
        {"+1", NUMBER_SYNTAX, 0},
        {".5", NUMBER_SYNTAX, 0},
        {"01", NUMBER_SYNTAX, 1},
        {"-00", NUMBER_SYNTAX, 2},
        {"1.", NUMBER_SYNTAX, 2},
        {"1.e5", NUMBER_SYNTAX, 2},
        {"1e", NUMBER_SYNTAX, 2},
        {"1e+", NUMBER_SYNTAX, 3},
        {"1e-x", NUMBER_SYNTAX, 3},
        {"NaN", NUMBER_SYNTAX, 0},
        {"Infinity", NUMBER_SYNTAX, 0},
        {"1e309", NUMBER_RANGE, 5},
        {"-1.7976931348623159e308", NUMBER_RANGE, 23},
        {"1e99999999999999999999", NUMBER_RANGE, 22},
        {"1111111111111111111111111111111111111111111111111111111111111111", NUMBER_LONG, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 7;
        size_t stop;
        const struct fault_case *c = &cases[i];
        const enum number_result result = read_exactly(c->text, strlen(c->text), &value, &stop);
        if (result != c->result || stop != c->stop || value != 7) {
            fail_msg("%s: %d at %zu", c->text, (int)result, stop);
        }
    }
}

TEST(test_stops_behind_the_number) {
    double value;
    size_t stop;
    assert_int_equal(read_exactly("1.5,", 4, &value, &stop), NUMBER_OK);
    assert_int_equal(stop, 3);
    assert_int_equal(read_exactly("0x10", 4, &value, &stop), NUMBER_OK);
    assert_int_equal(stop, 1);
    assert_int_equal(read_exactly("15", 1, &value, &stop), NUMBER_OK);
    assert_true(value == 1);
}

/* Written, it is JSON, brings the same bits back, and has no more digits than the shortest of the C
 * library's. */
static void check_written(double value) {
    char text[NUMBER_TEXT_BYTES_MAX + 1];
    const size_t length = number_write(value, text);
    text[length] = '\0';
    double again = NAN;
    const char *at = text;
    if (scan_value(text, length, NULL) != SCAN_OK || number_read(&at, text + length, &again) != NUMBER_OK ||
        bits_of(again) != bits_of(value) || bits_of(strtod(text, NULL)) != bits_of(value)) {
        fail_msg("%.17g (%016" PRIx64 "): wrote %s", value, bits_of(value), text);
    }
    char shortest[40];
    for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(shortest, sizeof(shortest), "%.*e", digits - 1, value);
        if (strtod(shortest, NULL) == value) {
            break;
        }
    }
    size_t has = 0;
    size_t needs = 0;
    for (const char *byte = text; *byte != '\0' && *byte != 'e'; byte++) {
        has += *byte >= (has == 0 ? '1' : '0') && *byte <= '9';
    }
    for (const char *byte = shortest; *byte != 'e'; byte++) {
        needs += *byte >= '0' && *byte <= '9';
    }
    /* An integer has its zeros. */
    if (has > needs && strpbrk(text, ".e") != NULL) {
        fail_msg("%s: wrote %s", shortest, text);
    }
}

TEST(test_writes_what_reads_back) {
    static const double values[] = {0.1 + 0.2,
                                    1e15,
                                    1e16,
                                    1e17,
                                    1e18,
                                    1e22,
                                    1e23,
                                    123456789012345678.0,
                                    999999999.9999999,
                                    999999999999999.9,
                                    0.09999999999999999,
                                    0.00001,
                                    0.000009999999999999999,
                                    0.0000001,
                                    5e-324,
                                    DBL_MIN,
                                    DBL_MAX,
                                    DBL_EPSILON,
                                    9007199254740993.0,
                                    0.5,
                                    1.0 / 3};
    for (size_t i = 0; i < COUNT(values); i++) {
        check_written(values[i]);
        check_written(-values[i]);
        check_written(nextafter(values[i], INFINITY) <= DBL_MAX ? nextafter(values[i], INFINITY) : 0);
        check_written(nextafter(values[i], 0));
    }
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        check_written(ldexp(1, exponent));
        check_written(nextafter(ldexp(1, exponent), 0));
    }
    draw_seed(SEED);
    for (int i = 0; i < 100000; i++) {
        const double any = double_of(draw());
        check_written(isfinite(any) ? any : 0);
        check_written(ldexp((double)(draw() >> 11), (int)(draw() % 100) - 80));
        check_written((double)(draw() % 1000000000) / 1000);
        check_written((double)(draw() >> draw() % 60));
    }
}

static void check_text(double value, const char *expected) {
    char text[NUMBER_TEXT_BYTES_MAX + 1];
    text[number_write(value, text)] = '\0';
    assert_string_equal(text, expected);
}

TEST(test_writes_for_people) {
    check_text(0, "0");
    check_text(-0.0, "-0");
    check_text(21, "21");
    check_text(21.53, "21.53");
    check_text(-273.15, "-273.15");
    check_text(0.5, "0.5");
    check_text(0.000001, "0.000001");
    check_text(1000000, "1000000");
    check_text(0.1 + 0.2, "0.30000000000000004");
    check_text(3.141592653589793, "3.141592653589793");
    check_text(1e300, "1e300");
    check_text(1.5e-9, "1.5e-9");
    check_text(1e21, "1e21");
}

static void check_millionths(int64_t millionths, const char *expected) {
    char text[NUMBER_TEXT_BYTES_MAX + 1];
    text[number_write_millionths(millionths, text)] = '\0';
    assert_string_equal(text, expected);
}

TEST(test_millionths) {
    check_millionths(0, "0");
    check_millionths(1, "0.000001");
    check_millionths(-1, "-0.000001");
    check_millionths(-1500000, "-1.5");
    check_millionths(10000000, "10");
    check_millionths(1700000000123456, "1700000000.123456");
    check_millionths(INT64_MAX, "9223372036854.775807");
    check_millionths(INT64_MIN, "-9223372036854.775808");
}

/* A decimal point that is a comma changes nothing. */
TEST(test_any_locale) {
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "fa_IR.UTF-8"};
    for (size_t i = 0; i < COUNT(locales); i++) {
        if (setlocale(LC_ALL, locales[i]) == NULL) {
            continue; /* not installed here */
        }
        double value;
        const char *text = "1234567890123456789.5e-3";
        const char *at = text;
        assert_int_equal(number_read(&at, text + strlen(text), &value), NUMBER_OK);
        assert_true(value == 1234567890123456.7895);
        check_text(0.1 + 0.2, "0.30000000000000004");
        check_text(1.5e-9, "1.5e-9");
        setlocale(LC_ALL, "C");
    }
}

TEST(test_integers_are_written_with_all_digits) {
    const uint64_t integers[] = {0, 1, 9, 10, 99, 100, 1234567890, 9007199254740991, UINT64_MAX};
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        char text[NUMBER_TEXT_BYTES_MAX + 1];
        char expected[NUMBER_TEXT_BYTES_MAX];
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)integers[i]);
        text[number_write_integer(integers[i], text)] = '\0';
        assert_string_equal(text, expected);
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
