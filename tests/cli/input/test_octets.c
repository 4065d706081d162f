/* SPDX-License-Identifier: MIT */
/* Files as values: what was read is written again, octet by octet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "octets.h"

static const char *put_file(const char *name, const char *bytes, size_t length) {
    const char *path = fixture_path(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Reads a file, holds its record against a text, and writes that again. */
static void check(const char *bytes, size_t length, bool is_text, const char *expected) {
    struct octets octets = {0};
    struct muster_record record;
    struct reason reason;
    char *written;
    size_t written_length;
    assert_int_equal(octets_read(&octets, put_file("value", bytes, length), is_text, &record, &reason), 0);
    assert_int_equal(record.kind, is_text ? MUSTER_VALUE_TEXT : MUSTER_VALUE_DATA);
    assert_string_equal(record.text, expected);
    assert_int_equal(record.text_length, strlen(expected));
    assert_true(octets_are_in(&record));
    FILE *out = open_memstream(&written, &written_length);
    assert_non_null(out);
    assert_int_equal(octets_write(out, &record), 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(written_length, length);
    assert_memory_equal(written, bytes, length);
    free(written);
    octets_deinit(&octets);
}

/* RFC 8428, 4.3: base64 with the URL safe alphabet, without padding. */
TEST(test_octets_come_back) {
    check("\xff\xfe\0\x01", 4, false, "__4AAQ");
    check("hi", 2, false, "aGk");
    check("", 0, false, "");
    check("two\nlines", 9, true, "two\nlines");
}

static void check_refused(const char *path, bool is_text, const char *expected) {
    struct octets octets = {0};
    struct muster_record record;
    struct reason reason;
    assert_int_equal(octets_read(&octets, path, is_text, &record, &reason), -1);
    assert_non_null(strstr(reason.text, expected));
    octets_deinit(&octets);
}

TEST(test_what_is_refused) {
    check_refused(fixture_path("missing"), false, "No such file or directory");
    check_refused(fixture_directory, false, "Is a directory");
    check_refused(put_file("latin", "caf\xe9", 4), true, "'");
}

TEST(test_largest) {
    char *bytes = calloc(1, MUSTER_LARGE_BYTES_MAX + 1);
    struct octets octets = {0};
    struct muster_record record;
    struct reason reason;
    assert_non_null(bytes);
    const char *path = put_file("largest", bytes, MUSTER_LARGE_BYTES_MAX);
    assert_int_equal(octets_read(&octets, path, false, &record, &reason), 0);
    octets_deinit(&octets);
    check_refused(put_file("larger", bytes, MUSTER_LARGE_BYTES_MAX + 1), false, "more than 1048576 bytes");
    free(bytes);
}

TEST(test_numbers_have_none) {
    const struct muster_record record = {.kind = MUSTER_VALUE_NUMBER};
    assert_false(octets_are_in(&record));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_octets_come_back),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_numbers_have_none),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
