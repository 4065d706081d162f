/* SPDX-License-Identifier: MIT */
#include "command.h"

/* The column of an option's text in --help. */
#define HELP_COLUMN 26

/* The columns of a help text in UTF-8. Help texts have no wide or combining characters. */
static int text_columns(const char *text) {
    int columns = 0;
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text & 0xC0) != 0x80) {
            columns++;
        }
    }
    return columns;
}

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
        int gap = HELP_COLUMN - text_columns(left);
        if (gap >= 2) {
            printf("%s%*s%s\n", left, gap, "", option->help);
        } else {
            printf("%s\n%*s%s\n", left, HELP_COLUMN, "", option->help);
        }
    }
}

void help_print_usage(FILE *out, const struct command *command) {
    fprintf(out, "[OPTION…]");
    if (command->syntax.operands[0] != '\0') {
        fprintf(out, command->syntax.operands_min > 0 ? " %s" : " [%s]", command->syntax.operands);
    }
}

void help_print(const struct command *command) {
    printf("Usage: muster %s ", command->name);
    help_print_usage(stdout, command);
    printf("\n\n%s", command->description);
    if (command->options[0].name != NULL) {
        printf("\nOptions:\n");
        print_options(command->options, NULL);
    }
    printf("\nGlobal options:\n");
    print_options(settings_options, command->options);
    if (command->describe != NULL) {
        putchar('\n');
        command->describe(stdout);
    }
    printf("\nExamples:\n%s\nExit status:\n%s", command->examples, command->statuses);
}

void help_print_all(const struct command *muster, const struct command *const *commands) {
    printf("Usage: muster ");
    help_print_usage(stdout, muster);
    printf("\n\n%s\nCommands:\n", muster->description);
    for (; *commands != NULL; commands++) {
        printf("  %-10s %s\n", (*commands)->name, (*commands)->summary);
    }
    printf("\nGlobal options, before or after the command:\n");
    print_options(settings_options, NULL);
    printf("\nEnvironment:\n%s\nFiles:\n%s\nExamples:\n%s\nExit status:\n%s\n", muster->environment,
           muster->files, muster->examples, muster->statuses);
    printf("See muster COMMAND --help for each command, with examples.\n");
}
