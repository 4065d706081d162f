/* SPDX-License-Identifier: MIT */
/* What is known of one node, as a page of text. */
#pragma once

#include <muster/core.h>

#include "roster.h"
#include "table.h"
#include "writer.h"

/* Prints what a peer says of itself, and why muster believes it: its tuples as a table. -1 when memory is
 * out.
 */
int page_print_peer(const struct muster_peer *peer, struct table_style style);

/* Prints what a running muster says of itself, its sockets and feeds as tables. The publishers of feeds may
 * be in the roster. -1 when memory is out. */
int page_print_self(const struct muster_self *self, const struct roster *roster, struct table_style style);

/* Writes the members of schemas/self.schema.json. */
void page_write_self(struct writer *writer, const struct muster_self *self, const struct roster *roster);
