/* SPDX-License-Identifier: MIT */
#include "senml_members.h"

#include <string.h>

#include "number.h"
#include "scan.h"

#define TEXTS                                                                          \
    (SENML_BIT(SENML_BASE_NAME) | SENML_BIT(SENML_BASE_UNIT) | SENML_BIT(SENML_NAME) | \
     SENML_BIT(SENML_UNIT) | SENML_BIT(SENML_TEXT_VALUE) | SENML_BIT(SENML_DATA_VALUE))

const char *senml_refuse(struct muster_pack *pack, const char *at, const char *fault) {
    pack->next = at;
    pack->fault = fault;
    return NULL;
}

const char *senml_miss(struct muster_pack *pack, const char *at, const char *fault) {
    return senml_refuse(pack, at, at == pack->end ? "it ends too early" : fault);
}

/* A string from behind its opening quote. */
static const char *read_string(struct muster_pack *pack, const char *at, struct quoted *string) {
    static const char *const faults[] = {
        [QUOTED_CUT] = "it ends too early",
        [QUOTED_CONTROL] = "a control character in a string",
        [QUOTED_UTF8] = "bytes that are not UTF-8",
        [QUOTED_ESCAPE] = "an escape that JSON does not have",
        [QUOTED_DIGITS] = "\\u without four hexadecimal digits",
        [QUOTED_NUL] = "the escape \\u0000",
        [QUOTED_SURROGATE] = "half a surrogate pair",
    };
    const enum quoted_result result = quoted_read(&at, pack->end, string);
    return result == QUOTED_OK ? at : senml_refuse(pack, at, faults[result]);
}

/* ---- members ---- */

#define KEY1(a) ((uint32_t)(a))
#define KEY2(a, b) (KEY1(a) | (uint32_t)(b) << 8)
#define KEY4(a, b, c, d) (KEY2(a, b) | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static enum senml_label label_of(const char *name, size_t length) {
    uint32_t key = 0;
    if (length > sizeof(key)) {
        return SENML_UNKNOWN;
    }
    for (size_t i = 0; i < length; i++) {
        key |= (uint32_t)(unsigned char)name[i] << 8 * i;
    }
    switch (key) {
    case KEY2('b', 'n'): return SENML_BASE_NAME;
    case KEY2('b', 't'): return SENML_BASE_TIME;
    case KEY2('b', 'u'): return SENML_BASE_UNIT;
    case KEY2('b', 'v'): return SENML_BASE_VALUE;
    case KEY2('b', 's'): return SENML_BASE_SUM;
    case KEY4('b', 'v', 'e', 'r'): return SENML_BASE_VERSION;
    case KEY1('n'): return SENML_NAME;
    case KEY1('u'): return SENML_UNIT;
    case KEY1('v'): return SENML_VALUE;
    case KEY2('v', 's'): return SENML_TEXT_VALUE;
    case KEY2('v', 'b'): return SENML_BOOLEAN_VALUE;
    case KEY2('v', 'd'): return SENML_DATA_VALUE;
    case KEY1('s'): return SENML_SUM;
    case KEY1('t'): return SENML_TIME;
    case KEY2('u', 't'): return SENML_UPDATE_TIME;
    default: return SENML_UNKNOWN;
    }
}

/* The label that a name with escapes stands for. */
static enum senml_label label_of_escaped(const struct quoted *name) {
    char decoded[sizeof("bver")];
    size_t length;
    return quoted_copy(name, decoded, sizeof(decoded), &length) ? label_of(decoded, length) : SENML_UNKNOWN;
}

/* Who does not know a label that ends so must not go on (RFC 8428, 4.4). */
static bool must_be_known(const struct quoted *name) {
    uint32_t last = 0;
    const char *end = name->at + name->length;
    for (const char *at = name->at; at < end;) {
        last = quoted_next(&at, end);
    }
    return last == '_';
}

static const char *add_unknown(struct muster_pack *pack, struct senml_members *members,
                               const struct quoted *name, const char *behind) {
    if (must_be_known(name)) {
        return senml_refuse(pack, name->at - 1, "a member that this version does not know, and must");
    }
    for (size_t i = 0; i < members->unknown_count; i++) {
        if (quoted_is_same(name, &members->unknown[i])) {
            return senml_refuse(pack, name->at - 1, "a member that the record has already");
        }
    }
    if (members->unknown_count == MUSTER_PACK_UNKNOWN_MAX) {
        return senml_refuse(pack, name->at - 1, "too many members that this version does not know");
    }
    members->unknown[members->unknown_count++] = *name;
    return behind;
}

/* The name of a member, its colon, and white space behind it. */
static const char *read_label(struct muster_pack *pack, const char *at, struct senml_members *members,
                              enum senml_label *label) {
    if (at == pack->end || *at != '"') {
        return senml_miss(pack, at, "no member where one should be");
    }
    struct quoted name;
    at = read_string(pack, at + 1, &name);
    if (at == NULL) {
        return NULL;
    }
    *label = name.has_escapes ? label_of_escaped(&name) : label_of(name.at, name.length);
    if (*label == SENML_UNKNOWN) {
        at = add_unknown(pack, members, &name, at);
        if (at == NULL) {
            return NULL;
        }
    } else if ((members->seen & SENML_BIT(*label)) != 0) {
        return senml_refuse(pack, name.at - 1, "a member that the record has already");
    } else {
        members->seen |= SENML_BIT(*label);
    }
    at = senml_skip_space(at, pack->end);
    if (at == pack->end || *at != ':') {
        return senml_miss(pack, at, "no colon behind the name of a member");
    }
    return senml_skip_space(at + 1, pack->end);
}

static const char *number_fault(enum number_result result) {
    switch (result) {
    case NUMBER_LONG: return "a number with too many digits";
    case NUMBER_RANGE: return "a number that is too large";
    default: return "no number where one should be";
    }
}

static const char *read_number(struct muster_pack *pack, const char *at, double *number) {
    const char *behind = at;
    const enum number_result result = number_read(&behind, pack->end, number);
    if (result == NUMBER_OK) {
        return behind;
    }
    return result == NUMBER_SYNTAX ? senml_miss(pack, behind, number_fault(result))
                                   : senml_refuse(pack, at, number_fault(result));
}

/* NULL, and nothing refused, when it does not stand here. */
static const char *read_word(const struct muster_pack *pack, const char *at, const char *word,
                             size_t length) {
    return (size_t)(pack->end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

#define READ_WORD(pack, at, word) read_word(pack, at, word, sizeof(word) - 1)

static const char *read_boolean(struct muster_pack *pack, const char *at, bool *boolean) {
    const char *behind = READ_WORD(pack, at, "true");
    *boolean = behind != NULL;
    if (behind == NULL) {
        behind = READ_WORD(pack, at, "false");
    }
    return behind != NULL ? behind : senml_miss(pack, at, "neither true nor false where one should be");
}

/* Where an array or object ends, if it is one: behind as many closing brackets as opening ones. */
static const char *find_end(const char *at, const char *end) {
    size_t depth = 0;
    bool is_string = false;
    for (; at < end; at++) {
        if (is_string) {
            if (*at == '\\' && at + 1 < end) {
                at++;
            } else {
                is_string = *at != '"';
            }
        } else if (*at == '[' || *at == '{') {
            depth++;
        } else if (*at == ']' || *at == '}') {
            depth--;
            if (depth == 0) {
                return at + 1;
            }
        } else {
            is_string = *at == '"';
        }
    }
    return end;
}

/* Any value, which is left unused. */
static const char *skip_value(struct muster_pack *pack, const char *at) {
    struct quoted string;
    if (at == pack->end) {
        return senml_refuse(pack, at, "it ends too early");
    }
    if (*at == '"') {
        return read_string(pack, at + 1, &string);
    }
    if (*at == '[' || *at == '{') {
        const char *behind = find_end(at, pack->end);
        size_t offset;
        const enum scan_result result = scan_value(at, (size_t)(behind - at), &offset);
        return result == SCAN_OK ? behind : senml_refuse(pack, at + offset, scan_result_text(result));
    }
    const char *behind = READ_WORD(pack, at, "true");
    behind = behind != NULL ? behind : READ_WORD(pack, at, "false");
    behind = behind != NULL ? behind : READ_WORD(pack, at, "null");
    if (behind != NULL) {
        return behind;
    }
    behind = at;
    const enum number_result result = number_skip(&behind, pack->end);
    if (result == NUMBER_OK) {
        return behind;
    }
    return senml_miss(pack, behind,
                      result == NUMBER_LONG ? number_fault(result) : "no value where one should be");
}

static const char *read_text(struct muster_pack *pack, const char *at, struct quoted *text) {
    if (at == pack->end || *at != '"') {
        return senml_miss(pack, at, "no text where one should be");
    }
    return read_string(pack, at + 1, text);
}

static const char *read_member(struct muster_pack *pack, const char *at, struct senml_members *members) {
    enum senml_label label = SENML_UNKNOWN;
    at = read_label(pack, at, members, &label);
    if (at == NULL) {
        return NULL;
    }
    if (label == SENML_UNKNOWN) {
        return skip_value(pack, at);
    }
    members->at[label] = at;
    if ((TEXTS & SENML_BIT(label)) != 0) {
        return read_text(pack, at, &members->texts[label]);
    }
    return label == SENML_BOOLEAN_VALUE ? read_boolean(pack, at, &members->boolean)
                                        : read_number(pack, at, &members->numbers[label]);
}

const char *senml_members_read(struct muster_pack *pack, const char *at, struct senml_members *members) {
    members->begin = at;
    members->seen = 0;
    members->unknown_count = 0;
    at = senml_skip_space(at + 1, pack->end);
    if (at < pack->end && *at == '}') {
        return at + 1;
    }
    for (;;) {
        at = read_member(pack, at, members);
        if (at == NULL) {
            return NULL;
        }
        at = senml_skip_space(at, pack->end);
        if (at == pack->end || (*at != ',' && *at != '}')) {
            return senml_miss(pack, at, "neither comma nor brace behind a member");
        }
        if (*at++ == '}') {
            return at;
        }
        at = senml_skip_space(at, pack->end);
    }
}
