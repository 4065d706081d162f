#include "subscription.h"

#include <stdlib.h>

#include <uv.h>

#include "link.h"
#include "options.h"
#include "runner.h"
#include "socket.h"

struct muster_subscription {
    muster_t *node;
    unsigned number;
    uint64_t first_arrival;
    bool is_newest;
    muster_sample_cb on_sample;
    muster_loss_cb on_loss;
    void *context;
};

void subscriptions_deinit(muster_t *node) {
    for (size_t i = 0; i < MUSTER_SUBSCRIPTIONS_MAX; i++) {
        free(node->subscriptions.items[i]);
        node->subscriptions.items[i] = NULL;
    }
    free(node->subscriptions.bytes);
    node->subscriptions.bytes = NULL;
}

/* ---- hearing ---- */

static void on_telemetry(const struct muster_datagram *datagram, void *context) {
    muster_t *node = context;
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM, .datagram = *datagram};
    if (!node->is_closing) {
        runner_step(node, &event);
        subscriptions_tell(node);
    }
}

/* One read a wake-up: what is left wakes the loop again, after its other handles had their turn. Samples
 * alone leave the core nothing to do. Else it has its turn at once: as long as data comes its timer would
 * wait, and nobody would ask for what is missing. */
static void on_telemetry_ready(uv_poll_t *poll, int status, int events) {
    muster_t *node = poll->data;
    struct watch *watch = watch_of(poll);
    (void)events;
    if (status < 0) {
        socket_take_error(&watch->socket);
        uv_poll_start(poll, UV_READABLE, on_telemetry_ready);
    } else if (node->is_closing) {
        uv_poll_stop(poll);
    } else {
        socket_read_batches(&watch->socket, node->subscriptions.bytes, on_telemetry, node);
        if (muster_core_has_work(node->core) || node->deliveries.count > 0) {
            runner_turn(node);
        }
    }
}

void subscriptions_hear(muster_t *node, uint32_t groups) {
    struct subscriptions *subscriptions = &node->subscriptions;
    subscriptions->groups = groups;
    subscriptions->is_heard = false;
    subscriptions->error = 0;
    if (groups != 0 && subscriptions->bytes == NULL) {
        subscriptions->bytes = malloc((size_t)SOCKET_BATCHES * SOCKET_BATCH_BYTES);
        if (subscriptions->bytes == NULL) {
            subscriptions->error = MUSTER_ENOMEM;
            return;
        }
    }
    for (size_t i = 0; i < node->link_count; i++) {
        int error = link_hear(node->links[i], groups, node->port, node->timer.loop, on_telemetry_ready, node,
                              &node->log);
        subscriptions->is_heard =
            subscriptions->is_heard || (error == 0 && node->links[i]->telemetry.socket.open);
        subscriptions->error = subscriptions->error != 0 ? subscriptions->error : error;
    }
}

void subscriptions_retry(muster_t *node) {
    if (node->subscriptions.error != 0) {
        subscriptions_hear(node, node->subscriptions.groups);
    }
}

/* ---- telling ---- */

static void tell(muster_t *node, muster_subscription_t *subscription, const struct muster_arrival *arrival) {
    if (arrival->kind == MUSTER_ARRIVAL_SAMPLE) {
        struct muster_sample sample = arrival->sample;
        sample.is_late = sample.is_late && (subscription->is_newest || sample.kind == MUSTER_SAMPLE_LAST);
        subscription->on_sample(node, &sample, subscription->context);
    } else if (subscription->on_loss != NULL) {
        subscription->on_loss(node, &arrival->loss, subscription->context);
    }
}

/* Each of them may end any other, or the node. */
static void tell_all(muster_t *node, const struct muster_arrival *arrival) {
    struct subscriptions *subscriptions = &node->subscriptions;
    uint64_t left = arrival->subscriptions;
    subscriptions->arrivals++;
    while (left != 0 && !node->is_closing) {
        unsigned number = (unsigned)__builtin_ctzll(left);
        muster_subscription_t *subscription = subscriptions->items[number];
        left &= left - 1;
        if (subscription != NULL && subscription->first_arrival <= subscriptions->arrivals) {
            tell(node, subscription, arrival);
        }
    }
}

void subscriptions_tell(muster_t *node) {
    struct muster_arrival arrival;
    while (!node->is_closing && muster_core_next_arrival(node->core, &arrival)) {
        tell_all(node, &arrival);
    }
}

/* ---- subscriptions ---- */

static int subscribe(muster_t *node, const struct muster_subscription_options *options,
                     muster_subscription_t *subscription) {
    int error = muster_core_subscribe(node->core, options, &subscription->number);
    if (error != 0) {
        return error;
    }
    node->subscriptions.items[subscription->number] = subscription;
    subscriptions_retry(node);
    runner_refresh(node); /* which hears the groups that it needs */
    error = node->subscriptions.is_heard ? 0 : node->subscriptions.error;
    if (error == 0) {
        error = runner_ask(node, NULL, NULL, NULL);
    }
    if (error != 0) {
        node->subscriptions.items[subscription->number] = NULL;
        muster_core_unsubscribe(node->core, subscription->number);
    }
    runner_work(node);
    return error;
}

int muster_subscribe(muster_t *node, const struct muster_subscription_options *options,
                     muster_sample_cb on_sample, muster_loss_cb on_loss, void *context,
                     muster_subscription_t **subscription) {
    struct muster_subscription_options known = {0};
    *subscription = NULL;
    if (on_sample == NULL || options_take(&known, sizeof known, options) != 0) {
        return MUSTER_EINVAL;
    }
    if (node->is_closing) {
        return MUSTER_ECLOSING;
    }
    muster_subscription_t *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return MUSTER_ENOMEM;
    }
    *made = (struct muster_subscription){.node = node,
                                         .first_arrival = node->subscriptions.arrivals + 1,
                                         .is_newest = known.newest,
                                         .on_sample = on_sample,
                                         .on_loss = on_loss,
                                         .context = context};
    int error = subscribe(node, &known, made);
    if (error != 0) {
        free(made);
        return error;
    }
    *subscription = made;
    return 0;
}

void muster_subscription_end(muster_subscription_t *subscription) {
    if (subscription == NULL) {
        return;
    }
    muster_t *node = subscription->node;
    node->subscriptions.items[subscription->number] = NULL;
    muster_core_unsubscribe(node->core, subscription->number);
    free(subscription);
    runner_work(node);
}

size_t muster_feeds(const muster_t *node, struct muster_feed *feeds, size_t feeds_max) {
    return muster_core_feeds(node->core, feeds, feeds_max);
}
