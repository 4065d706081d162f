/* SPDX-License-Identifier: MIT */
/* Draws a board on a canvas of any size: a line about the whole, peers, readings, events, and a line about
 * keys. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "canvas.h"

/* Smaller screens get a line that says so. */
#define DRAW_COLUMNS_MIN 40
#define DRAW_ROWS_MIN 10

/* How it is drawn. */
struct draw_style {
    bool ascii;             /* blocks and dashes are not there */
    const char *time;       /* "12:00:01" */
    const char *interfaces; /* that are listened on, safe; "" when they are not known */
};

/* The rows of a screen that each part has, headings included. */
struct draw_layout {
    size_t peers;
    size_t readings;
    size_t events;
};
struct draw_layout draw_layout(const struct board *board, size_t rows);

/* Draws it. The lists are scrolled to where their selected rows are seen. */
void draw_board(struct canvas *canvas, struct board *board, const struct draw_style *style, uint64_t now_ms);

/* The readings that are seen after draw_board(): their rows of the list, from *first on. Returns how many. */
size_t draw_seen_readings(const struct board *board, size_t rows, size_t *first);

/* Draws text of several lines from a line on, in which to scroll. Long lines are folded at blanks. */
void draw_page(struct canvas *canvas, const char *title, const char *text, size_t first_line);

/* The lines of a page, as they are folded. */
size_t draw_page_lines(const char *text, size_t columns);
