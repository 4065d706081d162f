/* SPDX-License-Identifier: MIT */
/* From a broken promise to a confirmed death: patience by measured loss, the question to the group, and
 * how many of them it takes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

struct presence;
struct peer;
struct message;

/* When a living row's patience ends, given its promise and the loss known now. */
uint64_t suspicion_due_ms(const struct presence *presence, const struct peer *peer);

/* Lets a living row be looked at when its patience ends. */
void suspicion_plan(struct presence *presence, struct peer *peer);

/* Makes a tombstone of a row, MUSTER_LOST or MUSTER_LEFT, and tells of it; room for the event was reserved.
 */
void suspicion_bury(struct presence *presence, struct peer *peer, enum muster_state state);

/* Does what is due for all rows: suspects, asks, buries, forgets. Returns when something is due next. */
uint64_t suspicion_tick(struct presence *presence);

/* Somebody asked the group for these: their silence counts for us too, and we need not ask at once. For one
 * suspect a question of one address counts once: else one asker could bury it without us. */
void suspicion_record_question(struct presence *presence, const struct peer *asker,
                               const struct message *query);

/* Broken promises after which a row is suspect, from its loss p and the rows present. */
unsigned suspicion_patience(double p, double rows);

/* Asks a row where it is, by this interface: it may not hear the group, or we not its answers. All that asks
 * by unicast has one budget. False when that is used up. */
bool suspicion_ask_by_unicast(struct presence *presence, const struct peer *peer, uint32_t interface);

/* Unanswered questions after which it is lost. */
unsigned suspicion_tries(double p, unsigned patience);
