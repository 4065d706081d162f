/* SPDX-License-Identifier: MIT */
/* What must hold of every run, whatever the scenario. Each breach fails the run with a message. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct host;
struct node;
struct world;

/* Nothing has come between this host and the others for so long that all of it is forgotten. */
bool invariant_is_settled(const struct world *world, const struct host *host);

/* Each datagram that a core received is in accepted, copies or one drop. */
void invariant_books(struct world *world, const struct node *node);

/* The events of a row have a cause and come in an order that the states allow. Before the event is taken. */
void invariant_event(struct world *world, const struct node *node, size_t subject,
                     enum muster_peer_event event, bool is_verified);

/* While it runs: nobody who is there and heard is missing for long, and nobody who is gone stays for long. */
void invariant_audit(struct world *world);

/* At the end: the tables themselves against the truth, memory, the bounds of the scenario. */
void invariant_end(struct world *world);
