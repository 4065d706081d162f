/* SPDX-License-Identifier: MIT */
/* The columns that `muster peers` knows: fields of peer_rows(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <muster/core.h>

#include "reason.h"
#include "table.h"

struct column {
    const char *heading;
    const char *help;
    int (*compare)(const struct muster_peer *a, const struct muster_peer *b);
    bool by_default;
};

struct column_choice {
    const char *headings[TABLE_COLUMNS_MAX + 1]; /* ended by NULL */
    size_t count;
    bool is_exact; /* these were asked for, and no others */
};

/* Headings of columns that may go where a terminal has no room, the first of them first; ended by NULL. */
extern const char *const column_expendable[];

/* The column of a heading in either case; NULL, with a reason that lists all, when there is none. */
const struct column *column_find(const char *heading, struct reason *reason);

/* The heading of the i-th; NULL behind the last. */
const char *column_heading(size_t i);

/* Chooses the columns that are shown by default. */
void column_choose_default(struct column_choice *choice);

/* Chooses "COL,COL", or adds "+COL,COL" to what is chosen, to what is shown by default where that is nothing.
 * -1 with a reason; then nothing changed. */
int column_choose(const char *list, struct column_choice *choice, struct reason *reason);

/* Lists all columns with their meaning, for --help. */
void column_describe(FILE *out);
