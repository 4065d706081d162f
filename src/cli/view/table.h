/* A table on stdout by libsmartcols: an array of rows under a choice of columns. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum table_flag {
    TABLE_RIGHT = 1 << 0, /* aligned to the right */
    TABLE_CUT = 1 << 1,   /* may be cut to fit a terminal */
};

struct table_column {
    const char *name; /* its heading */
    const char *help;
    unsigned flags;                            /* of enum table_flag */
    void (*print)(FILE *out, const void *row); /* writes a cell, safe to show */
    const char *(*color)(const void *row);     /* NULL, or gives a cell's escape sequence */
};

struct table_style {
    bool wide;  /* nothing is cut */
    bool color; /* cells have their colours */
};

/* Prints `row_count` rows of `row_bytes` each, with a heading; nothing when there is no row. Returns 0, or -1
 * when memory is out. */
int table_print(const struct table_column *const *columns, size_t column_count, const void *rows,
                size_t row_bytes, size_t row_count, struct table_style style);

#endif
