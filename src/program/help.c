/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "command_line.h"
#include "prose.h"

/* The column of an option's text in --help. */
#define HELP_COLUMN 26

/* Prints a table of options, but for those that another table (NULL: none) has taken the name of. */
static void print_options(const struct args_option *options, const struct args_option *others) {
    for (const struct args_option *option = options; option->name != NULL; option++) {
        if (others != NULL && args_find_option(others, option->name) != NULL) {
            continue;
        }
        char left[80];
        char letter[] = {'-', option->letter, ',', ' ', '\0'};
        snprintf(left, sizeof(left), "  %s--%s%s%s", option->letter != 0 ? letter : "    ", option->name,
                 option->value != NULL ? " " : "", option->value != NULL ? option->value : "");
        const size_t width = prose_width(left);
        if (width + 2 <= HELP_COLUMN) {
            printf("%s%*s", left, (int)(HELP_COLUMN - width), "");
        } else {
            printf("%s\n%*s", left, HELP_COLUMN, "");
        }
        prose_print_words(stdout, option->help, HELP_COLUMN);
    }
}

/* Prints what only code of the command knows. */
static void print_details(const struct command *command) {
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return;
    }
    command->describe(out);
    if (fclose(out) == 0) {
        prose_print(stdout, text);
    }
    free(text);
}

void help_print_usage(FILE *out, const struct command *command) {
    fprintf(out, "[OPTION…]");
    if (command->syntax.operands[0] != '\0') {
        fprintf(out, command->syntax.operands_min > 0 ? " %s" : " [%s]", command->syntax.operands);
    }
}

static void print_groups(FILE *out, const struct command *const *commands) {
    static const char *const headings[COMMAND_GROUPS] = {"See who is here", "Tell others", "Readings",
                                                         "Other"};
    for (int group = 0; group < COMMAND_GROUPS; group++) {
        fprintf(out, "\n%s:\n", headings[group]);
        for (const struct command *const *row = commands; *row != NULL; row++) {
            if ((int)(*row)->group == group) {
                fprintf(out, "  %-10s %s\n", (*row)->name, (*row)->summary);
            }
        }
    }
}

void help_print_short(FILE *out, const struct command *muster) {
    fprintf(out, "muster: %s\n\nUsage: muster ", muster->summary);
    help_print_usage(out, muster);
    fputc('\n', out);
    print_groups(out, muster->commands);
    fprintf(out, "\nmuster COMMAND --help says how one is used, muster --help what holds for all.\n");
}

static void print_muster(const struct command *muster) {
    printf("Usage: muster ");
    help_print_usage(stdout, muster);
    printf("\n\n");
    prose_print(stdout, muster->description);
    print_groups(stdout, muster->commands);
    printf("\nGlobal options, before or after the command:\n");
    print_options(settings_options, NULL);
    printf("\nEnvironment:\n");
    prose_print(stdout, muster->environment);
    printf("\nFiles:\n");
    prose_print(stdout, muster->files);
    printf("\nExamples:\n%s\nExit status:\n%s\n", muster->examples, muster->statuses);
    printf("See muster COMMAND --help for each command, with examples.\n");
}

void help_print(const struct command *command) {
    if (command->commands != NULL) {
        print_muster(command);
        return;
    }
    printf("Usage: muster %s ", command->name);
    help_print_usage(stdout, command);
    printf("\n\n");
    prose_print(stdout, command->description);
    if (command->options[0].name != NULL) {
        printf("\nOptions:\n");
        print_options(command->options, NULL);
    }
    printf("\nGlobal options:\n");
    print_options(settings_options, command->options);
    if (command->describe != NULL) {
        putchar('\n');
        print_details(command);
    }
    printf("\nExamples:\n%s\nExit status:\n", command->examples);
    prose_print(stdout, command->statuses);
}
