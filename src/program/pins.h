/* SPDX-License-Identifier: MIT */
/* The pins of the state directory, for the node of a program. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/muster.h>

#include "settings.h"

/* Reads them, in memory for free(). 0, or a MUSTER_E…, reported: a program whose pins can't be read lists
 * nobody. */
int pins_read(const struct settings *settings, struct muster_pin **pins, size_t *count);

/* True where there are some, or they can't be read. */
bool pins_are_there(const struct settings *settings);
