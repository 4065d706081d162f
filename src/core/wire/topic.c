/* SPDX-License-Identifier: MIT */
#include "topic.h"

#include <stddef.h>
#include <string.h>

#include <muster/telemetry.h>

#define FNV_OFFSET 2166136261u
#define FNV_PRIME 16777619u

#define LATER TOPIC_BYTE_LATER
#define FIRST (TOPIC_BYTE_LATER | TOPIC_BYTE_FIRST)

const uint8_t topic_bytes[256] = {
    ['-'] = LATER, ['.'] = LATER, ['/'] = LATER, [':'] = LATER, ['_'] = LATER, ['0'] = FIRST, ['1'] = FIRST,
    ['2'] = FIRST, ['3'] = FIRST, ['4'] = FIRST, ['5'] = FIRST, ['6'] = FIRST, ['7'] = FIRST, ['8'] = FIRST,
    ['9'] = FIRST, ['A'] = FIRST, ['B'] = FIRST, ['C'] = FIRST, ['D'] = FIRST, ['E'] = FIRST, ['F'] = FIRST,
    ['G'] = FIRST, ['H'] = FIRST, ['I'] = FIRST, ['J'] = FIRST, ['K'] = FIRST, ['L'] = FIRST, ['M'] = FIRST,
    ['N'] = FIRST, ['O'] = FIRST, ['P'] = FIRST, ['Q'] = FIRST, ['R'] = FIRST, ['S'] = FIRST, ['T'] = FIRST,
    ['U'] = FIRST, ['V'] = FIRST, ['W'] = FIRST, ['X'] = FIRST, ['Y'] = FIRST, ['Z'] = FIRST, ['a'] = FIRST,
    ['b'] = FIRST, ['c'] = FIRST, ['d'] = FIRST, ['e'] = FIRST, ['f'] = FIRST, ['g'] = FIRST, ['h'] = FIRST,
    ['i'] = FIRST, ['j'] = FIRST, ['k'] = FIRST, ['l'] = FIRST, ['m'] = FIRST, ['n'] = FIRST, ['o'] = FIRST,
    ['p'] = FIRST, ['q'] = FIRST, ['r'] = FIRST, ['s'] = FIRST, ['t'] = FIRST, ['u'] = FIRST, ['v'] = FIRST,
    ['w'] = FIRST, ['x'] = FIRST, ['y'] = FIRST, ['z'] = FIRST,
};

/* ---- what is wrong ---- */

enum kind { TOPIC, PATTERN, NAME };
#define KINDS 3

#define FAULTS(X)                                                  \
    X(MISSING, " has at least one character")                      \
    X(CONTROL, " has no control characters")                       \
    X(SPACE, " has no spaces")                                     \
    X(NOT_ASCII, " has ASCII characters only")                     \
    X(CHARACTER, " has the characters A-Z a-z 0-9 - : . / _ only") \
    X(SLASH_FIRST, " begins with no slash")                        \
    X(SLASH_LAST, " ends with no slash")                           \
    X(SLASHES, " has no empty level: two slashes in a row")

enum fault {
    FINE,
#define FAULT_ENUM(name, text) name,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
};

/* Numbers of limits in texts. */
#define TEXT_OF(number) #number
#define NUMBER_TEXT(number) TEXT_OF(number)

static const char *fault_text(enum kind kind, enum fault fault) {
    static const char *const texts[][KINDS] = {
#define FAULT_TEXTS(name, text) [name] = {"a topic" text, "a pattern" text, "a record's name" text},
        FAULTS(FAULT_TEXTS)
#undef FAULT_TEXTS
    };
    return texts[fault][kind];
}

/* A byte that no name has. */
static enum fault byte_fault(unsigned char byte) {
    if (byte < 0x20 || byte == 0x7F) {
        return CONTROL;
    }
    if (byte == ' ') {
        return SPACE;
    }
    return byte >= 0x80 ? NOT_ASCII : CHARACTER;
}

/* The slashes of a text that is not empty. */
static enum fault slash_fault(const char *text, size_t length) {
    if (text[0] == '/') {
        return SLASH_FIRST;
    }
    if (text[length - 1] == '/') {
        return SLASH_LAST;
    }
    return strstr(text, "//") != NULL ? SLASHES : FINE;
}

static bool is_wildcard(char byte) {
    return byte == '+' || byte == '#';
}

/* A wildcard fills its level, and # the last one. */
static const char *wildcard_fault(const char *pattern, size_t at) {
    const char before = at == 0 ? '/' : pattern[at - 1];
    const char after = pattern[at + 1];
    if (pattern[at] == '+') {
        return before == '/' && (after == '/' || after == '\0') ? NULL : "+ fills a whole level of a pattern";
    }
    return before == '/' && after == '\0' ? NULL : "# fills the whole last level of a pattern";
}

static const char *bytes_fault(enum kind kind, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        const char *fault = NULL;
        if (is_wildcard(text[i]) && kind == TOPIC) {
            fault = "a topic has no wildcards: + and # are for patterns";
        } else if (is_wildcard(text[i]) && kind == PATTERN) {
            fault = wildcard_fault(text, i);
        } else if (topic_bytes[(unsigned char)text[i]] == 0) {
            fault = fault_text(kind, byte_fault((unsigned char)text[i]));
        }
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}

static const char *fault_of(enum kind kind, const char *text, size_t bytes_max, const char *too_long) {
    if (text == NULL || text[0] == '\0') {
        return fault_text(kind, MISSING);
    }
    const size_t length = strnlen(text, bytes_max + 1);
    if (length > bytes_max) {
        return too_long;
    }
    const char *fault = bytes_fault(kind, text, length);
    const enum fault slash = slash_fault(text, length);
    if (fault != NULL || slash != FINE) {
        return fault != NULL ? fault : fault_text(kind, slash);
    }
    const bool is_begin = (topic_bytes[(unsigned char)text[0]] & TOPIC_BYTE_FIRST) != 0;
    if (kind == PATTERN && !is_begin && !is_wildcard(text[0])) {
        return "a pattern begins with a letter, a digit or a wildcard";
    }
    return kind == TOPIC && !is_begin ? "a topic begins with a letter or digit" : NULL;
}

const char *muster_topic_fault(const char *topic) {
    return fault_of(TOPIC, topic, MUSTER_TOPIC_BYTES_MAX,
                    "a topic has at most " NUMBER_TEXT(MUSTER_TOPIC_BYTES_MAX) " bytes");
}

const char *muster_pattern_fault(const char *pattern) {
    return fault_of(PATTERN, pattern, MUSTER_PATTERN_BYTES_MAX,
                    "a pattern has at most " NUMBER_TEXT(MUSTER_PATTERN_BYTES_MAX) " bytes");
}

const char *topic_name_fault(const char *name) {
    return fault_of(NAME, name, MUSTER_NAME_BYTES_MAX,
                    "a record's name has at most " NUMBER_TEXT(MUSTER_NAME_BYTES_MAX) " bytes");
}

/* ---- patterns ---- */

/* Goes through pattern and name side by side as far as the levels of both fit, to the slash or NUL behind the
 * last one of either. False when one doesn't fit; *all when # takes whatever follows. */
static bool levels_fit(const char **pattern, const char **name, bool *all) {
    *all = false;
    for (;;) {
        if (**pattern == '#') {
            *all = true;
            return true;
        }
        if (**pattern == '+') {
            ++*pattern;
            *name += strcspn(*name, "/");
        } else {
            while (**pattern == **name && **pattern != '/' && **pattern != '\0') {
                ++*pattern;
                ++*name;
            }
        }
        if (**pattern != '/' || **name != '/') {
            return (**pattern == '/' || **pattern == '\0') && (**name == '/' || **name == '\0');
        }
        ++*pattern;
        ++*name;
    }
}

bool muster_pattern_matches(const char *pattern, const char *full_name) {
    bool all;
    if (!levels_fit(&pattern, &full_name, &all)) {
        return false;
    }
    /* "a/#" takes "a" too (MQTT 5.0, 4.7.1.2). */
    return all || (*full_name == '\0' && (*pattern == '\0' || strcmp(pattern, "/#") == 0));
}

bool muster_pattern_touches(const char *pattern, const char *topic) {
    bool all;
    return levels_fit(&pattern, &topic, &all) && (all || *topic == '\0');
}

/* The same behind a level that fits: "#" takes also what ends there. */
static bool rest_meets(const char *a, const char *b) {
    bool a_ends = *a == '\0';
    bool b_ends = *b == '\0';
    if (a_ends || b_ends) {
        return (a_ends && b_ends) || strcmp(a_ends ? b : a, "/#") == 0;
    }
    return topic_patterns_meet(a + 1, b + 1);
}

bool topic_patterns_meet(const char *a, const char *b) {
    const size_t a_length = strcspn(a, "/");
    const size_t b_length = strcspn(b, "/");
    if (*a == '#' || *b == '#') {
        return true;
    }
    const bool is_same = a_length == b_length && memcmp(a, b, a_length) == 0;
    return (is_same || *a == '+' || *b == '+') && rest_meets(a + a_length, b + b_length);
}

unsigned muster_topic_shard(const char *topic) {
    uint32_t hash = FNV_OFFSET;
    for (; *topic != '\0'; topic++) {
        hash = (hash ^ (unsigned char)*topic) * FNV_PRIME;
    }
    return hash % MUSTER_SHARDS;
}
