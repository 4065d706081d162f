/* SPDX-License-Identifier: MIT */
/* A bridge: a process that runs it. */
#include "command_line.h"
#include "complain.h"
#include "ending.h"
#include "process.h"

/* Each bridge has one, named "bridge NAME". */
extern const struct command bridge_command;

int main(int argc, char **argv) {
    struct settings settings;
    process_begin();
    settings_init(&settings);
    int status = command_run(&settings, &bridge_command, argc, argv);
    return ending_exit(complain_flush(&settings) == 0 ? status : STATUS_ERROR);
}
