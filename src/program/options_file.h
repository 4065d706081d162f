/* SPDX-License-Identifier: MIT */
/* A file of options: one JSON object, strict as all JSON here is, whose members are options by their long
 * names:
 *
 *     {"site": "home", "out": ["kitchen/#", "hall/#"], "retain": true, "queue": 100000}
 *
 * An array stands for an option that is given more than once, true for one that takes no value. */
#pragma once

#include "args.h"
#include "config_file.h"
#include "reason.h"

/* Values in one file. */
#define OPTIONS_FILE_VALUES_MAX 4096

/* Reads a file into two tables, as args_read_options() does of a command line; `config` is no option here.
 * Values may be borrowed by them, so that the file, zeroed before, is to be kept as long, and then to be
 * given to config_file_deinit(), also after an error. 0, or -1 with "PATH:LINE:COLUMN: MEMBER: expected …".
 */
int options_file_read(struct config_file *file, const char *path, const struct args_table tables[2],
                      struct reason *reason);
