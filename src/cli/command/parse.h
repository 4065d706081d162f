/* The command line of muster, as far as all commands share it. */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "command.h"

/* Reads the options before the name of one of the commands; operands begin with that name. --help is of
 * muster and all commands, a table ended by NULL. True to go on; false to exit with *status, whatever there
 * was to say having been said (--help and --version included). */
bool parse_global(struct settings *settings, const struct command *muster,
                  const struct command *const *commands, int argc, char **argv, struct operands *operands,
                  int *status);

/* Reads a command's options, and global ones among them, into the struct at `into`, of which the command has
 * set the defaults, and takes what is still unset from the environment. True to go on; false as above. */
bool parse_command(struct settings *settings, const struct command *command, int argc, char **argv,
                   void *into, struct operands *operands, int *status);

#endif
