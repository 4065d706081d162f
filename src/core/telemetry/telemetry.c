#include "telemetry.h"

#include <string.h>

#include "arrival.h"
#include "deadline.h"

/* What is due at times, in the order in which it is done. */
static const struct part {
    void (*tick)(struct telemetry *telemetry);
    uint64_t (*deadline)(const struct telemetry *telemetry);
} parts[] = {
    {publisher_tick, publisher_deadline},
    {sender_tick, sender_deadline},
    {feed_table_tick, feed_table_deadline},
};
#define PARTS (sizeof parts / sizeof *parts)

/* The node's own subscription for what it keeps. */
static int begin_keeping(struct telemetry *telemetry, const struct muster_core_options *options) {
    const struct muster_subscription_options subscription = {
        .patterns = options->keeps, .pattern_count = options->keep_count, .newest = true};
    unsigned number;
    int error = options->keep_count == 0 ? 0 : telemetry_subscribe(telemetry, &subscription, &number);
    telemetry->keeper.subscription = options->keep_count == 0 || error != 0 ? 0 : UINT64_C(1) << number;
    return error;
}

int telemetry_init(struct telemetry *telemetry, struct context *context, struct presence *presence,
                   const struct muster_core_options *options) {
    *telemetry = (struct telemetry){.context = context, .presence = presence};
    memcpy(telemetry->feeds.seed, context->hash_seed, sizeof telemetry->feeds.seed);
    publisher_init(&telemetry->publisher, options);
    sender_init(&telemetry->sender, options);
    return begin_keeping(telemetry, options);
}

void telemetry_deinit(struct telemetry *telemetry) {
    publisher_deinit(&telemetry->publisher);
    sender_deinit(&telemetry->sender);
    feed_table_deinit(&telemetry->feeds);
    subscription_set_deinit(&telemetry->subscriptions);
    keeper_deinit(&telemetry->keeper);
}

/* ---- datagrams ---- */

void telemetry_step(struct telemetry *telemetry, const struct muster_datagram *datagram, unsigned shard) {
    struct context *context = telemetry->context;
    arrival_drop_all(telemetry);
    if (paths_find(&context->paths, datagram->interface, MUSTER_PATH_M4) == NULL) {
        context->counters.received++;
        context->counters.drops[MUSTER_DROP_PATH]++;
        return;
    }
    feed_table_record_drops(&telemetry->feeds, datagram, context->now_ms);
    arrival_begin(telemetry, datagram, shard);
    if (shard == MUSTER_SHARDS || subscription_set_all(&telemetry->subscriptions) == 0) {
        arrival_take_all(telemetry);
    }
}

bool telemetry_next_arrival(struct telemetry *telemetry, struct muster_arrival *arrival) {
    return arrival_next(telemetry, arrival);
}

bool telemetry_keep(struct telemetry *telemetry, struct muster_arrival *arrival) {
    uint64_t own = telemetry->keeper.subscription;
    if ((arrival->subscriptions & own) != 0 && arrival->kind == MUSTER_ARRIVAL_SAMPLE) {
        keeper_take(telemetry, &arrival->sample);
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
    for (size_t i = 0; i < PARTS; i++) {
        parts[i].tick(telemetry);
    }
}

bool telemetry_next(struct telemetry *telemetry, struct muster_output *output) {
    return sender_next(telemetry, output);
}

uint64_t telemetry_deadline(const struct telemetry *telemetry) {
    uint64_t deadline_ms =
        groups_have_changed(&telemetry->groups) ? telemetry->context->now_ms : DEADLINE_NEVER;
    for (size_t i = 0; i < PARTS; i++) {
        deadline_ms = deadline_earlier(deadline_ms, parts[i].deadline(telemetry));
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
    feed_table_forget_given(&telemetry->feeds, UINT64_C(1) << number);
    groups_review(telemetry);
    feed_table_review(telemetry);
    return true;
}
