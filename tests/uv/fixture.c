/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 60000

struct fixture fixture;
#define LOOK_MS \
    10 /* an older libuv goes on to wait for events after timers that it ran, in UV_RUN_ONCE too */

static uv_timer_t guard;
static uint64_t late_ms;
static bool is_late;

static void on_guard(uv_timer_t *timer) {
    is_late = uv_now(timer->loop) >= late_ms;
}

static void guard_start(uint64_t ms, uint64_t repeat_ms) {
    is_late = false;
    uv_update_time(&fixture.loop);
    late_ms = uv_now(&fixture.loop) + ms;
    uv_timer_start(&guard, on_guard, repeat_ms == 0 ? ms : repeat_ms, repeat_ms);
}

void fixture_wait_begin(void) {
    guard_start(DEADLINE_MS, LOOK_MS);
}

unsigned fixture_run_for(uint64_t ms) {
    unsigned rounds = 0;
    guard_start(ms, 0);
    for (; !is_late; rounds++) {
        uv_run(&fixture.loop, UV_RUN_ONCE);
    }
    return rounds;
}

bool fixture_wait(void) {
    uv_run(&fixture.loop, fixture.mode);
    return !is_late;
}

void fixture_wait_end(void) {
    uv_timer_stop(&guard);
}

void fixture_keep_line(enum muster_log_level level, const char *line, void *context) {
    (void)context;
    if (level == MUSTER_LOG_ERROR) {
        snprintf(fixture.last_error, sizeof fixture.last_error, "%s", line);
        fixture.errors++;
    } else if (level == MUSTER_LOG_WARNING) {
        snprintf(fixture.last_warning, sizeof fixture.last_warning, "%s", line);
        fixture.warnings++;
    } else if (level == MUSTER_LOG_INFO) {
        size_t used = strlen(fixture.infos);
        snprintf(fixture.infos + used, sizeof fixture.infos - used, "%s\n", line);
    }
}

uint16_t port_own(void) {
    return (uint16_t)(10000 + getpid() % 550 * 40);
}

void story_add(char *story, size_t size, const char *format, ...) {
    size_t used = strlen(story);
    va_list arguments;
    used += (size_t)snprintf(story + used, size - used, "%s", used == 0 ? "" : ", ");
    va_start(arguments, format);
    vsnprintf(story + used, size - used, format, arguments);
    va_end(arguments);
}

void fixture_begin(void) {
    memset(&fixture, 0, sizeof fixture);
    fixture.mode = UV_RUN_ONCE;
    fixture.log = (struct log){.write = fixture_keep_line};
    snprintf(fixture.directory, sizeof fixture.directory, "/tmp/muster-test-XXXXXX");
    assert_non_null(mkdtemp(fixture.directory));
    uv_loop_init(&fixture.loop);
    uv_timer_init(&fixture.loop, &guard);
    uv_unref((uv_handle_t *)&guard);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void fixture_end(void) {
    uv_close((uv_handle_t *)&guard, NULL);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    nftw(fixture.directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(uv_loop_close(&fixture.loop), 0);
}
