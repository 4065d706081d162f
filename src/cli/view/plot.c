/* SPDX-License-Identifier: MIT */
#include "plot.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The width of "-12345.678 " and of the axis behind it. */
#define SCALE_COLUMNS 11
#define AXIS_COLUMNS 1

#define COLUMNS_DEFAULT 80
#define WIDTH_MIN 10

struct plot_style plot_style(void) {
    struct plot_style style = {.columns = COLUMNS_DEFAULT};
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        style.columns = size.ws_col;
    }
    const locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0); /* main() has set another one */
    style.ascii = locale == (locale_t)0 || strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") != 0;
    if (locale != (locale_t)0) {
        freelocale(locale);
    }
    return style;
}

size_t plot_width(const struct plot_style *style) {
    const size_t scale = SCALE_COLUMNS + AXIS_COLUMNS;
    const size_t width = style->columns > scale + WIDTH_MIN ? style->columns - scale : WIDTH_MIN;
    return width < PLOT_WIDTH_MAX ? width : PLOT_WIDTH_MAX;
}

/* What of a column is drawn in a line: the part of its height, in eighths, that is there. */
static const char *cell(const struct plot_style *style, int eighths) {
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const characters[] = {" ", ".", ".", ".", ":", ":", ":", "#", "#"};
    eighths = eighths < 0 ? 0 : eighths > 8 ? 8 : eighths;
    return style->ascii ? characters[eighths] : blocks[eighths];
}

/* The height of a value in eighths of a line. The lowest one has one. */
static int height_of(double value, double low, double high) {
    const int all = 8 * PLOT_HEIGHT;
    const double share = high > low ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0.5; /* no overflow */
    return isnan(value) ? 0 : 1 + (int)lround(share * (all - 1));
}

static void print_line(FILE *out, const struct plot_style *style, const double *values, size_t count,
                       double low, double high, int line) {
    const int below = 8 * (PLOT_HEIGHT - 1 - line);
    char scale[SCALE_COLUMNS + 16] = "";
    size_t end = count;
    if (line == 0) {
        snprintf(scale, sizeof(scale), "%.6g", high);
    } else if (line == PLOT_HEIGHT - 1) {
        snprintf(scale, sizeof(scale), "%.6g", low);
    }
    while (end > 0 && height_of(values[end - 1], low, high) <= below) {
        end--; /* no blanks at the end of the line */
    }
    fprintf(out, "%*s%s", SCALE_COLUMNS, scale, style->ascii ? "|" : "┤");
    for (size_t i = 0; i < end; i++) {
        fputs(cell(style, height_of(values[i], low, high) - below), out);
    }
    fputc('\n', out);
}

void plot_print(FILE *out, const struct plot_style *style, const double *values, size_t count,
                const char *begin, const char *end) {
    double low = NAN;
    double high = NAN;
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, values[i]); /* of a number and NaN that is the number */
        high = fmax(high, values[i]);
    }
    for (int line = 0; line < PLOT_HEIGHT && !isnan(low); line++) {
        print_line(out, style, values, count, low, high, line);
    }
    const size_t length = strlen(begin) + strlen(end);
    const size_t gap = count > length ? count - length : 1;
    fprintf(out, "%*s%s%*s%s\n", SCALE_COLUMNS + AXIS_COLUMNS, "", begin, (int)gap, "", end);
}
