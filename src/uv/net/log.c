/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "escape.h"

#define LINE_BYTES 1024

void log_line(const struct log *log, enum muster_log_level level, const char *format, ...) {
    if (log->write == NULL) {
        return;
    }
    char raw[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    char line[2 * LINE_BYTES];
    log->write(level, escape_text(raw, line, sizeof line), log->context);
}
