/* SPDX-License-Identifier: MIT */
#include "group_keys.h"

#include <string.h>

#include "complain.h"

void group_keys_complain(enum muster_log_level level, const char *line, void *settings) {
    if (level == MUSTER_LOG_ERROR) {
        complain(settings, "%s", line);
    }
}

int group_keys_read(const struct settings *settings, struct group_keys *keys) {
    struct muster_keyring ring;
    keys->count = 0;
    if (settings->no_key) {
        return 0;
    }
    int error = muster_keyring_read(settings->state_dir, &ring, group_keys_complain, (void *)settings);
    if (error != 0) {
        return error;
    }
    for (size_t i = 0; i < ring.count; i++) {
        memcpy(keys->bytes + i * MUSTER_GROUP_KEY_BYTES, ring.keys[i].bytes, MUSTER_GROUP_KEY_BYTES);
    }
    keys->count = ring.count;
    muster_keyring_wipe(&ring);
    return 0;
}

void group_keys_wipe(struct group_keys *keys) {
    explicit_bzero(keys, sizeof(*keys));
}
