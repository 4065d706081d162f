/* The command that `muster announce -- COMMAND` stands for: announced exactly while it lives. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include <uv.h>

#include "session.h"

/* What a process exits with that could not become a command, as a shell has it. */
#define CHILD_STATUS_UNUSABLE 126
#define CHILD_STATUS_NOT_FOUND 127

struct child {
    struct session *session;
    pid_t pid;
    int signals; /* a signalfd */
    uv_poll_t poll;
    bool has_end_signal; /* to end, by a SIGINT or SIGTERM */
};

/* Starts argv on a session that is open and does not run yet, and which is not until_signal: from then on the
 * session ends when the command does, with its exit code, or 128 and the number of the signal that it died
 * by. SIGINT, SIGTERM and SIGHUP, unless ignored, are passed on; a second SIGINT or SIGTERM kills the command
 * and ends the process at once.
 * When the command can't be started, this says why and ends the process, with CHILD_STATUS_NOT_FOUND,
 * CHILD_STATUS_UNUSABLE or STATUS_ERROR: nothing was announced. */
void child_start(struct child *child, struct session *session, char *const *argv);

#endif
