/* SPDX-License-Identifier: MIT */
/* TCP connections between nodes: with the delay of their links and a bandwidth. They stall where the path is
 * cut, and break when a side crashes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct node;
struct world;

struct tcp_end {
    struct node *node;
    const struct host *host;
    uint64_t number;  /* as its core knows it; 0: none */
    bool is_gone;     /* it is told nothing more */
    uint64_t free_us; /* when what it wrote has left */
};

struct tcp {
    struct tcp *next;
    struct tcp_end ends[2];     /* who opened it, and who accepted it */
    unsigned posts;             /* on their way */
    enum muster_path_kind kind; /* by unicast of this family */
};

/* Takes an output of a node for a stream. */
void tcps_output(struct world *world, struct node *node, const struct muster_output *output);

/* The node could not take what came on this stream. */
void tcps_refuse(struct world *world, struct node *node, uint64_t number);

/* The node crashed. */
void tcps_break(struct world *world, struct node *node);

void tcps_deinit(struct world *world);
