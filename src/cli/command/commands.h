/* The commands of muster. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "command.h"
#include "settings.h"

/* The table of commands, ended by NULL. */
extern const struct command *const command_table[];

/* What holds for muster as a whole. It is no row of the table, and can't be run. */
extern const struct command command_muster;

/* Runs the command that the arguments begin with, behind global options, or says what is wrong with them.
 * Returns what to exit with. */
int commands_run(struct settings *settings, int argc, char **argv);

#endif
