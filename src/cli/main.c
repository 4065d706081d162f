/* SPDX-License-Identifier: MIT */
/* muster: a process that runs one command. */
#include "command.h"
#include "complain.h"
#include "ending.h"
#include "process.h"

int main(int argc, char **argv) {
    struct settings settings;
    process_begin();
    settings_init(&settings);
    int status = commands_run(&settings, argc, argv);
    return ending_exit(complain_flush(&settings) == 0 ? status : STATUS_ERROR);
}
