/* JSON that others wrote, made safe for a terminal. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stddef.h>

/* Prints JSON, which somebody has found to be some, to stdout in one line: a line break between its tokens
 * becomes a blank, and what a terminal could obey \uXXXX. */
void json_print_line(const char *json, size_t length);

/* Prints a text as JSON, with its quotes, to stdout, made safe likewise. */
void json_print_text(const char *text);

#endif
