/* Other programs, started with nothing of ours but what they are meant to have. */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* Everything is borrowed for the call. */
struct spawn {
    char *const *argv;       /* argv[0] is a path, or a name that is looked for in PATH */
    const char *variables;   /* "NAME=VALUE", each ended by a NUL, an empty one after the last: they are put
                              * into its   environment, which else is ours; NULL: none */
    int input;               /* is its standard input; -1: ours is */
    bool own_group;          /* it leads a process group of its own, whose id is its pid */
    const sigset_t *blocked; /* the signals that are blocked in it; NULL: those that are in us */
};

/* Starts a program, directly and without a shell, but for a script that does not name what runs it, which
 * execvp(3) has sh run. It has our standard streams, none of the descriptors that
 * we have opened, and the signal dispositions that we were started with, SIGPIPE and SIGCHLD always being the
 * default. It gets a SIGTERM when this process ends before it. Returns its pid when it runs, which the caller
 * waits for, or a negative errno; then there is nothing to wait for. */
pid_t spawn_program(const struct spawn *spawn);

#endif
