/* SPDX-License-Identifier: MIT */
/* Bytes as they come, cut into lines. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "lines.h"

/* Each test has empty ones. */
static struct lines *new_lines(void) {
    static struct lines lines;
    memset(&lines, 0, sizeof(lines));
    return &lines;
}

/* As many of the bytes as there is room for, as a descriptor would give them. */
static size_t put(struct lines *lines, const char *bytes, size_t length) {
    size_t size;
    char *room = lines_room(lines, &size);
    assert_true(size > 0);
    length = length < size ? length : size;
    memcpy(room, bytes, length);
    lines_filled(lines, length);
    return length;
}

static void put_text(struct lines *lines, const char *text) {
    assert_int_equal(put(lines, text, strlen(text)), strlen(text));
}

static void check_line(struct lines *lines, const char *expected, uint64_t number) {
    const char *line;
    size_t length;
    assert_int_equal(lines_next(lines, &line, &length), LINES_ONE);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(line, expected, length);
    assert_int_equal(lines_number(lines), number);
}

static void check_none(struct lines *lines) {
    const char *line;
    size_t length;
    assert_int_equal(lines_next(lines, &line, &length), LINES_NONE);
    assert_int_equal(lines_next(lines, &line, &length), LINES_NONE);
}

/* Only before all else, and in whatever pieces it comes. */
TEST(test_byte_order_mark) {
    struct lines *lines = new_lines();
    put_text(lines, "\xEF");
    check_none(lines);
    put_text(lines, "\xBB");
    check_none(lines);
    put_text(lines, "\xBF\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n");
    check_line(lines, "\xEF\xBB\xBFone", 1);
    check_line(lines, "\xEF\xBB\xBFtwo", 2);
    check_none(lines);
}

TEST(test_half_a_mark) {
    struct lines *lines = new_lines();
    put_text(lines, "\xEF\xBB");
    lines_end(lines);
    check_line(lines, "\xEF\xBB", 1);
    check_none(lines);
    lines = new_lines();
    put_text(lines, "\xEF\xBB\xBF");
    lines_end(lines);
    check_none(lines);
}

TEST(test_lines_in_pieces) {
    struct lines *lines = new_lines();
    check_none(lines);
    put_text(lines, "one\ntw");
    check_line(lines, "one", 1);
    check_none(lines);
    put_text(lines, "o");
    check_none(lines);
    put_text(lines, "\n\n\r\nlast");
    check_line(lines, "two", 2);
    check_line(lines, "", 3);
    check_line(lines, "\r", 4);
    check_none(lines);
    lines_end(lines);
    check_line(lines, "last", 5);
    check_none(lines);
}

TEST(test_an_end_behind_a_line) {
    struct lines *lines = new_lines();
    put_text(lines, "one\n");
    lines_end(lines);
    check_line(lines, "one", 1);
    check_none(lines);
}

/* Takes a line of so many bytes, and one behind it; with an end, or a LF. */
static void check_length(size_t length, enum lines_result expected, bool is_last) {
    struct lines *lines = new_lines();
    char *bytes = malloc(length + 1);
    size_t taken = 0;
    const char *line = NULL;
    enum lines_result result = LINES_NONE;
    memset(bytes, 'x', length);
    bytes[length] = '\n';
    length += is_last ? 0 : 1;
    while (result == LINES_NONE && taken < length) {
        size_t line_length;
        taken += put(lines, bytes + taken, length - taken);
        result = lines_next(lines, &line, &line_length);
    }
    if (is_last) {
        size_t line_length;
        lines_end(lines);
        result = result == LINES_NONE ? lines_next(lines, &line, &line_length) : result;
        assert_int_equal(result, expected);
    } else {
        assert_int_equal(result, expected);
        while (taken < length) {
            check_none(lines);
            taken += put(lines, bytes + taken, length - taken);
        }
        put_text(lines, "next\n");
        check_line(lines, "next", 2);
    }
    check_none(lines);
    free(bytes);
}

TEST(test_lengths) {
    check_length(LINES_BYTES_MAX, LINES_ONE, false);
    check_length(LINES_BYTES_MAX, LINES_ONE, true);
    check_length(LINES_BYTES_MAX + 1, LINES_TOO_LONG, false);
    check_length(LINES_BYTES_MAX + 1, LINES_TOO_LONG, true);
    check_length(2 * LINES_BYTES_MAX, LINES_TOO_LONG, false);
    check_length(5 * LINES_BYTES_MAX + 3, LINES_TOO_LONG, false);
    check_length(5 * LINES_BYTES_MAX + 3, LINES_TOO_LONG, true);
}

/* There is always room when no line is left to be taken. */
TEST(test_room) {
    struct lines *lines = new_lines();
    char *bytes = malloc(LINES_BYTES_MAX);
    memset(bytes, 'x', LINES_BYTES_MAX);
    size_t size;
    put(lines, bytes, LINES_BYTES_MAX);
    check_none(lines);
    lines_room(lines, &size);
    assert_true(size > 0);
    put_text(lines, "\n");
    const char *line;
    size_t length;
    assert_int_equal(lines_next(lines, &line, &length), LINES_ONE);
    assert_int_equal(length, LINES_BYTES_MAX);
    free(bytes);
}

TEST(test_peeking) {
    struct lines *lines = new_lines();
    const char *line;
    size_t length;
    size_t ahead = 0;
    put_text(lines, "one\ntwo\nthree");
    check_line(lines, "one", 1);
    assert_true(lines_peek(lines, &ahead, &line, &length));
    assert_memory_equal(line, "two", 3);
    assert_int_equal(length, 3);
    assert_false(lines_peek(lines, &ahead, &line, &length));
    lines_end(lines);
    assert_true(lines_peek(lines, &ahead, &line, &length));
    assert_int_equal(length, 5);
    assert_false(lines_peek(lines, &ahead, &line, &length));
    check_line(lines, "two", 2);
    check_line(lines, "three", 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_pieces), cmocka_unit_test(test_an_end_behind_a_line),
        cmocka_unit_test(test_lengths),         cmocka_unit_test(test_room),
        cmocka_unit_test(test_peeking),         cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_half_a_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
