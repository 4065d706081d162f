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

/* Columns that it keeps as long as others may go instead. */
#define CUT_COLUMNS_WANTED 20

#define ELLIPSIS "…"

struct table_column {
    const char *heading;
    unsigned flags; /* of enum writer_flag */
    size_t width;
    bool is_gone; /* there was no room for it */
};

/* A table, and the writer that fills it row by row. */
struct grid {
    struct writer writer; /* first, so that the grid is found from there */
    struct libscols_table *table;
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t column_count;
    bool is_chosen;             /* the columns are; else all fields are columns */
    struct libscols_line *line; /* that is written; NULL: the fields are only looked at */

    FILE *out; /* where the text of a cell goes; NULL: none is written */
    char *text;
    size_t text_bytes;
    size_t column; /* of the cell */
    const char *color;
    bool failed; /* memory was out */
};

/* ---- cells ---- */

/* The first column of a heading from this one on; column_count when there is none. */
static size_t find_column(const struct grid *grid, const char *heading, size_t from) {
    while (from < grid->column_count && strcmp(grid->columns[from].heading, heading) != 0) {
        from++;
    }
    return from;
}

/* Learns of a field: how it is aligned, and, where no columns were chosen, that it is one. */
static void learn_field(struct grid *grid, const char *heading, unsigned flags) {
    if (!grid->is_chosen) {
        assert(grid->column_count < TABLE_COLUMNS_MAX);
        grid->columns[grid->column_count++].heading = heading;
    }
    for (size_t i = find_column(grid, heading, 0); i < grid->column_count;
         i = find_column(grid, heading, i + 1)) {
        grid->columns[i].flags = flags;
    }
}

static int put_cell(struct grid *grid, size_t column) {
    const size_t width = text_width(grid->text);
    int error = scols_line_set_data(grid->line, column, grid->text);
    if (grid->columns[column].width < width) {
        grid->columns[column].width = width;
    }
    if (error == 0 && grid->color != NULL) {
        error = scols_cell_set_color(scols_line_get_cell(grid->line, column), grid->color);
    }
    return error;
}

/* Ends the cell that is written. A heading may be there twice. */
static void end_cell(struct grid *grid) {
    if (grid->out == NULL) {
        return;
    }
    const char *heading = grid->columns[grid->column].heading;
    grid->failed = fclose(grid->out) != 0 || grid->failed;
    grid->out = NULL;
    for (size_t i = grid->column; i < grid->column_count && !grid->failed;
         i = find_column(grid, heading, i + 1)) {
        grid->failed = put_cell(grid, i) != 0;
    }
    free(grid->text);
}

static FILE *begin_cell(struct writer *writer, const char *heading, unsigned flags, const char *color) {
    struct grid *grid = (struct grid *)writer;
    end_cell(grid);
    if (grid->line == NULL) {
        learn_field(grid, heading, flags);
        return NULL;
    }
    grid->column = find_column(grid, heading, 0);
    grid->color = color;
    if (grid->column < grid->column_count) {
        grid->out = open_memstream(&grid->text, &grid->text_bytes);
        grid->failed = grid->failed || grid->out == NULL;
    }
    return grid->out;
}

/* ---- rows ---- */

static int open_table(struct grid *grid, bool has_color) {
    grid->table = scols_new_table();
    if (grid->table == NULL) {
        return -1;
    }
    /* Cells are safe already, and would have their backslashes escaped once more. */
    scols_table_enable_noencoding(grid->table, 1);
    scols_table_enable_colors(grid->table, has_color);
    scols_table_set_termforce(grid->table, SCOLS_TERMFORCE_NEVER); /* cut_cells() does that */
    for (size_t i = 0; i < grid->column_count; i++) {
        struct table_column *column = &grid->columns[i];
        const int flags = (column->flags & WRITER_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0;
        column->width = strlen(column->heading);
        if (scols_table_new_column(grid->table, column->heading, 0, flags) == NULL) {
            return -1;
        }
    }
    return 0;
}

static int fill_table(struct grid *grid, const struct writer_rows *rows) {
    for (size_t i = 0; i < rows->count && !grid->failed; i++) {
        grid->line = scols_table_new_line(grid->table, NULL);
        if (grid->line == NULL) {
            return -1;
        }
        rows->write(&grid->writer, (const char *)rows->rows + i * rows->row_bytes);
        end_cell(grid);
    }
    return grid->failed ? -1 : 0;
}

/* ---- width on a terminal ---- */

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

/* The bytes of a list that was cut behind so many of them, up to the last comma or colon: "http:808" is
 * another port than "http:8080". All of them where there is neither. */
static size_t whole_items(const char *text, size_t bytes) {
    size_t whole = bytes;
    while (whole > 0 && text[whole - 1] != ',') {
        whole--;
    }
    const char *colon = memchr(text, ':', bytes);
    if (whole == 0 && colon != NULL) {
        whole = (size_t)(colon + 1 - text);
    }
    return whole > 0 ? whole : bytes;
}

/* Cuts a cell to `width` columns, an ellipsis included; a text that fits stays. */
static int cut_cell(struct libscols_line *line, size_t column, size_t width, bool is_list) {
    const char *text = scols_cell_get_data(scols_line_get_cell(line, column));
    size_t kept_bytes = 0;
    size_t kept = 0;
    char *shortened;
    if (text_width(text) <= width) {
        return 0;
    }
    while (true) {
        size_t columns;
        const size_t bytes = text_width_of_character(text + kept_bytes, &columns);
        if (kept + columns + 1 > width) {
            break;
        }
        kept += columns;
        kept_bytes += bytes;
    }
    if (is_list) {
        kept_bytes = whole_items(text, kept_bytes);
    }
    if (asprintf(&shortened, "%.*s" ELLIPSIS, (int)kept_bytes, text) < 0) {
        return -1;
    }
    return scols_line_refer_data(line, column, shortened);
}

/* ---- columns that go ---- */

/* The columns of a line; those that may be cut count as if they were, down to cut_columns. */
static size_t line_columns(const struct grid *grid, size_t cut_columns) {
    size_t total = 0;
    for (size_t i = 0; i < grid->column_count; i++) {
        const struct table_column *column = &grid->columns[i];
        const bool is_cut = (column->flags & WRITER_CUT) != 0 && column->width > cut_columns;
        if (!column->is_gone) {
            total += (total > 0 ? 1 : 0) + (is_cut ? cut_columns : column->width);
        }
    }
    return total;
}

/* Leaves out columns until a line fits the terminal, or none is left that may go. */
static int drop_columns(struct grid *grid, const char *const *expendable, size_t terminal) {
    for (; expendable != NULL && *expendable != NULL && line_columns(grid, CUT_COLUMNS_WANTED) > terminal;
         expendable++) {
        const size_t i = find_column(grid, *expendable, 0);
        if (i == grid->column_count) {
            continue;
        }
        struct libscols_column *column = scols_table_get_column(grid->table, i);
        grid->columns[i].is_gone = true;
        if (scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- columns that are cut ---- */

/* The widest column that may still be cut; NULL when there is none. */
static struct table_column *widest_to_cut(struct grid *grid) {
    struct table_column *widest = NULL;
    for (size_t i = 0; i < grid->column_count; i++) {
        struct table_column *column = &grid->columns[i];
        if (!column->is_gone && (column->flags & WRITER_CUT) != 0 && column->width > CUT_COLUMNS_MIN &&
            (widest == NULL || column->width > widest->width)) {
            widest = column;
        }
    }
    return widest;
}

/* Narrows the columns that may be cut until a line fits the terminal. */
static void narrow(struct grid *grid, size_t terminal) {
    size_t total = line_columns(grid, SIZE_MAX);
    for (struct table_column *widest; total > terminal && (widest = widest_to_cut(grid)) != NULL; total--) {
        widest->width--;
    }
}

/* Cuts what is wider than its column, and marks it. libsmartcols would cut without a mark. */
static int cut_cells(const struct grid *grid) {
    struct libscols_iter *lines = scols_new_iter(SCOLS_ITER_FORWARD);
    struct libscols_line *line;
    int error = lines == NULL ? -1 : 0;
    while (error == 0 && scols_table_next_line(grid->table, lines, &line) == 0) {
        for (size_t i = 0; i < grid->column_count && error == 0; i++) {
            error = cut_cell(line, i, grid->columns[i].width, (grid->columns[i].flags & WRITER_LIST) != 0);
        }
    }
    scols_free_iter(lines);
    return error;
}

int table_print(const char *const *headings, struct writer_rows rows, struct table_style style) {
    struct grid grid = {.writer = {.begin = begin_cell, .context = rows.context},
                        .is_chosen = headings != NULL};
    if (rows.count == 0) {
        return 0;
    }
    for (; headings != NULL && *headings != NULL; headings++) {
        grid.columns[grid.column_count++].heading = *headings;
    }
    rows.write(&grid.writer, rows.rows);
    int error = open_table(&grid, style.color);
    if (error == 0) {
        error = fill_table(&grid, &rows);
    }
    if (error == 0 && !style.wide) {
        const size_t terminal = terminal_columns();
        error = drop_columns(&grid, style.expendable, terminal);
        narrow(&grid, terminal);
        error = error != 0 ? error : cut_cells(&grid);
    }
    if (error == 0) {
        error = scols_print_table(grid.table);
    }
    scols_unref_table(grid.table);
    return error != 0 ? -1 : 0;
}
