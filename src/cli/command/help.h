/* SPDX-License-Identifier: MIT */
/* What --help prints of the tables of commands and options. */
#pragma once

#include <stdio.h>

#include "command.h"

/* Prints what follows a command's name in its usage: "[OPTION…] [PATTERN]". */
void help_print_usage(FILE *out, const struct command *command);

/* Prints --help of one command. */
void help_print(const struct command *command);

/* Prints --help of muster as a whole, and of all commands, a table ended by NULL. */
void help_print_all(const struct command *muster, const struct command *const *commands);
