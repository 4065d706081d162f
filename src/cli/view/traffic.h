/* SPDX-License-Identifier: MIT */
/* Telemetry in numbers: what a node published, and what it hears of others. */
#pragma once

#include <stddef.h>

#include <muster/core.h>

#include "roster.h"
#include "table.h"
#include "writer.h"

/* Prints what was published as lines of a page. */
void traffic_print_sender(const struct muster_sender *sender);

/* Writes the members of a sender. */
void traffic_write_sender(struct writer *writer, const struct muster_sender *sender);

/* Writes "lost": the datagrams that will not come, by reason. */
void traffic_write_lost(struct writer *writer, const struct muster_feed *feed);

/* Feeds, to be written; their publishers may be among the peers of a roster. */
struct writer_rows traffic_rows(const struct muster_feed *feeds, size_t count, const struct roster *roster);

/* Prints an empty line and a table of feeds; nothing when there is none. -1 when memory is out. */
int traffic_print(struct writer_rows rows, struct table_style style);
