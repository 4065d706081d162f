/* SPDX-License-Identifier: MIT */
/* The command line of muster, as far as all commands share it. */
#pragma once

#include "command.h"

/* Reads the options of a command, and global ones among them, into the struct at `into`, of which the command
 * has set the defaults, takes what is still unset from the environment, and the operands. Of muster itself,
 * the one that has commands (a table ended by NULL), the options before the first operand are read alone.
 * True to go on; false to exit with *status, whatever there was to say having been said (--help and --version
 * included). */
bool parse(struct settings *settings, const struct command *command, const struct command *const *commands,
           int argc, char **argv, void *into, struct operands *operands, int *status);
