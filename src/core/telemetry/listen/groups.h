/* SPDX-License-Identifier: MIT */
/* Which groups of telemetry this node needs to hear: those of the topics of the table that are subscribed to,
 * and that for naks while it publishes or subscribes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

struct peer;
struct telemetry;

/* Bit 1 << shard, and MUSTER_GROUP_REPAIR. */
struct group_bits {
    uint32_t v4;
    uint32_t v6;
};

struct groups {
    struct group_bits wanted;
    struct group_bits output; /* as they were handed out last */
};

/* What a row publishes is known, or known anew. Groups are left when a subscription ends, not when a peer
 * goes: it may come back. */
void groups_record_topics(struct telemetry *telemetry, struct peer *peer);

/* A row was heard: of who does not come by multicast of IPv4, data is awaited by IPv6 too. */
void groups_record_heard(struct telemetry *telemetry, const struct peer *peer);

/* What this node subscribes to has changed: all rows are looked at. */
void groups_review(struct telemetry *telemetry);

/* It publishes now, or no more: whoever misses something asks in a group. */
void groups_record_publishing(struct telemetry *telemetry);

/* The subscriptions that any topic of a row in this shard may be for. */
uint64_t groups_row_audience(const struct telemetry *telemetry, const struct peer *peer, unsigned shard);

/* True when they have changed since they were handed out. */
bool groups_have_changed(const struct groups *groups);

/* The groups to hear, when they have changed. */
bool groups_next(struct groups *groups, struct muster_output *output);
