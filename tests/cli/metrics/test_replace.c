/* SPDX-License-Identifier: MIT */
/* What a file may be that is replaced, and what may be in the way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "replace.h"

static char directory[64];

static int set_up(void **state) {
    (void)state;
    strcpy(directory, "/tmp/muster-replace-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink("file");
    return rmdir(directory); /* nothing else was left in it */
}

static void check_file(const char *expected) {
    char text[64] = "";
    FILE *file = fopen("file", "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen(expected));
    fclose(file);
    assert_string_equal(text, expected);
}

TEST(test_a_file_is_replaced) {
    assert_int_equal(replace_file("file", "old", 3), 0);
    check_file("old");
    assert_int_equal(replace_file("file", "newer", 5), 0);
    check_file("newer");
    assert_int_equal(replace_file("none/file", "newer", 5), ENOENT);
}

/* As root, /dev/null would be a regular file from then on. */
TEST(test_other_files_stay) {
    struct stat found;
    assert_int_equal(mkfifo("file", 0600), 0);
    assert_int_equal(replace_file("file", "new", 3), EEXIST);
    assert_int_equal(lstat("file", &found), 0);
    assert_true(S_ISFIFO(found.st_mode));
    unlink("file");
    assert_int_equal(symlink("/dev/null", "file"), 0);
    assert_int_equal(replace_file("file", "new", 3), EEXIST);
    assert_int_equal(lstat("file", &found), 0);
    assert_true(S_ISLNK(found.st_mode));
}

/* To open a pipe that nobody reads would wait for ever. */
TEST(test_a_pipe_in_the_way) {
    char aside[64];
    snprintf(aside, sizeof(aside), ".file.%ld", (long)getpid());
    assert_int_equal(mkfifo(aside, 0600), 0);
    assert_int_equal(replace_file("file", "new", 3), 0);
    check_file("new");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_files_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_pipe_in_the_way, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
