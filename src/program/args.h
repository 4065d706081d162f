/* SPDX-License-Identifier: MIT */
/* Options and operands of a command line: tables of options, and getopt_long under the tables. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "reason.h"
#include "selector.h"

/* Options of one command line, those of all its tables together. */
#define ARGS_OPTIONS_MAX 48

enum args_source { ARGS_WORDS, ARGS_FILES, ARGS_DIRECTORIES, ARGS_INTERFACES };

/* What a shell offers for the value of an option. */
struct args_completion {
    enum args_source source;
    const char *(*word)(size_t i); /* of ARGS_WORDS: the i-th, NULL behind the last */
    bool list;                     /* any number of them, separated by commas */
};

extern const struct args_completion args_complete_files;
extern const struct args_completion args_complete_directories;

/* An option that has its value written into a struct. A table of them ends with a row without a name. */
struct args_option {
    const char *name;  /* without dashes, "sort" */
    char letter;       /* 0 when it has none */
    const char *value; /* what --help calls its value, "COL[:desc]"; NULL when it takes none */
    const char *help;
    size_t offset; /* of the place below, in the struct */

    /* Writes text, borrowed as long as the process lives, to place. Returns 0, or -1 with a reason. NULL: the
     * value is one of the completion's words, and place an enum that is their index. */
    int (*parse)(const char *text, void *place, struct reason *reason);

    const struct args_completion *completion; /* NULL when a shell can't know */
};

/* Parses a value, NULL for an option that takes none, and writes it to its place. 0, or -1 with a reason. */
int args_parse_value(const struct args_option *option, const char *text, void *place, struct reason *reason);

/* A table of options, and the struct that they write to. */
struct args_table {
    const struct args_option *options;
    void *into;
};

/* The row of a name in a table; NULL when there is none. */
const struct args_option *args_find_option(const struct args_option *options, const char *name);

/* What a command line may hold. */
struct args_syntax {
    const char *operands; /* what --help and messages call them, "PATTERN"; "" for none */
    size_t operands_min;
    size_t operands_max;
    bool ends_at_operand; /* what follows the first operand is no option of this command line */
    bool
        runs_command; /* likewise; the operands, of any number, are a command and its arguments behind "--" */
    bool takes_numbers; /* "-3.5" is an operand, and no option */
};

/* What is left when the options are taken; values is ended by NULL. */
struct operands {
    size_t count;
    char **values;
    struct selector selector; /* of the first one, where it means peers; zeroed when there is none */
};

/* What is wrong: an argument or a variable, cut when it is too long, and why. */
struct args_fault {
    char argument[1024];
    struct reason reason;
};

/* One command line while it is read; the other members are not for the caller. */
struct args {
    struct operands operands; /* behind the options */
    const char *program;      /* that messages refer to: "muster peers" */
    const struct args_syntax *syntax;
    size_t option_words; /* so many words before the operands were options and their values */
    bool has_dashes;     /* "--", which is no option's value, before the operands */
};

/* Reads the options of argv behind argv[0] by two tables. An option of the first table hides one of that name
 * in the second; the options of the second are NULL where there is none. 0, or -1 with a fault. */
int args_read_options(struct args *args, const char *program, const struct args_syntax *syntax,
                      const struct args_table tables[2], int argc, char **argv, struct args_fault *fault);

/* Checks the operands behind the options: as many as the syntax says, none of them empty, or the words of the
 * command to run, if any. 0, or -1 with a fault. */
int args_check_operands(const struct args *args, struct args_fault *fault);
