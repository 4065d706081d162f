/* SPDX-License-Identifier: MIT */
/* The messages to a service manager, as they come out of a socket. */
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "fixture.h"
#include "notify.h"

#define DEADLINE_MS 20000

static unsigned printed; /* statuses */

/* A bound socket; name is as in NOTIFY_SOCKET. */
static int listen_at(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    } else {
        unlink(name);
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static int listen_here(void) {
    return listen_at(fixture_path("socket"));
}

/* The next message, while the loop (NULL: none) runs. */
static const char *next_message(int fd, uv_loop_t *loop) {
    static char text[512];
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    const uint64_t deadline_ns = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    while (poll(&readable, 1, 0) == 0) {
        assert_true(uv_hrtime() < deadline_ns && loop != NULL);
        uv_run(loop, UV_RUN_ONCE);
    }
    const ssize_t length = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    assert_true(length > 0);
    text[length] = '\0';
    return text;
}

static void check_silent(int fd) {
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 0), 0);
}

static void print_status(char text[256], void *context) {
    snprintf(text, 256, "%s %u", (const char *)context, ++printed);
}

TEST(test_story) {
    struct notify notify;
    uv_loop_t loop;
    uv_loop_init(&loop);
    const int fd = listen_here();
    printed = 0;
    notify_open(&notify);
    assert_null(getenv("NOTIFY_SOCKET"));
    notify_status(&notify); /* nobody is ready */
    check_silent(fd);
    notify_ready(&notify, &loop, print_status, "status");
    assert_string_equal(next_message(fd, NULL), "READY=1\n");
    assert_string_equal(next_message(fd, NULL), "STATUS=status 1\n");

    /* Changes within a second are one. */
    const uint64_t begin_ns = uv_hrtime();
    notify_status(&notify);
    notify_status(&notify);
    check_silent(fd);
    assert_string_equal(next_message(fd, &loop), "STATUS=status 2\n");
    assert_true(uv_hrtime() - begin_ns >= (uint64_t)900 * 1000000);

    unsigned long long usec;
    char rest;
    notify_reloading(&notify);
    const uint64_t now_usec = uv_hrtime() / 1000;
    const char *message = next_message(fd, NULL);
    assert_int_equal(sscanf(message, "RELOADING=1\nMONOTONIC_USEC=%llu%c", &usec, &rest), 2);
    assert_int_equal(rest, '\n');
    assert_true(usec <= now_usec && now_usec - usec < (uint64_t)DEADLINE_MS * 1000);
    notify_reloaded(&notify);
    assert_string_equal(next_message(fd, NULL), "READY=1\n");

    notify_stopping(&notify);
    assert_string_equal(next_message(fd, NULL), "STOPPING=1\n");
    uv_run(&loop, UV_RUN_DEFAULT); /* the pause is over, and a status that would be due is not sent */
    check_silent(fd);
    fixture_close_loop(&loop);
    notify_close(&notify);
    close(fd);
}

TEST(test_abstract_socket) {
    struct notify notify;
    char name[64];
    snprintf(name, sizeof(name), "@muster-notify-%d", (int)getpid());
    const int fd = listen_at(name);
    notify_open(&notify);
    notify_stopping(&notify);
    assert_string_equal(next_message(fd, NULL), "STOPPING=1\n");
    notify_close(&notify);
    close(fd);
}

TEST(test_watchdog) {
    struct notify notify;
    uv_loop_t loop;
    char pid[32];
    uv_loop_init(&loop);
    const int fd = listen_here();
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "20000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_open(&notify);
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    assert_int_equal(notify.watchdog_ms, 10);
    notify_ready(&notify, &loop, print_status, "status");
    next_message(fd, NULL);
    next_message(fd, NULL);
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(next_message(fd, &loop), "WATCHDOG=1\n");
    }
    fixture_close_loop(&loop);
    notify_close(&notify);
    close(fd);
}

static void check_watchdog(const char *usec, const char *pid, uint64_t expected_ms) {
    struct notify notify;
    const int fd = listen_here();
    setenv("WATCHDOG_USEC", usec, 1);
    if (pid != NULL) {
        setenv("WATCHDOG_PID", pid, 1);
    }
    notify_open(&notify);
    assert_int_equal(notify.watchdog_ms, expected_ms);
    notify_close(&notify);
    close(fd);
}

TEST(test_watchdog_of_others) {
    check_watchdog("3000000", NULL, 1500);
    check_watchdog("3000000", "1", 0);
    check_watchdog("3000000", "x", 0);
    check_watchdog("1", NULL, 1);
    check_watchdog("0", NULL, 0);
    check_watchdog("x", NULL, 0);
}

/* Whatever the variable says, and whoever does not listen, nothing fails. */
TEST(test_nobody) {
    static const char *const names[] = {NULL, "", "relative", "/nonexistent/socket", "vsock:2:1234"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct notify notify;
        uv_loop_t loop;
        uv_loop_init(&loop);
        if (names[i] != NULL) {
            setenv("NOTIFY_SOCKET", names[i], 1);
        }
        notify_open(&notify);
        assert_null(getenv("NOTIFY_SOCKET"));
        notify_ready(&notify, &loop, print_status, "status");
        notify_status(&notify);
        notify_reloading(&notify);
        notify_reloaded(&notify);
        notify_stopping(&notify);
        fixture_close_loop(&loop);
        notify_close(&notify);
        notify_close(&notify);
    }
    char longer[256];
    memset(longer, '/', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    setenv("NOTIFY_SOCKET", longer, 1);
    struct notify notify;
    notify_open(&notify);
    assert_false(notify.open);
    notify_close(&notify);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),    cmocka_unit_test(test_abstract_socket),
        cmocka_unit_test(test_watchdog), cmocka_unit_test(test_watchdog_of_others),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, fixture_make_directory, fixture_remove_directory);
}
