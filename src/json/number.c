/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

/* A double holds integers up to here, and powers of ten up to 10^22, exactly: their product and quotient are
 * then rounded once, and so correctly (W. D. Clinger, How to read floating point numbers accurately). */
#define EXACT_INTEGER_MAX ((uint64_t)1 << 53)
#define EXACT_POWER_MAX 22

/* Where the compiler computes with more precision than a double has, it would round twice. */
#define IS_ROUNDED_ONCE (FLT_EVAL_METHOD == 0)

/* Digits that 64 bits always have room for. */
#define DIGITS_64 19

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 uint128;
#endif

/* No double needs an exponent near it, and no sum with it overflows. */
#define EXPONENT_MAX 99999

static const double powers_of_ten[EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* ---- reading ---- */

/* A number as it stands in the text: digits * 10^exponent. */
struct decimal {
    bool is_negative;
    uint64_t digits; /* significant ones, as far as digit_count says that 64 bits hold them */
    size_t digit_count;
    int exponent;
};

static bool is_digit(const char *at, const char *end) {
    return at < end && (unsigned char)(*at - '0') <= 9;
}

/* Takes digits as long as there are any; leading zeros are not significant. */
static const char *read_digits(const char *at, const char *end, struct decimal *decimal) {
    uint64_t digits = decimal->digits;
    size_t count = decimal->digit_count;
    for (; is_digit(at, end); at++) {
        digits = digits * 10 + (uint64_t)(*at - '0');
        count += digits != 0 || count != 0;
    }
    decimal->digits = digits;
    decimal->digit_count = count;
    return at;
}

/* The digits behind "e", which the exponent of the fraction is added to. NULL with *stop. */
static const char *read_exponent(const char *at, const char *end, int *exponent, const char **stop) {
    const bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    if (!is_digit(at, end)) {
        *stop = at;
        return NULL;
    }
    int written = 0;
    for (; is_digit(at, end); at++) {
        written = written > EXPONENT_MAX ? written : written * 10 + (*at - '0');
    }
    *exponent += is_negative ? -written : written;
    return at;
}

/* Goes through the grammar. Returns the end, or NULL with *stop at what is not of it. */
static const char *read_decimal(const char *at, const char *end, struct decimal *decimal, const char **stop) {
    *decimal = (struct decimal){.is_negative = at < end && *at == '-'};
    at += decimal->is_negative;
    const char *integer = at;
    at = read_digits(at, end, decimal);
    if (at == integer || (*integer == '0' && at - integer > 1)) {
        *stop = at == integer ? at : integer + 1;
        return NULL;
    }
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = read_digits(fraction, end, decimal);
        if (at == fraction) {
            *stop = at;
            return NULL;
        }
        decimal->exponent = at - fraction > EXPONENT_MAX ? -EXPONENT_MAX : (int)(fraction - at);
    }
    return at < end && (*at | 0x20) == 'e' ? read_exponent(at + 1, end, &decimal->exponent, stop) : at;
}

/* False where the value can't be had by one rounding. */
static bool convert_fast(const struct decimal *decimal, double *value) {
    if (!IS_ROUNDED_ONCE || decimal->digit_count > DIGITS_64 || decimal->digits > EXACT_INTEGER_MAX) {
        return false;
    }
    const double digits = (double)decimal->digits;
    if (decimal->exponent >= 0 && decimal->exponent <= EXACT_POWER_MAX) {
        *value = digits * powers_of_ten[decimal->exponent];
    } else if (decimal->exponent < 0 && decimal->exponent >= -EXACT_POWER_MAX) {
        *value = digits / powers_of_ten[-decimal->exponent];
    } else {
        return false;
    }
    *value = decimal->is_negative ? -*value : *value;
    return true;
}

#ifdef __SIZEOF_INT128__
/* Divides exactly, for fractions of as many digits as 64 bits hold. False for all others. */
static bool convert_wide(const struct decimal *decimal, double *value) {
    if (decimal->digit_count > DIGITS_64 || decimal->digits == 0 || decimal->exponent > 0 ||
        decimal->exponent < -DIGITS_64) {
        return false;
    }
    const int scale = __builtin_clzll(decimal->digits) + 63;
    const uint128 dividend = (uint128)decimal->digits << scale;
    const uint64_t divisor = (uint64_t)powers_of_ten[-decimal->exponent];
    uint128 quotient = dividend / divisor;
    bool has_rest = quotient * divisor != dividend;
    const uint64_t high = (uint64_t)(quotient >> 64);
    const int shift = high == 0 ? 0 : 64 - __builtin_clzll(high);
    has_rest = has_rest || (quotient & (((uint128)1 << shift) - 1)) != 0;
    /* 62 bits at least: the last one is behind those that rounding looks at one by one, so it may stand for
     * the rest. */
    const uint64_t rounded = (uint64_t)(quotient >> shift) | has_rest;
    *value = ldexp((double)rounded, shift - scale);
    *value = decimal->is_negative ? -*value : *value;
    return true;
}
#else
static bool convert_wide(const struct decimal *decimal, double *value) {
    (void)decimal;
    (void)value;
    return false;
}
#endif

/* Has the C library do it, with all digits and an exponent, but no decimal point: that depends on the locale.
 */
static double convert_slowly(const char *at, const char *end, int exponent) {
    char text[SCAN_NUMBER_BYTES_MAX + sizeof("e-2147483648")];
    size_t length = 0;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at != '.') {
            text[length++] = *at;
        }
    }
    snprintf(text + length, sizeof(text) - length, "e%d", exponent);
    return strtod(text, NULL);
}

static enum number_result read_bounded(const char **at, const char *end, struct decimal *decimal) {
    const char *behind = read_decimal(*at, end, decimal, at);
    if (behind == NULL) {
        return NUMBER_SYNTAX;
    }
    if (behind - *at > SCAN_NUMBER_BYTES_MAX) {
        return NUMBER_LONG;
    }
    *at = behind;
    return NUMBER_OK;
}

enum number_result number_skip(const char **at, const char *end) {
    struct decimal decimal;
    return read_bounded(at, end, &decimal);
}

enum number_result number_read(const char **at, const char *end, double *value) {
    const char *begin = *at;
    struct decimal decimal;
    const enum number_result result = read_bounded(at, end, &decimal);
    if (result != NUMBER_OK) {
        return result;
    }
    double converted;
    if (!convert_fast(&decimal, &converted) && !convert_wide(&decimal, &converted)) {
        converted = convert_slowly(begin, *at, decimal.exponent);
    }
    if (!isfinite(converted)) {
        return NUMBER_RANGE;
    }
    *value = converted;
    return NUMBER_OK;
}

/* ---- writing ---- */

/* Digits that any decimal of so many survives a double with, and that any double survives a decimal with. */
#define DIGITS_MIN DBL_DIG
#define DIGITS_MAX DBL_DECIMAL_DIG

/* Integers below it have no more than DIGITS_MIN digits. */
#define INTEGER_END 1e15

/* Numbers below it have no more than DIGITS_MIN digits together with MILLIONTH_DIGITS of a fraction. */
#define MILLIONTHS_END 1e9
#define MILLIONTHS 1e6
#define MILLIONTH_DIGITS 6

/* A point goes between digits, or before them with zeros, as long as it needs no more places than these. */
#define POINT_MAX 17
#define POINT_MIN (-5)

/* Two digits at a time, from the last one: half the divisions. */
size_t number_write_integer(uint64_t integer, char text[NUMBER_TEXT_BYTES_MAX]) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    char digits[DIGITS_64 + 1];
    size_t begin = sizeof digits;
    while (integer >= 100) {
        begin -= 2;
        memcpy(digits + begin, pairs + 2 * (integer % 100), 2);
        integer /= 100;
    }
    digits[--begin] = pairs[2 * integer + 1];
    if (integer >= 10) {
        digits[--begin] = pairs[2 * integer];
    }
    memcpy(text, digits + begin, sizeof digits - begin);
    return sizeof digits - begin;
}

/* Writes 0.DIGITS * 10^point, a point between -5 and the number of digits or a bit more, without an exponent.
 */
static size_t write_positional(const char *digits, size_t count, int point, char *text) {
    size_t length = 0;
    if (point <= 0) {
        const size_t zeros = (size_t)-point;
        memcpy(text, "0.", 2);
        memset(text + 2, '0', zeros);
        memcpy(text + 2 + zeros, digits, count);
        return 2 + zeros + count;
    }
    for (size_t i = 0; i < count || i < (size_t)point; i++) {
        if (i == (size_t)point) {
            text[length++] = '.';
        }
        text[length++] = i < count ? digits[i] : '0';
    }
    return length;
}

static size_t write_exponential(const char *digits, size_t count, int point, char *text) {
    size_t length = 0;
    text[length++] = digits[0];
    if (count > 1) {
        text[length++] = '.';
        memcpy(text + length, digits + 1, count - 1);
        length += count - 1;
    }
    return length + (size_t)snprintf(text + length, NUMBER_TEXT_BYTES_MAX - 1 - length, "e%d", point - 1);
}

static size_t write_digits(const char *digits, size_t count, int point, char *text) {
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    return point >= POINT_MIN && point <= POINT_MAX ? write_positional(digits, count, point, text)
                                                    : write_exponential(digits, count, point, text);
}

/* Writes integer / 10^places, which is not 0. */
static size_t write_scaled(uint64_t integer, int places, char *text) {
    char digits[NUMBER_TEXT_BYTES_MAX];
    const size_t count = number_write_integer(integer, digits);
    return write_digits(digits, count, (int)count - places, text);
}

/* Integers, and decimals with few digits behind the point: what sensors say. 0 when it is neither. */
static size_t write_short(double magnitude, char *text) {
    if (magnitude < INTEGER_END && magnitude == (double)(uint64_t)magnitude) {
        return number_write_integer((uint64_t)magnitude, text);
    }
    if (!IS_ROUNDED_ONCE || magnitude >= MILLIONTHS_END) {
        return 0;
    }
    /* It may be rounded to the wrong side here, but not in the quotient that proves it. */
    const uint64_t millionths = (uint64_t)(magnitude * MILLIONTHS + 0.5);
    if ((double)millionths / MILLIONTHS != magnitude) {
        return 0;
    }
    return write_scaled(millionths, MILLIONTH_DIGITS, text);
}

#ifdef __SIZEOF_INT128__
#define MANTISSA_BITS 53

/* What 128 bits hold exactly: a mantissa times a power of ten that leaves DIGITS_MAX digits before the point.
 */
#define WIDE_BEGIN 1e-5
#define WIDE_END 1e15

static uint128 power_of_ten(int exponent) {
    uint128 power = (uint64_t)powers_of_ten[exponent < DIGITS_64 ? exponent : DIGITS_64];
    for (; exponent > DIGITS_64; exponent--) {
        power *= 10;
    }
    return power;
}

/* The integer nearest to mantissa / 2^shift * 10^places, and whether integer / 10^places is that double
 * again: whether it is nearer to it than half the distance of its neighbours, of which the lower one of a
 * power of two is half as far. */
static uint64_t scale(uint64_t mantissa, int shift, int places, bool *is_same) {
    const uint128 power = power_of_ten(places);
    const uint128 exact = mantissa * power;
    const uint128 rest = exact & (((uint128)1 << shift) - 1);
    const uint128 half = (uint128)1 << (shift - 1);
    const uint128 distance = rest < half ? rest : ((uint128)1 << shift) - rest;
    const bool is_power_of_two = mantissa == (uint64_t)1 << (MANTISSA_BITS - 1);
    *is_same = distance * (is_power_of_two ? 4 : 2) < power;
    return (uint64_t)(exact >> shift) + (rest < half ? 0 : 1);
}

/* Digits before the point, negative for zeros behind it; one too many where a product is rounded up to 1. */
static int point_of(double magnitude) {
    int point = 0;
    while (magnitude >= powers_of_ten[point]) {
        point++;
    }
    while (point <= 0 && magnitude * powers_of_ten[1 - point] < 1) {
        point--;
    }
    return point;
}

/* Any double of a middle size. 0 when it is none. */
static size_t write_wide(double magnitude, char *text) {
    if (magnitude < WIDE_BEGIN || magnitude >= WIDE_END) {
        return 0;
    }
    int exponent;
    const uint64_t mantissa = (uint64_t)ldexp(frexp(magnitude, &exponent), MANTISSA_BITS);
    const int shift = MANTISSA_BITS - exponent;
    const int point = point_of(magnitude);
    for (int count = DIGITS_MIN; count <= DIGITS_MAX + 1; count++) {
        bool is_same;
        const uint64_t integer = scale(mantissa, shift, count - point, &is_same);
        if (is_same) {
            return write_scaled(integer, count - point, text);
        }
    }
    return 0;
}
#else
static size_t write_wide(double magnitude, char *text) {
    (void)magnitude;
    (void)text;
    return 0;
}
#endif

/* Takes the digits of what the C library printed with an exponent, whatever its decimal point is. Returns
 * their number, and where the point is. */
static size_t take_digits(const char *printed, char *digits, int *point) {
    size_t count = 0;
    for (; *printed != 'e'; printed++) {
        if (*printed >= '0' && *printed <= '9') {
            digits[count++] = *printed;
        }
    }
    *point = atoi(printed + 1) + 1;
    return count;
}

/* Whatever the others leave. */
static size_t write_slowly(double magnitude, char *text) {
    size_t length = 0;
    for (int count = DIGITS_MIN; count <= DIGITS_MAX; count++) {
        char printed[NUMBER_TEXT_BYTES_MAX + 16]; /* a decimal point may have several bytes */
        char digits[DIGITS_MAX + 1];
        int point;
        snprintf(printed, sizeof(printed), "%.*e", count - 1, magnitude);
        const size_t taken = take_digits(printed, digits, &point);
        length = write_digits(digits, taken, point, text);
        const char *at = text;
        double again;
        if (number_read(&at, text + length, &again) == NUMBER_OK && again == magnitude) {
            break;
        }
    }
    return length;
}

size_t number_write(double value, char text[NUMBER_TEXT_BYTES_MAX]) {
    assert(isfinite(value));
    const size_t sign = signbit(value) ? 1 : 0;
    text[0] = '-';
    const double magnitude = fabs(value);
    size_t length = write_short(magnitude, text + sign);
    if (length == 0) {
        length = write_wide(magnitude, text + sign);
    }
    if (length == 0) {
        length = write_slowly(magnitude, text + sign);
    }
    return sign + length;
}

size_t number_write_millionths(int64_t millionths, char text[NUMBER_TEXT_BYTES_MAX]) {
    const size_t sign = millionths < 0 ? 1 : 0;
    const uint64_t magnitude = millionths < 0 ? 0 - (uint64_t)millionths : (uint64_t)millionths;
    text[0] = '-';
    if (magnitude % (uint64_t)MILLIONTHS == 0) {
        return sign + number_write_integer(magnitude / (uint64_t)MILLIONTHS, text + sign);
    }
    return sign + write_scaled(magnitude, MILLIONTH_DIGITS, text + sign);
}
