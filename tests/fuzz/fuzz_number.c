/* SPDX-License-Identifier: MIT */
/* Numbers: read as strtod() reads them, bit for bit, and written so that they come back. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "number.h"

static void check_text(const uint8_t *bytes, size_t length) {
    char *text = malloc(length + 1);
    REQUIRE(text != NULL);
    memcpy(text, bytes, length);
    text[length] = '\0';
    const char *at = text;
    double value = 0;
    enum number_result result = number_read(&at, text + length, &value);
    if (result == NUMBER_OK || result == NUMBER_RANGE) {
        /* strtod() takes more texts than JSON has: only what was taken as a number is its own. */
        char *number = strndup(text, (size_t)(at - text));
        char *end;
        REQUIRE(number != NULL);
        double other = strtod(number, &end);
        REQUIRE(*end == '\0');
        REQUIRE((result == NUMBER_RANGE) == (isinf(other) != 0));
        REQUIRE(result == NUMBER_RANGE || memcmp(&value, &other, sizeof value) == 0);
        free(number);
    }
    const char *skipped = text;
    enum number_result skip = number_skip(&skipped, text + length);
    REQUIRE(skipped == at && (skip == result || result == NUMBER_RANGE));
    free(text);
}

static void check_double(const uint8_t *bytes) {
    double value;
    double back;
    char text[NUMBER_TEXT_BYTES_MAX];
    memcpy(&value, bytes, sizeof value);
    if (isfinite(value)) {
        const char *at = text;
        size_t length = number_write(value, text);
        REQUIRE(number_read(&at, text + length, &back) == NUMBER_OK && at == text + length);
        REQUIRE(back == value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    check_text(bytes, length);
    if (length >= sizeof(double)) {
        check_double(bytes);
    }
    return 0;
}
