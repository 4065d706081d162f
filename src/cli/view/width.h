/* How many columns of a terminal a text takes. */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include <stddef.h>

/* The bytes of the first character of a text that is not empty, and the columns it takes. */
size_t width_of_character(const char *text, size_t *columns);

size_t width_of(const char *text);

#endif
