/* SPDX-License-Identifier: MIT */
/* Values over time, drawn with characters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Lines of a plot without its axis, and columns that are drawn at most. */
#define PLOT_HEIGHT 10
#define PLOT_WIDTH_MAX 512

struct plot_style {
    size_t columns; /* of the terminal */
    bool ascii;     /* no blocks */
};

/* The columns that values may take, beside the scale. */
size_t plot_width(const struct plot_style *style);

/* Draws values, one a column, NaN where there is none: their height between the lowest and the highest, which
 * the scale on the left says. `begin` and `end` stand below the first and last column. */
void plot_print(FILE *out, const struct plot_style *style, const double *values, size_t count,
                const char *begin, const char *end);

/* The style of standard output: its width (80 where it has none), and ASCII where the environment's locale is
 * not UTF-8. */
struct plot_style plot_style(void);
