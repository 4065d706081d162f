#include <math.h>
#include <string.h>

#include <muster/telemetry.h>

#include "limit.h"
#include "number.h"
#include "quoted.h"
#include "scan.h"
#include "senml.h"
#include "topic.h"

/* Versions that are understood: up to that of RFC 8428, 4.4, and with the feature "secondary units" (RFC
 * 9100), whose number is 4. */
#define VERSION_MAX 10
#define VERSION_SECONDARY_UNITS (VERSION_MAX + (1 << 4))

enum state { STATE_BEGIN, STATE_NEXT, STATE_ALONE, STATE_DONE };

enum label {
    BASE_NAME,
    BASE_TIME,
    BASE_UNIT,
    BASE_VALUE,
    BASE_SUM,
    BASE_VERSION,
    NAME,
    UNIT,
    VALUE,
    TEXT_VALUE,
    BOOLEAN_VALUE,
    DATA_VALUE,
    SUM,
    TIME,
    UPDATE_TIME,
    UNKNOWN,
};

#define BIT(label) (1u << (label))
#define TEXTS (BIT(BASE_NAME) | BIT(BASE_UNIT) | BIT(NAME) | BIT(UNIT) | BIT(TEXT_VALUE) | BIT(DATA_VALUE))
#define VALUES (BIT(VALUE) | BIT(TEXT_VALUE) | BIT(BOOLEAN_VALUE) | BIT(DATA_VALUE))

/* The members of one record. Only those in seen are set. */
struct members {
    const char *begin; /* the record's brace */
    unsigned seen;
    bool boolean;
    double numbers[UNKNOWN];
    struct quoted texts[UNKNOWN];
    const char *at[UNKNOWN]; /* where the values begin */
    size_t unknown_count;
    struct quoted unknown[MUSTER_PACK_UNKNOWN_MAX];
};

/* The functions below go on from `at` and return what is behind that which they read, or NULL when it is at
 * fault. */

/* Notes what is wrong with a pack, and where. */
static const char *refuse(struct muster_pack *pack, const char *at, const char *fault) {
    pack->next = at;
    pack->fault = fault;
    return NULL;
}

/* What was to stand here does not. */
static const char *miss(struct muster_pack *pack, const char *at, const char *fault) {
    return refuse(pack, at, at == pack->end ? "it ends too early" : fault);
}

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
        at++;
    }
    return at;
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
    return result == QUOTED_OK ? at : refuse(pack, at, faults[result]);
}

/* ---- members ---- */

#define KEY1(a) ((uint32_t)(a))
#define KEY2(a, b) (KEY1(a) | (uint32_t)(b) << 8)
#define KEY4(a, b, c, d) (KEY2(a, b) | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static enum label label_of(const char *name, size_t length) {
    uint32_t key = 0;
    if (length > sizeof(key)) {
        return UNKNOWN;
    }
    for (size_t i = 0; i < length; i++) {
        key |= (uint32_t)(unsigned char)name[i] << 8 * i;
    }
    switch (key) {
    case KEY2('b', 'n'): return BASE_NAME;
    case KEY2('b', 't'): return BASE_TIME;
    case KEY2('b', 'u'): return BASE_UNIT;
    case KEY2('b', 'v'): return BASE_VALUE;
    case KEY2('b', 's'): return BASE_SUM;
    case KEY4('b', 'v', 'e', 'r'): return BASE_VERSION;
    case KEY1('n'): return NAME;
    case KEY1('u'): return UNIT;
    case KEY1('v'): return VALUE;
    case KEY2('v', 's'): return TEXT_VALUE;
    case KEY2('v', 'b'): return BOOLEAN_VALUE;
    case KEY2('v', 'd'): return DATA_VALUE;
    case KEY1('s'): return SUM;
    case KEY1('t'): return TIME;
    case KEY2('u', 't'): return UPDATE_TIME;
    default: return UNKNOWN;
    }
}

/* The label that a name with escapes stands for. */
static enum label label_of_escaped(const struct quoted *name) {
    char decoded[sizeof("bver")];
    size_t length;
    return quoted_copy(name, decoded, sizeof(decoded), &length) ? label_of(decoded, length) : UNKNOWN;
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

static const char *note_unknown(struct muster_pack *pack, struct members *members, const struct quoted *name,
                                const char *behind) {
    if (must_be_known(name)) {
        return refuse(pack, name->at - 1, "a member that this version does not know, and must");
    }
    for (size_t i = 0; i < members->unknown_count; i++) {
        if (quoted_is_same(name, &members->unknown[i])) {
            return refuse(pack, name->at - 1, "a member that the record has already");
        }
    }
    if (members->unknown_count == MUSTER_PACK_UNKNOWN_MAX) {
        return refuse(pack, name->at - 1, "too many members that this version does not know");
    }
    members->unknown[members->unknown_count++] = *name;
    return behind;
}

/* The name of a member, its colon, and white space behind it. */
static const char *read_label(struct muster_pack *pack, const char *at, struct members *members,
                              enum label *label) {
    if (at == pack->end || *at != '"') {
        return miss(pack, at, "no member where one should be");
    }
    struct quoted name;
    at = read_string(pack, at + 1, &name);
    if (at == NULL) {
        return NULL;
    }
    *label = name.has_escapes ? label_of_escaped(&name) : label_of(name.at, name.length);
    if (*label == UNKNOWN) {
        at = note_unknown(pack, members, &name, at);
        if (at == NULL) {
            return NULL;
        }
    } else if ((members->seen & BIT(*label)) != 0) {
        return refuse(pack, name.at - 1, "a member that the record has already");
    } else {
        members->seen |= BIT(*label);
    }
    at = skip_space(at, pack->end);
    if (at == pack->end || *at != ':') {
        return miss(pack, at, "no colon behind the name of a member");
    }
    return skip_space(at + 1, pack->end);
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
    return result == NUMBER_SYNTAX ? miss(pack, behind, number_fault(result))
                                   : refuse(pack, at, number_fault(result));
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
    return behind != NULL ? behind : miss(pack, at, "neither true nor false where one should be");
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
    double number;
    if (at == pack->end) {
        return refuse(pack, at, "it ends too early");
    }
    if (*at == '"') {
        return read_string(pack, at + 1, &string);
    }
    if (*at == '[' || *at == '{') {
        const char *behind = find_end(at, pack->end);
        size_t offset;
        const enum scan_result result = scan_value(at, (size_t)(behind - at), &offset);
        return result == SCAN_OK ? behind : refuse(pack, at + offset, scan_result_text(result));
    }
    const char *behind = READ_WORD(pack, at, "true");
    behind = behind != NULL ? behind : READ_WORD(pack, at, "false");
    behind = behind != NULL ? behind : READ_WORD(pack, at, "null");
    if (behind != NULL) {
        return behind;
    }
    behind = at;
    const enum number_result result = number_read(&behind, pack->end, &number);
    if (result == NUMBER_OK || result == NUMBER_RANGE) {
        return behind;
    }
    return miss(pack, behind, result == NUMBER_LONG ? number_fault(result) : "no value where one should be");
}

static const char *read_text(struct muster_pack *pack, const char *at, struct quoted *text) {
    if (at == pack->end || *at != '"') {
        return miss(pack, at, "no text where one should be");
    }
    return read_string(pack, at + 1, text);
}

static const char *read_member(struct muster_pack *pack, const char *at, struct members *members) {
    enum label label = UNKNOWN;
    at = read_label(pack, at, members, &label);
    if (at == NULL) {
        return NULL;
    }
    if (label == UNKNOWN) {
        return skip_value(pack, at);
    }
    members->at[label] = at;
    if ((TEXTS & BIT(label)) != 0) {
        return read_text(pack, at, &members->texts[label]);
    }
    return label == BOOLEAN_VALUE ? read_boolean(pack, at, &members->boolean)
                                  : read_number(pack, at, &members->numbers[label]);
}

/* From its brace on. */
static const char *read_members(struct muster_pack *pack, const char *at, struct members *members) {
    members->begin = at;
    members->seen = 0;
    members->unknown_count = 0;
    at = skip_space(at + 1, pack->end);
    if (at < pack->end && *at == '}') {
        return at + 1;
    }
    for (;;) {
        at = read_member(pack, at, members);
        if (at == NULL) {
            return NULL;
        }
        at = skip_space(at, pack->end);
        if (at == pack->end || (*at != ',' && *at != '}')) {
            return miss(pack, at, "neither comma nor brace behind a member");
        }
        if (*at++ == '}') {
            return at;
        }
        at = skip_space(at, pack->end);
    }
}

/* ---- resolving (RFC 8428, 4.6) ---- */

static bool has(const struct members *members, enum label label) {
    return (members->seen & BIT(label)) != 0;
}

/* The functions below return false when something is at fault. */

static bool refuse_member(struct muster_pack *pack, const struct members *members, enum label label,
                          const char *fault) {
    refuse(pack, has(members, label) ? members->at[label] : members->begin, fault);
    return false;
}

static bool resolve_version(struct muster_pack *pack, const struct members *members) {
    if (has(members, BASE_VERSION)) {
        const double version = members->numbers[BASE_VERSION];
        const bool is_known = version >= 1 && version <= VERSION_MAX && version == floor(version);
        if (!is_known && version != VERSION_SECONDARY_UNITS) {
            return refuse_member(pack, members, BASE_VERSION, "a version of SenML that is not known");
        }
        if (pack->version != 0 && version != pack->version) {
            return refuse_member(pack, members, BASE_VERSION, "another version than the records before it");
        }
        pack->version = version;
    } else if (pack->version == 0) {
        pack->version = VERSION_MAX;
    }
    return true;
}

/* Copies one part of a full name behind those in pack->name. */
static bool resolve_name_part(struct muster_pack *pack, const struct members *members, enum label label,
                              size_t before, size_t *length) {
    if (!quoted_copy(&members->texts[label], pack->name + before, sizeof(pack->name) - before, length)) {
        return refuse_member(pack, members, label, "a name that is too long");
    }
    const char *part = pack->name + before;
    for (size_t i = 0; i < *length; i++) {
        const uint8_t wanted = before + i == 0 ? TOPIC_BYTE_FIRST : TOPIC_BYTE_LATER;
        if ((topic_bytes[(unsigned char)part[i]] & wanted) == 0) {
            return refuse_member(pack, members, label,
                                 before + i == 0 ? "a name that begins with no letter or digit"
                                                 : "a name with a character that names don't have");
        }
    }
    return true;
}

static bool resolve_name(struct muster_pack *pack, const struct members *members) {
    if (has(members, BASE_NAME) && !resolve_name_part(pack, members, BASE_NAME, 0, &pack->base_name_length)) {
        return false;
    }
    size_t length = 0;
    if (has(members, NAME) && !resolve_name_part(pack, members, NAME, pack->base_name_length, &length)) {
        return false;
    }
    length += pack->base_name_length;
    pack->name[length] = '\0';
    return length > 0 || refuse_member(pack, members, NAME, "a record without a name");
}

static bool resolve_unit(struct muster_pack *pack, const struct members *members, const char **unit) {
    size_t length;
    if (has(members, BASE_UNIT) &&
        !quoted_copy(&members->texts[BASE_UNIT], pack->base_unit, sizeof(pack->base_unit), &length)) {
        return refuse_member(pack, members, BASE_UNIT, "a unit that is too long");
    }
    *unit = pack->base_unit;
    if (has(members, UNIT)) {
        if (!quoted_copy(&members->texts[UNIT], pack->unit, sizeof(pack->unit), &length)) {
            return refuse_member(pack, members, UNIT, "a unit that is too long");
        }
        *unit = pack->unit;
    }
    return true;
}

static bool resolve_text(struct muster_pack *pack, const struct members *members, enum label label,
                         struct muster_record *record) {
    if (!quoted_copy(&members->texts[label], pack->text, sizeof(pack->text), &record->text_length)) {
        return refuse_member(pack, members, label, "a text that is too long");
    }
    record->kind = MUSTER_VALUE_TEXT;
    record->text = pack->text;
    if (label == DATA_VALUE) {
        record->kind = MUSTER_VALUE_DATA;
        if (!senml_is_data(record->text, record->text_length)) {
            return refuse_member(pack, members, label, "data that is not base64 with the URL safe alphabet");
        }
    }
    return true;
}

static bool resolve_value(struct muster_pack *pack, const struct members *members,
                          struct muster_record *record) {
    const unsigned values = members->seen & VALUES;
    if ((values & (values - 1)) != 0) {
        refuse(pack, members->begin, "a record with two values");
        return false;
    }
    switch (values) {
    case 0:
        record->kind = MUSTER_VALUE_NONE;
        return has(members, SUM) || refuse_member(pack, members, SUM, "a record without a value or a sum");
    case BIT(TEXT_VALUE): return resolve_text(pack, members, TEXT_VALUE, record);
    case BIT(DATA_VALUE): return resolve_text(pack, members, DATA_VALUE, record);
    case BIT(BOOLEAN_VALUE):
        record->kind = MUSTER_VALUE_BOOLEAN;
        record->boolean = members->boolean;
        return true;
    default: break;
    }
    record->kind = MUSTER_VALUE_NUMBER;
    record->number = members->numbers[VALUE];
    if (pack->has_base_value) {
        record->number += pack->base_value;
    }
    return isfinite(record->number) || refuse_member(pack, members, VALUE, "a value that is too large");
}

static bool resolve_sum(struct muster_pack *pack, const struct members *members,
                        struct muster_record *record) {
    record->has_sum = has(members, SUM) || pack->has_base_sum;
    if (!record->has_sum) {
        return true;
    }
    record->sum = has(members, SUM) ? members->numbers[SUM] : 0;
    if (pack->has_base_sum) {
        record->sum += pack->base_sum;
    }
    return isfinite(record->sum) || refuse_member(pack, members, SUM, "a sum that is too large");
}

static bool resolve_time(struct muster_pack *pack, const struct members *members,
                         struct muster_record *record) {
    double time_s = pack->base_time_s + (has(members, TIME) ? members->numbers[TIME] : 0);
    if (time_s < MUSTER_TIME_S_MIN) {
        time_s += pack->now_s;
    }
    record->time_s = time_s;
    record->update_s = has(members, UPDATE_TIME) ? members->numbers[UPDATE_TIME] : 0;
    return isfinite(time_s) || refuse_member(pack, members, TIME, "a time that is too large");
}

static void keep_base(struct muster_pack *pack, const struct members *members) {
    if (has(members, BASE_TIME)) {
        pack->base_time_s = members->numbers[BASE_TIME];
    }
    if (has(members, BASE_VALUE)) {
        pack->base_value = members->numbers[BASE_VALUE];
        pack->has_base_value = true;
    }
    if (has(members, BASE_SUM)) {
        pack->base_sum = members->numbers[BASE_SUM];
        pack->has_base_sum = true;
    }
}

static bool resolve(struct muster_pack *pack, const struct members *members, struct muster_record *record) {
    keep_base(pack, members);
    *record = (struct muster_record){.name = pack->name};
    return resolve_version(pack, members) && resolve_name(pack, members) &&
           resolve_unit(pack, members, &record->unit) && resolve_value(pack, members, record) &&
           resolve_sum(pack, members, record) && resolve_time(pack, members, record);
}

/* ---- packs ---- */

void muster_pack_open(struct muster_pack *pack, const char *bytes, size_t length, double now_s) {
    pack->begin = bytes;
    pack->next = bytes;
    pack->end = bytes + length;
    pack->now_s = now_s;
    pack->fault = NULL;
    pack->state = STATE_BEGIN;
    pack->version = 0;
    pack->base_time_s = 0;
    pack->has_base_value = false;
    pack->has_base_sum = false;
    pack->base_name_length = 0;
    pack->base_unit[0] = '\0';
}

int muster_pack_base(struct muster_pack *pack, const char *name) {
    const size_t length = strnlen(name, sizeof(pack->name));
    if (length == sizeof(pack->name)) {
        return MUSTER_EINVAL;
    }
    for (size_t i = 0; i < length; i++) {
        const uint8_t wanted = i == 0 ? TOPIC_BYTE_FIRST : TOPIC_BYTE_LATER;
        if ((topic_bytes[(unsigned char)name[i]] & wanted) == 0) {
            return MUSTER_EINVAL;
        }
    }
    memcpy(pack->name, name, length);
    pack->base_name_length = length;
    return 0;
}

static bool stands(const struct muster_pack *pack, const char *at, char byte) {
    return at < pack->end && *at == byte;
}

/* To the next record, or with STATE_DONE to what is behind the last one. */
static const char *find_record(struct muster_pack *pack) {
    const char *at = skip_space(pack->next, pack->end);
    if (pack->state == STATE_DONE) {
        return at;
    }
    if (pack->state == STATE_BEGIN && stands(pack, at, '{')) {
        pack->state = STATE_ALONE;
        return at;
    }
    bool may_end = pack->state == STATE_NEXT;
    if (pack->state == STATE_BEGIN) {
        if (!stands(pack, at, '[')) {
            return miss(pack, at, "neither a pack nor a record");
        }
        at = skip_space(at + 1, pack->end);
        may_end = true;
    } else if (stands(pack, at, ',')) {
        at = skip_space(at + 1, pack->end);
        may_end = false;
    } else if (!stands(pack, at, ']')) {
        return miss(pack, at, "neither comma nor bracket behind a record");
    }
    if (may_end && stands(pack, at, ']')) {
        pack->state = STATE_DONE;
        return skip_space(at + 1, pack->end);
    }
    return stands(pack, at, '{') ? at : miss(pack, at, "no record where one should be");
}

int muster_pack_next(struct muster_pack *pack, struct muster_record *record) {
    if (pack->fault != NULL) {
        return MUSTER_EINVAL;
    }
    const char *at = find_record(pack);
    if (at == NULL) {
        return MUSTER_EINVAL;
    }
    if (pack->state == STATE_DONE) {
        pack->next = at;
        if (at == pack->end) {
            return 0;
        }
        refuse(pack, at, "something behind the end");
        return MUSTER_EINVAL;
    }
    struct members members;
    at = read_members(pack, at, &members);
    if (at == NULL || !resolve(pack, &members, record)) {
        return MUSTER_EINVAL;
    }
    pack->next = at;
    pack->state = pack->state == STATE_ALONE ? STATE_DONE : STATE_NEXT;
    return 1;
}

const char *muster_pack_fault(const struct muster_pack *pack, size_t *offset) {
    if (offset != NULL && pack->fault != NULL) {
        *offset = (size_t)(pack->next - pack->begin);
    }
    return pack->fault;
}
