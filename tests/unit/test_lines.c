/* Standard input in lines, from a pipe and from a file, whatever the pieces it comes in. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "lines.h"

/* What came, "1:text|2:text|" with "!" for a refused line and "." for a pause. */
struct story {
    char text[512];
    size_t pauses;
};

static void on_line(const char *line, uint64_t number, void *context) {
    struct story *story = context;
    size_t length = strlen(story->text);
    snprintf(story->text + length, sizeof(story->text) - length, "%llu:%s|", (unsigned long long)number,
             line != NULL ? line : "!");
}

static void on_pause(void *context) {
    struct story *story = context;
    story->pauses++;
}

static void tell(int input, struct story *story) {
    static struct lines lines;
    uv_loop_t loop;
    *story = (struct story){0};
    assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
    close(input);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(lines_start(&lines, &loop, on_line, on_pause, story), 0);
    uv_run(&loop, UV_RUN_DEFAULT); /* until the input has ended */
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int pipe_of(const char *bytes, size_t count) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, count), count);
    close(ends[1]);
    return ends[0];
}

static int file_of(const char *bytes, size_t count) {
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    rewind(file);
    int fd = dup(fileno(file));
    fclose(file);
    return fd;
}

static void check(const char *bytes, size_t count, const char *expected) {
    struct story story;
    tell(pipe_of(bytes, count), &story);
    assert_string_equal(story.text, expected);
    assert_true(story.pauses > 0);
    tell(file_of(bytes, count), &story);
    assert_string_equal(story.text, expected);
    assert_int_equal(story.pauses, 1); /* a file is taken as one change */
}

static void test_lines(void **state) {
    (void)state;
    check("", 0, "");
    check("a\nb c\n", 6, "1:a|2:b c|");
    check("a\n\n\nb", 5, "1:a|2:|3:|4:b|");
}

static void test_refused_lines(void **state) {
    (void)state;
    static char bytes[2 * LINES_BYTES_MAX + 8];
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "a\nb\0c\n", 6);
    memcpy(bytes + sizeof(bytes) - 2, "\nd", 2);
    check(bytes, sizeof(bytes), "1:a|2:!|3:!|4:d|");
    check("a\nb\0", 4, "1:a|2:!|");
}

static void test_longest_line(void **state) {
    (void)state;
    static char bytes[LINES_BYTES_MAX + 1];
    struct story story;
    memset(bytes, 'x', sizeof(bytes));
    bytes[LINES_BYTES_MAX] = '\n';
    tell(pipe_of(bytes, sizeof(bytes)), &story);
    assert_memory_equal(story.text, "1:xxx", 5);
    bytes[LINES_BYTES_MAX] = 'x';
    tell(pipe_of(bytes, sizeof(bytes)), &story);
    assert_string_equal(story.text, "1:!|");
}

static void test_line_ends(void **state) {
    (void)state;
    static char bytes[LINES_BYTES_MAX + 2];
    struct story story;
    check("a\r\nb\r\r\n\r\nc\rd\r", 13, "1:a|2:b\r|3:|4:c\rd|");
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes + LINES_BYTES_MAX, "\r\n", 2); /* does not count */
    tell(pipe_of(bytes, sizeof(bytes)), &story);
    assert_memory_equal(story.text, "1:xxx", 5);
}

/* Another process may have the same open pipe, and expect its reads to block. */
static void test_a_shared_pipe_stays_as_it_is(void **state) {
    (void)state;
    struct story story;
    int input = pipe_of("a\n", 2);
    int shared = dup(input);
    tell(input, &story);
    assert_string_equal(story.text, "1:a|");
    assert_int_equal(fcntl(shared, F_GETFL) & O_NONBLOCK, 0);
    close(shared);
}

/* A file that others have begun to read goes on where they stopped. */
static void test_a_shared_file_goes_on(void **state) {
    (void)state;
    struct story story;
    char byte;
    int input = file_of("x\na\n", 4);
    assert_int_equal(read(input, &byte, 1), 1);
    assert_int_equal(read(input, &byte, 1), 1);
    tell(input, &story);
    assert_string_equal(story.text, "1:a|");
}

static void test_a_socket(void **state) {
    (void)state;
    struct story story;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[1], "a\nb", 3), 3);
    close(ends[1]);
    tell(ends[0], &story);
    assert_string_equal(story.text, "1:a|2:b|");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_refused_lines),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_a_shared_pipe_stays_as_it_is),
        cmocka_unit_test(test_a_shared_file_goes_on),
        cmocka_unit_test(test_a_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
