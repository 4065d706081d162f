/* SPDX-License-Identifier: MIT */
#include "command_line.h"

#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "confine.h"
#include "group_keys.h"
#include "options_file.h"

static void set_defaults(const struct command *command, void *options) {
    memset(options, 0, command->options_bytes);
    if (command->defaults != NULL) {
        memcpy(options, command->defaults, command->options_bytes);
    }
}

/* Begins anew with what a file of options says. The command line, which is read again then, wins over it. */
static int read_file(struct settings *settings, const struct command *command, const char *path,
                     const struct args_table tables[2], struct args_fault *fault) {
    const struct settings before = *settings;
    if (command->deinit != NULL) {
        command->deinit(tables[0].into);
    }
    set_defaults(command, tables[0].into);
    settings_init(settings);
    memcpy(settings->program, before.program, sizeof(settings->program));
    settings->file = before.file;
    snprintf(fault->argument, sizeof(fault->argument), "--config");
    return options_file_read(settings->file, path, tables, &fault->reason);
}

static int read_line(struct settings *settings, const struct command *command, int argc, char **argv,
                     void *into, struct operands *operands, struct args_fault *fault) {
    const bool is_muster = command->commands != NULL;
    const struct args_table tables[2] = {{command->options, into},
                                         {is_muster ? NULL : settings_options, settings}};
    struct args args;
    int error = args_read_options(&args, settings->program, &command->syntax, tables, argc, argv, fault);
    const char *path = NULL;
    if (command->file_offset != 0 && error == 0 && !settings->help && !settings->version) {
        memcpy(&path, (const char *)into + command->file_offset, sizeof(path));
    }
    if (path != NULL) {
        error = read_file(settings, command, path, tables, fault);
        error = error != 0 ? error
                           : args_read_options(&args, settings->program, &command->syntax, tables, argc, argv,
                                               fault);
    }
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

/* The version, and by what programs that run for long are confined here. */
static void print_version(void) {
    static const char *const parts[] = {
        [0] = "not confined",
        [CONFINE_CALLS] = "confined by seccomp",
        [CONFINE_FILES] = "confined by Landlock",
        [CONFINE_CALLS | CONFINE_FILES] = "confined by seccomp and Landlock",
    };
    printf("muster %s (%s)\n", muster_version(), parts[confine_possible()]);
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
        print_version();
    }
    return !settings->help && !settings->version;
}

int command_run(struct settings *settings, const struct command *command, int argc, char **argv) {
    struct operands operands;
    int status;
    struct config_file file = {0};
    void *options = malloc(command->options_bytes + 1);
    if (options == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    settings->file = &file;
    set_defaults(command, options);
    if (command_parse(settings, command, argc, argv, options, &operands, &status)) {
        settings->has_keys = group_keys_are_there(settings);
        status = command->run(settings, options, &operands);
    }
    if (command->deinit != NULL) {
        command->deinit(options);
    }
    free(options);
    config_file_deinit(&file);
    settings->file = NULL;
    return status;
}
