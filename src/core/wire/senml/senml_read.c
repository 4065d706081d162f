/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include <muster/telemetry.h>

#include "senml.h"
#include "senml_members.h"
#include "topic.h"

/* Versions that are understood: up to that of RFC 8428, 4.4, and with the feature "secondary units" (RFC
 * 9100), whose number is 4. */
#define VERSION_MAX 10
#define VERSION_SECONDARY_UNITS (VERSION_MAX + (1 << 4))

enum state { STATE_BEGIN, STATE_NEXT, STATE_ALONE, STATE_DONE };

#define BASES                                                                               \
    (SENML_BIT(SENML_BASE_NAME) | SENML_BIT(SENML_BASE_TIME) | SENML_BIT(SENML_BASE_UNIT) | \
     SENML_BIT(SENML_BASE_VALUE) | SENML_BIT(SENML_BASE_SUM) | SENML_BIT(SENML_BASE_VERSION))

#define VALUES                                                                               \
    (SENML_BIT(SENML_VALUE) | SENML_BIT(SENML_TEXT_VALUE) | SENML_BIT(SENML_BOOLEAN_VALUE) | \
     SENML_BIT(SENML_DATA_VALUE))

/* ---- resolving (RFC 8428, 4.6) ---- */

/* The functions below return false when something is at fault. */

static bool refuse_member(struct muster_pack *pack, const struct senml_members *members,
                          enum senml_label label, const char *fault) {
    senml_refuse(pack, senml_members_have(members, label) ? members->at[label] : members->begin, fault);
    return false;
}

static bool resolve_version(struct muster_pack *pack, const struct senml_members *members) {
    if (senml_members_have(members, SENML_BASE_VERSION)) {
        const double version = members->numbers[SENML_BASE_VERSION];
        const bool is_known = version >= 1 && version <= VERSION_MAX && version == floor(version);
        if (!is_known && version != VERSION_SECONDARY_UNITS) {
            return refuse_member(pack, members, SENML_BASE_VERSION, "a version of SenML that is not known");
        }
        if (pack->version != 0 && version != pack->version) {
            return refuse_member(pack, members, SENML_BASE_VERSION,
                                 "another version than the records before it");
        }
        pack->version = version;
    } else if (pack->version == 0) {
        pack->version = VERSION_MAX;
    }
    return true;
}

/* Bytes of a part that names may have there; is_begin: a full name begins with it. */
static size_t name_span(const char *part, size_t length, bool is_begin) {
    size_t span = 0;
    uint8_t wanted = is_begin ? TOPIC_BYTE_FIRST : TOPIC_BYTE_LATER;
    while (span < length && (topic_bytes[(unsigned char)part[span]] & wanted) != 0) {
        wanted = TOPIC_BYTE_LATER;
        span++;
    }
    return span;
}

/* Copies one part of a full name behind those in pack->name. */
static bool resolve_name_part(struct muster_pack *pack, const struct senml_members *members,
                              enum senml_label label, size_t before, size_t *length) {
    char *part = pack->name + before;
    if (!quoted_copy(&members->texts[label], part, sizeof(pack->name) - before, length)) {
        return refuse_member(pack, members, label, "a name that is too long");
    }
    const size_t span = name_span(part, *length, before == 0);
    return span == *length ||
           refuse_member(pack, members, label,
                         before + span == 0 ? "a name that begins with no letter or digit"
                                            : "a name with a character that names don't have");
}

static bool begins_with_slash(const struct quoted *name) {
    const char *at = name->at;
    return name->length > 0 && quoted_next(&at, name->at + name->length) == '/';
}

/* Where a name such as LwM2M's "/3303/0/5700" goes on behind the given base name, which is put there. */
static size_t put_given(struct muster_pack *pack) {
    memcpy(pack->name, pack->given, pack->given_length);
    return pack->given_length - (pack->given[pack->given_length - 1] == '/' ? 1 : 0);
}

static bool stands_below(const struct muster_pack *pack, const struct senml_members *members,
                         enum senml_label label) {
    return pack->given_length > 0 && senml_members_have(members, label) &&
           begins_with_slash(&members->texts[label]);
}

static bool resolve_base_name(struct muster_pack *pack, const struct senml_members *members) {
    const size_t before = stands_below(pack, members, SENML_BASE_NAME) ? put_given(pack) : 0;
    const bool is_good = resolve_name_part(pack, members, SENML_BASE_NAME, before, &pack->base_name_length);
    pack->base_name_length += before;
    return is_good;
}

static bool resolve_name(struct muster_pack *pack, const struct senml_members *members) {
    const bool has_own_base =
        pack->base_name_length > 0 && (pack->base_name_length != pack->given_length ||
                                       memcmp(pack->name, pack->given, pack->given_length) != 0);
    const size_t before =
        !has_own_base && stands_below(pack, members, SENML_NAME) ? put_given(pack) : pack->base_name_length;
    size_t length = 0;
    if (senml_members_have(members, SENML_NAME) &&
        !resolve_name_part(pack, members, SENML_NAME, before, &length)) {
        return false;
    }
    length += before;
    pack->name[length] = '\0';
    return length > 0 || refuse_member(pack, members, SENML_NAME, "a record without a name");
}

static bool resolve_unit(struct muster_pack *pack, const struct senml_members *members, const char **unit) {
    size_t length;
    *unit = pack->base_unit;
    if (senml_members_have(members, SENML_UNIT)) {
        if (!quoted_copy(&members->texts[SENML_UNIT], pack->unit, sizeof(pack->unit), &length)) {
            return refuse_member(pack, members, SENML_UNIT, "a unit that is too long");
        }
        *unit = pack->unit;
    }
    return true;
}

static bool resolve_text(struct muster_pack *pack, const struct senml_members *members,
                         enum senml_label label, struct muster_record *record) {
    record->text = pack->text;
    if (!quoted_copy(&members->texts[label], pack->text, sizeof(pack->text), &record->text_length)) {
        record->text = pack->room;
        if (pack->room_size == 0 ||
            !quoted_copy(&members->texts[label], pack->room, pack->room_size, &record->text_length)) {
            return refuse_member(pack, members, label, "a text that is too long");
        }
    }
    record->kind = MUSTER_VALUE_TEXT;
    if (label == SENML_DATA_VALUE) {
        record->kind = MUSTER_VALUE_DATA;
        if (!senml_is_data(record->text, record->text_length)) {
            return refuse_member(pack, members, label, "data that is not base64 with the URL safe alphabet");
        }
    }
    return true;
}

/* A value or a sum that is missing beside its base counts as 0 (4.5.4); a sum alone remains one. */
static bool resolve_value(struct muster_pack *pack, const struct senml_members *members,
                          struct muster_record *record) {
    const unsigned values = members->seen & VALUES;
    if ((values & (values - 1)) != 0) {
        senml_refuse(pack, members->begin, "a record with two values");
        return false;
    }
    switch (values) {
    case 0:
        if (pack->has_base_value && !senml_members_have(members, SENML_SUM)) {
            break;
        }
        record->kind = MUSTER_VALUE_NONE;
        return pack->has_base_sum || senml_members_have(members, SENML_SUM) ||
               refuse_member(pack, members, SENML_SUM, "a record without a value or a sum");
    case SENML_BIT(SENML_TEXT_VALUE): return resolve_text(pack, members, SENML_TEXT_VALUE, record);
    case SENML_BIT(SENML_DATA_VALUE): return resolve_text(pack, members, SENML_DATA_VALUE, record);
    case SENML_BIT(SENML_BOOLEAN_VALUE):
        record->kind = MUSTER_VALUE_BOOLEAN;
        record->boolean = members->boolean;
        return true;
    default: break;
    }
    record->kind = MUSTER_VALUE_NUMBER;
    record->number = values != 0 ? members->numbers[SENML_VALUE] : 0;
    if (pack->has_base_value) {
        record->number += pack->base_value;
    }
    return isfinite(record->number) || refuse_member(pack, members, SENML_VALUE, "a value that is too large");
}

static bool resolve_sum(struct muster_pack *pack, const struct senml_members *members,
                        struct muster_record *record) {
    record->has_sum = senml_members_have(members, SENML_SUM) || pack->has_base_sum;
    if (!record->has_sum) {
        return true;
    }
    record->sum = senml_members_have(members, SENML_SUM) ? members->numbers[SENML_SUM] : 0;
    if (pack->has_base_sum) {
        record->sum += pack->base_sum;
    }
    return isfinite(record->sum) || refuse_member(pack, members, SENML_SUM, "a sum that is too large");
}

static bool resolve_time(struct muster_pack *pack, const struct senml_members *members,
                         struct muster_record *record) {
    double time_s =
        pack->base_time_s + (senml_members_have(members, SENML_TIME) ? members->numbers[SENML_TIME] : 0);
    if (time_s < MUSTER_TIME_S_MIN) {
        time_s += pack->now_s;
    }
    record->time_s = time_s;
    record->update_s =
        senml_members_have(members, SENML_UPDATE_TIME) ? members->numbers[SENML_UPDATE_TIME] : 0;
    return isfinite(time_s) || refuse_member(pack, members, SENML_TIME, "a time that is too large");
}

static bool keep_base(struct muster_pack *pack, const struct senml_members *members) {
    size_t length;
    if (senml_members_have(members, SENML_BASE_TIME)) {
        pack->base_time_s = members->numbers[SENML_BASE_TIME];
    }
    if (senml_members_have(members, SENML_BASE_VALUE)) {
        pack->base_value = members->numbers[SENML_BASE_VALUE];
        pack->has_base_value = true;
    }
    if (senml_members_have(members, SENML_BASE_SUM)) {
        pack->base_sum = members->numbers[SENML_BASE_SUM];
        pack->has_base_sum = true;
    }
    if (senml_members_have(members, SENML_BASE_UNIT) &&
        !quoted_copy(&members->texts[SENML_BASE_UNIT], pack->base_unit, sizeof(pack->base_unit), &length)) {
        return refuse_member(pack, members, SENML_BASE_UNIT, "a unit that is too long");
    }
    return resolve_version(pack, members) &&
           (!senml_members_have(members, SENML_BASE_NAME) || resolve_base_name(pack, members));
}

/* A record of base members alone is no reading: it is about those behind it (5.1.7). */
static bool is_base_alone(const struct senml_members *members) {
    return (members->seen & BASES) != 0 && (members->seen & ~BASES) == 0;
}

static bool resolve(struct muster_pack *pack, const struct senml_members *members,
                    struct muster_record *record) {
    *record = (struct muster_record){.name = pack->name};
    return resolve_name(pack, members) && resolve_unit(pack, members, &record->unit) &&
           resolve_value(pack, members, record) && resolve_sum(pack, members, record) &&
           resolve_time(pack, members, record);
}

/* ---- packs ---- */

void muster_pack_more(struct muster_pack *pack, const char *bytes, size_t length, double now_s) {
    pack->begin = bytes;
    pack->next = bytes;
    pack->end = bytes + length;
    pack->now_s = now_s;
    pack->fault = NULL;
    pack->state = STATE_BEGIN;
}

void muster_pack_open(struct muster_pack *pack, const char *bytes, size_t length, double now_s) {
    muster_pack_more(pack, bytes, length, now_s);
    pack->version = 0;
    pack->base_time_s = 0;
    pack->has_base_value = false;
    pack->has_base_sum = false;
    pack->base_name_length = 0;
    pack->given_length = 0;
    pack->base_unit[0] = '\0';
    pack->room = NULL;
    pack->room_size = 0;
}

void muster_pack_room(struct muster_pack *pack, char *room, size_t size) {
    pack->room = room;
    pack->room_size = size;
}

void muster_pack_open_sample(struct muster_pack *pack, const struct muster_sample *sample, double now_s) {
    muster_pack_open(pack, sample->body, sample->length, now_s);
    muster_pack_room(pack, sample->room, sample->room_size);
}

int muster_pack_base(struct muster_pack *pack, const char *name) {
    const size_t length = strnlen(name, sizeof(pack->name));
    if (length == sizeof(pack->name) || name_span(name, length, true) != length) {
        return MUSTER_EINVAL;
    }
    memcpy(pack->name, name, length);
    memcpy(pack->given, name, length);
    pack->base_name_length = pack->given_length = length;
    return 0;
}

static bool stands(const struct muster_pack *pack, const char *at, char byte) {
    return at < pack->end && *at == byte;
}

/* To the next record, or with STATE_DONE to what is behind the last one. */
static const char *find_record(struct muster_pack *pack) {
    const char *at = senml_skip_space(pack->next, pack->end);
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
            return senml_miss(pack, at, "neither a pack nor a record");
        }
        at = senml_skip_space(at + 1, pack->end);
        may_end = true;
    } else if (stands(pack, at, ',')) {
        at = senml_skip_space(at + 1, pack->end);
        may_end = false;
    } else if (!stands(pack, at, ']')) {
        return senml_miss(pack, at, "neither comma nor bracket behind a record");
    }
    if (may_end && stands(pack, at, ']')) {
        pack->state = STATE_DONE;
        return senml_skip_space(at + 1, pack->end);
    }
    return stands(pack, at, '{') ? at : senml_miss(pack, at, "no record where one should be");
}

/* To the members of the next record, whose bases are kept: 1, 0 behind the last one, MUSTER_EINVAL. */
static int next_members(struct muster_pack *pack, struct senml_members *members) {
    const char *at = find_record(pack);
    if (at == NULL) {
        return MUSTER_EINVAL;
    }
    if (pack->state == STATE_DONE) {
        pack->next = at;
        if (at == pack->end) {
            return 0;
        }
        senml_refuse(pack, at, "something behind the end");
        return MUSTER_EINVAL;
    }
    at = senml_members_read(pack, at, members);
    if (at == NULL || !keep_base(pack, members)) {
        return MUSTER_EINVAL;
    }
    pack->next = at;
    pack->state = pack->state == STATE_ALONE ? STATE_DONE : STATE_NEXT;
    return 1;
}

int muster_pack_next(struct muster_pack *pack, struct muster_record *record) {
    struct senml_members members;
    int result = MUSTER_EINVAL;
    if (pack->fault == NULL) {
        do {
            result = next_members(pack, &members);
        } while (result == 1 && is_base_alone(&members));
    }
    return result != 1 || resolve(pack, &members, record) ? result : MUSTER_EINVAL;
}

const char *muster_pack_fault(const struct muster_pack *pack, size_t *offset) {
    if (offset != NULL && pack->fault != NULL) {
        *offset = (size_t)(pack->next - pack->begin);
    }
    return pack->fault;
}
