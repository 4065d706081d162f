/* SPDX-License-Identifier: MIT */
/* What a reading may be waited for. */
#include <string.h>

#include "condition.h"
#include "fixture.h"

static bool holds(const char *text, struct muster_record record) {
    struct condition condition;
    struct reason reason;
    if (condition_parse(text, &condition, &reason) != 0) {
        fail_msg("%s: %s", text, reason.text);
    }
    record.name = "kitchen/t";
    record.text_length = record.text != NULL ? strlen(record.text) : 0;
    return condition_holds(&condition, &record);
}

TEST(test_what_is_a_condition) {
    assert_true(condition_is_one("a<5"));
    assert_true(condition_is_one("a = b"));
    assert_true(condition_is_one("a !"));
    assert_false(condition_is_one("nas"));
    assert_false(condition_is_one("name:a<b"));
    assert_false(condition_is_one("type:a=b"));
}

TEST(test_numbers) {
    static const struct {
        const char *text;
        bool at_4;
        bool at_5;
        bool at_6;
    } cases[] = {{"kitchen/t < 5", true, false, false},     {"kitchen/t<=5", true, true, false},
                 {"kitchen/t\t>  5.0", false, false, true}, {"kitchen/t >= 5e0", false, true, true},
                 {"+/t == 5", false, true, false},          {"# = 5", false, true, false},
                 {"kitchen/t != 5", true, false, true},     {"cellar/t < 9", false, false, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const bool expected[] = {cases[i].at_4, cases[i].at_5, cases[i].at_6};
        for (int j = 0; j < 3; j++) {
            const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER, .number = 4 + j};
            assert_int_equal(holds(cases[i].text, record), expected[j]);
        }
    }
    assert_false(holds("kitchen/t < 5", (struct muster_record){.kind = MUSTER_VALUE_TEXT, .text = "4"}));
    assert_false(holds("kitchen/t < 5", (struct muster_record){.kind = MUSTER_VALUE_NONE}));
    assert_true(holds("kitchen/t < -5", (struct muster_record){.kind = MUSTER_VALUE_NUMBER, .number = -6}));
}

TEST(test_other_values) {
    const struct muster_record open = {.kind = MUSTER_VALUE_TEXT, .text = "wide open"};
    const struct muster_record on = {.kind = MUSTER_VALUE_BOOLEAN, .boolean = true};
    assert_true(holds("kitchen/t = wide open", open));
    assert_false(holds("kitchen/t = wide", open));
    assert_true(holds("kitchen/t != closed", open));
    assert_true(holds("kitchen/t = true", on));
    assert_false(holds("kitchen/t = false", on));
    assert_true(holds("kitchen/t != false", on));
    assert_false(holds("kitchen/t = 1", on));
}

TEST(test_what_is_wrong) {
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"a <", "expected TOPIC OPERATOR VALUE such as 'kitchen/temperature < 5', got 'a <'"},
        {"a ! b", "expected TOPIC OPERATOR VALUE such as 'kitchen/temperature < 5', got 'a ! b'"},
        {"a < warm", "expected a number behind < and >, got 'warm'"},
        {"kitchen/* < 5", "+ stands for one level, and # at the end for all that follow, got 'kitchen/*'"},
        {"a >= true", "expected a number behind < and >, got 'true'"},
    };
    struct condition condition;
    struct reason reason;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(condition_parse(cases[i].text, &condition, &reason), -1);
        assert_string_equal(reason.text, cases[i].reason);
    }
    assert_int_equal(condition_parse("a b < 5", &condition, &reason), -1);
    assert_int_equal(condition_parse("< 5", &condition, &reason), -1);
    char longest[400];
    memset(longest, 'a', sizeof(longest));
    snprintf(longest + 300, 8, " < 5");
    assert_int_equal(condition_parse(longest, &condition, &reason), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_condition),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_other_values),
        cmocka_unit_test(test_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
