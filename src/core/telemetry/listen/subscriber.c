#include "subscriber.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "node.h"
#include "options.h"
#include "view.h"

void subscriber_deinit(struct subscriber *subscriber) {
    for (size_t i = 0; i < MUSTER_SUBSCRIPTIONS_MAX; i++) {
        free(subscriber->subscriptions[i]);
        subscriber->subscriptions[i] = NULL;
    }
    feed_table_deinit(&subscriber->feeds);
}

/* ---- patterns ---- */

static bool touches(const struct subscription *subscription, const char *topic) {
    const char *pattern = subscription->patterns;
    for (size_t i = 0; i < subscription->pattern_count; i++) {
        if (muster_pattern_touches(pattern, topic)) {
            return true;
        }
        pattern += strlen(pattern) + 1;
    }
    return false;
}

uint64_t subscriber_audience(const struct subscriber *subscriber, const char *topic) {
    uint64_t audience = 0;
    for (unsigned i = 0; i < MUSTER_SUBSCRIPTIONS_MAX; i++) {
        if (subscriber->subscriptions[i] != NULL && touches(subscriber->subscriptions[i], topic)) {
            audience |= UINT64_C(1) << i;
        }
    }
    return audience;
}

uint64_t subscriber_row_audience(struct muster_core *core, const struct peer *peer, unsigned shard) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct message message;
    struct muster_peer row;
    uint64_t audience = 0;
    if (view_fill(core, peer, &message, tuples, &row) != 0) {
        return core->subscriber.ordered | core->subscriber.newest;
    }
    for (size_t i = 0; i < row.document.topic_count; i++) {
        const char *topic = row.document.topics[i].name;
        audience |= muster_topic_shard(topic) == shard ? subscriber_audience(&core->subscriber, topic) : 0;
    }
    message_deinit(&message);
    return audience;
}

/* ---- groups ---- */

static uint16_t groups_of(const struct subscriber *subscriber, const struct muster_document *document) {
    uint16_t groups = 0;
    for (size_t i = 0; i < document->topic_count; i++) {
        const char *topic = document->topics[i].name;
        if (subscriber_audience(subscriber, topic) != 0) {
            groups |= (uint16_t)(1u << muster_topic_shard(topic));
        }
    }
    return groups;
}

/* Groups are left when a subscription ends, not when a peer goes: it may come back. */
void subscriber_note_topics(struct muster_core *core, struct peer *peer,
                            const struct muster_document *document) {
    struct subscriber *subscriber = &core->subscriber;
    bool is_subscribed = (subscriber->ordered | subscriber->newest) != 0;
    peer->shards_wanted = is_subscribed ? groups_of(subscriber, document) : 0;
    subscriber->groups |= peer->shards_wanted;
}

/* new: bit 1 << number of a subscription that begins, or 0. */
static void note_rows(struct muster_core *core, uint64_t new) {
    core->subscriber.has_missed_rows = false;
    for (struct peer *peer = core->table.by_id; peer != NULL; peer = peer->hh.next) {
        struct muster_tuple tuples[MUSTER_TUPLES_MAX];
        struct message message;
        struct muster_peer row;
        if (view_fill(core, peer, &message, tuples, &row) == 0) {
            subscriber_note_topics(core, peer, &row.document);
            catchup_note_subscription(core, peer, &row.document, new);
            message_deinit(&message);
        } else {
            core->subscriber.has_missed_rows = true;
            catchup_miss(peer, new);
        }
    }
}

static void want_nothing(struct muster_core *core) {
    for (struct peer *peer = core->table.by_id; peer != NULL; peer = peer->hh.next) {
        peer->shards_wanted = 0;
    }
}

static void note_groups(struct muster_core *core, uint64_t new) {
    struct subscriber *subscriber = &core->subscriber;
    bool is_subscribed = (subscriber->ordered | subscriber->newest) != 0;
    subscriber->groups = is_subscribed || core->publisher.open_count > 0 ? MUSTER_GROUP_REPAIR : 0;
    if (is_subscribed) {
        note_rows(core, new);
    } else {
        want_nothing(core);
    }
}

void subscriber_note_groups(struct muster_core *core) {
    note_groups(core, 0);
}

void subscriber_note_publishing(struct muster_core *core) {
    struct subscriber *subscriber = &core->subscriber;
    bool is_subscribed = (subscriber->ordered | subscriber->newest) != 0;
    if (is_subscribed || core->publisher.open_count > 0) {
        subscriber->groups |= MUSTER_GROUP_REPAIR;
    } else {
        subscriber->groups = 0;
    }
}

bool subscriber_has_news(const struct subscriber *subscriber) {
    return subscriber->groups != subscriber->groups_told;
}

void subscriber_tick(struct muster_core *core) {
    struct subscriber *subscriber = &core->subscriber;
    if (subscriber->has_missed_rows && subscriber->rows_ms <= core->now_ms) {
        subscriber->rows_ms = core->now_ms + MUSTER_ROWS_RETRY_MS;
        subscriber_note_groups(core);
    }
}

uint64_t subscriber_deadline(const struct muster_core *core) {
    const struct subscriber *subscriber = &core->subscriber;
    if (subscriber_has_news(subscriber)) {
        return core->now_ms;
    }
    return subscriber->has_missed_rows ? subscriber->rows_ms : DEADLINE_NEVER;
}

bool subscriber_next(struct muster_core *core, struct muster_output *output) {
    struct subscriber *subscriber = &core->subscriber;
    if (!subscriber_has_news(subscriber)) {
        return false;
    }
    subscriber->groups_told = subscriber->groups;
    output->kind = MUSTER_OUTPUT_GROUPS;
    output->groups = subscriber->groups;
    return true;
}

/* ---- subscriptions ---- */

static bool are_patterns(const struct muster_subscription_options *options, size_t *bytes) {
    *bytes = 0;
    if (options->patterns == NULL || options->pattern_count == 0 ||
        options->pattern_count > MUSTER_PATTERNS_MAX) {
        return false;
    }
    for (size_t i = 0; i < options->pattern_count; i++) {
        if (options->patterns[i] == NULL || muster_pattern_fault(options->patterns[i]) != NULL) {
            return false;
        }
        *bytes += strlen(options->patterns[i]) + 1;
    }
    return true;
}

static struct subscription *subscription_new(const struct muster_subscription_options *options,
                                             size_t bytes) {
    struct subscription *subscription = malloc(sizeof *subscription + bytes);
    if (subscription == NULL) {
        return NULL;
    }
    *subscription = (struct subscription){
        .is_newest = options->newest, .since_ms = options->since_ms, .pattern_count = options->pattern_count};
    char *at = subscription->patterns;
    for (size_t i = 0; i < options->pattern_count; i++) {
        size_t length = strlen(options->patterns[i]) + 1;
        memcpy(at, options->patterns[i], length);
        at += length;
    }
    return subscription;
}

static unsigned find_place(const struct subscriber *subscriber) {
    unsigned place = 0;
    while (place < MUSTER_SUBSCRIPTIONS_MAX && subscriber->subscriptions[place] != NULL) {
        place++;
    }
    return place;
}

static int subscribe(muster_core_t *core, const struct muster_subscription_options *options,
                     unsigned *number) {
    struct subscriber *subscriber = &core->subscriber;
    size_t bytes;
    if (core->presence.state >= PRESENCE_LEAVING) {
        return MUSTER_ECLOSING;
    }
    if (!are_patterns(options, &bytes)) {
        return MUSTER_EINVAL;
    }
    unsigned place = find_place(subscriber);
    if (place == MUSTER_SUBSCRIPTIONS_MAX) {
        return MUSTER_EFULL;
    }
    struct subscription *subscription = subscription_new(options, bytes);
    if (subscription == NULL) {
        return MUSTER_ENOMEM;
    }
    uint64_t bit = UINT64_C(1) << place;
    subscriber->subscriptions[place] = subscription;
    *(options->newest ? &subscriber->newest : &subscriber->ordered) |= bit;
    subscriber->lasting |= options->without_last ? 0 : bit;
    subscriber->generation++;
    note_groups(core, bit);
    *number = place;
    return 0;
}

int muster_core_subscribe(muster_core_t *core, const struct muster_subscription_options *options,
                          unsigned *number) {
    struct muster_subscription_options known = {0};
    int error = options_take(&known, sizeof known, options);
    return error != 0 ? error : subscribe(core, &known, number);
}

void muster_core_unsubscribe(muster_core_t *core, unsigned number) {
    struct subscriber *subscriber = &core->subscriber;
    if (number >= MUSTER_SUBSCRIPTIONS_MAX || subscriber->subscriptions[number] == NULL) {
        return;
    }
    uint64_t bit = UINT64_C(1) << number;
    free(subscriber->subscriptions[number]);
    subscriber->subscriptions[number] = NULL;
    subscriber->ordered &= ~bit;
    subscriber->newest &= ~bit;
    subscriber->lasting &= ~bit;
    catchup_forget(core, bit);
    backlog_forget(&core->backlog, bit);
    feed_table_forget_given(&subscriber->feeds, bit);
    subscriber->generation++;
    subscriber_note_groups(core);
    feed_table_review(core);
}
