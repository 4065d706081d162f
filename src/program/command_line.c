/* SPDX-License-Identifier: MIT */
#include "command_line.h"

#include <stdlib.h>
#include <string.h>

#include "complain.h"

static int read_line(struct settings *settings, const struct command *command, int argc, char **argv,
                     void *into, struct operands *operands, struct args_fault *fault) {
    const bool is_muster = command->commands != NULL;
    const struct args_table tables[2] = {{command->options, into},
                                         {is_muster ? NULL : settings_options, settings}};
    struct args args;
    int error = args_read_options(&args, settings->program, &command->syntax, tables, argc, argv, fault);
    *operands = args.operands;
    settings->option_words += args.option_words;
    if (error != 0 || is_muster || settings->help || settings->version) {
        return error;
    }
    error = args_check_operands(&args, fault);
    error = error != 0 ? error : settings_read_environment(settings, fault);
    if (error == 0 && command->selects != 0 && operands->count > 0) {
        snprintf(fault->argument, sizeof(fault->argument), "%s", command->syntax.operands);
        error = selector_parse(operands->values[0], command->selects, &operands->selector, &fault->reason);
    }
    return error;
}

bool command_parse(struct settings *settings, const struct command *command, int argc, char **argv,
                   void *into, struct operands *operands, int *status) {
    struct args_fault fault;
    const bool is_muster = command->commands != NULL;
    snprintf(settings->program, sizeof(settings->program), "muster%s%s", is_muster ? "" : " ",
             is_muster ? "" : command->name);
    if (read_line(settings, command, argc, argv, into, operands, &fault) != 0) {
        *status = complain_usage(settings, fault.argument, "%s", fault.reason.text);
        return false;
    }
    *status = STATUS_OK;
    if (settings->help) {
        help_print(command);
    } else if (settings->version) {
        printf("muster %s\n", muster_version());
    }
    return !settings->help && !settings->version;
}

int command_run(struct settings *settings, const struct command *command, int argc, char **argv) {
    struct operands operands;
    int status;
    void *options = calloc(1, command->options_bytes + 1);
    if (options == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    if (command->defaults != NULL) {
        memcpy(options, command->defaults, command->options_bytes);
    }
    if (command_parse(settings, command, argc, argv, options, &operands, &status)) {
        status = command->run(settings, options, &operands);
    }
    if (command->deinit != NULL) {
        command->deinit(options);
    }
    free(options);
    return status;
}
