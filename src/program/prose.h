/* SPDX-License-Identifier: MIT */
/* Help texts, laid out for a terminal. */
#pragma once

#include <stddef.h>
#include <stdio.h>

/* The columns of help. */
#define PROSE_COLUMNS 80

/* The columns of a help text in UTF-8. Help texts have no wide or combining characters. */
size_t prose_width(const char *text);

/* Prints words from a column on, in which the line already stands. Further lines are indented as far. Ends
 * with a LF. */
void prose_print_words(FILE *out, const char *words, size_t column);

/* Prints a text of lines that end in LF. Lines that do not begin with a space are paragraphs, and are filled
 * anew. Of the others those that are too long are continued below their last column, which stands behind two
 * spaces or more; a line that begins there belongs to the one before it. */
void prose_print(FILE *out, const char *text);
