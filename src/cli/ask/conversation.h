/* A conversation with the muster that runs on this machine already, on a loop of its own. */
#ifndef CLI_CONVERSATION_H
#define CLI_CONVERSATION_H

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

    /* Not for the caller, but for `local`, which is asked, and the loop. */
    muster_local_t *local;
    uv_loop_t loop;
    uv_timer_t deadline;
    uv_timer_t again; /* for the caller's use */
    bool is_over;
    int status;
};

/* Opens the way to a muster, has it asked, and runs the loop until conversation_end(). Returns the status of
 * that, or, when there is no way, that of local_open(). The first members are set, the others zeroed. */
int conversation_hold(struct conversation *conversation);

/* Ends it with a status; the first call counts. */
void conversation_end(struct conversation *conversation, int status);

/* The same where an answer failed with an error, and (NULL: nothing) what the other side said: says so. */
void conversation_fail(struct conversation *conversation, int error, const char *text);

#endif
