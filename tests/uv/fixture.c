/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <ftw.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEADLINE_MS 60000

#define PORT_RANGES 550
#define PORT_RANGE 40

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

/* Takes a range of ports for this process, by an abstract Unix socket: like ports, its name is one of this
 * network namespace, and it is free again when the process has ended. */
static bool range_take(unsigned range) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "muster-test-ports-%u", range);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(fd, (struct sockaddr *)&address, size) == 0) {
        return true; /* it stays open */
    }
    close(fd);
    return false;
}

uint16_t port_own(void) {
    static unsigned port;
    unsigned range = (unsigned)getpid() % PORT_RANGES;
    for (unsigned left = PORT_RANGES; port == 0; left--) {
        assert_true(left > 0);
        if (range_take(range)) {
            port = 10000 + range * PORT_RANGE;
        }
        range = (range + 1) % PORT_RANGES;
    }
    return (uint16_t)port;
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
