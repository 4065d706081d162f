/* SPDX-License-Identifier: MIT */
#include "groups.h"

#include "telemetry.h"

uint64_t groups_row_audience(const struct telemetry *telemetry, const struct peer *peer, unsigned shard) {
    const struct peer_topics *topics = peer->topics;
    const char *topic = topics == NULL ? NULL : peer_topics_first(topics);
    uint64_t audience = 0;
    for (size_t i = 0; topics != NULL && i < topics->topic_count; i++, topic = peer_topics_next(topic)) {
        audience |= muster_topic_shard(topic) == shard
                        ? subscription_set_audience(&telemetry->subscriptions, topic)
                        : 0;
    }
    return audience;
}

void groups_record_topics(struct telemetry *telemetry, struct peer *peer) {
    const struct peer_topics *topics = peer->topics;
    const char *topic = topics == NULL ? NULL : peer_topics_first(topics);
    peer->shards_wanted = 0;
    for (size_t i = 0; topics != NULL && i < topics->topic_count; i++, topic = peer_topics_next(topic)) {
        if (subscription_set_audience(&telemetry->subscriptions, topic) != 0) {
            peer->shards_wanted |= (uint16_t)(1u << muster_topic_shard(topic));
        }
    }
    telemetry->groups.wanted |= peer->shards_wanted;
}

static uint32_t group_of_naks(const struct telemetry *telemetry) {
    bool is_needed =
        subscription_set_all(&telemetry->subscriptions) != 0 || telemetry->publisher.open_count > 0;
    return is_needed ? MUSTER_GROUP_REPAIR : 0;
}

void groups_review(struct telemetry *telemetry) {
    telemetry->groups.wanted = group_of_naks(telemetry);
    for (struct peer *peer = telemetry->presence->table.by_id; peer != NULL; peer = peer->hh.next) {
        groups_record_topics(telemetry, peer);
    }
}

void groups_record_publishing(struct telemetry *telemetry) {
    uint32_t shards = telemetry->groups.wanted & ~MUSTER_GROUP_REPAIR;
    uint32_t naks = group_of_naks(telemetry);
    telemetry->groups.wanted = naks == 0 ? 0 : shards | naks;
}

bool groups_have_changed(const struct groups *groups) {
    return groups->wanted != groups->output;
}

bool groups_next(struct groups *groups, struct muster_output *output) {
    if (!groups_have_changed(groups)) {
        return false;
    }
    groups->output = groups->wanted;
    output->kind = MUSTER_OUTPUT_GROUPS;
    output->groups = groups->wanted;
    return true;
}
