/* SPDX-License-Identifier: MIT */
/* Tables on stdout, by libsmartcols: records that are written row by row, each field a column. */
#pragma once

#include <stdbool.h>

#include "writer.h"

/* Columns of one table. */
#define TABLE_COLUMNS_MAX 64

struct table_style {
    bool wide;                     /* nothing is cut */
    bool color;                    /* fields have their colours */
    const char *const *expendable; /* headings of columns that go when a terminal has no room for all, the
                                      first of them first; ended by NULL; NULL: none may go */
};

/* Prints rows; nothing when there is none. headings say which fields are columns, and in which order, and end
 * with NULL; NULL: all, as they are written. Returns 0, or -1 when memory is out. */
int table_print(const char *const *headings, struct writer_rows rows, struct table_style style);
