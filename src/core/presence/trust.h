/* SPDX-License-Identifier: MIT */
/* Who may have a row here, as the user wants it: a level, and the keys to which names are pinned. What is
 * looked at is what a message says of itself; whether its signature holds is for the merge. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct trust {
    enum muster_trust level;
    struct muster_pin *pins; /* owned */
    size_t count;
};

/* A zeroed struct is allowed. */
void trust_deinit(struct trust *trust);

/* Takes another level and a copy of these pins. MUSTER_EINVAL (too many, a name without text or twice),
 * MUSTER_ENOMEM; then nothing changed. */
int trust_set(struct trust *trust, enum muster_trust level, const struct muster_pin *pins, size_t count);

/* False for a message that changes nothing here. name: NULL where it says none. */
bool trust_allows(const struct trust *trust, const uint8_t id[MUSTER_ID_BYTES], bool is_signed,
                  const char *name);

/* True when the name is pinned to another id. */
bool trust_is_of_another(const struct trust *trust, const uint8_t id[MUSTER_ID_BYTES], const char *name);
