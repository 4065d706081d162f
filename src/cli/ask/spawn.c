/* SPDX-License-Identifier: MIT */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Resets signals that have handlers. In the child, a handler would write to pipes that it shares with this
 * process. */
static void reset_signals(void) {
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0) {
            continue; /* there is none of that number, or the C library keeps it to itself */
        }
        bool is_inherited = action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN;
        if (!is_inherited || number == SIGPIPE || number == SIGCHLD) {
            signal(number, SIG_DFL);
        }
    }
}

/* True when the read end of the report is closed, which the parent alone has. getppid() does not tell: it is
 * 0 for a parent in another PID namespace. */
static bool parent_has_ended(int report) {
    struct pollfd end = {.fd = report};
    return poll(&end, 1, 0) == 1;
}

/* Runs the program in this process. Returns an errno when that failed. */
static int execute(const struct spawn *spawn, int report, const sigset_t *blocked) {
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) {
        return errno;
    }
    if (parent_has_ended(report)) {
        _exit(0); /* before that: nobody is there to be told */
    }
    if (spawn->own_group && setpgid(0, 0) != 0) {
        return errno;
    }
    if (spawn->input >= 0 && dup2(spawn->input, STDIN_FILENO) < 0) {
        return errno;
    }
    for (const char *variable = spawn->variables; variable != NULL && *variable != '\0';
         variable = strchr(variable, '\0') + 1) {
        putenv((char *)variable);
    }
    reset_signals();
    sigprocmask(SIG_SETMASK, blocked, NULL);
    execvp(spawn->argv[0], spawn->argv);
    return errno;
}

/* Reads the errno that a child reports. 0 when the program runs, which has closed the pipe. */
static int read_report(int fd) {
    int report = 0;
    ssize_t count;
    do {
        count = read(fd, &report, sizeof(report));
    } while (count < 0 && errno == EINTR);
    return count == sizeof(report) ? report : 0;
}

/* Forks. All signals are blocked meanwhile, so that no handler of this process runs in the child. */
static pid_t fork_child(const struct spawn *spawn, const int report[2]) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        close(report[0]);
        int error = execute(spawn, report[1], spawn->blocked != NULL ? spawn->blocked : &before);
        _exit(write(report[1], &error, sizeof(error)) == sizeof(error) ? 0 : 1);
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid > 0 ? pid : -error;
}

pid_t spawn_program(const struct spawn *spawn) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        return -errno;
    }
    pid_t pid = fork_child(spawn, report);
    close(report[1]);
    int error = pid > 0 ? read_report(report[0]) : 0;
    close(report[0]);
    if (error == 0) {
        return pid;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return -error;
}
