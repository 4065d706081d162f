/* SPDX-License-Identifier: MIT */
/* Whole nodes on the loop of the fixture, on the loopback. */
#pragma once

#include <muster/muster.h>

#include "fixture.h"

/* Around each test: the end closes all nodes that are open. */
void nodes_begin(void);
void nodes_end(void);

/* NULL: of an observer. */
struct muster_options node_options(const struct muster_document *document);

/* It is closed at the end. The first may fail. */
int node_try_open(const struct muster_options *options, muster_t **node);
muster_t *node_open_with(const struct muster_options *options);
muster_t *node_open(const char *name);
muster_t *node_open_observer(void);

/* Returns at once. */
void node_close(muster_t *node);

/* How many were closed to their end. */
unsigned nodes_closed(void);

/* A node has a row of this name. */
bool knows(const muster_t *node, const char *name);

/* How many rows it has. */
size_t row_count(const muster_t *node);
