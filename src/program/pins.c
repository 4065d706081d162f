/* SPDX-License-Identifier: MIT */
#include "pins.h"

#include "group_keys.h"

int pins_read(const struct settings *settings, struct muster_pin **pins, size_t *count) {
    return muster_pins_read(settings->state_dir, pins, count, group_keys_complain, (void *)settings);
}
