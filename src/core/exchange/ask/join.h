/* SPDX-License-Identifier: MIT */
/* Where what came before meets what is sent now. While a publisher is asked for last values or a history, its
 * live data wait, so that they come behind. Last values wait for the live data that they cover, so that no
 * value is given twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/telemetry.h>

struct ask;
struct backlog_sample;
struct exchange;
struct peer;

/* A publisher that is asked for some subscriptions. */
struct join {
    struct join *prev;
    struct join *next;
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t subscriptions;
    uint64_t ordered;                /* of them, those that are given live data behind the answer */
    uint64_t ends_ms;                /* nothing waits any longer then */
    bool is_answered;                /* no more comes of the answer */
    struct backlog_sample *held;     /* live data, each for one subscription */
    struct backlog_sample *covering; /* last values that cover data which is on its way */
    size_t bytes;                    /* of both */
};

struct joins {
    struct join *items; /* one for each publisher and subscription */
    size_t bytes;       /* of all, at most MUSTER_JOIN_BYTES_MAX: whoever has most of them waits no longer */
};

/* A zeroed struct is allowed. */
void joins_deinit(struct joins *joins);

/* The peer will be asked. Without memory nothing waits. */
void join_begin(struct exchange *exchange, struct peer *peer, const struct ask *ask);

/* All of the answer came, or it will not. */
void join_end(struct exchange *exchange, const struct ask *ask);

/* A subscription ended, bit 1 << its number. */
void join_forget(struct exchange *exchange, uint64_t subscription);

/* Those of the subscriptions for which live data of a publisher wait. */
uint64_t join_waiting(const struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES]);

/* Takes what was heard for those who are given it later; the others are left in the arrival. */
void join_hold(struct exchange *exchange, struct muster_arrival *arrival);

/* Takes last values that cover all data of their topic up to `until`, where some of these may come yet. False
 * when they are to be given now. */
bool join_take_covering(struct exchange *exchange, const struct muster_sample *sample, uint64_t subscriptions,
                        uint64_t until);

/* Moves what waited long enough to the backlog; true when something is there now. */
bool join_settle(struct exchange *exchange);

/* When waiting ends at the latest. */
uint64_t join_deadline(const struct exchange *exchange);
