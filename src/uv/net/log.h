/* SPDX-License-Identifier: MIT */
/* Lines for the application's on_log: one line each, safe to print. */
#pragma once

#include <muster/muster.h>

/* Where lines go. Plain value, copied freely; write may be NULL. */
struct log {
    muster_log_cb write;
    void *context; /* borrowed */
};

/* Formats one line. What could mislead a terminal is escaped (escape.h), what is too long is cut. */
void log_line(const struct log *log, enum muster_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
