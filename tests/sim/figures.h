/* SPDX-License-Identifier: MIT */
/* What a run counts, and how it is printed. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include <muster/core.h>

#include "segment.h"

enum traffic { TRAFFIC_ANNOUNCE, TRAFFIC_ALIVE, TRAFFIC_BYE, TRAFFIC_QUERY, TRAFFIC_DATA, TRAFFIC_OTHER };
#define TRAFFIC_COUNT 6

struct figure {
    uint64_t datagrams;
    uint64_t bytes; /* with the headers of Ethernet, IPv4 and UDP */
};

/* Sent in one second. */
struct second {
    struct figure all;
    uint64_t alive_bits; /* by m4, with all that Ethernet adds */
    uint64_t stream_bytes;
};

struct figures {
    struct figure sent[TRAFFIC_COUNT][MUSTER_PATH_KINDS];
    struct second *seconds;
    size_t second_count;
    uint64_t streams;
    uint64_t stream_bytes;
    uint64_t queue_drops;
    uint64_t neighbour_drops; /* the table of neighbours was full */
    uint64_t waited_us_max;   /* the oldest datagram when it was read */
    uint64_t verifications;
    uint64_t steps;
    struct muster_counters counters; /* of all nodes */
};

struct node;
struct world;

void figures_deinit(struct figures *figures);
void figures_sent(struct world *world, const struct packet *packet);
void figures_waited(struct world *world, uint64_t waited_us);
void figures_stream_opened(struct world *world);
void figures_stream_bytes(struct world *world, size_t bytes);

/* Adds the counters of a node whose core will be freed. */
void figures_take(struct world *world, const struct node *node);

/* Sent from one second to another. */
struct second figures_between(const struct figures *figures, uint64_t from_s, uint64_t to_s);
/* Sent so far. */
struct figure figures_total(const struct figures *figures);

/* After the mark and its seconds, to the end: sent for each peer and minute, and the share of their budget
 * that the alives of path m4 took. */
double figures_idle_kb(const struct world *world);
double figures_budget(const struct world *world);

void figures_print(struct world *world, FILE *file);
