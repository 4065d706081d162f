/* SPDX-License-Identifier: MIT */
/* Programs that are run for events of peers. Some run at a time; the other events wait. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <uv.h>

#include <muster/core.h>

#include "settings.h"

/* Hooks that run at a time. */
#define HOOK_RUNNING_MAX 64

/* Events that wait for a hook; the oldest makes room for a new one. */
#define HOOK_WAITING_MAX 1024

#define HOOK_TIMEOUT_MS 30000

/* The time between the SIGTERM of a hook that takes too long and its SIGKILL. */
#define HOOK_GRACE_MS 2000

struct hook_options {
    const char *program; /* a path, or a name that is looked for in PATH; borrowed */
    size_t running_max;  /* 1..HOOK_RUNNING_MAX; with 1, hooks run in the order of the events */
    uint64_t timeout_ms; /* of each */
};

/* What a hook is told. */
struct hook_event {
    struct hook_event *prev;
    struct hook_event *next;
    char *variables; /* "NAME=VALUE", each ended by a NUL, an empty one after the last */
    char *line;      /* its standard input, with its LF */
};

struct hook {
    struct hooks *hooks;
    struct hook_event *event; /* NULL: it does not run */
    pid_t pid;
    bool is_late; /* has had its SIGTERM */
    uv_timer_t timer;
};

struct hooks {
    const struct settings *settings;
    struct hook_options options;
    uv_signal_t ended;
    struct hook running[HOOK_RUNNING_MAX];
    size_t running_count;
    struct hook_event *waiting; /* the oldest one first */
    size_t waiting_count;
    size_t dropped;           /* and not yet said */
    uv_timer_t dropped_timer; /* is active when there is something to say */
    uv_timer_t finish_timer;  /* by then the last hook has to end */
    bool is_finishing;
    void (*on_finished)(void *context);
    void *context;
};

/* Puts the handles of hooks on a loop; they are to be closed with it, also after an error. Errors of hooks
 * are reported on stderr. The settings are borrowed. Returns 0 or a negative libuv error. */
int hooks_open(struct hooks *hooks, uv_loop_t *loop, const struct settings *settings,
               const struct hook_options *options);

/* Runs the hook for an event, now or when other hooks have ended. The hook has the environment of this
 * process and the variables of hook_describe_variables(); its standard input is the line. Peer and line are
 * copied. -1 when memory is out. */
int hooks_run(struct hooks *hooks, enum muster_peer_event event, const struct muster_peer *peer,
              const char *line);

/* Calls on_finished when all hooks have ended, perhaps at once, and after timeout_ms + HOOK_GRACE_MS at the
 * latest. Events that still wait then are dropped and reported. hooks_run() must not follow. */
void hooks_finish(struct hooks *hooks, void (*on_finished)(void *context), void *context);

/* Lists the variables, for --help. */
void hook_describe_variables(FILE *out);
