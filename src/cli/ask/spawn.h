/* SPDX-License-Identifier: MIT */
/* Starts other programs, with nothing of this process but what they are meant to have. */
#pragma once

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
    const sigset_t *blocked; /* the signals that are blocked in it; NULL: those of this process */
};

/* Starts a program without a shell; execvp(3) runs a script that names no interpreter by sh. The program has
 * the standard streams of this process, none of the descriptors that it opened, and the signal dispositions
 * that it was started with, with SIGPIPE and SIGCHLD the default. The program gets a SIGTERM when this
 * process ends first. Returns the pid of the running program, which the caller waits for, or a negative
 * errno. */
pid_t spawn_program(const struct spawn *spawn);
