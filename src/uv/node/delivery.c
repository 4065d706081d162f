#include "delivery.h"

#include <stdlib.h>
#include <string.h>

#include "peer_copy.h"

void delivery_free(struct delivery *delivery) {
    if (delivery != NULL) {
        free(delivery->peer);
        free(delivery->line);
        free(delivery);
    }
}

void delivery_queue_deinit(struct delivery_queue *queue) {
    for (struct delivery *next = delivery_queue_take(queue); next != NULL;
         next = delivery_queue_take(queue)) {
        delivery_free(next);
    }
}

void delivery_queue_put(struct delivery_queue *queue, struct delivery *delivery) {
    delivery->next = NULL;
    if (queue->last == NULL) {
        queue->first = delivery;
    } else {
        queue->last->next = delivery;
    }
    queue->last = delivery;
    queue->count++;
}

struct delivery *delivery_queue_take(struct delivery_queue *queue) {
    struct delivery *taken = queue->first;
    if (taken == NULL) {
        return NULL;
    }
    queue->first = taken->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    queue->count--;
    return taken;
}

/* NULL, and counted, when there is neither memory nor room. */
static struct delivery *delivery_new(struct delivery_queue *queue, enum delivery_kind kind) {
    struct delivery *delivery = queue->count < DELIVERIES_MAX ? calloc(1, sizeof *delivery) : NULL;
    if (delivery == NULL) {
        queue->lost++;
        return NULL;
    }
    delivery->kind = kind;
    return delivery;
}

void delivery_queue_add_peer(struct delivery_queue *queue, enum muster_peer_event event,
                             const struct muster_peer *peer) {
    struct delivery *delivery = delivery_new(queue, DELIVERY_PEER);
    if (delivery == NULL) {
        return;
    }
    delivery->event = event;
    delivery->peer = peer_copy(peer);
    if (delivery->peer == NULL) {
        queue->lost++;
        delivery_free(delivery);
        return;
    }
    delivery_queue_put(queue, delivery);
}

void delivery_queue_add_log(struct delivery_queue *queue, enum muster_log_level level, const char *line) {
    struct delivery *delivery = delivery_new(queue, DELIVERY_LOG);
    if (delivery == NULL) {
        return;
    }
    delivery->level = level;
    delivery->line = strdup(line);
    if (delivery->line == NULL) {
        queue->lost++;
        delivery_free(delivery);
        return;
    }
    delivery_queue_put(queue, delivery);
}

struct delivery *delivery_new_settled(muster_settled_cb on_settled, void *context) {
    struct delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery != NULL) {
        delivery->kind = DELIVERY_SETTLED;
        delivery->on_settled = on_settled;
        delivery->context = context;
    }
    return delivery;
}
