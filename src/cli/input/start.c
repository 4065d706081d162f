/* SPDX-License-Identifier: MIT */
#include "start.h"

#include <string.h>

#include "spec.h"
#include "value.h"

int start_parse_instance(const char *text, void *place_instance, struct reason *reason) {
    if (spec_check_text("a name", text, false, MUSTER_NAME_BYTES_MAX, reason) != 0) {
        return -1;
    }
    strcpy(place_instance, text);
    return 0;
}

int start_parse_interval(const char *text, void *place_uint64_ms, struct reason *reason) {
    return value_duration(text, MUSTER_INTERVAL_MS_MIN, MUSTER_INTERVAL_MS_MAX, place_uint64_ms, reason);
}

int start_parse_cache(const char *text, void *place_start, struct reason *reason) {
    struct start *start = place_start;
    const char *fault = muster_pattern_fault(text);
    if (fault != NULL) {
        return reason_set(reason, "%s", fault);
    }
    if (start->cache_count == MUSTER_CACHES_MAX) {
        return reason_set(reason, "expected at most %d patterns", MUSTER_CACHES_MAX);
    }
    strcpy(start->caches[start->cache_count++], text);
    return 0;
}

void start_fill(struct start *start, const struct start *from) {
    if (start->instance[0] == '\0') {
        memcpy(start->instance, from->instance, sizeof(start->instance));
    }
    if (start->interval_ms == 0) {
        start->interval_ms = from->interval_ms;
    }
    if (start->interface_count == 0) {
        memcpy(start->interfaces, from->interfaces, sizeof(start->interfaces));
        start->interface_count = from->interface_count;
    }
    if (start->port == 0) {
        start->port = from->port;
    }
    if (start->cache_count == 0) {
        memcpy(start->caches, from->caches, sizeof(start->caches));
        start->cache_count = from->cache_count;
    }
}

/* True when two lists of count texts of `bytes` each say the same. */
static bool are_equal(const char *a, const char *b, size_t bytes, size_t count) {
    size_t i = 0;
    while (i < count && strcmp(a + i * bytes, b + i * bytes) == 0) {
        i++;
    }
    return i == count;
}

void start_compare(const struct start *a, const struct start *b,
                   void (*on_change)(const char *member, void *context), void *context) {
    const struct {
        const char *name;
        bool is_equal;
    } members[] = {
        {"instance", strcmp(a->instance, b->instance) == 0},
        {"interval", a->interval_ms == b->interval_ms},
        {"interfaces",
         a->interface_count == b->interface_count &&
             are_equal(a->interfaces[0], b->interfaces[0], sizeof(a->interfaces[0]), a->interface_count)},
        {"caches", a->cache_count == b->cache_count &&
                       are_equal(a->caches[0], b->caches[0], sizeof(a->caches[0]), a->cache_count)},
        {"port", a->port == b->port},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (!members[i].is_equal) {
            on_change(members[i].name, context);
        }
    }
}
