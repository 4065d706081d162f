/* The subscriptions of a node, and what arrives for them. */
#ifndef UV_SUBSCRIPTION_H
#define UV_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/muster.h>

struct subscriptions {
    muster_subscription_t *items[MUSTER_SUBSCRIPTIONS_MAX]; /* by their number in the core */
    uint64_t arrivals; /* so far: who subscribes in a callback gets those after it */
    uint32_t groups;   /* that are to be heard, */
    bool is_heard;     /* on some link at least, */
    int error;         /* and what keeps others from it, 0: nothing */
    uint8_t *bytes;    /* what is read at a time; NULL: nothing was ever heard */
};

void subscriptions_deinit(muster_t *node);

/* Hears these groups on all links. */
void subscriptions_hear(muster_t *node, uint32_t groups);

/* Tries again what could not be heard. */
void subscriptions_retry(muster_t *node);

/* Pulls what arrived and hands it to the application, which may do anything. From the loop. */
void subscriptions_tell(muster_t *node);

#endif
