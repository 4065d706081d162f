/* SPDX-License-Identifier: MIT */
#include "subscription.h"

#include <stdlib.h>

#include "options.h"

/* ---- as a part ---- */

static void deliver(const muster_subscription_t *subscription, const struct muster_arrival *arrival) {
    muster_t *node = subscription->subscriptions->context->node;
    if (arrival->kind == MUSTER_ARRIVAL_SAMPLE) {
        struct muster_sample sample = arrival->sample;
        sample.is_late = sample.is_late && (subscription->is_newest || sample.kind == MUSTER_SAMPLE_LAST);
        subscription->on_sample(node, &sample, subscription->application);
    } else if (subscription->on_loss != NULL) {
        subscription->on_loss(node, &arrival->loss, subscription->application);
    }
}

/* Each callback may end any subscription, or close the node. */
static void deliver_to_each(struct subscriptions *subscriptions, const struct muster_arrival *arrival) {
    uint64_t left = arrival->subscriptions;
    subscriptions->arrivals++;
    while (left != 0 && !subscriptions->context->is_closing) {
        unsigned number = (unsigned)__builtin_ctzll(left);
        const muster_subscription_t *subscription = subscriptions->items[number];
        left &= left - 1;
        if (subscription != NULL && subscription->first_arrival <= subscriptions->arrivals) {
            deliver(subscription, arrival);
        }
    }
}

void subscriptions_turn(struct subscriptions *subscriptions) {
    const struct part_context *context = subscriptions->context;
    struct muster_arrival arrival;
    while (!context->is_closing && muster_core_next_arrival(context->core, &arrival)) {
        deliver_to_each(subscriptions, &arrival);
    }
}

void subscriptions_deinit(struct subscriptions *subscriptions) {
    for (size_t i = 0; i < MUSTER_SUBSCRIPTIONS_MAX; i++) {
        free(subscriptions->items[i]);
        subscriptions->items[i] = NULL;
    }
}

/* ---- from the application ---- */

int subscriptions_add(struct subscriptions *subscriptions, const struct muster_subscription_options *options,
                      muster_sample_cb on_sample, muster_loss_cb on_loss, void *application,
                      muster_subscription_t **subscription) {
    struct muster_subscription_options known = {0};
    *subscription = NULL;
    if (on_sample == NULL || options_take(&known, sizeof known, options) != 0) {
        return MUSTER_EINVAL;
    }
    if (subscriptions->context->is_closing) {
        return MUSTER_ECLOSING;
    }
    muster_subscription_t *made = malloc(sizeof *made);
    if (made == NULL) {
        return MUSTER_ENOMEM;
    }
    *made = (struct muster_subscription){.subscriptions = subscriptions,
                                         .first_arrival = subscriptions->arrivals + 1,
                                         .is_newest = known.newest,
                                         .on_sample = on_sample,
                                         .on_loss = on_loss,
                                         .application = application};
    int error = muster_core_subscribe(subscriptions->context->core, options, &made->number);
    if (error != 0) {
        free(made);
        return error;
    }
    subscriptions->items[made->number] = made;
    *subscription = made;
    return 0;
}

void subscription_end(muster_subscription_t *subscription) {
    struct subscriptions *subscriptions = subscription->subscriptions;
    subscriptions->items[subscription->number] = NULL;
    muster_core_unsubscribe(subscriptions->context->core, subscription->number);
    free(subscription);
}
