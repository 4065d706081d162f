/* The subscriptions of a node, and what arrives for them. */
#ifndef UV_SUBSCRIPTION_H
#define UV_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <muster/muster.h>

struct subscriptions {
    muster_subscription_t *items[MUSTER_SUBSCRIPTIONS_MAX]; /* by their number in the core */
    uint64_t arrivals; /* so far: who subscribes in a callback gets those after it */
    uint32_t groups;   /* that are to be heard, */
    bool is_heard;     /* on some link at least, */
    int error;         /* and what keeps others from it, 0: nothing */
    uint8_t *bytes;    /* what is read at a time; NULL: nothing was ever heard */

    /* Where much comes, it is read once in a while instead of at each arrival: waking up costs the sender
     * more than the data. */
    uv_timer_t rest;
    bool is_resting;    /* no socket is polled: the timer reads them all */
    uint64_t window_ms; /* the loop's time since which this came: */
    uint64_t window_datagrams;
    uint64_t window_bytes;
};

/* Begins on the node's loop; the handle closes with the node's others. */
void subscriptions_start(muster_t *node, uv_loop_t *loop);

void subscriptions_deinit(muster_t *node);

/* Hears these groups on all links. */
void subscriptions_hear(muster_t *node, uint32_t groups);

/* Tries again what could not be heard. */
void subscriptions_retry(muster_t *node);

/* Pulls what arrived and hands it to the application, which may do anything. From the loop. */
void subscriptions_tell(muster_t *node);

#endif
