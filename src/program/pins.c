/* SPDX-License-Identifier: MIT */
#include "pins.h"

#include <stdlib.h>

#include "group_keys.h"

int pins_read(const struct settings *settings, struct muster_pin **pins, size_t *count) {
    return muster_pins_read(settings->state_dir, pins, count, group_keys_complain, (void *)settings);
}

bool pins_are_there(const struct settings *settings) {
    struct muster_pin *pins;
    size_t count;
    const int error = muster_pins_read(settings->state_dir, &pins, &count, NULL, NULL);
    free(pins);
    return error != 0 || count > 0;
}
