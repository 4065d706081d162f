/* SPDX-License-Identifier: MIT */
#include "canvas.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

int canvas_resize(struct canvas *canvas, size_t columns, size_t rows) {
    columns = columns < CANVAS_COLUMNS_MAX ? columns : CANVAS_COLUMNS_MAX;
    rows = rows < CANVAS_ROWS_MAX ? rows : CANVAS_ROWS_MAX;
    struct canvas_cell *cells = calloc(columns * rows + 1, sizeof(*cells));
    if (cells == NULL) {
        return -1;
    }
    free(canvas->cells);
    *canvas = (struct canvas){.columns = columns, .rows = rows, .cells = cells};
    canvas_clear(canvas);
    return 0;
}

void canvas_deinit(struct canvas *canvas) {
    free(canvas->cells);
    *canvas = (struct canvas){0};
}

static void blank(struct canvas_cell *cell) {
    *cell = (struct canvas_cell){.text = " "};
}

void canvas_clear(struct canvas *canvas) {
    for (size_t i = 0; i < canvas->columns * canvas->rows; i++) {
        blank(&canvas->cells[i]);
    }
}

struct canvas_cell *canvas_at(const struct canvas *canvas, size_t row, size_t column) {
    return &canvas->cells[row * canvas->columns + column];
}

/* The columns that are there of those that are asked for. */
static size_t clip(const struct canvas *canvas, size_t row, size_t column, size_t width) {
    if (row >= canvas->rows || column >= canvas->columns) {
        return 0;
    }
    return width < canvas->columns - column ? width : canvas->columns - column;
}

static void put_cell(struct canvas *canvas, size_t row, size_t column, enum canvas_style style,
                     const char *text, size_t bytes) {
    struct canvas_cell *cell = canvas_at(canvas, row, column);
    const size_t length = bytes < sizeof(cell->text) ? bytes : 0;
    memset(cell->text, 0, sizeof(cell->text));
    memcpy(cell->text, text, length);
    cell->style = (unsigned char)style;
}

/* Adds a mark to the character before it, if there is room. */
static void combine(struct canvas *canvas, size_t row, size_t column, const char *text, size_t bytes) {
    struct canvas_cell *cell = canvas_at(canvas, row, column);
    const size_t length = strlen(cell->text);
    if (length + bytes < sizeof(cell->text)) {
        memcpy(cell->text + length, text, bytes);
    }
}

void canvas_put(struct canvas *canvas, size_t row, size_t column, size_t width, enum canvas_style style,
                const char *text) {
    const size_t room = clip(canvas, row, column, width);
    const bool is_cut = text_width(text) > room;
    size_t used = 0;
    size_t last = 0; /* where the last character is, for marks */
    while (room > 0 && *text != '\0') {
        size_t columns;
        const size_t bytes = text_width_of_character(text, &columns);
        if (columns == 0 && used > 0) {
            combine(canvas, row, column + last, text, bytes);
        } else if (columns > 0 && used + columns > room - (is_cut ? 1 : 0)) {
            break;
        } else if (columns > 0) {
            last = used;
            put_cell(canvas, row, column + used, style, text, bytes);
            if (columns == 2) {
                put_cell(canvas, row, column + used + 1, style, "", 0);
            }
            used += columns;
        }
        text += bytes;
    }
    if (is_cut && room > 0) {
        put_cell(canvas, row, column + used, style, "…", strlen("…"));
    }
}

void canvas_put_right(struct canvas *canvas, size_t row, size_t column, size_t width, enum canvas_style style,
                      const char *text) {
    const size_t taken = text_width(text);
    const size_t skipped = taken < width ? width - taken : 0;
    canvas_put(canvas, row, column + skipped, width - skipped, style, text);
}

void canvas_fill(struct canvas *canvas, size_t row, enum canvas_style style) {
    for (size_t i = 0; row < canvas->rows && i < canvas->columns; i++) {
        canvas_at(canvas, row, i)->style = (unsigned char)style;
    }
}

void canvas_select(struct canvas *canvas, size_t row) {
    for (size_t i = 0; row < canvas->rows && i < canvas->columns; i++) {
        canvas_at(canvas, row, i)->is_selected = true;
    }
}
