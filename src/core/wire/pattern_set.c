/* SPDX-License-Identifier: MIT */
#include "pattern_set.h"

#include <stdlib.h>
#include <string.h>

#include <muster/error.h>
#include <muster/telemetry.h>

#include "topic.h"

int pattern_set_init(struct pattern_set *set, const char *const *patterns, size_t count) {
    *set = (struct pattern_set){0};
    if (count == 0) {
        return 0;
    }
    size_t bytes = count * sizeof *patterns;
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(patterns[i]) + 1;
    }
    const char **items = malloc(bytes);
    if (items == NULL) {
        return MUSTER_ENOMEM;
    }
    char *text = (char *)(items + count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(patterns[i]) + 1;
        items[i] = memcpy(text, patterns[i], length);
        text += length;
    }
    *set = (struct pattern_set){.items = items, .count = count};
    return 0;
}

void pattern_set_deinit(struct pattern_set *set) {
    free((void *)set->items);
    *set = (struct pattern_set){0};
}

bool pattern_set_touches(const struct pattern_set *set, const char *topic) {
    for (size_t i = 0; i < set->count; i++) {
        if (muster_pattern_touches(set->items[i], topic)) {
            return true;
        }
    }
    return false;
}
