/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <string.h>

#include <muster/error.h>

int options_take(void *known, size_t known_size, const void *given) {
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > known_size) {
        return MUSTER_EINVAL;
    }
    memcpy(known, given, size);
    memcpy(known, &known_size, sizeof known_size);
    return 0;
}

void options_init(void *options, size_t size, const void *defaults, size_t defaults_size) {
    memset(options, 0, size);
    memcpy(options, defaults, size < defaults_size ? size : defaults_size);
    memcpy(options, &size, sizeof size);
}
