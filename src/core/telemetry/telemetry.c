/* SPDX-License-Identifier: MIT */
#include "telemetry.h"

#include "deadline.h"
#include "feed_repair.h"

static void (*const ticks[DUE_COUNT])(struct telemetry *telemetry) = {
    [DUE_LINGER] = publisher_seal_lingering, [DUE_RATES] = publisher_measure_rates,
    [DUE_TAILS] = sender_send_tails,         [DUE_FORGET] = feed_table_forget,
    [DUE_FEEDS] = feed_repair_tick,
};

/* The node's own subscription for what it keeps. */
static int begin_caching(struct telemetry *telemetry, const struct muster_core_options *options) {
    const struct muster_subscription_options subscription = {
        .patterns = options->caches, .pattern_count = options->cache_count, .newest = true};
    unsigned number;
    int error = options->cache_count == 0 ? 0 : telemetry_subscribe(telemetry, &subscription, &number);
    telemetry->value_cache.subscription = options->cache_count == 0 || error != 0 ? 0 : UINT64_C(1) << number;
    return error;
}

int telemetry_init(struct telemetry *telemetry, struct context *context, struct presence *presence,
                   const struct muster_core_options *options) {
    *telemetry = (struct telemetry){.context = context, .presence = presence};
    for (size_t i = 0; i < DUE_COUNT; i++) {
        telemetry->due_ms[i] = DEADLINE_NEVER;
    }
    publisher_init(&telemetry->publisher, options);
    sender_init(&telemetry->sender, options);
    return begin_caching(telemetry, options);
}

void telemetry_deinit(struct telemetry *telemetry) {
    publisher_deinit(&telemetry->publisher);
    sender_deinit(&telemetry->sender);
    arrivals_deinit(&telemetry->arrivals);
    feed_table_deinit(&telemetry->feeds);
    subscription_set_deinit(&telemetry->subscriptions);
    value_cache_deinit(&telemetry->value_cache);
}

/* ---- datagrams ---- */

void telemetry_step(struct telemetry *telemetry, const struct muster_datagram *datagram, unsigned shard) {
    arrival_begin(telemetry, datagram, shard);
}

bool telemetry_next_arrival(struct telemetry *telemetry, struct muster_arrival *arrival) {
    return arrival_next(telemetry, arrival);
}

bool telemetry_cache(struct telemetry *telemetry, struct muster_arrival *arrival) {
    uint64_t own = telemetry->value_cache.subscription;
    if ((arrival->subscriptions & own) != 0 && arrival->kind == MUSTER_ARRIVAL_SAMPLE) {
        value_cache_take(telemetry, &arrival->sample);
    }
    arrival->subscriptions &= ~own;
    return arrival->subscriptions != 0;
}

bool telemetry_take_note(struct telemetry *telemetry, struct telemetry_note *note) {
    if (!telemetry->note.is_stranger && !telemetry->note.is_heard_again) {
        return false;
    }
    *note = telemetry->note;
    telemetry->note = (struct telemetry_note){0};
    return true;
}

/* ---- time and outputs ---- */

void telemetry_tick(struct telemetry *telemetry) {
    feed_table_make_room(telemetry, 0);
    for (size_t i = 0; i < DUE_COUNT; i++) {
        if (telemetry->due_ms[i] <= telemetry->context->now_ms) {
            ticks[i](telemetry);
        }
    }
}

bool telemetry_next(struct telemetry *telemetry, struct muster_output *output) {
    return sender_next(telemetry, output);
}

/* What lingered but has no room waits for the sender. */
uint64_t telemetry_deadline(const struct telemetry *telemetry) {
    if (groups_have_changed(&telemetry->groups) || telemetry->publisher.is_announce_due ||
        telemetry->feeds.ready != NULL) {
        return telemetry->context->now_ms;
    }
    uint64_t deadline_ms = sender_allowed_ms(telemetry);
    for (size_t i = 0; i < DUE_COUNT; i++) {
        if (i != DUE_LINGER || publisher_has_room(&telemetry->publisher)) {
            deadline_ms = deadline_earlier(deadline_ms, telemetry->due_ms[i]);
        }
    }
    return deadline_ms;
}

/* ---- subscriptions ---- */

int telemetry_subscribe(struct telemetry *telemetry, const struct muster_subscription_options *options,
                        unsigned *number) {
    int error = subscription_set_add(&telemetry->subscriptions, options, number);
    if (error == 0) {
        groups_review(telemetry);
    }
    return error;
}

bool telemetry_unsubscribe(struct telemetry *telemetry, unsigned number) {
    if (!subscription_set_remove(&telemetry->subscriptions, number)) {
        return false;
    }
    groups_review(telemetry);
    feed_table_end_subscription(telemetry, UINT64_C(1) << number);
    return true;
}
