/* The topics of a node that are open for records. A part (part.h). */
#ifndef UV_PUBLICATION_H
#define UV_PUBLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/muster.h>

#include "part.h"

struct publications {
    const struct part_context *context;
    muster_publisher_t *first;
    bool is_dirty;     /* something was added or flushed since the node's last round, */
    bool has_flushed;  /* and something was sent at once */
    bool is_clock_old; /* the wall clock is to be read again, */
    uint64_t clock_ms; /* or when this is not the loop's time any more */
    double clock_s;    /* what it said */
    bool is_awaited;   /* the application got MUSTER_EAGAIN, and was not told that it is over */
    muster_writable_cb on_writable;
    void *application;
};

void publications_init(struct publications *publications, const struct part_context *context);

/* Tells the application that records are taken again, if it waits for that. */
void publications_turn(void *part);

/* Ends all publishers, without a word to the core. */
void publications_deinit(void *part);

/* The loop is about to wait. True when something was added or flushed since it did so last, which the core is
 * to send now. */
bool publications_begin_round(struct publications *publications);

/* Those of muster.h, but for what follows in the node. now_ms is the loop's time. */
int publications_open(struct publications *publications, const struct muster_topic *topic,
                      muster_publisher_t **publisher);
int publisher_add(muster_publisher_t *publisher, const struct muster_record *record, uint64_t now_ms);
void publisher_flush(muster_publisher_t *publisher);
void publisher_close(muster_publisher_t *publisher);

/* True when what was flushed is to be sent at once: whoever flushes now and then does not wait for the loop,
 * and what the callbacks of one round flush leaves together, but for the first of it. */
bool publications_take_first_flush(struct publications *publications);

/* True when so much waits that more would not make the batch larger: it is to be sent at once. */
bool publications_have_batch(struct publications *publications);

muster_t *publisher_node(const muster_publisher_t *publisher);

#endif
