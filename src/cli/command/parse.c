#include "parse.h"

#include "help.h"

/* Reads the options of argv and, unless --help or --version asks for something else, its operands. */
static int parse(struct settings *settings, const struct command *command, int argc, char **argv, void *into,
                 struct operands *operands, struct args_fault *fault) {
    const struct args_syntax syntax = {.program = settings->program,
                                       .operands = command->operands,
                                       .operands_min = command->operands_min,
                                       .operands_max = command->operands_max,
                                       .runs_command = command->runs_command,
                                       .takes_numbers = command->takes_numbers};
    const struct args_table tables[2] = {{command->options, into}, {settings_options, settings}};
    struct args args;
    int error = args_read_options(&args, &syntax, tables, argc, argv, fault);
    if (error == 0 && !settings->help && !settings->version) {
        error = args_take_operands(&args, operands, fault);
        error = error != 0 ? error : settings_read_environment(settings, fault);
    }
    return error;
}

bool parse_global(struct settings *settings, const struct command *muster,
                  const struct command *const *commands, int argc, char **argv, struct operands *operands,
                  int *status) {
    const struct args_syntax syntax = {.program = settings->program, .ends_at_operand = true};
    const struct args_table tables[2] = {{settings_options, settings}};
    struct args args;
    struct args_fault fault;
    if (args_read_options(&args, &syntax, tables, argc, argv, &fault) != 0) {
        *status = complain_usage(settings, fault.argument, "%s", fault.reason.text);
        return false;
    }
    *status = STATUS_OK;
    *operands = args.operands;
    if (settings->help) {
        help_print_all(muster, commands);
    } else if (settings->version) {
        help_print_version();
    }
    return !settings->help && !settings->version;
}

bool parse_command(struct settings *settings, const struct command *command, int argc, char **argv,
                   void *into, struct operands *operands, int *status) {
    struct args_fault fault;
    snprintf(settings->program, sizeof(settings->program), "muster %s", command->name);
    if (parse(settings, command, argc, argv, into, operands, &fault) != 0) {
        *status = complain_usage(settings, fault.argument, "%s", fault.reason.text);
        return false;
    }
    *status = STATUS_OK;
    if (settings->help) {
        help_print(command);
    } else if (settings->version) {
        help_print_version();
    }
    return !settings->help && !settings->version;
}
