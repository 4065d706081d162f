/* SPDX-License-Identifier: MIT */
#include "ending.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Neither signal handlers nor what follows main() has a context. */
static void (*loop_handler)(int number);
static unsigned untaken_seconds;
static bool is_abandoned;

static void on_untaken(int number) {
    static const char text[] = "muster: ended without its last output: nobody reads it\n";
    struct pollfd poll_stderr = {.fd = STDERR_FILENO, .events = POLLOUT};
    (void)number;
    if (poll(&poll_stderr, 1, 0) == 1 && (poll_stderr.revents & POLLOUT) != 0) {
        const ssize_t length = write(STDERR_FILENO, text, strlen(text)); /* has room: it does not wait */
        (void)length;
    }
    _exit(1);
}

static void on_signal(int number) {
    const int error = errno;
    alarm(untaken_seconds);
    tcflow(STDOUT_FILENO, TCOON);
    tcflow(STDERR_FILENO, TCOON);
    loop_handler(number);
    errno = error;
}

int ending_guard(int number, unsigned untaken_s) {
    struct sigaction action;
    struct sigaction alarm_action = {.sa_handler = on_untaken};
    if (sigaction(number, NULL, &action) != 0) {
        return -errno;
    }
    loop_handler = action.sa_handler; /* the same for all */
    untaken_seconds = untaken_s;
    action.sa_handler = on_signal; /* SIGTTOU stays blocked in it: it may be in the background */
    sigemptyset(&alarm_action.sa_mask);
    return sigaction(SIGALRM, &alarm_action, NULL) != 0 || sigaction(number, &action, NULL) != 0 ? -errno : 0;
}

void ending_take(void) {
    alarm(0);
}

void ending_abandon(void) {
    is_abandoned = true;
}

bool ending_is_abandoned(void) {
    return is_abandoned;
}

/* libuv joins its threads when a process exits in the usual way. */
int ending_exit(int status) {
    if (is_abandoned) {
        fflush(NULL);
        _exit(status);
    }
    return status;
}
