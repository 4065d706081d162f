/* Drives one core node on one loop: sockets and time in, datagrams and callbacks out. The inside of
 * muster.h's handle; muster.c is the rest of it. */
#ifndef UV_RUNNER_H
#define UV_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>
#include <muster/muster.h>

#include "browse.h"
#include "delivery.h"
#include "limit.h"
#include "link.h"
#include "listener.h"
#include "log.h"
#include "publication.h"
#include "state.h"
#include "stream_table.h"
#include "subscription.h"

/* A bye takes some 200 ms. A node whose socket stays full longer than this closes without. */
#define RUNNER_CLOSE_MS 1000

struct muster {
    muster_core_t *core;
    uint16_t port;                 /* of the control group */
    struct state state;            /* none for an observer */
    struct identity identities[2]; /* the one in use, and, for the time of a rekeying, its successor */
    unsigned identity;             /* index of the one in use; the core borrows its secret */

    struct watch unicast;
    struct link *links[MUSTER_PATHS_MAX];
    size_t link_count;
    struct muster_path paths[MUSTER_PATHS_MAX];
    size_t path_count;

    struct listener tcp;   /* on the unicast port; none of an observer */
    struct listener local; /* the Unix socket; none of an observer, or where there can't be one */
    char *socket;          /* its path; NULL: none */
    struct stream_table streams;

    uv_timer_t timer; /* the core's deadline, or at once while there are deliveries */
    size_t handles;   /* timer, prepare, streams, unicast and links that are on the loop */

    bool is_blocked; /* the unicast socket is full: `held` waits, and no datagram is pulled */
    struct muster_datagram held;
    uint8_t held_bytes[SOCKET_BATCH_BYTES];

    muster_event_cb on_event;
    muster_log_cb on_log;
    void *context;
    struct log log;                   /* into deliveries */
    struct delivery_queue deliveries; /* for the application */
    struct delivery_queue questions;  /* of muster_query(), not settled yet, in their order */
    struct browses browses;
    struct publication publication;
    struct subscriptions subscriptions;

    bool is_rekey_due; /* our own key was proven to be in use elsewhere */
    bool is_closing;   /* muster_close() was called */
    bool is_ended;     /* the handles are closing */
    uint64_t close_ms; /* while closing: when to end without further byes */
    muster_close_cb on_closed;
    void *closed_context;
};

/* Milliseconds of a clock that never runs backwards, and since 1970. */
uint64_t runner_now_ms(void);
uint64_t runner_wall_ms(void);

/* Puts the node on the loop, where it begins by itself. MUSTER_ENOMEM, MUSTER_ESYSTEM; then runner_end() it.
 */
int runner_start(muster_t *node, uv_loop_t *loop);

/* Steps the core with an event of now. Errors of muster_core_step(). runner_work() must follow, unless
 * muster_core_has_work() is false. */
int runner_step(muster_t *node, struct muster_event *event);

/* Asks the group, as QUERY does: question, which waits for the answers to be in, is taken over unless that
 * fails; NULL: nobody waits. Errors of muster_core_step(). runner_work() must follow. */
int runner_ask(muster_t *node, const char *type, const char *name, struct delivery *question);

/* Pulls what the core has to send and to tell, and sets the timer. Calls nobody back. */
void runner_work(muster_t *node);

/* The same, once the core knows the time. */
void runner_refresh(muster_t *node);

/* Sends what the core lets go, and no more than that. */
void runner_send(muster_t *node);

/* The same, from the loop: also calls the application back, which may close the node. */
void runner_tell(muster_t *node);

/* The same, once the core knows the time. */
void runner_turn(muster_t *node);

/* The link of an interface, by its index; NULL when there is none. */
struct link *runner_link(const muster_t *node, uint32_t interface);

/* Takes the node off the loop. When all its handles are closed, it is freed and on_closed called. */
void runner_end(muster_t *node);

/* Frees a node that is not on the loop, whatever of it is there. */
void runner_free(muster_t *node);

#endif
