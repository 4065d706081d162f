/* SPDX-License-Identifier: MIT */
/* Names, patterns and shards. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <muster/telemetry.h>

#include "test.h"
#include "topic.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A text, and what its fault says; NULL: it has none. */
struct fault_case {
    const char *text;
    const char *says;
};

static void check_faults(const char *(*fault_of)(const char *), const struct fault_case *cases,
                         size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *fault = fault_of(cases[i].text);
        const char *text = cases[i].text == NULL ? "(null)" : cases[i].text;
        if (cases[i].says == NULL ? fault != NULL : fault == NULL || strstr(fault, cases[i].says) == NULL) {
            fail_msg("\"%s\": %s, expected %s", text, fault == NULL ? "fine" : fault,
                     cases[i].says == NULL ? "fine" : cases[i].says);
        }
    }
}

static const char *text_of(char *text, char byte, size_t length) {
    memset(text, byte, length);
    text[length] = '\0';
    return text;
}

TEST(test_topics) {
    char longest[MUSTER_TOPIC_BYTES_MAX + 2];
    char too_long[MUSTER_TOPIC_BYTES_MAX + 2];
    const struct fault_case cases[] = {
        {"kitchen/climate", NULL},
        {"a", NULL},
        {"7", NULL},
        {"urn:dev:ow:10e2073a0108006", NULL},
        {"Z9-:._/-/_", NULL},
        {text_of(longest, 'x', MUSTER_TOPIC_BYTES_MAX), NULL},
        {text_of(too_long, 'x', MUSTER_TOPIC_BYTES_MAX + 1), "at most 127 bytes"},
        {NULL, "at least one"},
        {"", "at least one"},
        {"a/+", "wildcards"},
        {"#", "wildcards"},
        {"a\nb", "control"},
        {"a\x7F", "control"},
        {"a b", "spaces"},
        {"k\xC3\xBC", "ASCII"},
        {"a$", "A-Z a-z 0-9"},
        {"/a", "begins with no slash"},
        {"/", "begins with no slash"},
        {"a/", "ends with no slash"},
        {"a//b", "empty level"},
        {"-a", "letter or digit"},
        {".", "letter or digit"},
    };
    check_faults(muster_topic_fault, cases, COUNT(cases));
}

TEST(test_names) {
    char longest[MUSTER_NAME_BYTES_MAX + 2];
    char too_long[MUSTER_NAME_BYTES_MAX + 2];
    const struct fault_case cases[] = {
        {"temperature", NULL},
        {"_raw", NULL}, /* the topic begins the full name */
        {"a/b", NULL},
        {text_of(longest, 'x', MUSTER_NAME_BYTES_MAX), NULL},
        {text_of(too_long, 'x', MUSTER_NAME_BYTES_MAX + 1), "at most 63 bytes"},
        {"", "at least one"},
        {"a+", "A-Z a-z 0-9"},
        {"/a", "begins with no slash"},
        {"a/", "ends with no slash"},
        {"a//b", "empty level"},
        {"a\tb", "control"},
        {"\xFF", "ASCII"},
    };
    check_faults(topic_name_fault, cases, COUNT(cases));
}

TEST(test_patterns) {
    char longest[MUSTER_PATTERN_BYTES_MAX + 2];
    char too_long[MUSTER_PATTERN_BYTES_MAX + 2];
    const struct fault_case cases[] = {
        {"#", NULL},
        {"+", NULL},
        {"+/+/#", NULL},
        {"kitchen/+/temperature", NULL},
        {"kitchen/#", NULL},
        {text_of(longest, 'x', MUSTER_PATTERN_BYTES_MAX), NULL},
        {text_of(too_long, 'x', MUSTER_PATTERN_BYTES_MAX + 1), "at most 255 bytes"},
        {NULL, "at least one"},
        {"", "at least one"},
        {"a+", "+ fills"},
        {"+a", "+ fills"},
        {"a/+b/c", "+ fills"},
        {"++", "+ fills"},
        {"a#", "# fills"},
        {"#/a", "# fills"},
        {"#a", "# fills"},
        {"##", "# fills"},
        {"a\x01", "control"},
        {"a b", "spaces"},
        {"a/\xE2\x82\xAC", "ASCII"},
        {"$SYS/#", "A-Z a-z 0-9"},
        {"/a", "begins with no slash"},
        {"a/", "ends with no slash"},
        {"a//#", "empty level"},
        {"_a", "letter, a digit or a wildcard"},
    };
    check_faults(muster_pattern_fault, cases, COUNT(cases));
}

struct match_case {
    const char *pattern;
    const char *name;
    bool matches;
    bool touches; /* where the name is a topic */
};

TEST(test_matching) {
    static const struct match_case cases[] = {
        {"a", "a", true, true},
        {"a", "b", false, false},
        {"a", "ab", false, false},
        {"ab", "a", false, false},
        {"a", "a/b", false, false},
        {"a/b", "a", false, true},
        {"a/b", "a/b", true, true},
        {"a/b", "a/c", false, false},
        {"a/b/c/d", "a/b", false, true},
        {"+", "a", true, true},
        {"+", "abc", true, true},
        {"+", "a/b", false, false},
        {"+/+", "a/b", true, true},
        {"+/+", "a", false, true},
        {"+/b", "a/b", true, true},
        {"+/b", "a/c", false, false},
        {"a/+/c", "a/b/c", true, true},
        {"a/+/c", "a/b/d", false, false},
        {"a/+/c", "a/b", false, true},
        {"a/+/c", "a/b/c/d", false, false},
        {"#", "a", true, true},
        {"#", "a/b/c", true, true},
        {"a/#", "a", true, true},
        {"a/#", "a/b", true, true},
        {"a/#", "a/b/c", true, true},
        {"a/#", "ab", false, false},
        {"a/#", "b", false, false},
        {"a/b/#", "a", false, true},
        {"a/b/#", "a/b", true, true},
        {"+/#", "a", true, true},
        {"+/b/#", "a/b/c", true, true},
        {"+/b/#", "a/c", false, false},
        {"a/+/#", "a", false, true},
        {"a/+", "a", false, true},
        {"A", "a", false, false},
        {"http:/+/x", "http://x", true, true},    /* names of others may have empty levels */
        {"urn:dev:+", "urn:dev:1", false, false}, /* no pattern, and no harm */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct match_case *c = &cases[i];
        if (muster_pattern_matches(c->pattern, c->name) != c->matches) {
            fail_msg("%s matches %s: expected %d", c->pattern, c->name, c->matches);
        }
        if (muster_pattern_touches(c->pattern, c->name) != c->touches) {
            fail_msg("%s touches %s: expected %d", c->pattern, c->name, c->touches);
        }
    }
}

/* Whatever matches a name below a topic touches the topic, and a touched topic has a name that matches. */
TEST(test_touching_is_matching_below) {
    static const char *const levels[] = {"a", "b", "+"};
    static const char *const names[] = {"a", "b", "a/a", "a/b", "b/a", "b/b", "a/a/b", "b/b/a"};
    char pattern[16];
    for (unsigned drawn = 0; drawn < 3 * 3 * 3 * 2; drawn++) {
        const char *last = drawn >= 27 ? "/#" : "";
        snprintf(pattern, sizeof(pattern), "%s/%s/%s%s", levels[drawn % 3], levels[drawn / 3 % 3],
                 levels[drawn / 9 % 3], last);
        for (size_t t = 0; t < COUNT(names); t++) {
            bool below = muster_pattern_matches(pattern, names[t]);
            for (size_t n = 0; n < COUNT(names); n++) {
                char full[16];
                snprintf(full, sizeof(full), "%s/%s", names[t], names[n]);
                below = below || muster_pattern_matches(pattern, full);
            }
            assert_int_equal(muster_pattern_touches(pattern, names[t]), below);
        }
    }
}

/* FNV-1a's own test vectors: "" 811c9dc5, "a" e40c292c, "foobar" bf9cf968. */
TEST(test_patterns_that_meet) {
    static const struct {
        const char *a;
        const char *b;
        bool meet;
    } cases[] = {
        {"#", "a", true},         {"a/#", "a", true},         {"a/#", "a/b/c", true},
        {"a", "a", true},         {"a", "b", false},          {"a", "a/b", false},
        {"+", "a", true},         {"+", "a/b", false},        {"+/b", "a/+", true},
        {"a/+/c", "+/b/#", true}, {"a/+/c", "a/b", false},    {"a/+/#", "a", false},
        {"a/b/#", "a/+", true},   {"a/#", "b/#", false},      {"+/+", "a", false},
        {"ab", "a", false},       {"kitchen/#", "+/t", true}, {"a/b/c", "a/b/#", true},
        {"a/b/c", "#", true},     {"a/x/+", "a/y/+", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (topic_patterns_meet(cases[i].a, cases[i].b) != cases[i].meet ||
            topic_patterns_meet(cases[i].b, cases[i].a) != cases[i].meet) {
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        }
    }
}

TEST(test_shards) {
    assert_int_equal(muster_topic_shard(""), 0x5);
    assert_int_equal(muster_topic_shard("a"), 0xC);
    assert_int_equal(muster_topic_shard("foobar"), 0x8);
}

int main(void) {
    return test_run(NULL, NULL);
}
