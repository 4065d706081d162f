/* SPDX-License-Identifier: MIT */
#include "start.h"

#include <stdbool.h>
#include <string.h>

#include "spec.h"

int start_parse_instance(const char *text, void *place_instance, struct reason *reason) {
    if (spec_check_text("a name", text, false, MUSTER_NAME_BYTES_MAX, reason) != 0) {
        return -1;
    }
    strncpy(place_instance, text, MUSTER_NAME_BYTES_MAX); /* zeroes the rest */
    return 0;
}

int start_parse_interval(const char *text, void *place_uint64_ms, struct reason *reason) {
    return value_duration(text, MUSTER_INTERVAL_MS_MIN, MUSTER_INTERVAL_MS_MAX, place_uint64_ms, reason);
}

static const char *trust_word(size_t i) {
    return i <= MUSTER_TRUST_PINNED ? muster_trust_name((enum muster_trust)i) : NULL;
}

int start_parse_trust(const char *text, void *place_trust, struct reason *reason) {
    size_t index;
    if (value_word(text, trust_word, &index, reason) != 0) {
        return -1;
    }
    *(enum muster_trust *)place_trust = (enum muster_trust)index;
    return 0;
}

int start_parse_interface(const char *text, void *place_value_texts, struct reason *reason) {
    struct value_texts *interfaces = place_value_texts;
    if (text[0] == '\0' || strcmp(text, "!") == 0 || strlen(text) > START_INTERFACE_BYTES_MAX) {
        return reason_set(reason,
                          "expected an interface such as eth0, 'eth*' or '!docker*', got " VALUE_QUOTE, text);
    }
    if (interfaces->count == VALUE_TEXTS_MAX) {
        return reason_set(reason, "expected at most %d interfaces", VALUE_TEXTS_MAX);
    }
    strcpy(interfaces->texts[interfaces->count++], text);
    return 0;
}

static const char *scope_word(size_t i) {
    static const char *const words[] = {"link", "site", NULL};
    return words[i];
}

int start_parse_scope(const char *text, void *place_ttl, struct reason *reason) {
    size_t scope = 0;
    const int error = value_word(text, scope_word, &scope, reason);
    *(uint8_t *)place_ttl = scope == 1 ? START_SITE_TTL : 0;
    return error;
}

int start_parse_cache(const char *text, void *place_value_texts, struct reason *reason) {
    struct value_texts *caches = place_value_texts;
    const char *fault = muster_pattern_fault(text);
    if (fault != NULL) {
        return reason_set(reason, "%s", fault);
    }
    if (caches->count == MUSTER_CACHES_MAX) {
        return reason_set(reason, "expected at most %d patterns", MUSTER_CACHES_MAX);
    }
    strcpy(caches->texts[caches->count++], text);
    return 0;
}

#define BYTES_OF(member) offsetof(struct start, member), sizeof(((struct start *)0)->member)

/* The members by their names in files. What is not said is zero, also behind the end of a text, so that
 * members are compared as bytes. */
static const struct {
    const char *name;
    size_t offset;
    size_t bytes;
} members[] = {
    {"instance", BYTES_OF(instance)},
    {"interval", BYTES_OF(interval_ms)},
    {"interfaces", BYTES_OF(interfaces)},
    {"scope", BYTES_OF(site_ttl)},
    {"peers", BYTES_OF(peers)},
    {"caches", BYTES_OF(caches)},
    {"port", BYTES_OF(port)},
    {"trust", BYTES_OF(trust)},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static bool is_same(const struct start *a, const struct start *b, size_t member) {
    const size_t offset = members[member].offset;
    return memcmp((const char *)a + offset, (const char *)b + offset, members[member].bytes) == 0;
}

void start_fill(struct start *start, const struct start *from) {
    static const struct start nothing;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (is_same(start, &nothing, i)) {
            memcpy((char *)start + members[i].offset, (const char *)from + members[i].offset,
                   members[i].bytes);
        }
    }
}

void start_compare(const struct start *a, const struct start *b,
                   void (*on_change)(const char *member, void *context), void *context) {
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (!is_same(a, b, i)) {
            on_change(members[i].name, context);
        }
    }
}
