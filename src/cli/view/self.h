/* SPDX-License-Identifier: MIT */
/* What a running muster says of itself, as a record and as a page of text. */
#pragma once

#include <muster/core.h>

#include "roster.h"
#include "table.h"
#include "writer.h"

/* Writes the members of schemas/self.schema.json. The publishers of feeds may be in the roster. */
void self_write(struct writer *writer, const struct muster_self *self, const struct roster *roster);

/* Prints a page, its sockets and feeds as tables. -1 when memory is out. */
int self_print(const struct muster_self *self, const struct roster *roster, struct table_style style);
