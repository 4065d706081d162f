/* muster: the table of its commands. */
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "command.h"
#include "text.h"

static const struct command command_help;

static const struct command *const commands[] = {
    &command_announce, &command_peers, &command_services, &command_show, &command_resolve,
    &command_wait,     &command_watch, &command_config,   &command_help, NULL,
};

/* A standard stream that is closed would be a socket's number soon: whoever printed would send. What
 * takes its place can be neither read from nor written to, so that errors are noticed. */
static void hold_standard_streams(void) {
    static const int flags[] = {O_WRONLY, O_RDONLY, O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd] | O_CLOEXEC) != fd) {
            abort();
        }
    }
}

/* Columns are counted in characters, and those are UTF-8 whatever the environment says. */
static void set_locale(void) {
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static int refuse_command(const struct settings *settings, const char *name) {
    struct reason reason;
    reason_set(&reason, "expected a command, see muster --help");
    return args_refuse(settings, name, &reason);
}

static int run_command(struct settings *settings, int argc, char **argv) {
    struct operands operands;
    int status;
    if (!args_parse_global(settings, commands, argc, argv, &operands, &status)) {
        return status;
    }
    if (operands.count == 0) {
        return refuse_command(settings, "COMMAND");
    }
    const struct command *command = find_command(operands.values[0]);
    if (command == NULL) {
        return refuse_command(settings, operands.values[0]);
    }
    return command->run(settings, (int)operands.count, operands.values);
}

/* muster help COMMAND: as COMMAND --help, or --help, which many try first. */
static int run_help(struct settings *settings, int argc, char **argv) {
    struct operands operands;
    int status;
    if (!args_parse(settings, &command_help, argc, argv, NULL, &operands, &status)) {
        return status;
    }
    char *name = operands.values[0];
    if (name != NULL && find_command(name) == NULL) {
        return refuse_command(settings, name);
    }
    char *words[] = {(char *)settings->program, name != NULL ? name : (char *)"--help", (char *)"--help",
                     NULL};
    return run_command(settings, name != NULL ? 3 : 2, words);
}

static const struct args_option no_options[] = {{0}};

static const struct command command_help = {
    .name = "help",
    .summary = "say how a command is used",
    .operands = "COMMAND",
    .operands_max = 1,
    .description = "Say how muster, or one COMMAND of it, is used: as --help does.\n",
    .options = no_options,
    .examples = "  muster help\n"
                "  muster help announce\n",
    .statuses = "  0   done\n"
                "  1   error\n"
                "  2   wrong usage, or no such COMMAND\n",
    .run = run_help,
};

int main(int argc, char **argv) {
    struct settings settings;
    hold_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* writing fails instead, and is noticed */
    set_locale();
    settings_init(&settings);
    int status = run_command(&settings, argc, argv);
    return text_flush(settings.program) == 0 ? status : STATUS_ERROR;
}
