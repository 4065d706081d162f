#include "publication.h"

#include <stdlib.h>
#include <time.h>

#include <utlist.h>

#include "runner.h"

struct muster_publisher {
    struct muster_publisher *prev;
    struct muster_publisher *next;
    muster_t *node;
    unsigned number; /* of the topic in the core */
};

/* ---- when it leaves ---- */

/* The time of a record that has none. Those that are added in one go have the same, as their pack then says
 * it once; reading the clock for each would cost as much as writing the record. */
static double wall_s(muster_t *node) {
    struct publication *publication = &node->publication;
    if (publication->now_ms != uv_now(node->timer.loop)) {
        struct timespec now = {.tv_sec = 0};
        clock_gettime(CLOCK_REALTIME, &now);
        publication->now_ms = uv_now(node->timer.loop);
        publication->wall_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    }
    return publication->wall_s;
}

/* What the callbacks of one round of the loop flushed leaves together, but for the first of it. */
static void on_prepare(uv_prepare_t *prepare) {
    muster_t *node = prepare->data;
    if (!node->publication.is_dirty) {
        return;
    }
    node->publication.is_dirty = false;
    node->publication.has_sent = false;
    runner_refresh(node);
    publication_tell(node);
}

/* The handle does not keep the loop alive. */
void publication_start(muster_t *node, uv_loop_t *loop) {
    uv_prepare_init(loop, &node->publication.prepare);
    uv_unref((uv_handle_t *)&node->publication.prepare);
    node->publication.prepare.data = node;
}

void publication_deinit(muster_t *node) {
    muster_publisher_t *publisher;
    muster_publisher_t *next;
    DL_FOREACH_SAFE(node->publication.first, publisher, next) {
        free(publisher);
    }
    node->publication.first = NULL;
}

void publication_tell(muster_t *node) {
    struct publication *publication = &node->publication;
    if (node->is_closing || !muster_core_is_writable(node->core) || !publication->is_awaited) {
        return;
    }
    publication->is_awaited = false;
    if (publication->on_writable != NULL) {
        publication->on_writable(node, publication->context);
    }
}

/* More would not make the batch larger. */
static void send_batches(muster_t *node) {
    node->publication.is_dirty = true;
    if (muster_core_has_batch(node->core)) {
        node->publication.now_ms = 0;
        runner_send(node);
    }
}

/* ---- publishers ---- */

int muster_publisher_open(muster_t *node, const struct muster_topic *topic, muster_publisher_t **publisher) {
    *publisher = NULL;
    if (node->is_closing) {
        return MUSTER_ECLOSING;
    }
    muster_publisher_t *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return MUSTER_ENOMEM;
    }
    int error = muster_core_topic_open(node->core, topic, &opened->number);
    if (error != 0) {
        free(opened);
        return error;
    }
    opened->node = node;
    DL_APPEND(node->publication.first, opened);
    uv_prepare_start(&node->publication.prepare, on_prepare);
    subscriptions_retry(node);
    runner_refresh(node);
    *publisher = opened;
    return 0;
}

int muster_publisher_add(muster_publisher_t *publisher, const struct muster_record *record) {
    muster_t *node = publisher->node;
    if (node->is_closing) {
        return MUSTER_ECLOSING;
    }
    double now_s = record->time_s == 0 ? wall_s(node) : 0;
    uint64_t now_ms = uv_now(node->timer.loop);
    int error = muster_core_topic_add(node->core, publisher->number, record, now_ms, now_s);
    if (error == MUSTER_EAGAIN) { /* what pacing lets go by now makes room */
        runner_refresh(node);
        error = muster_core_topic_add(node->core, publisher->number, record, now_ms, now_s);
    }
    if (error == 0) {
        send_batches(node);
    }
    node->publication.is_awaited = node->publication.is_awaited || error == MUSTER_EAGAIN;
    return error;
}

int muster_publisher_flush(muster_publisher_t *publisher) {
    muster_t *node = publisher->node;
    if (node->is_closing) {
        return MUSTER_ECLOSING;
    }
    muster_core_topic_flush(node->core, publisher->number);
    send_batches(node);
    if (!node->publication.has_sent) { /* who flushes now and then does not wait for the loop */
        node->publication.has_sent = true;
        runner_send(node);
    }
    return 0;
}

void muster_publisher_close(muster_publisher_t *publisher) {
    if (publisher == NULL) {
        return;
    }
    muster_t *node = publisher->node;
    muster_core_topic_close(node->core, publisher->number);
    DL_DELETE(node->publication.first, publisher);
    free(publisher);
    if (node->publication.first == NULL) {
        uv_prepare_stop(&node->publication.prepare);
    }
    runner_refresh(node);
}

void muster_on_writable(muster_t *node, muster_writable_cb on_writable, void *context) {
    node->publication.on_writable = on_writable;
    node->publication.context = context;
}

const struct muster_sender *muster_sender(const muster_t *node) {
    return muster_core_sender(node->core);
}
