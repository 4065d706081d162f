/* SPDX-License-Identifier: MIT */
#include "delivery.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "deadline.h"
#include "log.h"
#include "peer_copy.h"

#define LOSS_RETRY_MS 100 /* before the loss of events is reported again, after that failed */

enum delivery_kind { DELIVERY_PEER, DELIVERY_SETTLED, DELIVERY_LOG };

struct delivery {
    struct delivery *prev;
    struct delivery *next;
    enum delivery_kind kind;
    enum muster_peer_event event; /* PEER */
    struct muster_peer *peer;     /* PEER, owned */
    muster_settled_cb on_settled; /* SETTLED */
    void *application;            /* SETTLED, borrowed */
    enum muster_log_level level;  /* LOG */
    char *line;                   /* LOG, owned */
};

/* ---- queues ---- */

/* NULL when it is empty. */
static struct delivery *queue_take(struct delivery_queue *queue) {
    struct delivery *taken = queue->first;
    if (taken != NULL) {
        DL_DELETE(queue->first, taken);
        queue->count--;
    }
    return taken;
}

static void queue_put(struct delivery_queue *queue, struct delivery *delivery) {
    DL_APPEND(queue->first, delivery);
    queue->count++;
}

static void delivery_free(struct delivery *delivery) {
    free(delivery->peer);
    free(delivery->line);
    free(delivery);
}

static void queue_clear(struct delivery_queue *queue) {
    for (struct delivery *next = queue_take(queue); next != NULL; next = queue_take(queue)) {
        delivery_free(next);
    }
}

/* ---- keeping ---- */

/* Takes over what content owns, which may be incomplete for want of memory. */
static void keep(struct deliveries *deliveries, const struct delivery *content, bool is_complete) {
    struct delivery *kept =
        is_complete && deliveries->queue.count < DELIVERIES_MAX ? malloc(sizeof *kept) : NULL;
    if (kept == NULL) {
        free(content->peer);
        free(content->line);
        deliveries->lost++;
        return;
    }
    *kept = *content;
    queue_put(&deliveries->queue, kept);
}

void deliveries_add_peer(struct deliveries *deliveries, enum muster_peer_event event,
                         const struct muster_peer *peer) {
    struct delivery content = {.kind = DELIVERY_PEER, .event = event, .peer = peer_copy(peer)};
    keep(deliveries, &content, content.peer != NULL);
}

void deliveries_add_line(enum muster_log_level level, const char *line, void *context) {
    struct deliveries *deliveries = context;
    if (deliveries->on_log != NULL && !deliveries->context->is_closing) {
        struct delivery content = {.kind = DELIVERY_LOG, .level = level, .line = strdup(line)};
        keep(deliveries, &content, content.line != NULL);
    }
}

/* ---- questions ---- */

int deliveries_ask(struct deliveries *deliveries, const char *type, const char *name,
                   muster_settled_cb on_settled, void *application) {
    struct muster_event event = {
        .kind = MUSTER_EVENT_COMMAND,
        .command = {
            .kind = MUSTER_COMMAND_QUERY, .type = type, .name = name, .is_unawaited = on_settled == NULL}};
    struct delivery *question = NULL;
    if (on_settled != NULL) {
        question = malloc(sizeof *question);
        if (question == NULL) {
            return MUSTER_ENOMEM;
        }
        *question =
            (struct delivery){.kind = DELIVERY_SETTLED, .on_settled = on_settled, .application = application};
    }
    int error = part_step(deliveries->context, &event);
    if (error != 0) {
        free(question);
    } else if (question != NULL) {
        queue_put(&deliveries->questions, question);
    }
    return error;
}

void deliveries_settle(struct deliveries *deliveries) {
    struct delivery *question = queue_take(&deliveries->questions);
    if (question != NULL) { /* none is left once the node closes */
        queue_put(&deliveries->queue, question);
    }
}

/* ---- telling ---- */

static void deliver_peer(const struct deliveries *deliveries, const struct delivery *delivery) {
    const struct part_context *context = deliveries->context;
    if (deliveries->on_event != NULL) {
        deliveries->on_event(context->node, delivery->event, delivery->peer, deliveries->application);
    }
    if (!context->is_closing) {
        deliveries->follower.on_peer(deliveries->follower.owner, delivery->peer->id);
    }
}

static void deliver(const struct deliveries *deliveries, const struct delivery *delivery) {
    switch (delivery->kind) {
    case DELIVERY_PEER: deliver_peer(deliveries, delivery); break;
    case DELIVERY_SETTLED: delivery->on_settled(deliveries->context->node, delivery->application); break;
    case DELIVERY_LOG: deliveries->on_log(delivery->level, delivery->line, deliveries->application); break;
    }
}

/* The queue was drained, so there is room for the line. Should it be lost itself, the count stays. */
static void report_lost(struct deliveries *deliveries) {
    const struct log log = {.write = deliveries_add_line, .context = deliveries};
    uint64_t lost = deliveries->lost;
    if (lost == 0) {
        return;
    }
    deliveries->follower.on_lost(deliveries->follower.owner);
    deliveries->lost = 0;
    log_line(&log, MUSTER_LOG_ERROR, "%llu events were lost: %s", (unsigned long long)lost,
             muster_error_text(MUSTER_ENOMEM));
    if (deliveries->lost > 0) {
        deliveries->lost = lost;
        deliveries->retry_ms = part_now_ms() + LOSS_RETRY_MS;
    }
}

/* ---- as a part ---- */

/* Delivers what is queued now. What the callbacks bring about comes in the next turn, so that they can't keep
 * the loop here. Any of them may close the node, which stays in memory until the loop closed its handles. */
void deliveries_turn(struct deliveries *deliveries) {
    for (size_t left = deliveries->queue.count; left > 0 && !deliveries->context->is_closing; left--) {
        struct delivery *delivery = queue_take(&deliveries->queue);
        deliver(deliveries, delivery);
        delivery_free(delivery);
    }
    report_lost(deliveries);
}

uint64_t deliveries_due_ms(const struct deliveries *deliveries) {
    if (deliveries->queue.count > 0) {
        return 0;
    }
    return deliveries->lost > 0 ? deliveries->retry_ms : DEADLINE_NEVER;
}

void deliveries_deinit(struct deliveries *deliveries) {
    queue_clear(&deliveries->queue);
    queue_clear(&deliveries->questions);
}
