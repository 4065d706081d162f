/* SPDX-License-Identifier: MIT */
#include "complain.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"

/* Bytes of a message, before and after it is made safe. */
#define LINE_BYTES 1024
#define SAFE_BYTES 2048

void complain(const struct settings *settings, const char *format, ...) {
    char line[LINE_BYTES];
    char safe[SAFE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", settings->program, escape_text(line, safe, sizeof(safe)));
}

int complain_error(const struct settings *settings, int error) {
    complain(settings, "%s", muster_error_text(error));
    return STATUS_ERROR;
}

int complain_usage(const struct settings *settings, const char *argument, const char *format, ...) {
    char why[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    complain(settings, "%s: %s", argument, why);
    return STATUS_USAGE;
}

int complain_flush(const struct settings *settings) {
    static bool has_failed; /* once is for ever: the command exits with an error, whoever flushes last */
    bool failed_before = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed_before) {
        return has_failed ? -1 : 0;
    }
    has_failed = true;
    if (failed_before && !complain_reader_gone()) {
        complain(settings, "cannot write to standard output");
    } else if (!failed_before && errno != EPIPE) {
        complain(settings, "cannot write to standard output: %s", strerror(errno));
    }
    __fpurge(stdout);
    clearerr(stdout);
    return -1;
}

bool complain_reader_gone(void) {
    struct pollfd poll_stdout = {.fd = STDOUT_FILENO};
    return poll(&poll_stdout, 1, 0) == 1 && (poll_stdout.revents & POLLERR) != 0;
}
