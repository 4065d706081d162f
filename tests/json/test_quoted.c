/* SPDX-License-Identifier: MIT */
/* The strings of JSON: what is one, and what it says. */
#include "quoted.h"

#include "test.h"

/* Reads a text from behind its opening quote. */
static enum quoted_result read(const char *text, struct quoted *string, size_t *offset) {
    const char *at = text;
    enum quoted_result result = quoted_read(&at, text + strlen(text), string);
    *offset = (size_t)(at - text);
    return result;
}

static struct quoted string_of(const char *text) {
    struct quoted string;
    size_t offset;
    assert_int_equal(read(text, &string, &offset), QUOTED_OK);
    assert_int_equal(offset, strlen(text));
    assert_int_equal(string.length, strlen(text) - 1);
    return string;
}

TEST(a_fault_is_named_and_found) {
    static const struct {
        const char *text;
        enum quoted_result result;
        size_t offset;
    } cases[] = {
        {"", QUOTED_CUT, 0},
        {"ab", QUOTED_CUT, 2},
        {"ab\\", QUOTED_CUT, 3},
        {"ab\\u00", QUOTED_CUT, 6},
        {"ab\\ud83d", QUOTED_CUT, 8},
        {"ab\\ud83d\\", QUOTED_CUT, 9},
        {"ab\\ud83d\\udc0", QUOTED_CUT, 13},
        {"ab\xC3", QUOTED_CUT, 3},
        {"ab\n\"", QUOTED_CONTROL, 2},
        {"ab\xFF\"", QUOTED_UTF8, 2},
        {"ab\xC3\"", QUOTED_UTF8, 2},
        {"ab\\x\"", QUOTED_ESCAPE, 2},
        {"ab\\u12g4\"", QUOTED_DIGITS, 2},
        {"ab\\u0000\"", QUOTED_NUL, 2},
        {"ab\\udc00\"", QUOTED_SURROGATE, 2},
        {"ab\\ud83d\"", QUOTED_SURROGATE, 2},
        {"ab\\ud83d\\n\"", QUOTED_SURROGATE, 2},
        {"ab\\ud83d\\u0041\"", QUOTED_SURROGATE, 2},
        {"ab\\ud83d\\u00g1\"", QUOTED_DIGITS, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct quoted string;
        size_t offset;
        enum quoted_result result = read(cases[i].text, &string, &offset);
        if (result != cases[i].result || offset != cases[i].offset) {
            fail_msg("%s: %d at %zu", cases[i].text, result, offset);
        }
    }
}

TEST(escapes_are_decoded) {
    const struct quoted plain = string_of("plain \xC3\xBC\"");
    const struct quoted escaped = string_of("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fc\\uD83D\\uDe00x\"");
    char text[32];
    size_t length;
    assert_false(plain.has_escapes);
    assert_true(quoted_copy(&plain, text, sizeof text, &length));
    assert_string_equal(text, "plain \xC3\xBC");
    assert_true(escaped.has_escapes);
    assert_true(quoted_copy(&escaped, text, sizeof text, &length));
    assert_string_equal(text, "\"\\/\b\f\n\r\t\xC3\xBC\xF0\x9F\x98\x80x");
    assert_int_equal(length, strlen(text));
}

TEST(a_copy_fits_or_is_refused) {
    const struct quoted plain = string_of("four\"");
    const struct quoted escaped = string_of("fo\\u00fc\"");
    char text[5];
    size_t length = 9;
    assert_true(quoted_copy(&plain, text, 5, &length));
    assert_int_equal(length, 4);
    assert_false(quoted_copy(&plain, text, 4, &length));
    assert_true(quoted_copy(&escaped, text, 5, &length));
    assert_false(quoted_copy(&escaped, text, 4, &length));
}

TEST(the_order_is_that_of_code_points) {
    /* U+FFFD is before U+1F600, though its UTF-16 unit is behind. */
    static const char *const sorted[] = {"\"", "a\"", "ab\"", "b\"", "\\uFFFD\"", "\\uD83D\\uDE00\""};
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 6; k++) {
            const struct quoted a = string_of(sorted[i]);
            const struct quoted b = string_of(sorted[k]);
            const int difference = quoted_compare(&a, &b);
            assert_int_equal((difference > 0) - (difference < 0), (i > k) - (i < k));
            assert_int_equal(quoted_is_same(&a, &b), i == k);
        }
    }
    const struct quoted a = string_of("a\"");
    const struct quoted same = string_of("\\u0061\"");
    assert_true(quoted_is_same(&a, &same));
}

int main(void) {
    return test_run(NULL, NULL);
}
