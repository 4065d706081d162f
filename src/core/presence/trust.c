/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include <stdlib.h>
#include <string.h>

void trust_deinit(struct trust *trust) {
    free(trust->pins);
    *trust = (struct trust){0};
}

static const struct muster_pin *pin_of(const struct muster_pin *pins, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pins[i].name, name) == 0) {
            return &pins[i];
        }
    }
    return NULL;
}

static bool has_id(const struct muster_pin *pins, size_t count, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(pins[i].id, id, MUSTER_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool are_valid(const struct muster_pin *pins, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (pins[i].name[0] == '\0' || memchr(pins[i].name, '\0', sizeof pins[i].name) == NULL ||
            pin_of(pins, i, pins[i].name) != NULL) {
            return false;
        }
    }
    return count <= MUSTER_PINS_MAX;
}

int trust_set(struct trust *trust, enum muster_trust level, const struct muster_pin *pins, size_t count) {
    if (!are_valid(pins, count) || level > MUSTER_TRUST_PINNED) {
        return MUSTER_EINVAL;
    }
    struct muster_pin *copy = NULL;
    if (count > 0) {
        copy = malloc(count * sizeof *copy);
        if (copy == NULL) {
            return MUSTER_ENOMEM;
        }
        memcpy(copy, pins, count * sizeof *copy);
    }
    free(trust->pins);
    *trust = (struct trust){.level = level, .pins = copy, .count = count};
    return 0;
}

bool muster_trust_allows(enum muster_trust level, const struct muster_pin *pins, size_t count,
                         const uint8_t id[MUSTER_ID_BYTES], bool is_signed, const char *name) {
    bool is_pinned = has_id(pins, count, id);
    bool needs_key = level != MUSTER_TRUST_ANY || is_pinned;
    if ((needs_key && !is_signed) || (level == MUSTER_TRUST_PINNED && !is_pinned)) {
        return false;
    }
    const struct muster_pin *pin = name != NULL ? pin_of(pins, count, name) : NULL;
    bool is_right = pin != NULL ? memcmp(pin->id, id, MUSTER_ID_BYTES) == 0 : level != MUSTER_TRUST_PINNED;
    return name == NULL || is_right;
}

bool trust_allows(const struct trust *trust, const uint8_t id[MUSTER_ID_BYTES], bool is_signed,
                  const char *name) {
    return muster_trust_allows(trust->level, trust->pins, trust->count, id, is_signed, name);
}

bool trust_is_of_another(const struct trust *trust, const uint8_t id[MUSTER_ID_BYTES], const char *name) {
    const struct muster_pin *pin = pin_of(trust->pins, trust->count, name);
    return pin != NULL && memcmp(pin->id, id, MUSTER_ID_BYTES) != 0;
}
