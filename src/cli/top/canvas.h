/* SPDX-License-Identifier: MIT */
/* What a screen is to show: cells of text, which a terminal or a test looks at. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum canvas_style {
    CANVAS_PLAIN,
    CANVAS_HEADING,
    CANVAS_DIM,
    CANVAS_GOOD,
    CANVAS_WARNING,
    CANVAS_BAD,
    CANVAS_BAR, /* the lines at the top and at the bottom */
};

/* Bytes of a character with the marks that combine with it; more marks are left out. */
#define CANVAS_CELL_BYTES 22

struct canvas_cell {
    char text[CANVAS_CELL_BYTES]; /* "" behind a character of two columns */
    unsigned char style;          /* enum canvas_style */
    bool is_selected;
};

#define CANVAS_COLUMNS_MAX 1024
#define CANVAS_ROWS_MAX 512

struct canvas {
    size_t columns;
    size_t rows;
    struct canvas_cell *cells;
};

/* Makes it this large, cut to the maxima, and blank. Returns 0, or -1 when memory is out; then it is as it
 * was. */
int canvas_resize(struct canvas *canvas, size_t columns, size_t rows);

/* A zeroed canvas is allowed. */
void canvas_deinit(struct canvas *canvas);

void canvas_clear(struct canvas *canvas);
struct canvas_cell *canvas_at(const struct canvas *canvas, size_t row, size_t column);

/* Puts a text, which has been made safe, into `width` columns of a row, cut with … where it is longer. */
void canvas_put(struct canvas *canvas, size_t row, size_t column, size_t width, enum canvas_style style,
                const char *text);

/* The same at the right end of the columns. */
void canvas_put_right(struct canvas *canvas, size_t row, size_t column, size_t width, enum canvas_style style,
                      const char *text);

/* Gives all cells of a row a style, or marks them as selected. */
void canvas_fill(struct canvas *canvas, size_t row, enum canvas_style style);
void canvas_select(struct canvas *canvas, size_t row);
