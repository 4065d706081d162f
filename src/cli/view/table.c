/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <assert.h>
#include <libsmartcols/libsmartcols.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"
#include "value.h"

/* Columns of a terminal that does not tell its width. */
#define TERMINAL_COLUMNS 80

/* Columns that a column keeps at least when it is cut. */
#define CUT_COLUMNS_MIN 8

#define ELLIPSIS "…"

/* A field that is written. */
struct field {
    const char *heading;
    unsigned flags; /* of enum writer_flag */
    bool is_shown;
};

struct cell {
    char *text; /* with room for an ellipsis behind its end; NULL: its field is not shown */
    const char *color;
};

/* A field that is shown. */
struct table_column {
    size_t field;
    size_t width;
};

/* All fields of all rows as text. */
struct grid {
    struct writer writer; /* of a row; first, so that it is found from there */
    struct field fields[TABLE_COLUMNS_MAX];
    size_t field_count;
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t column_count;
    struct cell *cells; /* row by row */
    size_t row_count;

    struct cell *next; /* to be written; NULL: the fields are only counted */
    FILE *out;         /* where the text of the one before it goes, NULL: it is whole, */
    size_t out_bytes;  /* which has so many bytes */
    bool failed;       /* memory was out */
};

/* ---- width on a terminal ---- */

/* Cuts a text to `width` columns, an ellipsis included; a text that fits stays. The text has room for
 * the ellipsis behind its end. */
static void cut(char *text, size_t width) {
    size_t kept = 0;
    if (text_width(text) <= width) {
        return;
    }
    while (true) {
        size_t columns;
        size_t bytes = text_width_of_character(text, &columns);
        if (kept + columns + 1 > width) {
            break;
        }
        kept += columns;
        text += bytes;
    }
    memcpy(text, ELLIPSIS, sizeof(ELLIPSIS));
}

/* Columns of the terminal on stdout; SIZE_MAX where stdout is none. */
static size_t terminal_columns(void) {
    uint64_t columns;
    struct winsize size;
    const char *variable = getenv("COLUMNS");
    if (!isatty(STDOUT_FILENO)) {
        return SIZE_MAX;
    }
    if (variable != NULL && value_number(variable, 1, UINT16_MAX, &columns)) {
        return (size_t)columns;
    }
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return TERMINAL_COLUMNS;
}

/* ---- cells ---- */

/* Ends the cell that is written. */
static void end_cell(struct grid *grid) {
    if (grid->out == NULL) {
        return;
    }
    struct cell *cell = grid->next - 1;
    char *roomy = fclose(grid->out) == 0 ? realloc(cell->text, grid->out_bytes + sizeof(ELLIPSIS)) : NULL;
    cell->text = roomy != NULL ? roomy : cell->text;
    grid->failed = grid->failed || roomy == NULL;
    grid->out = NULL;
}

static FILE *begin_cell(struct writer *writer, const char *heading, unsigned flags, const char *color) {
    struct grid *grid = (struct grid *)writer;
    end_cell(grid);
    if (grid->next == NULL) {
        assert(grid->field_count < TABLE_COLUMNS_MAX);
        grid->fields[grid->field_count++] = (struct field){.heading = heading, .flags = flags};
        return NULL;
    }
    struct cell *cell = grid->next++;
    if (!grid->fields[(size_t)(cell - grid->cells) % grid->field_count].is_shown) {
        return NULL;
    }
    cell->color = color;
    grid->out = open_memstream(&cell->text, &grid->out_bytes);
    grid->failed = grid->failed || grid->out == NULL;
    return grid->out;
}

/* ---- the grid ---- */

static struct cell *cell_of(const struct grid *grid, size_t row, size_t column) {
    return &grid->cells[row * grid->field_count + grid->columns[column].field];
}

static const struct field *field_of(const struct grid *grid, size_t column) {
    return &grid->fields[grid->columns[column].field];
}

static void add_column(struct grid *grid, size_t field) {
    assert(field < grid->field_count && grid->column_count < TABLE_COLUMNS_MAX);
    grid->fields[field].is_shown = true;
    grid->columns[grid->column_count++] =
        (struct table_column){.field = field, .width = strlen(grid->fields[field].heading)};
}

/* Takes the columns of these headings (NULL: of all fields), of which one may be there twice. */
static void choose_columns(struct grid *grid, const char *const *headings) {
    for (size_t i = 0; headings == NULL && i < grid->field_count; i++) {
        add_column(grid, i);
    }
    for (; headings != NULL && *headings != NULL; headings++) {
        size_t i = 0;
        while (i < grid->field_count && strcmp(grid->fields[i].heading, *headings) != 0) {
            i++;
        }
        add_column(grid, i);
    }
}

static void measure_columns(struct grid *grid) {
    for (size_t i = 0; i < grid->row_count * grid->column_count; i++) {
        struct table_column *column = &grid->columns[i % grid->column_count];
        const size_t width = text_width(cell_of(grid, i / grid->column_count, i % grid->column_count)->text);
        column->width = column->width < width ? width : column->width;
    }
}

static void grid_deinit(struct grid *grid) {
    for (size_t i = 0; grid->cells != NULL && i < grid->row_count * grid->field_count; i++) {
        free(grid->cells[i].text);
    }
    free(grid->cells);
}

/* Fills all cells and measures the columns. -1 when memory is out; grid_deinit() must follow anyway. */
static int grid_init(struct grid *grid, const char *const *headings, const struct writer_rows *rows) {
    *grid =
        (struct grid){.writer = {.begin = begin_cell, .context = rows->context}, .row_count = rows->count};
    rows->write(&grid->writer, rows->rows);
    choose_columns(grid, headings);
    grid->cells = calloc(rows->count * grid->field_count, sizeof(*grid->cells));
    grid->failed = grid->cells == NULL;
    grid->next = grid->cells;
    for (size_t i = 0; i < rows->count && !grid->failed; i++) {
        rows->write(&grid->writer, (const char *)rows->rows + i * rows->row_bytes);
        end_cell(grid);
    }
    if (!grid->failed) {
        measure_columns(grid);
    }
    return grid->failed ? -1 : 0;
}

/* The widest column that may still be cut; column_count when there is none. */
static size_t widest_to_cut(const struct grid *grid) {
    size_t widest = grid->column_count;
    for (size_t i = 0; i < grid->column_count; i++) {
        const size_t width = grid->columns[i].width;
        if ((field_of(grid, i)->flags & WRITER_CUT) != 0 && width > CUT_COLUMNS_MIN &&
            (widest == grid->column_count || width > grid->columns[widest].width)) {
            widest = i;
        }
    }
    return widest;
}

/* Narrows the columns that may be cut until a line fits the terminal, and marks what was cut. libsmartcols
 * would cut without a mark, and "http:808" is another port than "http:8080". */
static void grid_fit(struct grid *grid, size_t terminal) {
    size_t total = grid->column_count - 1; /* the gaps */
    for (size_t i = 0; i < grid->column_count; i++) {
        total += grid->columns[i].width;
    }
    for (; total > terminal; total--) {
        size_t widest = widest_to_cut(grid);
        if (widest == grid->column_count) {
            break;
        }
        grid->columns[widest].width--;
    }
    for (size_t i = 0; i < grid->row_count * grid->column_count; i++) {
        const size_t column = i % grid->column_count;
        cut(cell_of(grid, i / grid->column_count, column)->text, grid->columns[column].width);
    }
}

/* ---- libsmartcols ---- */

static struct libscols_table *new_table(const struct grid *grid, struct table_style style) {
    struct libscols_table *table = scols_new_table();
    if (table == NULL) {
        return NULL;
    }
    /* Cells are safe already, and would have their backslashes escaped once more. */
    scols_table_enable_noencoding(table, 1);
    scols_table_enable_colors(table, style.color);
    scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER); /* grid_fit() has cut what is to be cut */
    for (size_t i = 0; i < grid->column_count; i++) {
        int flags = (field_of(grid, i)->flags & WRITER_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0;
        if (scols_table_new_column(table, field_of(grid, i)->heading, 0, flags) == NULL) {
            scols_unref_table(table);
            return NULL;
        }
    }
    return table;
}

/* Adds a row, whose cells are copied. -1 when memory is out. */
static int add_row(struct libscols_table *table, const struct grid *grid, size_t row) {
    struct libscols_line *line = scols_table_new_line(table, NULL);
    int error = line == NULL ? -1 : 0;
    for (size_t i = 0; i < grid->column_count && error == 0; i++) {
        const struct cell *cell = cell_of(grid, row, i);
        error = scols_line_set_data(line, i, cell->text);
        if (error == 0 && cell->color != NULL) {
            error = scols_cell_set_color(scols_line_get_cell(line, i), cell->color);
        }
    }
    return error;
}

static int print_grid(const struct grid *grid, struct table_style style) {
    struct libscols_table *table = new_table(grid, style);
    int error = table == NULL ? -1 : 0;
    for (size_t i = 0; i < grid->row_count && error == 0; i++) {
        error = add_row(table, grid, i);
    }
    if (error == 0 && scols_print_table(table) < 0) {
        error = -1;
    }
    scols_unref_table(table);
    return error;
}

int table_print(const char *const *headings, struct writer_rows rows, struct table_style style) {
    struct grid grid;
    if (rows.count == 0) {
        return 0;
    }
    int error = grid_init(&grid, headings, &rows);
    if (error == 0 && !style.wide) {
        grid_fit(&grid, terminal_columns());
    }
    if (error == 0) {
        error = print_grid(&grid, style);
    }
    grid_deinit(&grid);
    return error;
}
