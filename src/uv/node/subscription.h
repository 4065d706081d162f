/* SPDX-License-Identifier: MIT */
/* The subscriptions of a node, and what arrives for them. A part (part.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/muster.h>

#include "part.h"

struct muster_subscription {
    struct subscriptions *subscriptions;
    unsigned number;
    uint64_t first_arrival;
    bool is_newest;
    muster_sample_cb on_sample;
    muster_loss_cb on_loss;
    void *application;
};

struct subscriptions {
    const struct part_context *context;
    muster_subscription_t *items[MUSTER_SUBSCRIPTIONS_MAX]; /* by their number in the core */
    uint64_t arrivals; /* so far: who subscribes in a callback gets those after it */
};

/* Pulls the arrivals and delivers them to the application. */
void subscriptions_turn(struct subscriptions *subscriptions);
void subscriptions_deinit(struct subscriptions *subscriptions);

/* Those of muster.h, but for what follows in the node. */
int subscriptions_add(struct subscriptions *subscriptions, const struct muster_subscription_options *options,
                      muster_sample_cb on_sample, muster_loss_cb on_loss, void *application,
                      muster_subscription_t **subscription);
void subscription_end(muster_subscription_t *subscription);
