/* SPDX-License-Identifier: MIT */
#include "args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "value.h"

/* getopt_long's value of the option at index i is its letter, else OPTION_BASE + i, above any letter. */
#define OPTION_BASE 1000

/* Negative numbers of one command line that are not taken for options. */
#define NUMBERS_MAX 8

/* The tables of one command line, as getopt_long wants them. */
struct parser {
    const char *program;
    const struct args_option *rows[ARGS_OPTIONS_MAX];
    void *into[ARGS_OPTIONS_MAX];
    struct option options[ARGS_OPTIONS_MAX + 1];
    char letters[2 * ARGS_OPTIONS_MAX + 3];
    size_t count;
    int end;                    /* index of the word behind the last option and its value */
    char *numbers[NUMBERS_MAX]; /* words behind the dash that was hidden from getopt_long */
    size_t number_count;
};

const struct args_completion args_complete_files = {.source = ARGS_FILES};
const struct args_completion args_complete_directories = {.source = ARGS_DIRECTORIES};

const struct args_option *args_find_option(const struct args_option *options, const char *name) {
    for (; options->name != NULL; options++) {
        if (strcmp(options->name, name) == 0) {
            return options;
        }
    }
    return NULL;
}

/* Names the argument that is wrong, cut when it is too long. Returns where the reason goes. */
static struct reason *reason_of(struct args_fault *fault, const char *argument) {
    snprintf(fault->argument, sizeof(fault->argument), "%s", argument);
    return &fault->reason;
}

/* ---- tables ---- */

/* Adds a table, but for options that another one (NULL: none) has taken the name of. */
static void add_table(struct parser *parser, const struct args_table *table,
                      const struct args_option *others) {
    char *letter = strchr(parser->letters, '\0');
    for (const struct args_option *row = table->options; row->name != NULL; row++) {
        if (others != NULL && args_find_option(others, row->name) != NULL) {
            continue;
        }
        if (parser->count == ARGS_OPTIONS_MAX) {
            abort(); /* a table of ours has grown: raise the bound */
        }
        parser->rows[parser->count] = row;
        parser->into[parser->count] = table->into;
        parser->options[parser->count] =
            (struct option){.name = row->name,
                            .has_arg = row->value != NULL ? required_argument : no_argument,
                            .val = row->letter != 0 ? row->letter : OPTION_BASE + (int)parser->count};
        parser->count++;
        if (row->letter == 0) {
            continue;
        }
        *letter++ = row->letter;
        if (row->value != NULL) {
            *letter++ = ':';
        }
    }
    *letter = '\0';
}

/* The index of what getopt_long returned or left in optopt; parser->count for an unknown option. */
static size_t option_index(const struct parser *parser, int value) {
    size_t i = 0;
    while (i < parser->count && parser->options[i].val != value) {
        i++;
    }
    return i;
}

/* Writes the name of an option for messages: "--sort" or "-o/--columns"; "-x" for an unknown letter. */
static void name_option(const struct parser *parser, int value, char *name, size_t size) {
    size_t i = option_index(parser, value);
    if (i == parser->count) {
        snprintf(name, size, "-%c", value);
    } else if (parser->rows[i]->letter != 0) {
        snprintf(name, size, "-%c/--%s", parser->rows[i]->letter, parser->rows[i]->name);
    } else {
        snprintf(name, size, "--%s", parser->rows[i]->name);
    }
}

/* Names the options that may be meant, or says where all are listed. */
static int refuse_unknown(const struct parser *parser, const char *name, struct args_fault *fault) {
    char names[ARGS_OPTIONS_MAX][32];
    /* What other programs call --file. */
    const bool is_output = strcmp(name, "--output") == 0;
    struct near near = {.wanted = name};
    for (size_t i = 0; i < parser->count && strncmp(name, "--", 2) == 0; i++) {
        snprintf(names[i], sizeof(names[i]), "--%s", parser->rows[i]->name);
        if (is_output && strcmp(names[i], "--file") == 0) {
            near = (struct near){.wanted = names[i]};
        }
        near_offer(&near, names[i]);
    }
    return near.count > 0
               ? reason_set(reason_of(fault, name), "no such option%s", near_text(&near).text)
               : reason_set(reason_of(fault, name), "no such option, see %s --help", parser->program);
}

/* Says what is wrong with the option at which getopt_long stopped with '?' or ':'. */
static int refuse_option(const struct parser *parser, int stop, char **argv, struct args_fault *fault) {
    char name[80];
    size_t i = option_index(parser, optopt);
    if (optopt != 0) {
        name_option(parser, optopt, name, sizeof(name));
    } else {
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(argv[optind - 1], "="), argv[optind - 1]);
    }
    if (i == parser->count) {
        return refuse_unknown(parser, name, fault);
    }
    return stop == ':' ? reason_set(reason_of(fault, name), "expected a value, %s", parser->rows[i]->value)
                       : reason_set(reason_of(fault, name), "expected no value");
}

/* ---- negative numbers ---- */

/* getopt_long would take "-3.5" for the option -3: without its dash it is an operand, or some value. */
static void hide_dashes(struct parser *parser, int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0 && parser->number_count < NUMBERS_MAX; i++) {
        const char *digits = argv[i][0] == '-' && argv[i][1] == '.' ? argv[i] + 2 : argv[i] + 1;
        if (argv[i][0] == '-' && *digits >= '0' && *digits <= '9') {
            parser->numbers[parser->number_count++] = ++argv[i];
        }
    }
}

/* The word as the user wrote it. */
static char *whole_word(const struct parser *parser, char *word) {
    for (size_t i = 0; i < parser->number_count; i++) {
        if (parser->numbers[i] == word) {
            return word - 1;
        }
    }
    return word;
}

/* ---- reading ---- */

int args_parse_value(const struct args_option *option, const char *text, void *place, struct reason *reason) {
    size_t index;
    if (option->parse != NULL) {
        return option->parse(text, place, reason);
    }
    if (value_word(text, option->completion->word, &index, reason) != 0) {
        return -1;
    }
    *(unsigned *)place = (unsigned)index;
    return 0;
}

static int read_options(struct parser *parser, int argc, char **argv, struct args_fault *fault) {
    int value;
    opterr = 0;
    optind = 0; /* glibc: begin afresh */
    parser->end = 1;
    while ((value = getopt_long(argc, argv, parser->letters, parser->options, NULL)) != -1) {
        if (value == '?' || value == ':') {
            return refuse_option(parser, value, argv, fault);
        }
        parser->end = optind;
        size_t i = option_index(parser, value);
        void *place = (char *)parser->into[i] + parser->rows[i]->offset;
        if (args_parse_value(parser->rows[i], whole_word(parser, optarg), place, &fault->reason) != 0) {
            name_option(parser, value, fault->argument, sizeof(fault->argument));
            return -1;
        }
    }
    return 0;
}

int args_read_options(struct args *args, const char *program, const struct args_syntax *syntax,
                      const struct args_table tables[2], int argc, char **argv, struct args_fault *fault) {
    struct parser parser = {.program = program};
    strcpy(parser.letters, syntax->ends_at_operand || syntax->runs_command ? "+:" : ":");
    add_table(&parser, &tables[0], NULL);
    if (tables[1].options != NULL) {
        add_table(&parser, &tables[1], tables[0].options);
    }
    if (syntax->takes_numbers) {
        hide_dashes(&parser, argc, argv);
    }
    const int error = read_options(&parser, argc, argv, fault);
    for (int i = 1; i < argc; i++) {
        argv[i] = whole_word(&parser, argv[i]);
    }
    *args = (struct args){.program = program,
                          .syntax = syntax,
                          .operands = {.count = (size_t)(argc - optind), .values = argv + optind},
                          .option_words = (size_t)optind - 1,
                          .has_dashes = optind > parser.end};
    return error;
}

/* Checks that a COMMAND stands behind a "--" that is no option's value, and nothing before that. */
static int check_command(const struct args *args, struct args_fault *fault) {
    char **words = args->operands.values;
    const size_t count = args->operands.count;
    if (args->has_dashes && (count == 0 || words[0][0] == '\0')) {
        return reason_set(reason_of(fault, "--"), "expected a COMMAND after it");
    }
    if (!args->has_dashes && count > 0 && strchr(words[0], ':') != NULL) {
        return reason_set(reason_of(fault, words[0]), "expected no argument, did you mean --service %.64s?",
                          words[0]);
    }
    if (!args->has_dashes && count > 0) {
        return reason_set(reason_of(fault, words[0]), "expected no argument, or -- before a COMMAND");
    }
    return 0;
}

/* Checks that there are as many operands as the syntax says, and that none is empty. */
static int check_operands(const struct args *args, struct args_fault *fault) {
    const struct args_syntax *syntax = args->syntax;
    const struct operands *operands = &args->operands;
    if (operands->count < syntax->operands_min) {
        return reason_set(reason_of(fault, syntax->operands), "expected an argument, see %s --help",
                          args->program);
    }
    if (operands->count > syntax->operands_max) {
        if (syntax->operands_max == 0) {
            return reason_set(reason_of(fault, operands->values[0]), "expected no argument");
        }
        if (strstr(syntax->operands, "…") != NULL) {
            return reason_set(reason_of(fault, syntax->operands), "expected at most %zu, got %zu",
                              syntax->operands_max, operands->count);
        }
        return reason_set(reason_of(fault, operands->values[syntax->operands_max]),
                          "expected nothing after %s", syntax->operands);
    }
    const size_t own_count = syntax->ends_at_operand && operands->count > 0 ? 1 : operands->count;
    for (size_t i = 0; i < own_count; i++) {
        if (operands->values[i][0] == '\0') {
            return reason_set(reason_of(fault, syntax->operands), "expected a text that is not empty");
        }
    }
    return 0;
}

int args_check_operands(const struct args *args, struct args_fault *fault) {
    return args->syntax->runs_command ? check_command(args, fault) : check_operands(args, fault);
}
