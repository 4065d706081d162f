/* SPDX-License-Identifier: MIT */
#include "parse.h"

#include "complain.h"
#include "help.h"

static int read_line(struct settings *settings, const struct command *command, bool is_muster, int argc,
                     char **argv, void *into, struct operands *operands, struct args_fault *fault) {
    const struct args_syntax syntax = {.program = settings->program,
                                       .operands = command->operands,
                                       .operands_min = command->operands_min,
                                       .operands_max = command->operands_max,
                                       .ends_at_operand = is_muster,
                                       .runs_command = command->runs_command,
                                       .takes_numbers = command->takes_numbers};
    const struct args_table tables[2] = {{command->options, into},
                                         {is_muster ? NULL : settings_options, settings}};
    struct args args;
    int error = args_read_options(&args, &syntax, tables, argc, argv, fault);
    *operands = args.operands;
    if (error == 0 && !is_muster && !settings->help && !settings->version) {
        error = args_check_operands(&args, fault);
        error = error != 0 ? error : settings_read_environment(settings, fault);
    }
    return error;
}

bool parse(struct settings *settings, const struct command *command, const struct command *const *commands,
           int argc, char **argv, void *into, struct operands *operands, int *status) {
    const bool is_muster = commands != NULL;
    struct args_fault fault;
    snprintf(settings->program, sizeof(settings->program), "muster%s%s", is_muster ? "" : " ",
             is_muster ? "" : command->name);
    if (read_line(settings, command, is_muster, argc, argv, into, operands, &fault) != 0) {
        *status = complain_usage(settings, fault.argument, "%s", fault.reason.text);
        return false;
    }
    *status = STATUS_OK;
    if (settings->help && is_muster) {
        help_print_all(command, commands);
    } else if (settings->help) {
        help_print(command);
    } else if (settings->version) {
        printf("muster %s\n", muster_version());
    }
    return !settings->help && !settings->version;
}
