/* SPDX-License-Identifier: MIT */
/* Templates that say how a service is printed: "{host}:{port}". */
#pragma once

#include <stdio.h>

#include "offer.h"
#include "reason.h"

/* args_option.parse of a template: -1 with a reason when it has a placeholder that is not known or not
 * closed. */
int template_parse(const char *text, void *place_const_char_pointer, struct reason *reason);

/* Prints an offer to stdout through a template that was parsed, and a LF; values are made safe. */
void template_print(const struct offer *offer, const char *template);

/* Lists the placeholders, for --help. */
void template_describe(FILE *out);
