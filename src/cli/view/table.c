#include "table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "value.h"
#include "width.h"

/* Of a terminal that does not say. */
#define TERMINAL_COLUMNS 80

/* What a column that may be cut keeps at least. */
#define CUT_COLUMNS_MIN 8

#define ELLIPSIS "…"

/* Cells as text, row by row, and how wide each column is. */
struct grid {
    const struct table_column *const *columns;
    size_t column_count;
    size_t row_count;
    char **cells;
    size_t *widths;
};

/* ---- width on a terminal ---- */

/* Cuts a text to `width` columns, an ellipsis included; a text that fits stays. The text has room for
 * the ellipsis behind its end. */
static void cut(char *text, size_t width) {
    size_t kept = 0;
    if (width_of(text) <= width) {
        return;
    }
    while (true) {
        size_t columns;
        size_t bytes = width_of_character(text, &columns);
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

/* ---- the grid ---- */

static void grid_deinit(struct grid *grid) {
    for (size_t i = 0; grid->cells != NULL && i < grid->row_count * grid->column_count; i++) {
        free(grid->cells[i]);
    }
    free(grid->cells);
    free(grid->widths);
}

/* Has the column print a cell. NULL when memory is out. */
static char *new_cell(const struct table_column *column, const void *row) {
    char *text = NULL;
    size_t text_bytes;
    FILE *out = open_memstream(&text, &text_bytes);
    if (out == NULL) {
        return NULL;
    }
    column->print(out, row);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    char *roomy = realloc(text, text_bytes + sizeof(ELLIPSIS));
    if (roomy == NULL) {
        free(text);
    }
    return roomy;
}

/* Fills all cells and measures the columns. -1 when memory is out; grid_deinit() must follow anyway. */
static int grid_init(struct grid *grid, const struct table_column *const *columns, size_t column_count,
                     const void *rows, size_t row_bytes, size_t row_count) {
    *grid = (struct grid){.columns = columns, .column_count = column_count, .row_count = row_count};
    grid->cells = calloc(row_count * column_count, sizeof(*grid->cells));
    grid->widths = calloc(column_count, sizeof(*grid->widths));
    if (grid->cells == NULL || grid->widths == NULL) {
        return -1;
    }
    for (size_t i = 0; i < column_count; i++) {
        grid->widths[i] = strlen(columns[i]->name);
    }
    for (size_t i = 0; i < row_count * column_count; i++) {
        size_t column = i % column_count;
        const char *row = (const char *)rows + i / column_count * row_bytes;
        grid->cells[i] = new_cell(columns[column], row);
        if (grid->cells[i] == NULL) {
            return -1;
        }
        size_t width = width_of(grid->cells[i]);
        if (grid->widths[column] < width) {
            grid->widths[column] = width;
        }
    }
    return 0;
}

/* The widest column that may still be cut; column_count when there is none. */
static size_t widest_to_cut(const struct grid *grid) {
    size_t widest = grid->column_count;
    for (size_t i = 0; i < grid->column_count; i++) {
        if ((grid->columns[i]->flags & TABLE_CUT) == 0 || grid->widths[i] <= CUT_COLUMNS_MIN) {
            continue;
        }
        if (widest == grid->column_count || grid->widths[i] > grid->widths[widest]) {
            widest = i;
        }
    }
    return widest;
}

/* Narrows what may be narrowed until a line fits the terminal, and marks what was cut: libsmartcols
 * would cut without a mark, and "http:808" is another port than "http:8080". */
static void grid_fit(struct grid *grid, size_t terminal) {
    size_t total = grid->column_count - 1; /* the gaps */
    for (size_t i = 0; i < grid->column_count; i++) {
        total += grid->widths[i];
    }
    for (; total > terminal; total--) {
        size_t widest = widest_to_cut(grid);
        if (widest == grid->column_count) {
            break;
        }
        grid->widths[widest]--;
    }
    for (size_t i = 0; i < grid->row_count * grid->column_count; i++) {
        cut(grid->cells[i], grid->widths[i % grid->column_count]);
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
        int flags = (grid->columns[i]->flags & TABLE_RIGHT) != 0 ? SCOLS_FL_RIGHT : 0;
        if (scols_table_new_column(table, grid->columns[i]->name, 0, flags) != NULL) {
            continue;
        }
        scols_unref_table(table);
        return NULL;
    }
    return table;
}

/* Adds a row of the grid, cells copied. -1 when memory is out. */
static int add_row(struct libscols_table *table, const struct grid *grid, size_t number, const void *row) {
    struct libscols_line *line = scols_table_new_line(table, NULL);
    if (line == NULL) {
        return -1;
    }
    for (size_t i = 0; i < grid->column_count; i++) {
        const struct table_column *column = grid->columns[i];
        if (scols_line_set_data(line, i, grid->cells[number * grid->column_count + i]) != 0) {
            return -1;
        }
        if (column->color != NULL &&
            scols_cell_set_color(scols_line_get_cell(line, i), column->color(row)) != 0) {
            return -1;
        }
    }
    return 0;
}

static int print_grid(const struct grid *grid, const void *rows, size_t row_bytes, struct table_style style) {
    struct libscols_table *table = new_table(grid, style);
    int error = table == NULL ? -1 : 0;
    for (size_t i = 0; i < grid->row_count && error == 0; i++) {
        error = add_row(table, grid, i, (const char *)rows + i * row_bytes);
    }
    if (error == 0 && scols_print_table(table) < 0) {
        error = -1;
    }
    scols_unref_table(table);
    return error;
}

int table_print(const struct table_column *const *columns, size_t column_count, const void *rows,
                size_t row_bytes, size_t row_count, struct table_style style) {
    struct grid grid;
    if (row_count == 0) {
        return 0;
    }
    int error = grid_init(&grid, columns, column_count, rows, row_bytes, row_count);
    if (error == 0 && !style.wide) {
        grid_fit(&grid, terminal_columns());
    }
    if (error == 0) {
        error = print_grid(&grid, rows, row_bytes, style);
    }
    grid_deinit(&grid);
    return error;
}
