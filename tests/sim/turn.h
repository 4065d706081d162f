/* SPDX-License-Identifier: MIT */
/* One turn of a node on its core: the timer if it is due, then what waits in its sockets. Each step takes
 * time, and what it brings forth leaves when it is done. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "node.h"

/* As the turn of a task. */
uint64_t turn_run(struct world *world, struct task *task, uint64_t start_us, bool *has_more);

/* A program gives the node a command at this time. */
void turn_command(struct world *world, struct node *node, const struct muster_command *command);

/* The node is given its interfaces, or none. */
void turn_set_paths(struct world *world, struct node *node, bool has_paths);

/* The time by the node's own clock. */
uint64_t turn_clock_ms(const struct node *node, uint64_t time_us);
