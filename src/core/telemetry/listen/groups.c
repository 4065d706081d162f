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
    telemetry->groups.wanted.v4 |= peer->shards_wanted;
    groups_record_heard(telemetry, peer);
}

void groups_record_heard(struct telemetry *telemetry, const struct peer *peer) {
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t since_ms = now_ms > MUSTER_PRIMARY_MS ? now_ms - MUSTER_PRIMARY_MS : 0;
    bool is_by_v6 = peer_heard_ms(peer, 4) == 0 || peer_is_heard_by(peer, MUSTER_PATH_M6, since_ms);
    if (peer->shards_wanted != 0 && is_by_v6 && !peer_is_heard_by(peer, MUSTER_PATH_M4, since_ms)) {
        telemetry->groups.wanted.v6 |= peer->shards_wanted;
    }
}

static uint32_t group_of_naks(const struct telemetry *telemetry) {
    bool is_needed =
        subscription_set_all(&telemetry->subscriptions) != 0 || telemetry->publisher.open_count > 0;
    return is_needed ? MUSTER_GROUP_REPAIR : 0;
}

void groups_review(struct telemetry *telemetry) {
    uint32_t naks = group_of_naks(telemetry);
    telemetry->groups.wanted = (struct group_bits){naks, naks};
    for (struct peer *peer = telemetry->presence->table.by_id; peer != NULL; peer = peer->hh.next) {
        groups_record_topics(telemetry, peer);
    }
}

void groups_record_publishing(struct telemetry *telemetry) {
    struct group_bits *wanted = &telemetry->groups.wanted;
    uint32_t naks = group_of_naks(telemetry);
    uint32_t kept = naks == 0 ? 0 : ~MUSTER_GROUP_REPAIR;
    wanted->v4 = (wanted->v4 & kept) | naks;
    wanted->v6 = (wanted->v6 & kept) | naks;
}

bool groups_have_changed(const struct groups *groups) {
    return groups->wanted.v4 != groups->output.v4 || groups->wanted.v6 != groups->output.v6;
}

bool groups_next(struct groups *groups, struct muster_output *output) {
    if (!groups_have_changed(groups)) {
        return false;
    }
    groups->output = groups->wanted;
    output->kind = MUSTER_OUTPUT_GROUPS;
    output->groups = groups->wanted.v4;
    output->groups6 = groups->wanted.v6;
    return true;
}
