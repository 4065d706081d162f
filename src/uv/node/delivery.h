/* What the application is to be told, kept until the loop can tell it: callbacks never come from inside a
 * call, and may free the very thing they are told of. */
#ifndef UV_DELIVERY_H
#define UV_DELIVERY_H

#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

/* More than one step of a full table can bring; what comes on top is lost, and counted. */
#define DELIVERIES_MAX 65536

enum delivery_kind { DELIVERY_PEER, DELIVERY_SETTLED, DELIVERY_LOG };

struct delivery {
    struct delivery *next;
    enum delivery_kind kind;
    enum muster_peer_event event; /* PEER */
    struct muster_peer *peer;     /* PEER, owned */
    muster_settled_cb on_settled; /* SETTLED */
    void *context;                /* SETTLED, borrowed */
    enum muster_log_level level;  /* LOG */
    char *line;                   /* LOG, owned */
};

/* First in, first out. Zeroed: empty. */
struct delivery_queue {
    struct delivery *first;
    struct delivery *last;
    size_t count;
    uint64_t lost; /* not kept, for want of memory or room */
};

/* Drops all that is queued. */
void delivery_queue_deinit(struct delivery_queue *queue);

/* Queue a deep copy. What can't be kept is counted in lost. */
void delivery_queue_add_peer(struct delivery_queue *queue, enum muster_peer_event event,
                             const struct muster_peer *peer);
void delivery_queue_add_log(struct delivery_queue *queue, enum muster_log_level level, const char *line);

/* A question's callback, for the queue that it is put into. NULL when memory is out. */
struct delivery *delivery_new_settled(muster_settled_cb on_settled, void *context);

/* Hands over the oldest one, for delivery_free(); NULL when the queue is empty. */
struct delivery *delivery_queue_take(struct delivery_queue *queue);

/* Takes delivery over. */
void delivery_queue_put(struct delivery_queue *queue, struct delivery *delivery);

/* NULL is allowed. */
void delivery_free(struct delivery *delivery);

#endif
