/* SPDX-License-Identifier: MIT */
/* What the parts of a node share. Each part (subscriptions, deliveries, browses, publications) does one thing
 * that an application asks of a node. A part knows neither the runner nor the other parts. The runner calls
 *
 *     PART_turn()     from the loop: does what is due; may call the application, which may do anything
 *     PART_due_ms()   when it needs its next turn, 0: at once; a part that has none needs none
 *     PART_deinit()   frees what it has; no callback is called */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>
#include <muster/muster.h>

struct deliveries;

struct part_context {
    muster_t *node; /* for the application's callbacks: no part looks inside */
    muster_core_t *core;
    struct deliveries *deliveries;
    bool is_closing; /* muster_close() was called: no callback comes any more, but on_closed */
};

/* Steps the core with an event of now. Errors of muster_core_step(). */
int part_step(const struct part_context *context, struct muster_event *event);

/* Milliseconds of a clock that never runs backwards, and since 1970. */
uint64_t part_now_ms(void);
uint64_t part_wall_ms(void);
