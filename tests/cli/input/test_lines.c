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

/* ---- packs over several lines ---- */

static struct lines *new_packs(const char *text) {
    struct lines *lines = new_lines();
    lines->joins_packs = true;
    put_text(lines, text);
    return lines;
}

TEST(test_packs_over_lines) {
    struct lines *lines = new_packs("a 1\n[{\"n\":\"[{\\\"\",\n \"v\":1},\r\n\t{}\n]\nb 2\n{\n}\nc 3\n");
    check_line(lines, "a 1", 1);
    check_line(lines, "[{\"n\":\"[{\\\"\",\n \"v\":1},\r\n\t{}\n]", 2);
    check_line(lines, "b 2", 6);
    check_line(lines, "{\n}", 7);
    check_line(lines, "c 3", 9);
    check_none(lines);
}

/* What can't be part of a pack ends it, and texts with brackets are none. */
TEST(test_packs_that_break_off) {
    struct lines *lines = new_packs("[{\"n\":\"a\",\nb 2\n[low] battery [\n{\"n\":\"open\n}\n[\n\nc\n[");
    check_line(lines, "[{\"n\":\"a\",", 1);
    check_line(lines, "b 2", 2);
    check_line(lines, "[low] battery [", 3);
    check_line(lines, "{\"n\":\"open", 4);
    check_line(lines, "}", 5);
    check_line(lines, "[", 6);
    check_line(lines, "", 7);
    check_line(lines, "c", 8);
    check_none(lines);
    put_text(lines, "\n");
    check_none(lines); /* it may go on */
    put_text(lines, " ");
    check_none(lines);
    lines_end(lines);
    check_line(lines, "[", 9);
    check_line(lines, " ", 10);
    check_none(lines);
}

/* With all of its lines. */
TEST(test_packs_that_are_too_long) {
    struct lines *lines = new_packs("[\n");
    const char *line;
    size_t length;
    enum lines_result result = LINES_NONE;
    for (unsigned i = 0; i < LINES_BYTES_MAX; i++) {
        put_text(lines, "{},\n");
        enum lines_result next = lines_next(lines, &line, &length);
        assert_true(next == LINES_NONE || (next == LINES_TOO_LONG && result == LINES_NONE));
        result = next == LINES_NONE ? result : next;
    }
    assert_int_equal(result, LINES_TOO_LONG);
    put_text(lines, "{}\n]\nnext\n");
    check_line(lines, "next", LINES_BYTES_MAX + 4);
}

/* ---- arrays that are taken record by record ---- */

static struct lines *new_arrays(const char *text) {
    struct lines *lines = new_packs(text);
    lines->splits_arrays = true;
    return lines;
}

static void check_record(struct lines *lines, const char *expected, uint64_t number) {
    const char *line;
    size_t length;
    size_t ahead = 0;
    assert_int_equal(lines_peek(lines, &ahead, &line, &length), LINES_RECORD);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(line, expected, length);
    assert_int_equal(lines_next(lines, &line, &length), LINES_RECORD);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(line, expected, length);
    assert_int_equal(lines_number(lines), number);
    assert_true(lines_are_records(lines));
}

/* What is closed in time is one pack. What is not is waited for until it is split. */
TEST(test_an_array_that_never_ends) {
    struct lines *lines = new_arrays("a 1\n[{\"n\":\"a\"}\n]\n [");
    check_line(lines, "a 1", 1);
    check_line(lines, "[{\"n\":\"a\"}\n]", 2);
    assert_false(lines_are_records(lines));
    assert_false(lines_wait_for_array(lines));
    put_text(lines, "\n{\"n\":\"b\"}");
    check_none(lines);
    assert_true(lines_wait_for_array(lines));
    lines_split_array(lines);
    check_line(lines, "{\"n\":\"b\"}", 5);
    assert_false(lines_wait_for_array(lines));
    check_none(lines);
    put_text(lines, ",");
    check_none(lines);
    put_text(lines, "{\"n\":\"c\",\"x\":{\"y\":[\"}\\\"}\"]}");
    check_none(lines);
    put_text(lines, "}");
    check_record(lines, "{\"n\":\"c\",\"x\":{\"y\":[\"}\\\"}\"]}}", 5);
    put_text(lines, "\n\n , {\n}\n{}");
    check_record(lines, "{\n}", 7);
    check_record(lines, "{}", 9);
    check_none(lines);
    put_text(lines, "\n]");
    check_none(lines);
    put_text(lines, " \r\nb 2\n");
    check_line(lines, "b 2", 11);
    check_none(lines);
}

TEST(test_arrays_that_break_off) {
    /* A pack that is not waited for, as it broke off. */
    struct lines *lines = new_arrays("[{},{\na 1\n");
    check_line(lines, "[{},{", 1);
    check_line(lines, "a 1", 2);
    /* In the midst of a record, before what is no JSON, and before another array. */
    put_text(lines, "[{},\n");
    check_none(lines);
    lines_split_array(lines);
    check_line(lines, "{}", 3);
    put_text(lines, "{\"n\":\"open\n,{}\nb 2\n");
    check_record(lines, "{\"n\":\"open", 4);
    check_record(lines, "{}", 5);
    check_line(lines, "b 2", 6);
    put_text(lines, "[{},{}\n");
    check_none(lines);
    lines_split_array(lines);
    check_line(lines, "{}", 7);
    check_record(lines, "{}", 7);
    put_text(lines, "[{\"v\":1}]\n[{},");
    check_line(lines, "[{\"v\":1}]", 8);
    check_none(lines);
    lines_end(lines);
    check_line(lines, "{}", 9);
    check_none(lines);
    /* Behind its bracket, by something in the same line. */
    lines = new_arrays("[{}");
    lines_split_array(lines);
    check_line(lines, "{}", 1);
    put_text(lines, "] c 3\nd 4\n[{},{\"n\":");
    check_line(lines, "c 3", 1);
    check_line(lines, "d 4", 2);
    check_none(lines);
    lines_end(lines);
    check_line(lines, "{}", 3);
    check_record(lines, "{\"n\":", 3);
    check_none(lines);
}

/* An array may be of any length, and one record of it may not. */
TEST(test_arrays_that_are_long) {
    struct lines *lines = new_arrays("[\n");
    const char *line;
    size_t length;
    char more[1000];
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof(more); i++) {
        more[i] = "{},\n"[i % 4];
    }
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(put(lines, more, sizeof(more)), sizeof(more));
        for (enum lines_result result; (result = lines_next(lines, &line, &length)) != LINES_NONE;) {
            assert_int_equal(result, count == 0 ? LINES_ONE : LINES_RECORD);
            count++;
        }
    }
    assert_int_equal(count, 50000);
    put_text(lines, "{\"n\":\"");
    enum lines_result result = LINES_NONE;
    memset(more, 'x', sizeof(more));
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(put(lines, more, sizeof(more)), sizeof(more));
        enum lines_result next = lines_next(lines, &line, &length);
        assert_true(next == LINES_NONE || (next == LINES_TOO_LONG && result == LINES_NONE));
        result = next == LINES_NONE ? result : next;
    }
    assert_int_equal(result, LINES_TOO_LONG);
    put_text(lines, "\"},\n{},\n{}\n]\nnext\n");
    assert_int_equal(lines_next(lines, &line, &length), LINES_RECORD);
    assert_int_equal(lines_number(lines), 50003);
    check_record(lines, "{}", 50004);
    check_line(lines, "next", 50006);
    /* There is always room, whatever stands between records. */
    lines = new_arrays("[{}");
    lines_split_array(lines);
    check_line(lines, "{}", 1);
    for (unsigned i = 0; i < 3 * LINES_BYTES_MAX; i++) {
        put_text(lines, i % 2 == 0 ? "," : "\n");
        check_none(lines);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_pieces),
        cmocka_unit_test(test_an_end_behind_a_line),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_peeking),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_half_a_mark),
        cmocka_unit_test(test_packs_over_lines),
        cmocka_unit_test(test_packs_that_break_off),
        cmocka_unit_test(test_packs_that_are_too_long),
        cmocka_unit_test(test_an_array_that_never_ends),
        cmocka_unit_test(test_arrays_that_break_off),
        cmocka_unit_test(test_arrays_that_are_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
