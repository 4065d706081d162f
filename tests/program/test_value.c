/* SPDX-License-Identifier: MIT */
/* Values as users write them. */
#include <stdbool.h>
#include <string.h>

#include "fixture.h"
#include "value.h"

TEST(test_numbers) {
    static const char *const wrong[] = {
        "", "x", "1x", " 1", "+1", "-1", "0x1", "1.0", "0", "11", "18446744073709551617"};
    uint64_t number = 99;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_false(value_number(wrong[i], 1, 10, &number));
        assert_int_equal(number, 99);
    }
    assert_true(value_number("010", 1, 10, &number));
    assert_int_equal(number, 10);
    assert_true(value_number("18446744073709551615", 0, UINT64_MAX, &number));
    assert_true(number == UINT64_MAX);
}

TEST(test_durations) {
    static const struct {
        const char *text;
        uint64_t ms;
    } right[] = {
        {"5", 5000},     {"0.5", 500},     {"2s", 2000},         {"500ms", 500}, {"1.5m", 90000},
        {"1h", 3600000}, {"1.0015", 1001}, {"0.123456789", 123}, {"0.5ms", 0},   {"1000000s", 1000000000}};
    static const char *const wrong[] = {"",    "s",   ".5",  "5.",  "-1", "+1", " 1",         "1 s",
                                        "1e3", "1s1", "0x1", "nan", "1S", "1d", "1234567890", "1.1234567890"};
    struct reason reason;
    uint64_t ms;
    for (size_t i = 0; i < COUNT(right); i++) {
        ms = UINT64_MAX;
        assert_int_equal(value_duration(right[i].text, 0, UINT64_MAX, &ms, &reason), 0);
        assert_int_equal(ms, right[i].ms);
    }
    ms = 99;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(value_duration(wrong[i], 0, UINT64_MAX, &ms, &reason), -1);
    }
    assert_int_equal(value_duration("99ms", 100, 3600000, &ms, &reason), -1);
    assert_string_equal(reason.text, "expected a time from 100ms to 1h such as 5, 2.5s or 1m, got '99ms'");
    assert_int_equal(value_duration("3601", 100, 3600000, &ms, &reason), -1);
    assert_int_equal(ms, 99);
}

static const char *word(size_t i) {
    static const char *const words[] = {"one", "two", "three", NULL};
    return words[i];
}

TEST(test_words) {
    struct reason reason;
    size_t index = 9;
    assert_int_equal(value_word("three", word, &index, &reason), 0);
    assert_int_equal(index, 2);
    assert_int_equal(value_word("four", word, &index, &reason), -1);
    assert_string_equal(reason.text, "expected one, two or three, got 'four'");
    assert_int_equal(value_word("thre", word, &index, &reason), -1);
    assert_string_equal(reason.text, "expected one, two or three, got 'thre'; did you mean 'three'?");
    assert_int_equal(value_word("", word, &index, &reason), -1);
    assert_int_equal(index, 2);
}

TEST(test_items) {
    const char *list = "a,,longer";
    char item[4];
    static const char *const expected[] = {"a", "", "lon"};
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_true(value_next_item(&list, item, sizeof(item)));
        assert_string_equal(item, expected[i]);
    }
    assert_false(value_next_item(&list, item, sizeof(item)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
