/* The columns that `muster peers` knows. */
#ifndef CLI_COLUMN_H
#define CLI_COLUMN_H

#include <stdbool.h>
#include <stdio.h>

#include <muster/core.h>

#include "reason.h"
#include "table.h"

/* Columns of one listing. */
#define COLUMN_CHOICE_MAX 64

struct column {
    struct table_column table; /* its rows are struct roster_row */
    int (*compare)(const struct muster_peer *a, const struct muster_peer *b);
    bool by_default;
};

struct column_choice {
    const struct table_column *columns[COLUMN_CHOICE_MAX];
    size_t count;
};

/* The column of a name in either case; NULL, with a reason that lists all, when there is none. */
const struct column *column_find(const char *name, struct reason *reason);

/* The name of the i-th; NULL behind the last. */
const char *column_name(size_t i);

/* Chooses the columns that are shown by default. */
void column_choose_default(struct column_choice *choice);

/* Chooses "COL,COL", or adds "+COL,COL" to what is chosen. -1 with a reason; then nothing changed. */
int column_choose(const char *list, struct column_choice *choice, struct reason *reason);

/* Lists all columns with their meaning, for --help. */
void column_describe(FILE *out);

#endif
