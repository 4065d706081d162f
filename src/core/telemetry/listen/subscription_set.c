/* SPDX-License-Identifier: MIT */
#include "subscription_set.h"

#include <stdlib.h>

void subscription_set_deinit(struct subscription_set *subscriptions) {
    for (unsigned number = 0; number < MUSTER_SUBSCRIPTIONS_MAX; number++) {
        subscription_set_remove(subscriptions, number);
    }
}

static bool are_patterns(const struct muster_subscription_options *options) {
    if (options->patterns == NULL || options->pattern_count == 0 ||
        options->pattern_count > MUSTER_PATTERNS_MAX) {
        return false;
    }
    for (size_t i = 0; i < options->pattern_count; i++) {
        if (options->patterns[i] == NULL || muster_pattern_fault(options->patterns[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static struct subscription_entry *entry_new(const struct muster_subscription_options *options) {
    struct subscription_entry *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL ||
        pattern_set_init(&subscription->patterns, options->patterns, options->pattern_count) != 0) {
        free(subscription);
        return NULL;
    }
    subscription->since_ms = options->since_ms;
    return subscription;
}

int subscription_set_add(struct subscription_set *subscriptions,
                         const struct muster_subscription_options *options, unsigned *number) {
    if (!are_patterns(options)) {
        return MUSTER_EINVAL;
    }
    uint64_t free_set = ~subscription_set_all(subscriptions);
    if (free_set == 0) {
        return MUSTER_EFULL;
    }
    struct subscription_entry *subscription = entry_new(options);
    if (subscription == NULL) {
        return MUSTER_ENOMEM;
    }
    uint64_t bit = free_set & (~free_set + 1);
    *number = (unsigned)__builtin_ctzll(free_set);
    subscriptions->items[*number] = subscription;
    *(options->newest ? &subscriptions->newest : &subscriptions->ordered) |= bit;
    subscriptions->lasting |= options->without_last ? 0 : bit;
    subscriptions->generation++;
    return 0;
}

bool subscription_set_remove(struct subscription_set *subscriptions, unsigned number) {
    if (number >= MUSTER_SUBSCRIPTIONS_MAX || subscriptions->items[number] == NULL) {
        return false;
    }
    uint64_t others = ~(UINT64_C(1) << number);
    pattern_set_deinit(&subscriptions->items[number]->patterns);
    free(subscriptions->items[number]);
    subscriptions->items[number] = NULL;
    subscriptions->ordered &= others;
    subscriptions->newest &= others;
    subscriptions->lasting &= others;
    subscriptions->generation++;
    return true;
}

uint64_t subscription_set_all(const struct subscription_set *subscriptions) {
    return subscriptions->ordered | subscriptions->newest;
}

uint64_t subscription_set_audience(const struct subscription_set *subscriptions, const char *topic) {
    uint64_t audience = 0;
    for (uint64_t left = subscription_set_all(subscriptions); left != 0; left &= left - 1) {
        uint64_t bit = left & (~left + 1);
        bool is_for = pattern_set_touches(&subscriptions->items[__builtin_ctzll(left)]->patterns, topic);
        audience |= is_for ? bit : 0;
    }
    return audience;
}
