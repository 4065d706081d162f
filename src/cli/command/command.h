/* SPDX-License-Identifier: MIT */
/* A command of muster: one file each, and a row of the table in commands.c. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "args.h"
#include "settings.h"

/* Under which heading a command stands in `muster --help`. */
enum command_group { COMMAND_SEE, COMMAND_TELL, COMMAND_READINGS, COMMAND_OTHER, COMMAND_GROUPS };

struct command {
    const char *name;
    enum command_group group;
    const char *summary;  /* for `muster --help` */
    const char *synonyms; /* NULL, or words between spaces by which others call it: " ls list " */
    struct args_syntax syntax;
    unsigned selects; /* enum selector_kind: how its first operand means peers; 0: it does not */
    const struct args_completion *completion; /* of its operands; NULL when a shell can't know */
    const char *description;                  /* for its own --help; lines end in LF */
    const struct args_option *options;        /* its own, ended by a row without a name */
    size_t options_bytes;                     /* of the struct that they are written to; 0: none */
    const void *defaults;                     /* that struct when it begins; NULL: zeroed */
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

/* The table of commands, ended by NULL. */
extern const struct command *const command_table[];

/* What holds for muster as a whole. It is no row of the table, and can't be run. */
extern const struct command command_muster;

/* Runs the command that the arguments begin with, behind global options, or says what is wrong with them.
 * Returns what to exit with. */
int commands_run(struct settings *settings, int argc, char **argv);

/* Reads the options of a command, and global ones among them, into the struct at `into`, of which the command
 * has set the defaults, takes what is still unset from the environment, and the operands. Of muster itself
 * the options before the first operand are read alone. True to go on; false to exit with *status, whatever
 * there was to say having been said (--help and --version included). */
bool command_parse(struct settings *settings, const struct command *command, int argc, char **argv,
                   void *into, struct operands *operands, int *status);

/* Prints what follows a command's name in its usage: "[OPTION…] [PATTERN]". */
void help_print_usage(FILE *out, const struct command *command);

/* Prints the names of all commands, for who has given none. */
void help_print_short(FILE *out, const struct command *muster, const struct command *const *commands);

/* Prints --help of one command, or of muster as a whole with all commands, a table ended by NULL. */
void help_print(const struct command *command);
void help_print_all(const struct command *muster, const struct command *const *commands);

extern const struct command command_announce;
extern const struct command command_config;
extern const struct command command_peers;
extern const struct command command_services;
extern const struct command command_topics;
extern const struct command command_publish;
extern const struct command command_subscribe;
extern const struct command command_show;
extern const struct command command_resolve;
extern const struct command command_wait;
extern const struct command command_watch;
extern const struct command command_update;
extern const struct command command_key;
extern const struct command command_doctor;
extern const struct command command_why;

/* They need SQLite, and are left out where that is not there (MUSTER_STORE). */
extern const struct command command_record;
extern const struct command command_history;
extern const struct command command_replay;

/* It needs libmicrohttpd, and is left out where that is not there (MUSTER_METRICS). */
extern const struct command command_metrics;

/* It needs ncurses, and is left out where that is not there (MUSTER_TOP). */
extern const struct command command_top;
