/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "countdown.h"

/* ---- streams ---- */

static FILE **captured;
static FILE *captured_before;
static char printed[65536];

void capture_begin(FILE **stream) {
    memset(printed, 0, sizeof(printed));
    captured = stream;
    captured_before = *stream;
    *stream = fmemopen(printed, sizeof(printed), "w");
    assert_non_null(*stream);
}

const char *capture_end(void) {
    fclose(*captured);
    *captured = captured_before;
    return printed;
}

void capture_check(const char *expected) {
    assert_string_equal(capture_end(), expected);
}

/* ---- a directory ---- */

char fixture_directory[] = "/tmp/muster-test-XXXXXX";

int fixture_make_directory(void **state) {
    (void)state;
    return mkdtemp(fixture_directory) == NULL;
}

int fixture_remove_directory(void **state) {
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", fixture_directory);
    return system(command);
}

char *fixture_path(const char *name) {
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % COUNT(paths)];
    snprintf(path, sizeof(paths[0]), "%s/%s", fixture_directory, name);
    return path;
}

/* ---- golden files ---- */

static void write_golden(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

void golden_check(const char *path, const char *text) {
    static char golden[65536];
    if (getenv("MUSTER_WRITE_GOLDENS") != NULL) {
        write_golden(path, text);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    golden[fread(golden, 1, sizeof(golden) - 1, file)] = '\0';
    fclose(file);
    if (strcmp(text, golden) != 0) {
        fprintf(stderr, "%s is not\n%s", path, text);
        fail();
    }
}

/* ---- a loop ---- */

static void close_handle(uv_handle_t *handle, void *context) {
    (void)context;
    uv_close(handle, NULL);
}

void fixture_close_loop(uv_loop_t *loop) {
    uv_walk(loop, close_handle, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

/* ---- memory ---- */

void fixture_exhaust_memory(bool (*exercise)(void *context), void *context, unsigned long allocations) {
    unsigned long failing = 1;
    bool whole;
    do {
        countdown_set(failing++);
        whole = exercise(context);
        assert_int_equal(whole, !countdown_has_failed());
    } while (!whole);
    countdown_set(0);
    assert_true(failing > allocations);
}
