/* SPDX-License-Identifier: MIT */
/* Files of options: each by its name, with the place of what is wrong. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "options_file.h"
#include "settings.h"
#include "value.h"

struct sample {
    bool flag;
    const char *text;
    size_t count;
    struct value_list list;
};

static int add_to_list(const char *text, void *place, struct reason *reason) {
    return value_list_add(place, text, reason);
}

static const struct args_option sample_options[] = {
    {"flag", 'f', NULL, "a flag", offsetof(struct sample, flag), value_flag},
    {"text", 0, "TEXT", "a text", offsetof(struct sample, text), value_text},
    {"count", 0, "N", "a number", offsetof(struct sample, count), value_count},
    {"list", 0, "TEXT", "a text more", offsetof(struct sample, list), add_to_list},
    {0},
};

static struct sample sample;
static struct settings settings;
static struct config_file file;

/* Reads a file of this text. Returns what is wrong behind the path, "" when nothing is. */
static const char *read_text(const char *text) {
    static struct reason reason;
    const struct args_table tables[2] = {{sample_options, &sample}, {settings_options, &settings}};
    const char *path = fixture_path("options.json");
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    config_file_deinit(&file);
    free(sample.list.values);
    sample = (struct sample){.count = 7};
    settings_init(&settings);
    if (options_file_read(&file, path, tables, &reason) == 0) {
        return "";
    }
    assert_memory_equal(reason.text, path, strlen(path));
    return reason.text + strlen(path);
}

TEST(test_options_are_read) {
    assert_string_equal(read_text("{\"flag\": true, \"text\": \"a b\", \"count\": 12, \"list\": [\"x\", 3], "
                                  "\"port\": 20000, \"interface\": \"lo\"}"),
                        "");
    assert_true(sample.flag);
    assert_string_equal(sample.text, "a b");
    assert_int_equal(sample.count, 12);
    assert_int_equal(sample.list.count, 2);
    assert_string_equal(sample.list.values[0], "x");
    assert_string_equal(sample.list.values[1], "3");
    assert_int_equal(settings.port, 20000);
    assert_string_equal(settings.interfaces.texts[0], "lo");
    assert_string_equal(read_text("{\"text\": 1234567890123456, \"list\": [0.1, 20000000]}"), "");
    assert_string_equal(sample.text, "1234567890123456");
    assert_string_equal(sample.list.values[0], "0.1");
    assert_string_equal(sample.list.values[1], "20000000");
    assert_string_equal(read_text("{\"flag\": false}"), "");
    assert_false(sample.flag);
    assert_int_equal(sample.count, 7);
}

TEST(test_what_is_wrong_has_a_place) {
    assert_string_equal(read_text("{\"text\": 1,\n \"cuont\": 2}"),
                        ":2:11: cuont: no such option; did you mean 'count'?");
    assert_string_equal(read_text("{\n  \"count\": \"x\"}"),
                        ":2:12: count: expected a number from 1 to 1000000, got 'x'");
    assert_string_equal(read_text("{\"flag\": \"yes\"}"), ":1:10: flag: expected true or false");
    assert_string_equal(read_text("{\"flag\": [true]}"), ":1:10: flag: expected true or false");
    assert_string_equal(read_text("{\"text\": true}"),
                        ":1:10: text: expected a text, a number, or an array of them");
    assert_string_equal(read_text("{\"list\": [\"a\", null]}"),
                        ":1:16: list[1]: expected a text, a number, or an array of them");
    assert_string_equal(read_text("{\"text\": \"\"}"), ":1:10: text: expected a text that is not empty");
    assert_string_equal(read_text("[]"), ":1:1: expected an object");
    assert_string_equal(read_text("{\"text\": \"a\" \"count\": 1}"), ":1:14: not JSON");
    assert_string_equal(read_text("{\"text\": \"a\", \"text\": \"b\"}"), ":1:15: a name that is there twice");
    for (size_t i = 0; i < 3; i++) { /* they belong on a command line alone */
        static const char *const texts[] = {"{\"config\": \"x\"}", "{\"help\": true}", "{\"version\": true}"};
        assert_non_null(strstr(read_text(texts[i]), "no such option"));
    }
}

static int free_all(void **state) {
    config_file_deinit(&file);
    free(sample.list.values);
    return fixture_remove_directory(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_are_read),
        cmocka_unit_test(test_what_is_wrong_has_a_place),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, free_all);
}
