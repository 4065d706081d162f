/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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

/* No core file has keys in it, and no other process of the user reads them. */
static void hide_memory(void) {
    prctl(PR_SET_DUMPABLE, 0);
}

void process_begin(void) {
    hide_memory();
    hold_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* writing fails instead, and is noticed */
    set_locale();
}
