/* A node, or a muster that runs already, on a loop of its own for as long as a command runs. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <muster/muster.h>

#include "settings.h"

/* What happened to a peer, which is borrowed for the call. */
typedef void (*session_event_cb)(enum muster_peer_event event, const struct muster_peer *peer, void *context);

/* What a command wants of its session; all zero is an observer that hears nothing of events. */
struct session_request {
    const struct muster_options *options; /* of a node that announces a document, but for what the settings
                                           * say and the callbacks; NULL: an observer */
    bool is_guest;                  /* of a document: settings->socket is another muster's, not its own */
    bool may_ask;                   /* of an observer: a muster that runs here is asked rather than the
                                     * network, unless that is not wanted (settings->direct) */
    bool until_signal;              /* SIGINT, SIGTERM, SIGHUP end it well, a second one at once;
                                     * one that is ignored at the start stays so */
    bool until_unread;              /* it ends with STATUS_ERROR when nobody reads standard output any more */
    uint64_t timeout_ms;            /* it ends then if nothing has ended it before; 0: it does not */
    void (*on_open)(void *context); /* NULL: none; the loop is about to run */
    void (*on_tick)(void *context); /* NULL: none; every second until it ends */
    void (*on_signal)(void *context);  /* NULL: none; of the first of them, which then ends nothing itself */
    void (*on_hangup)(void *context);  /* of SIGHUP, which then ends nothing; NULL: it does */
    void (*on_ending)(void *context);  /* once, before the byes; NULL: none */
    int (*on_deadline)(void *context); /* returns the status to end with; NULL: STATUS_TIMED_OUT */
    session_event_cb on_event;         /* NULL: none */
    void (*on_reset)(void *context);   /* NULL: none; the muster that was asked ended, and what it told counts
                                        * no more: all who are there come again */
    void (*on_settled)(void *context); /* NULL: none; of the question that an observer asks */
    void (*on_left)(void *context);    /* NULL: none; the node is gone, and the session lasts until
                                        * session_finish(): for work that remains to be done */
    void *context;                     /* of all of them */
};

struct session {
    uv_loop_t loop;
    muster_t *node;        /* NULL while a running muster is asked */
    muster_local_t *local; /* NULL while the session has a node */
    const struct settings *settings;
    struct session_request request;
    uv_signal_t signals[3];
    uv_timer_t deadline;
    uv_timer_t tick;
    int status;       /* to exit with */
    bool is_signaled; /* by a first signal */
    bool ended;       /* the node is closing or closed: leave it alone */

    struct session_opening *opening; /* keeps log lines inside of muster_open(); else NULL */
};

/* Opens a loop and a node on it, and runs the loop until the session has ended; an observer that has an
 * on_event or on_settled asks who is there. Returns the status that it ended with, or STATUS_ERROR when it
 * could not be opened, which was said. The request is copied, what it points to is borrowed. */
int session_hold(struct session *session, const struct settings *settings,
                 const struct session_request *request);

/* Ends the session: says bye where there is one to say. For callbacks; the first call counts. */
void session_end(struct session *session, int status);

/* The same with STATUS_ERROR for a MUSTER_E…, which is said. */
void session_fail(struct session *session, int error);

/* Closes whatever is still on the loop after on_left. */
void session_finish(struct session *session);

/* The time of the wall clock, in seconds since 1970. */
double session_wall_s(void);

#endif
