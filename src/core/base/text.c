/* SPDX-License-Identifier: MIT */
#include <muster/core.h>

#include "escape.h"

const char *muster_text_safe(const char *text, char *buffer, size_t size) {
    return size == 0 ? "" : escape_text(text == NULL ? "" : text, buffer, size);
}
