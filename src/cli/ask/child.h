/* SPDX-License-Identifier: MIT */
/* The command of `muster announce -- COMMAND`. The announcement lasts as long as the command runs. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <uv.h>

#include "session.h"

/* Exit statuses for a command that can't be started, as shells have them. */
#define CHILD_STATUS_UNUSABLE 126
#define CHILD_STATUS_NOT_FOUND 127

struct child {
    struct session *session;
    pid_t pid;
    int signals; /* a signalfd */
    uv_poll_t poll;
    bool has_end_signal; /* to end, by a SIGINT or SIGTERM */
};

/* Starts argv from the on_open of a session that is not until_signal. The session ends when the command does,
 * with its exit code, or 128 and the number of the signal that ended it. SIGINT, SIGTERM and SIGHUP are
 * forwarded unless they are ignored; a second SIGINT or SIGTERM kills the command and ends this process at
 * once. When the command can't be started, child_start() reports why and ends this process with
 * CHILD_STATUS_NOT_FOUND, CHILD_STATUS_UNUSABLE or STATUS_ERROR; nothing was announced then. */
void child_start(struct child *child, struct session *session, char *const *argv);
