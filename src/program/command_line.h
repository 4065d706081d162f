/* SPDX-License-Identifier: MIT */
/* How a command is described: its command line, its help, and what runs it. Man pages and completion are made
 * of the same description. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "args.h"
#include "settings.h"

/* Under which heading a command stands in `muster --help`. */
enum command_group { COMMAND_SEE, COMMAND_TELL, COMMAND_READINGS, COMMAND_OTHER, COMMAND_GROUPS };

struct command {
    const char *name;
    const struct command *const *commands; /* of muster itself: their table, ended by NULL; of others NULL */
    enum command_group group;
    const char *summary;  /* for `muster --help` */
    const char *synonyms; /* NULL, or words between spaces by which others call it: " ls list " */
    struct args_syntax syntax;
    unsigned selects; /* enum selector_kind: how its first operand means peers; 0: it does not */
    const struct args_completion *completion; /* of its operands; NULL when a shell can't know */
    const char *description;                  /* for its own --help; lines end in LF */
    const struct args_option *options;        /* its own, ended by a row without a name */
    size_t options_bytes;                     /* of the struct that they are written to; 0: none */
    size_t file_offset;          /* of a `const char *` in it: a path of options_file.h; 0: there is none */
    const void *defaults;        /* that struct when it begins; NULL: zeroed */
    void (*describe)(FILE *out); /* NULL, or prints what only code knows: columns, placeholders */
    const char *examples;        /* lines that end in LF */
    const char *statuses;        /* what it exits with and when; lines as "  124 timed out\n" */
    const char *environment;     /* NULL, or variables and what they say; lines of that form */
    const char *files;           /* NULL, or paths and what is there; lines of that form */

    /* Runs the command when all is parsed. Returns what to exit with. */
    int (*run)(struct settings *settings, void *options, const struct operands *operands);

    /* NULL, or frees what the options have allocated, whether they could all be parsed or not. */
    void (*deinit)(void *options);
};

/* Reads the options of a command, and global ones among them, into the struct at `into`, of which the command
 * has set the defaults, takes what is still unset from the environment, and the operands. Of muster itself
 * the options before the first operand are read alone. True to go on; false to exit with *status, whatever
 * there was to say having been said (--help and --version included). */
bool command_parse(struct settings *settings, const struct command *command, int argc, char **argv,
                   void *into, struct operands *operands, int *status);

/* Parses the words that begin with a command's name, and runs it. Returns what to exit with. */
int command_run(struct settings *settings, const struct command *command, int argc, char **argv);

/* Prints what follows a command's name in its usage: "[OPTION…] [PATTERN]". */
void help_print_usage(FILE *out, const struct command *command);

/* Prints the names of its commands, for who has given none. */
void help_print_short(FILE *out, const struct command *command);

/* Prints --help of one command, or of muster as a whole with all its commands. */
void help_print(const struct command *command);
