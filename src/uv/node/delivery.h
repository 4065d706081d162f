/* SPDX-License-Identifier: MIT */
/* Events for the application, kept until the loop delivers them: callbacks never come from inside of a call,
 * and may free the very thing that they are about. A part (part.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "part.h"

/* More than one step of a full table can bring; what comes on top is lost, and counted. */
#define DELIVERIES_MAX 65536

struct delivery;

/* First in, first out. Zeroed: empty. */
struct delivery_queue {
    struct delivery *first;
    size_t count;
};

/* Whoever gets each event after the application. */
struct peer_follower {
    void (*on_peer)(void *owner, const uint8_t id[MUSTER_ID_BYTES]);
    void (*on_lost)(void *owner); /* an event of some peer was lost */
    void *owner;
};

struct deliveries {
    const struct part_context *context;
    muster_event_cb on_event; /* of the application; may be NULL */
    muster_log_cb on_log;     /* likewise */
    void *application;
    struct peer_follower follower;
    struct delivery_queue queue;
    struct delivery_queue questions; /* their callbacks, until they are settled */
    uint64_t lost;                   /* not kept, for want of memory or room, and not reported yet */
    uint64_t retry_ms;               /* when it is reported again, after that failed */
};

void deliveries_turn(struct deliveries *deliveries);
uint64_t deliveries_due_ms(const struct deliveries *deliveries);
void deliveries_deinit(struct deliveries *deliveries);

/* Keep a deep copy for the next turn. What can't be kept is counted in lost. The second, as a muster_log_cb,
 * is where a log writes to; its context are the deliveries. */
void deliveries_add_peer(struct deliveries *deliveries, enum muster_peer_event event,
                         const struct muster_peer *peer);
void deliveries_add_line(enum muster_log_level level, const char *line, void *context);

/* Asks the group, as the command QUERY does; on_settled is called when the answers are in. NULL: nobody waits
 * for that. Errors of muster_core_step(). */
int deliveries_ask(struct deliveries *deliveries, const char *type, const char *name,
                   muster_settled_cb on_settled, void *application);

/* The question that was asked first is settled. */
void deliveries_settle(struct deliveries *deliveries);
