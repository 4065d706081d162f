/* SPDX-License-Identifier: MIT */
#include "senml.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "limit.h"
#include "number.h"
#include "topic.h"
#include "utf8.h"

#define MILLIONTHS 1000000

/* A time that is further from the base time gets a base time of its own. */
#define OFFSET_MAX ((int64_t)86400 * MILLIONTHS)

/* Below it a base time and an offset could be rounded to a sum that is relative. */
#define OFFSET_BEGIN ((int64_t)(MUSTER_TIME_S_MIN + 1) * MILLIONTHS)

/* Where text goes, and whether it found room. */
struct cursor {
    char *at;
    char *end;
    int fault; /* 0, MUSTER_ETOOBIG or MUSTER_EINVAL; then nothing more is written */
};

/* The first fault counts. */
static void fail(struct cursor *cursor, int fault) {
    cursor->fault = cursor->fault != 0 ? cursor->fault : fault;
    cursor->end = cursor->at;
}

static void put_bytes(struct cursor *cursor, const char *bytes, size_t length) {
    if ((size_t)(cursor->end - cursor->at) < length) {
        fail(cursor, MUSTER_ETOOBIG);
        return;
    }
    memcpy(cursor->at, bytes, length);
    cursor->at += length;
}

/* A literal. */
#define PUT(cursor, literal) put_bytes(cursor, literal, sizeof(literal) - 1)

static void put_number(struct cursor *cursor, double value) {
    char text[NUMBER_TEXT_BYTES_MAX];
    if (!isfinite(value)) {
        fail(cursor, MUSTER_EINVAL);
        return;
    }
    put_bytes(cursor, text, number_write(value, text));
}

/* A character that a JSON string can't hold as it is (RFC 8259, 7). */
static void put_escape(struct cursor *cursor, unsigned char byte) {
    static const char letters[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    static const char digits[] = "0123456789abcdef";
    if (byte >= 0x20 || letters[byte] != 0) {
        const char escape[] = {'\\', byte >= 0x20 ? (char)byte : letters[byte]};
        put_bytes(cursor, escape, sizeof(escape));
    } else {
        const char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xF]};
        put_bytes(cursor, escape, sizeof(escape));
    }
}

/* A sequence of UTF-8 that is not plain, or what is none; returns its bytes. */
static size_t put_odd(struct cursor *cursor, const char *text, size_t length) {
    const unsigned char byte = (unsigned char)text[0];
    uint32_t code_point;
    const int bytes = utf8_decode(text, length, &code_point);
    if (bytes <= 0 || byte == 0) {
        fail(cursor, MUSTER_EINVAL);
        return length;
    }
    if (byte < 0x20 || byte == '"' || byte == '\\') {
        put_escape(cursor, byte);
    } else {
        put_bytes(cursor, text, (size_t)bytes);
    }
    return (size_t)bytes;
}

static void put_text(struct cursor *cursor, const char *text, size_t length) {
    PUT(cursor, "\"");
    for (size_t i = 0; i < length;) {
        const size_t plain = utf8_plain_span(text + i, length - i);
        put_bytes(cursor, text + i, plain);
        i += plain;
        i += i < length ? put_odd(cursor, text + i, length - i) : 0;
    }
    PUT(cursor, "\"");
}

static size_t text_length(const struct muster_record *record) {
    return record->text_length != 0 ? record->text_length : strlen(record->text);
}

/* The members below have a comma behind them. */

static void put_text_member(struct cursor *cursor, const char *label, const char *text, size_t length) {
    put_bytes(cursor, label, strlen(label));
    put_text(cursor, text, length);
    PUT(cursor, ",");
}

static void put_number_member(struct cursor *cursor, const char *label, double value) {
    put_bytes(cursor, label, strlen(label));
    put_number(cursor, value);
    PUT(cursor, ",");
}

static void put_millionths_member(struct cursor *cursor, const char *label, int64_t millionths) {
    char text[NUMBER_TEXT_BYTES_MAX];
    put_bytes(cursor, label, strlen(label));
    put_bytes(cursor, text, number_write_millionths(millionths, text));
    PUT(cursor, ",");
}

static void put_value(struct cursor *cursor, const struct muster_record *record) {
    switch (record->kind) {
    case MUSTER_VALUE_NONE: break;
    case MUSTER_VALUE_NUMBER: put_number_member(cursor, "\"v\":", record->number); break;
    case MUSTER_VALUE_TEXT: put_text_member(cursor, "\"vs\":", record->text, text_length(record)); break;
    case MUSTER_VALUE_BOOLEAN:
        PUT(cursor, "\"vb\":");
        put_bytes(cursor, record->boolean ? "true," : "false,", record->boolean ? 5 : 6);
        break;
    case MUSTER_VALUE_DATA:
        if (!senml_is_data(record->text, text_length(record))) {
            fail(cursor, MUSTER_EINVAL);
            return;
        }
        put_text_member(cursor, "\"vd\":", record->text, text_length(record));
        break;
    }
}

/* What says the name, unit, value and sum. */
static void put_reading(struct cursor *cursor, const struct muster_record *record, const char *name) {
    if (name != NULL && name[0] != '\0') {
        put_text_member(cursor, "\"n\":", name, strlen(name));
    }
    if (record->unit != NULL && record->unit[0] != '\0') {
        put_text_member(cursor, "\"u\":", record->unit, strlen(record->unit));
    }
    put_value(cursor, record);
    if (record->has_sum) {
        put_number_member(cursor, "\"s\":", record->sum);
    }
}

static void put_update(struct cursor *cursor, const struct muster_record *record) {
    if (record->update_s != 0) {
        put_number_member(cursor, "\"ut\":", record->update_s);
    }
}

/* A brace in the place of the last comma. */
static void close_record(struct cursor *cursor) {
    if (cursor->fault == 0) {
        assert(cursor->at[-1] == ',');
        cursor->at[-1] = '}';
    }
}

/* 0 for a time that can't be said. */
static int64_t millionths_of(double time_s) {
    return time_s >= MUSTER_TIME_S_MIN && time_s < MUSTER_TIME_S_MAX ? llround(time_s * MILLIONTHS) : 0;
}

static bool takes_offset(const struct senml_writer *writer, int64_t millionths) {
    const int64_t offset = millionths - writer->base_millionths;
    return offset == 0 || (offset >= -OFFSET_MAX && offset <= OFFSET_MAX && millionths >= OFFSET_BEGIN);
}

static bool has_base_name(const struct senml_writer *writer, const char *topic, size_t topic_length,
                          bool is_named) {
    return writer->base_name != 0 && writer->base_name_has_slash == is_named &&
           writer->base_name_length == topic_length &&
           memcmp(writer->bytes + writer->base_name, topic, topic_length) == 0;
}

/* Where it stands counts once the record is whole. */
static size_t put_base_name(struct cursor *cursor, const struct senml_writer *writer, const char *topic,
                            size_t topic_length, bool is_named) {
    PUT(cursor, "\"bn\":\"");
    size_t place = (size_t)(cursor->at - writer->bytes);
    put_bytes(cursor, topic, topic_length); /* no byte of a topic needs an escape */
    if (is_named) {
        PUT(cursor, "/\",");
    } else {
        PUT(cursor, "\",");
    }
    return place;
}

/* Packs that are written in a row have the same base time. */
static void put_base_time(struct cursor *cursor, struct senml_writer *writer, int64_t millionths) {
    if (writer->written_length == 0 || writer->written_millionths != millionths) {
        writer->written_millionths = millionths;
        writer->written_length = number_write_millionths(millionths, writer->written);
    }
    PUT(cursor, "\"bt\":");
    put_bytes(cursor, writer->written, writer->written_length);
    PUT(cursor, ",");
}

void senml_writer_begin(struct senml_writer *writer, char *bytes, size_t size) {
    assert(size >= 2);
    writer->bytes = bytes;
    writer->size = size;
    writer->length = 1;
    writer->base_millionths = 0;
    writer->base_name = 0;
    bytes[0] = '[';
}

int senml_writer_add(struct senml_writer *writer, const char *topic, size_t topic_length,
                     const struct muster_record *record, double time_s) {
    struct cursor cursor = {writer->bytes + writer->length, writer->bytes + writer->size - 1, 0};
    const bool is_named = record->name != NULL && record->name[0] != '\0';
    const int64_t millionths = millionths_of(time_s);
    const bool is_offset = takes_offset(writer, millionths);
    size_t base_name = 0;
    if (writer->length > 1) {
        PUT(&cursor, ",");
    }
    PUT(&cursor, "{");
    if (!has_base_name(writer, topic, topic_length, is_named)) {
        base_name = put_base_name(&cursor, writer, topic, topic_length, is_named);
    }
    if (!is_offset) {
        put_base_time(&cursor, writer, millionths);
    }
    put_reading(&cursor, record, record->name);
    if (is_offset && millionths != writer->base_millionths) {
        put_millionths_member(&cursor, "\"t\":", millionths - writer->base_millionths);
    }
    put_update(&cursor, record);
    close_record(&cursor);
    if (cursor.fault != 0) {
        return cursor.fault;
    }
    if (base_name != 0) {
        writer->base_name = base_name;
        writer->base_name_length = topic_length;
        writer->base_name_has_slash = is_named;
    }
    writer->base_millionths = is_offset ? writer->base_millionths : millionths;
    writer->length = (size_t)(cursor.at - writer->bytes);
    return 0;
}

size_t senml_writer_end(struct senml_writer *writer) {
    writer->bytes[writer->length] = ']';
    return writer->length + 1;
}

int muster_record_print(const struct muster_record *record, const char *name, char *text, size_t size) {
    struct cursor cursor = {text, text + size, 0};
    PUT(&cursor, "{");
    put_reading(&cursor, record, name != NULL ? name : record->name);
    const int64_t millionths = millionths_of(record->time_s);
    if (record->time_s != 0) {
        if (millionths != 0) {
            put_millionths_member(&cursor, "\"t\":", millionths);
        } else {
            put_number_member(&cursor, "\"t\":", record->time_s);
        }
    }
    put_update(&cursor, record);
    if (cursor.fault == 0 && cursor.at == text + 1) {
        return MUSTER_EINVAL; /* nothing is said */
    }
    close_record(&cursor);
    return cursor.fault != 0 ? cursor.fault : (int)(cursor.at - text);
}

/* ---- what can't be published ---- */

/* Why a text of a value is none; NULL when it is one. */
static const char *text_fault(const char *text, size_t length) {
    for (size_t i = utf8_plain_span(text, length); i < length;) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte == 0) {
            return "a text has no NUL";
        }
        uint32_t code_point;
        const int bytes = byte < 0x80 ? 1 : utf8_decode(text + i, length - i, &code_point);
        if (bytes <= 0) {
            return "a text is UTF-8";
        }
        i += (size_t)bytes;
        i += utf8_plain_span(text + i, length - i);
    }
    return NULL;
}

static const char *unit_fault(const char *unit) {
    const size_t length = strnlen(unit, MUSTER_NAME_BYTES_MAX + 1);
    if (length > MUSTER_NAME_BYTES_MAX) {
        _Static_assert(MUSTER_NAME_BYTES_MAX == 63, "the text");
        return "a unit has at most 63 bytes";
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)unit[i] < 0x20 || unit[i] == 0x7F) {
            return "a unit has no control characters";
        }
    }
    return text_fault(unit, length) == NULL ? NULL : "a unit is UTF-8";
}

bool senml_is_data(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        const char byte = text[i];
        const bool is_letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '-' && byte != '_') {
            return false;
        }
    }
    return length % 4 != 1;
}

static const char *value_fault(const struct muster_record *record) {
    switch (record->kind) {
    case MUSTER_VALUE_NONE: return record->has_sum ? NULL : "a record has a value or a sum";
    case MUSTER_VALUE_NUMBER: return isfinite(record->number) ? NULL : "a number is finite";
    case MUSTER_VALUE_BOOLEAN: return NULL;
    case MUSTER_VALUE_TEXT:
        return record->text == NULL ? "a text is needed" : text_fault(record->text, text_length(record));
    case MUSTER_VALUE_DATA:
        return record->text != NULL && senml_is_data(record->text, text_length(record))
                   ? NULL
                   : "data is base64 with the URL safe alphabet, without padding";
    }
    return "a value is a number, a text, a boolean or data";
}

const char *muster_record_fault(const struct muster_record *record) {
    const char *fault =
        record->name == NULL || record->name[0] == '\0' ? NULL : topic_name_fault(record->name);
    if (fault == NULL && record->unit != NULL) {
        fault = unit_fault(record->unit);
    }
    if (fault == NULL) {
        fault = value_fault(record);
    }
    if (fault != NULL) {
        return fault;
    }
    if (record->has_sum && !isfinite(record->sum)) {
        return "a sum is finite";
    }
    if (record->time_s != 0 && !(record->time_s >= MUSTER_TIME_S_MIN && record->time_s < MUSTER_TIME_S_MAX)) {
        return "a time is 0, or in seconds since 1970 from 268435456 (1978) to 8589934592 (2242)";
    }
    return isfinite(record->update_s) && record->update_s >= 0 ? NULL
                                                               : "an update time is finite and not negative";
}
