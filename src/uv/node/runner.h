/* SPDX-License-Identifier: MIT */
/* Drives one core node on one loop: sockets and time in, datagrams and callbacks out. The inside of
 * muster.h's handle; opening.c makes it, and muster.c is what an application calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>
#include <muster/muster.h>

#include "browse.h"
#include "cached_file.h"
#include "delivery.h"
#include "log.h"
#include "network.h"
#include "part.h"
#include "publication.h"
#include "state.h"
#include "static_names.h"
#include "stream_table.h"
#include "subscription.h"
#include "wake.h"

struct muster {
    muster_core_t *core;
    struct network network;
    char *socket;                     /* path of the Unix socket; NULL: none */
    struct slot slot;                 /* of the state directory; none for an observer */
    struct node_identity *identities; /* two: the one in use, and, for the time of a rekeying, its successor;
                                         in memory that is locked, as far as the system allows it */
    unsigned identity;                /* index of the one in use; the core borrows its secret */
    bool is_rekey_due;                /* our own key was proven to be in use elsewhere */

    uv_timer_t timer;     /* the core's deadline, or that of a part */
    uv_prepare_t prepare; /* runs before the loop waits: what was published meanwhile is sent */
    struct wake wake;     /* the machine was suspended: its own time has jumped */
    size_t handles;       /* these, those of the network, and the streams, while they are on the loop */
    struct stream_table streams;

    struct log log; /* into deliveries */
    struct part_context context;
    struct subscriptions subscriptions;
    struct deliveries deliveries;
    struct browses browses;
    struct publications publications;
    struct static_names static_names;
    struct cached_file cached_file;

    bool is_dirty;    /* something was added or flushed since the last round of the loop, */
    bool has_flushed; /* and some of it was sent at once */

    bool is_ended;     /* the handles are closing; before that, context.is_closing */
    uint64_t close_ms; /* while closing: when to end without further byes */
    muster_close_cb on_closed;
    void *closed_context;
};

/* Makes a node that is not on a loop, for runner_start() or runner_free(). All that can be refused comes
 * here, before a loop is touched (opening.c). Errors of muster_open(), with an error line. */
int opening_prepare(const struct muster_options *options, const struct log *log, muster_t **node);

/* Gives the parts what they share, once there is a core. */
void runner_init(muster_t *node, const struct muster_options *options);

/* Puts the node on the loop, where it begins by itself. MUSTER_ENOMEM, MUSTER_ESYSTEM; then runner_end() it.
 */
int runner_start(muster_t *node, uv_loop_t *loop);

/* Pulls the outputs of the core, and sets the timer. No callback is called. To be called after each
 * step of the core that is not from the loop. */
void runner_work(muster_t *node);

/* The same, once the core knows the time. */
void runner_refresh(muster_t *node);

/* Something was added or flushed. It is sent at once where more would not make the batch larger, and at the
 * first flush of a round of the loop; else together, when the loop waits. */
void runner_publish(muster_t *node, bool is_flush);

/* Begins to close: a bye is said, then the node ends. */
void runner_close(muster_t *node);

/* Takes the node off the loop. When all its handles are closed, it is freed and on_closed called. */
void runner_end(muster_t *node);

/* Frees a node that is not on the loop, whatever of it is there. */
void runner_free(muster_t *node);
