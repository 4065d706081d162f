/* SPDX-License-Identifier: MIT */
#include "group_keys.h"

#include <string.h>

#include "complain.h"

void group_keys_complain(enum muster_log_level level, const char *line, void *settings) {
    if (level == MUSTER_LOG_ERROR) {
        complain(settings, "%s", line);
    }
}

int group_keys_read(const struct settings *settings, bool *has_had, struct group_keys *keys) {
    struct muster_keyring ring;
    keys->count = 0;
    if (settings->no_key) {
        return 0;
    }
    int error = muster_keyring_read(settings->state_dir, &ring, group_keys_complain, (void *)settings);
    if (error != 0) {
        return error;
    }
    if (*has_had && ring.count == 0) {
        complain(settings,
                 "there is no group key any more, and what began sealed never goes on in the clear");
        return MUSTER_ESTATE;
    }
    for (size_t i = 0; i < ring.count; i++) {
        memcpy(keys->bytes + i * MUSTER_GROUP_KEY_BYTES, ring.keys[i].bytes, MUSTER_GROUP_KEY_BYTES);
    }
    keys->count = ring.count;
    *has_had = *has_had || ring.count > 0;
    muster_keyring_wipe(&ring);
    return 0;
}

bool group_keys_are_there(const struct settings *settings) {
    struct muster_keyring ring;
    if (settings->no_key) {
        return false;
    }
    const int error = muster_keyring_read(settings->state_dir, &ring, NULL, NULL);
    const bool are_there = error != 0 || ring.count > 0;
    muster_keyring_wipe(&ring);
    return are_there;
}

void group_keys_wipe(struct group_keys *keys) {
    explicit_bzero(keys, sizeof(*keys));
}
