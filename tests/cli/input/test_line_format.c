/* SPDX-License-Identifier: MIT */
/* Lines of other programs, by a template or by the columns of their heading. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "line_format.h"

#define NOW_S 1700000000.0

static const struct reading_style plain = {.topic = NULL};
static const struct reading_style below = {.topic = "a/b"};

static struct line_format format;
static struct json_line got;

/* What a line becomes, with its unit and time where they are its own; or why it is bad. */
static const char *translate(const struct reading_style *style, const char *line) {
    static char text[256];
    struct reading_fault fault;
    memset(&got, 0, sizeof(got));
    switch (line_format_read(&format, style, line, strlen(line), NOW_S, &got, &fault)) {
    case JSON_LINE_READ: {
        const size_t length = (size_t)snprintf(text, sizeof(text), "%.*s", (int)got.length, got.text);
        snprintf(text + length, sizeof(text) - length, got.now_s == NOW_S ? "%s%s%s" : "%s%s%s @%.3f",
                 got.style.unit != NULL ? " in " : "", got.style.unit != NULL ? got.style.unit : "",
                 got.style.text ? " as text" : "", got.now_s);
        return text;
    }
    case JSON_LINE_BAD: return strcpy(text, fault.reason.text);
    case JSON_LINE_EMPTY: return "";
    case JSON_LINE_OTHER: break;
    }
    return "other";
}

static void check(const char *template, const char *line, const char *expected) {
    struct reason reason;
    memset(&format, 0, sizeof(format));
    assert_int_equal(line_format_parse(template, &format.template, &reason), 0);
    assert_string_equal(translate(line_format_has_topic(template) ? &plain : &below, line), expected);
}

TEST(test_templates) {
    check("%t %v", "a/b 21.5", "a/b 21.5");
    check("%t %v", "a/b \t two words \r", "a/b two words");
    check("%t\\t%v", "a/b\t1 2", "a/b 1 2");
    check("%s;%t;%v", "1600000000.5;a;7", "a 7 @1600000000.500");
    check("%s;%t;%v", "2020-09-13T12:26:40Z;a;7", "a 7 @1600000000.000");
    check("%* %v%% of %t", "now 40% of disk/sda", "disk/sda 40");
    check("%t=%v %u", "a=5 Cel", "a 5 in Cel");
    check("load %v %*", "load 0.25 0.5 1", "0.25");
    check("%t %v", "", "");
    check("%t;%v", "a;", "");
    check("%t %v", "alone", "expected a line such as '%t %v'");
    check("%t=%v;", "a=5", "expected a line such as '%t=%v;'");
    check("%s %t %v", "soon a 1", "expected seconds since 1970, or a date and time, got 'soon'");
}

TEST(test_blanks_at_the_end) {
    check("%t\\t%v\\t%u", "a\t5\t", "a 5");
    check("%t %v %u", "a 5 Cel ", "a 5 in Cel");
    check("%t=%v ", "a=5 ", "a 5");
    check("%t;%v", " a ; 5 ", "a 5");
    check("%t;%v", " \t ", "");
}

/* Else a part of the topic would be published as the value. */
TEST(test_topics_that_are_none) {
    static const char long_unit[] = "a;5;ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLM";
    check("%t;%v", "kitchen temp;21", "a topic has no spaces, got 'kitchen temp'");
    check("%t;%v", ";x 5", "a topic has at least one character, got ''");
    check("%t;%v", "[{\"n\":\"x\",\"v\":1}];5",
          "a topic has the characters A-Z a-z 0-9 - : . / _ only, got '[{\"n\":\"x\",\"v\":1}]'");
    check("%t;%v;%u", long_unit, "expected a unit of at most 63 bytes");
}

TEST(test_a_nul_is_no_end) {
    struct reading_fault fault;
    memset(&format, 0, sizeof(format));
    format.template = "%t %v";
    assert_int_equal(line_format_read(&format, &plain, "a 21\0 5", 7, NOW_S, &got, &fault), JSON_LINE_BAD);
    assert_string_equal(fault.reason.text, "expected text, got a NUL byte");
}

TEST(test_wrong_templates) {
    static const struct {
        const char *text;
        const char *fault;
    } cases[] = {{"%t %x", "expected %t, %v, %s, %u, %* or %%, got '%x'"},
                 {"%t%v", "expected something between '%t' and '%v'"},
                 {"%t", "expected %v once, and %t, %s and %u once at most, got '%t'"},
                 {"%v %v", "expected %v once, and %t, %s and %u once at most, got '%v %v'"},
                 {"%v %", "expected %t, %v, %s, %u, %* or %%, got '%'"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reason reason;
        const char *template = NULL;
        assert_int_equal(line_format_parse(cases[i].text, &template, &reason), -1);
        assert_string_equal(reason.text, cases[i].fault);
    }
}

TEST(test_columns) {
    memset(&format, 0, sizeof(format));
    assert_string_equal(translate(&plain, "time,name,peer,unit,kind,value\r"), "");
    assert_string_equal(translate(&plain, "2020-09-13T12:26:40.000Z,a/b,nas,Cel,number,21.5"),
                        "a/b 21.5 in Cel @1600000000.000");
    assert_string_equal(translate(&plain, ",a,\"x,\"\"y\",,text,\"'=1, \"\"2\"\"\""), "a =1, \"2\" as text");
    assert_string_equal(translate(&plain, ",a,,,none,"), "");
    assert_string_equal(translate(&plain, ",a"), "expected a value, as the heading has it");
    assert_string_equal(translate(&plain, "\"open,a"), "expected quotes that are closed");
    memset(&format, 0, sizeof(format));
    assert_string_equal(translate(&below, "Value;Note"), "");
    assert_string_equal(translate(&below, "5;x"), "5");
}

TEST(test_headings_that_lack_something) {
    memset(&format, 0, sizeof(format));
    assert_string_equal(
        translate(&plain, "time,value"),
        "expected a heading that names the columns topic (or name), value, and perhaps time and unit");
    assert_string_equal(translate(&plain, "1,2"), ""); /* it is said once */
    memset(&format, 0, sizeof(format));
    assert_string_equal(translate(&below, "a,b"),
                        "expected a heading that names the columns value, and perhaps time and unit");
}

TEST(test_who_published_it) {
    static const char id[] = "0123456789abcdef0123456789abcdef";
    memset(&format, 0, sizeof(format));
    assert_string_equal(translate(&plain, "time,name,peer,id,unit,kind,value,sum,origin,stale"), "");
    assert_string_equal(translate(&plain, ",a,thermo,0123456789abcdef0123456789abcdef,,number,1,,,false"), "a 1");
    assert_string_equal(got.source.id, id);
    assert_string_equal(got.source.origin, "thermo");
    assert_false(got.source.is_brought);
    assert_string_equal(translate(&plain, ",a,b,0123456789abcdef0123456789abcdef,,number,1,,site-b,true"), "a 1");
    assert_true(got.source.is_brought);
    assert_string_equal(translate(&plain, ",a,b,7,,number,1,,,false"), "a 1");
    assert_string_equal(got.source.id, "");
    assert_string_equal(got.source.origin, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_blanks_at_the_end),
        cmocka_unit_test(test_topics_that_are_none),
        cmocka_unit_test(test_a_nul_is_no_end),
        cmocka_unit_test(test_wrong_templates),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_who_published_it),
        cmocka_unit_test(test_headings_that_lack_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
