/* SPDX-License-Identifier: MIT */
/* JSON as it was printed without white space, rewritten for a file or a terminal. */
#pragma once

#include <stdbool.h>

/* Indents by two spaces when asked, writes every character that a terminal could obey (escape.h) as \uXXXX,
 * and U+FFFD for each byte of a text that is not UTF-8. json is valid but for that. Returns a string to
 * free(), or NULL when memory was out. */
char *rewrite_safe(const char *json, bool indent);
