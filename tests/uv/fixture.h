/* SPDX-License-Identifier: MIT */
/* What every test of uv begins with: a loop, a directory of its own, and a log that keeps what was said. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "log.h"
#include "test.h"

struct fixture {
    uv_loop_t loop;
    uv_run_mode mode; /* of AWAIT; UV_RUN_ONCE, unless the test sets another */
    char directory[64];
    struct log log;
    char last_error[2048];
    char last_warning[2048];
    char infos[4096]; /* all lines of level INFO */
    unsigned errors;
    unsigned warnings;
    bool is_inside; /* of a call of the library: no callback may come */
};
extern struct fixture fixture;

/* Around each test. The end fails when anything is left on the loop. */
void fixture_begin(void);
void fixture_end(void);

/* A muster_log_cb that keeps the line. */
void fixture_keep_line(enum muster_log_level level, const char *line, void *context);

/* A control port of this process alone: tests that run at the same time do not hear one another. */
uint16_t port_own(void);

/* Appends to a story: "joined a, left a". */
void story_add(char *story, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define INSIDE(call)               \
    do {                           \
        fixture.is_inside = true;  \
        call;                      \
        fixture.is_inside = false; \
    } while (0)

/* Runs the loop until the condition holds; fails at the deadline. */
#define AWAIT(condition)                         \
    do {                                         \
        fixture_wait_begin();                    \
        while (!(condition) && fixture_wait()) { \
        }                                        \
        fixture_wait_end();                      \
        if (!(condition)) {                      \
            fail_msg("in vain: %s", #condition); \
        }                                        \
    } while (0)

/* Runs the loop for so long. Returns how many rounds it made. */
unsigned fixture_run_for(uint64_t ms);

/* Of AWAIT: false when it is late. */
void fixture_wait_begin(void);
bool fixture_wait(void);
void fixture_wait_end(void);
