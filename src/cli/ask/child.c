/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "complain.h"
#include "spawn.h"

/* The exit status of muster for a wait status of the command. */
static int status_of(int ended) {
    return WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
}

/* Ends the process at once. The node has its first announcement ready: closing the node would send that and a
 * bye. */
static _Noreturn void fail_to_start(const struct child *child, const char *what, int error, int status) {
    complain(child->session->settings, "%s: cannot be started: %s", what, strerror(error));
    _exit(status);
}

/* ---- signals ---- */

static void kill_child(const struct child *child) {
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    _exit(128 + SIGKILL);
}

/* True when a terminal has sent the command this signal already. A Ctrl-C reaches the whole foreground
 * process group; many programs take a second SIGINT as an order to end at once. A hangup reaches the leader
 * of the session alone, which may be muster. */
static bool was_reached_by_terminal(const struct child *child, const struct signalfd_siginfo *info) {
    return info->ssi_signo == SIGINT && info->ssi_code == SI_KERNEL && getpgid(child->pid) == getpgrp();
}

/* Forwards a signal to the command, or ends it. A SIGHUP mostly asks to read a configuration again, so it is
 * no order to end. */
static void forward_signal(struct child *child, const struct signalfd_siginfo *info) {
    const bool is_to_end = info->ssi_signo != SIGHUP;
    if (child->session->ended && is_to_end) {
        _exit(child->session->status); /* not even the byes are waited for */
    }
    if (child->has_end_signal && is_to_end) {
        kill_child(child);
    }
    child->has_end_signal = child->has_end_signal || is_to_end;
    if (!child->session->ended && !was_reached_by_terminal(child, info)) {
        kill(child->pid, (int)info->ssi_signo);
    }
}

/* Ends the session when the command has ended. A SIGCHLD also comes when the command was stopped or
 * continues. */
static void reap_child(const struct child *child) {
    int ended;
    if (!child->session->ended && waitpid(child->pid, &ended, WNOHANG) == child->pid) {
        session_end(child->session, status_of(ended));
    }
}

static void on_signals(uv_poll_t *poll, int status, int events) {
    struct child *child = poll->data;
    struct signalfd_siginfo info;
    (void)status;
    (void)events;
    while (read(child->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            reap_child(child);
        } else {
            forward_signal(child, &info);
        }
    }
}

/* Blocks the signals that are to be read, and gives what was blocked before. A signal that was ignored is not
 * blocked: the signalfd would report it nevertheless. */
static void block_signals(sigset_t *signals, sigset_t *before) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take away how the command ended */
    sigemptyset(signals);
    sigaddset(signals, SIGCHLD);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            sigaddset(signals, numbers[i]);
        }
    }
    sigprocmask(SIG_BLOCK, signals, before);
}

/* Opens a signalfd, which says where a signal came from; libuv's handles do not. Returns 0 or a negative
 * errno. */
static int watch_signals(struct child *child, const sigset_t *signals) {
    child->signals = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (child->signals < 0) {
        return -errno;
    }
    int error = uv_poll_init(child->session->loop, &child->poll, child->signals);
    child->poll.data = child;
    return error != 0 ? error : uv_poll_start(&child->poll, UV_READABLE, on_signals);
}

void child_start(struct child *child, struct session *session, char *const *argv) {
    sigset_t signals;
    sigset_t before;
    *child = (struct child){.session = session};
    block_signals(&signals, &before);
    int error = watch_signals(child, &signals);
    if (error != 0) {
        fail_to_start(child, argv[0], -error, STATUS_ERROR);
    }
    const struct spawn spawn = {.argv = argv, .input = -1, .blocked = &before};
    child->pid = spawn_program(&spawn);
    if (child->pid < 0) {
        fail_to_start(child, argv[0], -child->pid,
                      child->pid == -ENOENT ? CHILD_STATUS_NOT_FOUND : CHILD_STATUS_UNUSABLE);
    }
}
