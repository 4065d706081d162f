/* SPDX-License-Identifier: MIT */
/* What a node keeps for others, and what it is to publish on, before and after its life. */
#include <muster/core.h>
#include <string.h>

#include <muster/telemetry.h>

#include <utlist.h>

#include "node.h"
#include "reply.h"
#include "value_cache.h"

/* In the order in which news of them came, so that they make room in that order afterwards. */
int muster_core_cached_save(muster_core_t *core, uint8_t **bytes, size_t *length) {
    struct buffer out = {0};
    const struct publisher *publisher = &core->telemetry.publisher;
    const struct kept_topic *topic;
    uint64_t count = 0;
    int error = 0;
    DL_FOREACH(core->telemetry.value_cache.topics, topic) {
        error = error != 0 ? error : value_cache_write(&core->telemetry, topic, &out, &count);
    }
    for (size_t i = 0; i < publisher->topic_count && error == 0; i++) {
        error = publisher->topics[i] == NULL
                    ? 0
                    : publisher_write_retained(&core->telemetry, publisher->topics[i], &out, &count);
    }
    if (error != 0) {
        buffer_deinit(&out);
    }
    *bytes = out.bytes;
    *length = out.length;
    return error;
}

/* What was published for another program goes on. */
static void restore(struct muster_core *core, const struct reply_sample *part, uint64_t age_ms) {
    struct muster_pack pack;
    struct muster_record record;
    unsigned number;
    if (!publisher_topic_find(&core->telemetry.publisher, part->topic, &number) &&
        node_lend_topic(core, part->topic, &number) != 0) {
        return;
    }
    muster_pack_open(&pack, (const char *)part->body, part->body_length, 0);
    while (muster_pack_next(&pack, &record) == 1) {
        publisher_topic_restore(&core->telemetry, number, &record, part->age_ms + age_ms);
    }
    node_announce_topics(core); /* with its units, where there is room for them */
}

/* Other patterns may be kept now. */
static void take(struct muster_core *core, const struct reply_sample *part, uint64_t age_ms) {
    struct telemetry *telemetry = &core->telemetry;
    const struct muster_sample sample = {.kind = MUSTER_SAMPLE_LAST,
                                         .id = part->id,
                                         .boot = part->boot,
                                         .topic = part->topic,
                                         .origin = part->origin,
                                         .name = part->name,
                                         .shard = muster_topic_shard(part->topic),
                                         .age_ms = part->age_ms + age_ms,
                                         .body = (const char *)part->body,
                                         .length = part->body_length};
    const uint64_t audience = subscription_set_audience(&telemetry->subscriptions, part->topic);
    if ((audience & telemetry->value_cache.subscription) != 0) {
        value_cache_take(telemetry, &sample);
    }
}

int muster_core_cached_load(muster_core_t *core, const uint8_t *bytes, size_t length, uint64_t age_ms) {
    struct reply_reader reader;
    struct reply reply;
    int result;
    reply_reader_init(&reader, MUSTER_SAMPLE_PART_BYTES_MAX);
    int error = reply_reader_feed(&reader, bytes, length);
    while (error == 0 && (result = reply_reader_next(&reader, &reply)) != 0) {
        error = result < 0 ? result : reply.kind != REPLY_SAMPLE ? MUSTER_EINVAL : 0;
        if (error == 0 && memcmp(reply.sample.id, core->context.identity.id, MUSTER_ID_BYTES) == 0) {
            restore(core, &reply.sample, age_ms);
        } else if (error == 0) {
            take(core, &reply.sample, age_ms);
        }
    }
    if (error == 0 && reader.begin < reader.buffer.length) {
        error = MUSTER_EINVAL; /* the last part is cut */
    }
    reply_reader_deinit(&reader);
    return error;
}

uint64_t muster_core_retained_changes(const muster_core_t *core) {
    return core->telemetry.publisher.retentions;
}

uint64_t muster_core_cached_changes(const muster_core_t *core) {
    return core->telemetry.value_cache.changes;
}
