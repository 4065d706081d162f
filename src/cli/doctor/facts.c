/* SPDX-License-Identifier: MIT */
#include "facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void facts_note_unseen(struct facts *facts, const char *format, ...) {
    if (facts->unseen_count == FACTS_UNSEEN_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(facts->unseen[facts->unseen_count++], sizeof(facts->unseen[0]), format, arguments);
    va_end(arguments);
}

const struct facts_interface *facts_find(const struct facts *facts, const char *name) {
    for (size_t i = 0; i < facts->interface_count; i++) {
        if (strcmp(facts->interfaces[i].name, name) == 0) {
            return &facts->interfaces[i];
        }
    }
    return NULL;
}
