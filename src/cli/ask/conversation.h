/* SPDX-License-Identifier: MIT */
/* Questions to the muster that runs on this machine, and their answers, on a loop of their own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/muster.h>

#include "settings.h"

struct conversation {
    const struct settings *settings;
    const char *instance;                               /* of the muster that is asked; NULL: any */
    size_t skip;                                        /* so many that would do are passed over */
    uint64_t timeout_ms;                                /* 0: none */
    void (*on_open)(struct conversation *conversation); /* asks */
    void (*on_late)(
        struct conversation *conversation); /* the time is up, which ends the conversation; NULL: none */

    /* Set by conversation_hold(). The caller asks `local`, and may use the loop. */
    muster_local_t *local;
    uv_loop_t loop;
    uv_timer_t deadline;
    uv_timer_t again; /* for the caller's use */
    bool is_over;
    int status;
};

/* Connects to a muster, calls on_open, and runs the loop until conversation_end(). Returns the status that it
 * was ended with, or that of local_open() when no muster could be connected to; `local` is NULL then. The
 * first members are set, the others zeroed. */
int conversation_hold(struct conversation *conversation);

/* Ends it with a status; the first call counts. */
void conversation_end(struct conversation *conversation, int status);

/* Reports that an answer failed with an error, and the text of the muster (NULL: none); then ends the
 * conversation. */
void conversation_fail(struct conversation *conversation, int error, const char *text);
