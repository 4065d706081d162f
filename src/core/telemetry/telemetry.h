/* SPDX-License-Identifier: MIT */
/* The engine of telemetry: what this node publishes, what it subscribes to, and what it keeps for others
 * (PROTOCOL.md, "Telemetry"). It reads the peer table of presence; whatever the node must tell others of it
 * comes as a note. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "arrival.h"
#include "feed_table.h"
#include "groups.h"
#include "presence.h"
#include "publisher.h"
#include "sender.h"
#include "subscription_set.h"
#include "value_cache.h"

/* For the node to route. */
struct telemetry_note {
    bool is_stranger; /* a datagram came for which no row vouches: its sender is to be asked who it is */
    uint8_t stranger[MUSTER_ID_BYTES];
    uint64_t stranger_boot;
    bool is_heard_again;                  /* a feed that came by stream is heard by multicast again */
    uint8_t heard_again[MUSTER_ID_BYTES]; /* its publisher */
};

/* What is due at times, in the order in which it is done. */
enum telemetry_due { DUE_LINGER, DUE_RATES, DUE_TAILS, DUE_FORGET, DUE_FEEDS, DUE_COUNT };

struct telemetry {
    struct context *context;
    struct presence *presence;
    struct publisher publisher;
    struct sender sender;
    struct subscription_set subscriptions;
    struct groups groups;
    struct arrivals arrivals;
    struct feed_table feeds;
    struct value_cache value_cache;
    struct telemetry_note note;
    uint64_t due_ms[DUE_COUNT]; /* the earliest of each, or earlier than that; DEADLINE_NEVER: none */
};

/* MUSTER_ENOMEM. */
int telemetry_init(struct telemetry *telemetry, struct context *context, struct presence *presence,
                   const struct muster_core_options *options);

/* A zeroed struct is allowed. */
void telemetry_deinit(struct telemetry *telemetry);

/* A datagram, or several, came to a group of telemetry: of a shard, or, MUSTER_SHARDS, that for naks. They
 * are looked at as arrivals are pulled, and borrowed until then. */
void telemetry_step(struct telemetry *telemetry, const struct muster_datagram *datagram, unsigned shard);

/* The next arrival of what was heard; what this node keeps for others alone is none. False when there is
 * none, or when there is a note. */
bool telemetry_next_arrival(struct telemetry *telemetry, struct muster_arrival *arrival);

/* What this node keeps of an arrival, it keeps. False when the arrival is for nobody else. */
bool telemetry_cache(struct telemetry *telemetry, struct muster_arrival *arrival);

/* Takes the note, if there is one. */
bool telemetry_take_note(struct telemetry *telemetry, struct telemetry_note *note);

/* Does what is due. */
void telemetry_tick(struct telemetry *telemetry);

/* The next datagrams of telemetry, if pacing lets any go. */
bool telemetry_next(struct telemetry *telemetry, struct muster_output *output);

uint64_t telemetry_deadline(const struct telemetry *telemetry);

/* muster_core_subscribe() of a node that stays. */
int telemetry_subscribe(struct telemetry *telemetry, const struct muster_subscription_options *options,
                        unsigned *number);

/* False when there is no such subscription. */
bool telemetry_unsubscribe(struct telemetry *telemetry, unsigned number);
