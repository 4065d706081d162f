/* SPDX-License-Identifier: MIT */
/* Asks the running muster for all that metrics tell. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <muster/muster.h>

#include "exposition.h"
#include "settings.h"

/* What came of it: error 0, or a MUSTER_E… with what the other side said of it, NULL for nothing; then
 * there are no texts. The next gather_start() is allowed. */
typedef void (*gather_cb)(int error, const char *text, void *context);

/* One question at a time, and its last answer. */
struct gather {
    uv_loop_t *loop;
    const struct settings *settings;
    muster_local_t *local; /* while it is asked; NULL otherwise */
    gather_cb on_done;
    void *context;
    struct muster_peer_list rows;
    char *texts[2]; /* the answer in each format, until the next gather_start() */
    size_t lengths[2];
    int error; /* of what came; 0: none */
};

/* Borrows loop and settings. */
void gather_init(struct gather *gather, uv_loop_t *loop, const struct settings *settings, gather_cb on_done,
                 void *context);

/* Asks. on_done comes once, from the loop. Returns 0, or a MUSTER_E…, and then it does not come. */
int gather_start(struct gather *gather);
bool gather_is_busy(const struct gather *gather);

/* Ends a question without on_done. The loop has to run once more before `gather` may go. */
void gather_stop(struct gather *gather);

/* Frees the answer. */
void gather_deinit(struct gather *gather);
