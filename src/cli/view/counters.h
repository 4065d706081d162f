/* SPDX-License-Identifier: MIT */
/* What a node counts. */
#pragma once

#include <muster/core.h>

#include "writer.h"

/* How much of it is written: what came and why it was dropped; what the node sent too; all. */
enum counters_scope { COUNTERS_RECEIVED, COUNTERS_MESSAGES, COUNTERS_ALL };

/* Writes the members of counters. Of what came alone, reasons of drops that did not happen are left out. */
void counters_write(struct writer *writer, const struct muster_counters *counters, enum counters_scope scope);

/* Prints all counters as lines of a page. */
void counters_print(const struct muster_counters *counters);

/* Prints what came and what was dropped, in one line behind the time. */
void counters_print_line(const struct muster_counters *counters);
