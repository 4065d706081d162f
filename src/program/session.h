/* SPDX-License-Identifier: MIT */
/* A node, or the running muster, on a loop of its own for as long as a command runs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <uv.h>

#include <muster/muster.h>

#include "settings.h"

/* What happened to a peer, which is borrowed for the call. */
typedef void (*session_event_cb)(enum muster_peer_event event, const struct muster_peer *peer, void *context);

/* What a command wants of its session; all zero is an observer that hears nothing of events. */
struct session_request {
    const struct muster_options *options; /* of a node that announces a document; the session adds the
                                             settings and the callbacks. NULL: an observer */
    bool is_guest;                        /* settings->socket is that of another muster, not of this node */
    bool may_ask; /* an observer asks the running muster rather than the network, see session_may_ask() */
    bool needs_network; /* without one an observer ends with STATUS_NOBODY at once, rather than wait for it */
    bool is_local;      /* there is no node: on_open asks the running muster, session->local */
    const char *instance; /* of the muster that is_local means; NULL: any */
    size_t skip;          /* so many that would do are passed over */
    bool *is_busy;        /* NULL, or set to true in place of a report where the instance is in use */
    bool until_signal;    /* SIGINT, SIGTERM and SIGHUP end it with a bye, a second one at once; signals that
                             were ignored at the start stay ignored */
    bool until_unread;    /* it ends with STATUS_ERROR when nobody reads standard output any more */
    bool is_confined; /* once on_open has returned, the process gives up what it needs no more: confine.h */
    bool starts_programs; /* it still has to start some then, which are confined as well */
    const char *written;  /* NULL, or a file that it writes then, beside the state of a node of its own */
    uint64_t timeout_ms;  /* after which it ends; 0: never */
    void (*on_open)(void *context);          /* NULL: none; the loop is about to run */
    void (*on_tick)(void *context);          /* NULL: none; every second until it ends */
    void (*on_signal)(void *context);        /* called in place of the end by the first signal; NULL: none */
    void (*on_second_signal)(void *context); /* and by the second one, which ends it; NULL: none */
    void (*on_hangup)(void *context);        /* called in place of the end by SIGHUP; NULL: none */
    void (*on_ending)(void *context);        /* once, before the byes; NULL: none */
    int (*on_deadline)(void *context);       /* returns the status to end with; NULL: STATUS_TIMED_OUT */
    session_event_cb on_event;               /* NULL: none */
    void (*on_reset)(
        void *context); /* the running muster ended: all peers are told as new ones again; NULL: none */
    void (*on_settled)(void *context); /* the answers to an observer's question are in; NULL: none */
    void (*on_left)(void *context); /* the node is closed, and the session lasts until session_finish(); NULL:
                                       session_finish() is called at once */
    bool (*has_work)(void *context); /* a thread of the command still works, and is waited for; NULL: none */
    void *context;                  /* of all of them */
};

struct session {
    uv_loop_t *loop;
    muster_t *node;        /* NULL while a running muster is asked */
    muster_t *observer;    /* of session_open_observer(); NULL: none */
    muster_local_t *local; /* NULL while the session has a node, or when no muster could be asked */
    const struct settings *settings;
    struct session_request request;
    uv_signal_t signals[3];
    uv_fs_event_t keys; /* says when the group keys or the pins change, for both nodes */
    bool has_keys;      /* the command had a group key: the session takes others, but never none */
    bool is_watching;   /* it does */
    uv_timer_t deadline;
    uv_timer_t patience; /* with a resolver that does not answer, in the end */
    uv_timer_t tick;
    int status;       /* to exit with */
    bool is_signaled; /* by a first signal */
    bool ended;       /* the node is closing or closed, and must not be called */

    bool is_opening;    /* inside of muster_open() */
    char error[2048];   /* the last one that was logged there, */
    char warning[2048]; /* and the last warning */
    FILE *kept_lines;   /* below the errors, logged there; else NULL */
};

/* Opens a loop and a node on it, and runs the loop until the session has ended. An observer that has an
 * on_event or on_settled asks who is there. Returns the status that the session ended with, or, when it could
 * not be opened, STATUS_ERROR, reported, or STATUS_NOBODY, when no muster runs that could be asked, which is
 * reported only when the settings name its socket, or when there is no network, reported. The request is
 * copied; what it points to is borrowed. */
int session_hold(struct session *session, const struct settings *settings,
                 const struct session_request *request);

/* Opens one more node on the session's loop, an observer that tells no events; once. The command closes it
 * when the session ends, before session_finish(). Returns what muster_open() does. */
int session_open_observer(struct session *session, muster_t **node);

/* Whether a running muster may say who is there: not where the settings mean the network, nor where this user
 * has pins, as that one may have others. */
bool session_may_ask(const struct settings *settings);

/* Connects to the running muster that the settings mean, on any loop: of this instance (NULL: any), after so
 * many that would do. Returns what muster_local_open() does. */
int session_connect(uv_loop_t *loop, const struct settings *settings, const char *instance, size_t skip,
                    muster_local_t **local);

/* Says why no muster could be connected to. Returns STATUS_NOBODY where none runs, which is said only when
 * the settings name a socket; else STATUS_ERROR. */
int session_complain_of_connection(const struct settings *settings, int error);

/* Ends the session, with a bye of a node that announces. To be called from callbacks; the first call counts.
 */
void session_end(struct session *session, int status);

/* Reports a MUSTER_E…, and ends the session with STATUS_ERROR. */
void session_fail(struct session *session, int error);

/* Reports why an answer of the running muster failed, and ends the session. text is that of the other side,
 * or NULL. */
void session_fail_answer(struct session *session, int error, const char *text);

/* Reports the same where the network can be asked instead; not where merely no muster uses that port and
 * those interfaces. Returns STATUS_NOBODY when the network is to be asked, and STATUS_ERROR when the settings
 * name a socket: that muster is meant, and no other. */
int session_fall_back(const struct session *session, int error, const char *text);

/* Closes whatever is still on the loop after on_left. */
void session_finish(struct session *session);

/* The time of the wall clock, in seconds since 1970. */
double session_wall_s(void);
