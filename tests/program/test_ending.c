/* SPDX-License-Identifier: MIT */
/* A signal ends a process whose output nobody reads, in a pipe or on a terminal. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <uv.h>

#include "ending.h"
#include "fixture.h"

#define TAKEN 7 /* the exit code of a process whose loop took the signal */

static void on_signal(uv_signal_t *signal, int number) {
    (void)number;
    ending_take();
    uv_stop(signal->loop);
}

/* Writes to standard output for as long as that takes all, and then runs a loop until a signal comes. */
static void write_and_run(int output, int ready) {
    static const char bytes[4096];
    uv_loop_t loop;
    uv_signal_t signal;
    dup2(output, STDOUT_FILENO);
    if (uv_loop_init(&loop) != 0 || uv_signal_init(&loop, &signal) != 0 ||
        uv_signal_start(&signal, on_signal, SIGTERM) != 0 || ending_guard(SIGTERM, 1) != 0) {
        _exit(1);
    }
    ssize_t length = write(ready, "r", 1);
    length += write(STDOUT_FILENO, bytes, sizeof(bytes)); /* waits */
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(length == 1 + (ssize_t)sizeof(bytes) ? TAKEN : 1);
}

/* Ends such a process by SIGTERM. Returns its exit code, and what it said in text. */
static int exit_code_of(int output, char *text, size_t size) {
    int ready[2];
    int error[2];
    int status;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(error, O_CLOEXEC), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(error[1], STDERR_FILENO);
        write_and_run(output, ready[1]);
    }
    assert_int_equal(read(ready[0], text, 1), 1);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(error[1]);
    const ssize_t length = read(error[0], text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    close(error[0]);
    close(ready[0]);
    close(ready[1]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(nobody_reads_a_pipe) {
    static const char bytes[1 << 16];
    char text[128];
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(pipes[1], bytes, sizeof(bytes)) > 0) {
    }
    fcntl(pipes[1], F_SETFL, 0);
    assert_int_equal(exit_code_of(pipes[1], text, sizeof(text)), 1);
    assert_string_equal(text, "muster: ended without its last output: nobody reads it\n");
    close(pipes[0]);
    close(pipes[1]);
}

TEST(a_pipe_is_read) {
    char text[128];
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(exit_code_of(pipes[1], text, sizeof(text)), TAKEN);
    assert_string_equal(text, "");
    close(pipes[0]);
    close(pipes[1]);
}

TEST(a_stopped_terminal_goes_on) {
    char text[128];
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_int_equal(tcflow(terminal, TCOOFF), 0); /* as Ctrl-S does */
    assert_int_equal(exit_code_of(terminal, text, sizeof(text)), TAKEN);
    assert_string_equal(text, "");
    close(terminal);
    close(master);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_reads_a_pipe),
        cmocka_unit_test(a_pipe_is_read),
        cmocka_unit_test(a_stopped_terminal_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
