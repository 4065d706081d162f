/* SPDX-License-Identifier: MIT */
#include "prose.h"

#include <stdbool.h>
#include <string.h>

/* Where a line goes on that has one column alone: this far behind its indentation. */
#define HANGING_COLUMNS 4

/* A word is placed while a line is filled. */
struct fill {
    FILE *out;
    size_t column;  /* where the next character goes */
    size_t indent;  /* of the lines that follow */
    bool has_words; /* this line has some */
};

static size_t count_columns(const char *text, size_t bytes) {
    size_t columns = 0;
    for (size_t i = 0; i < bytes; i++) {
        columns += ((unsigned char)text[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return columns;
}

size_t prose_width(const char *text) {
    return count_columns(text, strlen(text));
}

static void put_word(struct fill *fill, const char *word, size_t bytes) {
    const size_t columns = count_columns(word, bytes);
    if (fill->has_words && fill->column + 1 + columns > PROSE_COLUMNS) {
        fprintf(fill->out, "\n%*s", (int)fill->indent, "");
        fill->column = fill->indent;
    } else if (fill->has_words) {
        fputc(' ', fill->out);
        fill->column++;
    }
    fwrite(word, 1, bytes, fill->out);
    fill->column += columns;
    fill->has_words = true;
}

/* Places the words of a line. */
static void put_words(struct fill *fill, const char *text, size_t bytes) {
    for (size_t at = 0, length; at < bytes; at += length) {
        at += strspn(text + at, " ");
        length = strcspn(text + at, " \n");
        length = length < bytes - at ? length : bytes - at;
        if (length > 0) {
            put_word(fill, text + at, length);
        }
    }
}

void prose_print_words(FILE *out, const char *words, size_t column) {
    struct fill fill = {.out = out, .column = column, .indent = column};
    put_words(&fill, words, strlen(words));
    fputc('\n', out);
}

/* The bytes before the last column of a line, which are those of its indentation where it has but one. A line
 * that begins with a letter is one column. */
static size_t find_last_column(const char *line, size_t bytes) {
    size_t last = strspn(line, " ");
    for (size_t i = last; last > 0 && i + 2 < bytes; i++) {
        if (line[i] == ' ' && line[i + 1] == ' ' && line[i + 2] != ' ') {
            last = i + 2;
        }
    }
    return last;
}

/* Begins a line that begins with spaces: what it goes on with stands below its last column. */
static void begin_row(struct fill *fill, const char *line, size_t bytes) {
    const size_t indent = strspn(line, " ");
    const size_t head = find_last_column(line, bytes);
    *fill = (struct fill){.out = fill->out, .column = count_columns(line, head)};
    fill->indent =
        head == indent && indent > 0 && indent <= HANGING_COLUMNS ? indent + HANGING_COLUMNS : fill->column;
    fwrite(line, 1, head, fill->out);
    put_words(fill, line + head, bytes - head);
}

void prose_print(FILE *out, const char *text) {
    struct fill fill = {.out = out};
    for (size_t bytes; *text != '\0'; text += bytes + (text[bytes] == '\n' ? 1 : 0)) {
        bytes = strcspn(text, "\n");
        if (fill.has_words && bytes > 0 && strspn(text, " ") == fill.indent) {
            put_words(&fill, text, bytes);
            continue;
        }
        if (fill.has_words) {
            fputc('\n', out);
        }
        fill = (struct fill){.out = out};
        if (bytes > 0) {
            begin_row(&fill, text, bytes);
        } else {
            fputc('\n', out);
        }
    }
    if (fill.has_words) {
        fputc('\n', out);
    }
}
