/* Why an argument, a variable or a line was refused, in the words that follow its name in a message. */
#ifndef CLI_REASON_H
#define CLI_REASON_H

struct reason {
    char text[512];
};

/* Sets the reason, cut when it is too long, and returns -1, so that a parser can end with
 * `return reason_set(...)`. Say what is expected first and quote the user last. */
int reason_set(struct reason *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
