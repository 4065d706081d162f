/* SPDX-License-Identifier: MIT */
/* Templates that say how something is printed, a line each: "{host}:{port}" of a service, and members of JSON
 * of any other record: "{name} {attrs.room}". */
#pragma once

#include <stdio.h>

#include "offer.h"
#include "reason.h"
#include "writer.h"

/* args_option.parse of a template: -1 with a reason when it has a placeholder that is not known or not
 * closed. */
int template_parse(const char *text, void *place_const_char_pointer, struct reason *reason);

/* Prints an offer to stdout through a template that was parsed, and a LF; values are made safe. */
void template_print(const struct offer *offer, const char *template);

/* Lists the placeholders, for --help. */
void template_describe(FILE *out);

/* ---- members of JSON ---- */

/* The same of a template of members; names are those of the record, ended by NULL. What is inside of them is
 * said behind a dot: {attrs.room}, {services.0.port}. */
int template_parse_members(const char *text, const char *const *names, void *place_const_char_pointer,
                           struct reason *reason);

/* Prints a record, a line of JSON, through such a template, and a LF. -1 when memory is out. */
int template_print_line(const char *template, const char *line);

/* The same of each row. */
int template_print_rows(const char *template, struct writer_rows rows);

/* Lists the members, for --help. */
void template_describe_members(FILE *out, const char *const *names);
