/* SPDX-License-Identifier: MIT */
#include "rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rule_say(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, size, format, arguments);
    va_end(arguments);
}

void rule_append(char *text, size_t size, const char *separator, const char *more) {
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%.2s%.150s", used > 0 ? separator : "", more);
}
