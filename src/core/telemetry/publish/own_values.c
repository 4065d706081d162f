/* SPDX-License-Identifier: MIT */
#include "own_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "message.h"
#include "senml.h"

/* Bytes of a line besides its text: names, a unit, numbers. */
#define OTHER_BYTES 1024

/* A byte of a text takes so many at most: as an escape. */
#define ESCAPE_BYTES 6

static void drop(struct own_values *values, struct own_value *value) {
    DL_DELETE(values->items, value);
    values->bytes -= sizeof *value + value->length;
    free(value);
}

void own_values_deinit(struct own_values *values) {
    while (values->items != NULL) {
        drop(values, values->items);
    }
}

const struct own_value *own_values_find(const struct own_values *values,
                                        const uint8_t hash[MUSTER_HASH_BYTES]) {
    const struct own_value *value;
    DL_FOREACH(values->items, value) {
        if (memcmp(value->hash, hash, MUSTER_HASH_BYTES) == 0) {
            return value;
        }
    }
    return NULL;
}

/* The most that the line of a record may take, its LF included; 0 where its text is too long. */
static size_t room_for(const struct muster_record *record) {
    size_t length = record->text_length != 0 ? record->text_length : strlen(record->text);
    bool is_data = record->kind == MUSTER_VALUE_DATA; /* three octets in four characters */
    size_t octets = is_data ? length / 4 * 3 + length % 4 * 3 / 4 : length;
    size_t room = length * (is_data ? 1 : ESCAPE_BYTES) + OTHER_BYTES;
    if (octets > MUSTER_LARGE_BYTES_MAX) {
        return 0;
    }
    return room < MUSTER_VALUE_LINE_BYTES_MAX ? room : MUSTER_VALUE_LINE_BYTES_MAX;
}

/* Writes the line. MUSTER_ETOOBIG, MUSTER_EINVAL, MUSTER_ENOMEM. */
static int write_line(const char *topic, const struct muster_record *record, double time_s,
                      struct own_value **written) {
    struct senml_writer writer = {0};
    size_t room = room_for(record);
    struct own_value *value = room == 0 ? NULL : malloc(sizeof *value + room);
    if (value == NULL) {
        return room == 0 ? MUSTER_ETOOBIG : MUSTER_ENOMEM;
    }
    senml_writer_begin(&writer, (char *)value->line, room - 1);
    int error = senml_writer_add(&writer, topic, strlen(topic), record, time_s);
    if (error != 0) {
        free(value);
        return error;
    }
    value->length = senml_writer_end(&writer) + 1;
    value->line[value->length - 1] = '\n';
    struct own_value *smaller = realloc(value, sizeof *value + value->length);
    *written = smaller == NULL ? value : smaller;
    return 0;
}

int own_values_add(struct own_values *values, const char *topic, const struct muster_record *record,
                   double time_s, struct value_ref *ref) {
    struct own_value *value;
    bool has_text = record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA;
    int error = has_text ? write_line(topic, record, time_s, &value) : MUSTER_ETOOBIG;
    if (error != 0) {
        return error;
    }
    message_hash_body(value->line, value->length, value->hash);
    struct own_value *same = (struct own_value *)own_values_find(values, value->hash);
    if (same != NULL) {
        drop(values, same);
    }
    DL_APPEND(values->items, value);
    values->bytes += sizeof *value + value->length;
    while (values->bytes > MUSTER_VALUES_KEPT_BYTES_MAX) {
        drop(values, values->items);
    }
    *ref = (struct value_ref){.size = value->length, .time_s = time_s};
    memcpy(ref->hash, value->hash, sizeof ref->hash);
    bool is_named = record->name != NULL && record->name[0] != '\0';
    snprintf(ref->name, sizeof ref->name, "%s%s%s", topic, is_named ? "/" : "", is_named ? record->name : "");
    return 0;
}
