/* SPDX-License-Identifier: MIT */
/* What a node keeps for others, before and after its life. */
#include <muster/core.h>
#include <muster/telemetry.h>

#include <utlist.h>

#include "node.h"
#include "reply.h"
#include "value_cache.h"

/* In the order in which news of them came, so that they make room in that order afterwards. */
int muster_core_cached_save(muster_core_t *core, uint8_t **bytes, size_t *length) {
    struct buffer out = {0};
    const struct kept_topic *topic;
    uint64_t count = 0;
    int error = 0;
    DL_FOREACH(core->telemetry.value_cache.topics, topic) {
        error = error != 0 ? error : value_cache_write(&core->telemetry, topic, &out, &count);
    }
    if (error != 0) {
        buffer_deinit(&out);
    }
    *bytes = out.bytes;
    *length = out.length;
    return error;
}

/* Other patterns may be kept now, and what this node said itself is known otherwise. */
static void take(struct muster_core *core, const struct reply_sample *part, uint64_t age_ms) {
    struct telemetry *telemetry = &core->telemetry;
    const struct muster_sample sample = {.kind = MUSTER_SAMPLE_LAST,
                                         .id = part->id,
                                         .boot = part->boot,
                                         .topic = part->topic,
                                         .origin = part->origin,
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
        if (error == 0) {
            take(core, &reply.sample, age_ms);
        }
    }
    if (error == 0 && reader.begin < reader.buffer.length) {
        error = MUSTER_EINVAL; /* the last part is cut */
    }
    reply_reader_deinit(&reader);
    return error;
}

uint64_t muster_core_cached_changes(const muster_core_t *core) {
    return core->telemetry.value_cache.changes;
}
