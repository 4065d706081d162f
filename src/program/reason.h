/* SPDX-License-Identifier: MIT */
/* Why something that a user wrote was refused. */
#pragma once

/* The words that follow the name of an argument, a variable or a line in a message. They say what is expected
 * first, and quote the user last. */
struct reason {
    char text[512];
};

/* Sets the reason, cut when it is too long, and returns -1, so that a parser can end with
 * `return reason_set(...)`. */
int reason_set(struct reason *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for want of memory. */
int reason_set_memory(struct reason *reason);
