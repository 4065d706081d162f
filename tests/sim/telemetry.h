/* SPDX-License-Identifier: MIT */
/* Nodes that publish readings, and nodes that subscribe to them. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct node;
struct world;

enum telemetry_role { TELEMETRY_NONE, TELEMETRY_PUBLISHER, TELEMETRY_SUBSCRIBER };

/* What came of it. */
struct telemetry {
    uint64_t added; /* records */
    uint64_t samples;
    uint64_t naks; /* that publishers heard */
    uint64_t repair_bytes;
    uint64_t losses; /* datagrams that subscribers were told to be lost */
};

/* A node has a new core: it opens its topic, or subscribes. */
void telemetry_begin(struct world *world, struct node *node);

/* Takes what a step brought. */
void telemetry_pull(struct world *world, struct node *node);

/* A publisher adds a record of value bytes. As a fault. */
void telemetry_add(struct world *world, struct node *node, uint64_t value);

/* At the end: each datagram of a feed is in received, pending or lost, and repairs kept to their share. */
void telemetry_check(struct world *world, const struct node *node);

void telemetry_print(const struct world *world, FILE *file);
