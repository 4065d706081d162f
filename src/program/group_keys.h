/* SPDX-License-Identifier: MIT */
/* The group keys of the state directory, for the node of a command. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "settings.h"

struct group_keys {
    uint8_t bytes[MUSTER_GROUP_KEYS_MAX * MUSTER_GROUP_KEY_BYTES];
    size_t count;
};

/* Takes the keys that settings mean: none with --no-key. 0, or a MUSTER_E…, reported: a command whose keys
 * can't be read says nothing unsealed, nor does one that had some (*has_had), which is set here, when there
 * are none any more (MUSTER_ESTATE). To be wiped. */
int group_keys_read(const struct settings *settings, bool *has_had, struct group_keys *keys);

/* True where there are some for these settings, or they can't be read. */
bool group_keys_are_there(const struct settings *settings);

void group_keys_wipe(struct group_keys *keys);

/* Says on stderr, for muster_keyring_read(), what is wrong; context: settings. */
void group_keys_complain(enum muster_log_level level, const char *line, void *settings);
