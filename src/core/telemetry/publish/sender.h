/* SPDX-License-Identifier: MIT */
/* How published datagrams leave: paced, in batches, the missing ones once more, and a tail behind the last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#include "bucket.h"
#include "limit.h"
#include "signal.h"

struct telemetry;

/* What is being handed out, interface by interface. */
struct send_batch {
    uint64_t number; /* of its first datagram in the ring */
    uint64_t count;  /* 0: none */
    bool is_repair;
    bool is_sent; /* by a path at least */
    size_t path;  /* the next one to go out by */
};

/* How fast something may leave. */
struct pace {
    double rate; /* bytes a second */
    double burst;
    struct bucket bucket;
};

/* The paths that data goes out by. */
struct audience {
    bool is_path[MUSTER_PATHS_MAX]; /* by their place among the node's */
    unsigned changes;               /* of the node's paths and of askers, as it was looked at, */
    uint64_t looked_ms;             /* and when; 0: never */
};

struct sender {
    struct audience audience;
    struct pace pace;
    struct pace repair_pace; /* rate 0: nothing is sent again */
    struct send_batch batch;

    uint64_t *repairs; /* numbers in the ring that wait to be sent again: a ring of MUSTER_REPAIRS_MAX itself,
                          once there was one */
    size_t repair_first;
    size_t repair_count;

    /* Of each shard: */
    uint64_t sent_ms[MUSTER_SHARDS];    /* when the last new data left */
    unsigned tails_left[MUSTER_SHARDS]; /* to be sent after it */
    uint64_t answer_ms[MUSTER_SHARDS];  /* the last tail that answered a nak */

    struct muster_sender counters;
};

void sender_init(struct sender *sender, const struct muster_core_options *options);

/* A zeroed struct is allowed. */
void sender_deinit(struct sender *sender);

/* True while new data waits to be sent. */
bool sender_has_unsent(const struct telemetry *telemetry);

/* Datagrams that were taken and not handed out yet; the pack of a topic counts as one. */
uint64_t sender_count_unsent(const struct telemetry *telemetry);

/* The next datagrams of telemetry, if pacing lets any go. */
bool sender_next(struct telemetry *telemetry, struct muster_output *output);

/* The paths have a smaller MTU now: what was sent and does not fit them is gone for repair. */
void sender_record_paths(struct telemetry *telemetry);

/* True when as much waits as is sent in a row. */
bool sender_has_batch(const struct telemetry *telemetry);

/* Somebody misses what this node sent, and asked by this datagram. */
void sender_take_nak(struct telemetry *telemetry, const struct signal *nak,
                     const struct muster_datagram *datagram);

/* Sends the tails that are due. */
void sender_send_tails(struct telemetry *telemetry);

/* When pacing lets what waits go; DEADLINE_NEVER when nothing waits. */
uint64_t sender_allowed_ms(const struct telemetry *telemetry);
