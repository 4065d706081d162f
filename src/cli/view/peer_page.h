/* SPDX-License-Identifier: MIT */
/* A peer as a page of text: what it says of itself, and why muster believes it. */
#pragma once

#include <muster/core.h>

#include "table.h"

/* Prints the name and the line of the id, with which each page begins. */
void peer_page_print_head(const struct muster_peer *peer);

/* Prints all that is known of a peer, its tuples as a table. -1 when memory is out. */
int peer_page_print(const struct muster_peer *peer, struct table_style style);
