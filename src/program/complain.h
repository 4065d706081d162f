/* SPDX-License-Identifier: MIT */
/* What muster says on stderr when something is wrong, and what it exits with. */
#pragma once

#include <stdbool.h>

#include "settings.h"

enum status {
    STATUS_OK = 0,
    STATUS_ERROR = 1,
    STATUS_USAGE = 2,
    STATUS_NOBODY = 3,    /* not one peer was heard */
    STATUS_NOT_FOUND = 4, /* peers were heard, but nothing that was asked for */
    STATUS_TIMED_OUT = 124,
};

/* Says "PROGRAM: ..." in one line, made safe as a whole. */
void complain(const struct settings *settings, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what a MUSTER_E… means, and returns STATUS_ERROR. */
int complain_error(const struct settings *settings, int error);

/* Says "PROGRAM: ARGUMENT: ..." and returns STATUS_USAGE. */
int complain_usage(const struct settings *settings, const char *argument, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Flushes stdout. Returns 0, or -1 when something could not be written; that is reported, unless the reader
 * of a pipe has gone, and dropped. */
int complain_flush(const struct settings *settings);

/* True when stdout is a pipe or socket that nobody reads any more. */
bool complain_reader_gone(void);
