/* SPDX-License-Identifier: MIT */
/* Publishing and subscribing, between two steps. */
#include <muster/core.h>
#include <muster/telemetry.h>

#include "node.h"
#include "options.h"

int node_announce_topics(muster_core_t *core) {
    int error = MUSTER_ETOOBIG;
    for (int with_all = 1; with_all >= 0 && error == MUSTER_ETOOBIG; with_all--) {
        struct publisher_topics topics;
        error = publisher_describe(&core->telemetry.publisher, with_all == 1, &topics);
        if (error == 0) {
            error = own_document_set_topics(&core->presence, topics.items, topics.count);
            publisher_topics_deinit(&topics);
        }
    }
    return error;
}

int muster_core_topic_open(muster_core_t *core, const struct muster_topic *described, unsigned *number) {
    struct telemetry *telemetry = &core->telemetry;
    if (presence_is_leaving(&core->presence)) {
        return MUSTER_ECLOSING;
    }
    int error =
        core->context.is_observer ? MUSTER_EINVAL : publisher_topic_open(telemetry, described, number);
    if (error != 0) {
        return error;
    }
    error = node_announce_topics(core);
    if (error != 0) {
        publisher_topic_discard(&telemetry->publisher, *number);
        return error;
    }
    groups_record_publishing(telemetry);
    return 0;
}

int muster_core_topic_add(muster_core_t *core, unsigned number, const struct muster_record *record,
                          uint64_t now_ms, double wall_s) {
    return presence_is_leaving(&core->presence)
               ? MUSTER_ECLOSING
               : publisher_topic_add(&core->telemetry, number, record, now_ms, wall_s, true);
}

void muster_core_topic_flush(muster_core_t *core, unsigned number) {
    publisher_topic_flush(&core->telemetry, number);
}

void muster_core_topic_close(muster_core_t *core, unsigned number) {
    publisher_topic_close(&core->telemetry, number);
    groups_record_publishing(&core->telemetry);
}

int node_lend_topic(muster_core_t *core, const char *name, unsigned *number) {
    const struct muster_topic topic = {.name = name};
    int error = muster_core_topic_open(core, &topic, number);
    if (error == MUSTER_EFULL && publisher_topic_idlest(&core->telemetry.publisher, number)) {
        muster_core_topic_close(core, *number);
        error = muster_core_topic_open(core, &topic, number);
    }
    if (error == 0) {
        publisher_topic_lend(&core->telemetry.publisher, *number);
    }
    return error;
}

int node_publish(void *node, const char *topic, const struct muster_record *record, bool retains) {
    muster_core_t *core = node;
    unsigned number;
    if (core->context.paths.count == 0) { /* it would wait, and nobody would know */
        return MUSTER_EAGAIN;
    }
    bool is_open = publisher_topic_find(&core->telemetry.publisher, topic, &number);
    int error = is_open ? 0 : node_lend_topic(core, topic, &number);
    if (error != 0) {
        return error;
    }
    error = presence_is_leaving(&core->presence)
                ? MUSTER_ECLOSING
                : publisher_topic_add(&core->telemetry, number, record, core->context.now_ms, 0, !retains);
    if (error == 0) {
        publisher_topic_use(&core->telemetry, number);
        publisher_topic_retain(&core->telemetry.publisher, number, record->name, retains);
        publisher_topic_flush(&core->telemetry, number);
    } else if (!is_open) {
        muster_core_topic_close(core, number);
    }
    return error;
}

bool muster_core_is_writable(muster_core_t *core) {
    return publisher_is_writable(&core->telemetry.publisher);
}

bool muster_core_has_batch(const muster_core_t *core) {
    return sender_has_batch(&core->telemetry);
}

int muster_core_subscribe(muster_core_t *core, const struct muster_subscription_options *options,
                          unsigned *number) {
    struct muster_subscription_options known = {0};
    int error = options_take(&known, sizeof known, options);
    if (error == 0) {
        error = presence_is_leaving(&core->presence) ? MUSTER_ECLOSING
                                                     : telemetry_subscribe(&core->telemetry, &known, number);
    }
    if (error == 0) {
        catchup_subscribe(&core->exchange, UINT64_C(1) << *number);
    }
    return error;
}

void muster_core_unsubscribe(muster_core_t *core, unsigned number) {
    if (telemetry_unsubscribe(&core->telemetry, number)) {
        exchange_unsubscribe(&core->exchange, UINT64_C(1) << number);
    }
}
