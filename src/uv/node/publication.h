/* The topics of a node that are open for records, and when what they were given leaves. */
#ifndef UV_PUBLICATION_H
#define UV_PUBLICATION_H

#include <stdbool.h>

#include <uv.h>

#include <muster/muster.h>

struct publication {
    muster_publisher_t *first;
    uv_prepare_t prepare; /* runs before the loop waits, while there are publishers */
    bool is_dirty;        /* something was added or flushed since it ran last, */
    bool has_sent;        /* and something was sent at once */
    uint64_t now_ms;      /* the loop's time at which the wall clock was read last; 0: read it again */
    double wall_s;        /* what it said */
    bool is_awaited;      /* somebody was told MUSTER_EAGAIN, and not that it is over */
    muster_writable_cb on_writable;
    void *context;
};

/* Begins on the node's loop; the handle closes with the node's others. */
void publication_start(muster_t *node, uv_loop_t *loop);

/* Ends all publishers, without a word to the core. */
void publication_deinit(muster_t *node);

/* Tells the application that records are taken again, if that was awaited. From the loop. */
void publication_tell(muster_t *node);

#endif
