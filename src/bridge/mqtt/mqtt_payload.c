/* SPDX-License-Identifier: MIT */
#include "mqtt_payload.h"

#include <string.h>

#include "document.h"
#include "number.h"
#include "scan.h"
#include "utf8.h"

const char *mqtt_payload_word(size_t i) {
    static const char *const words[] = {"senml", "json", "value", NULL};
    return words[i];
}

/* ---- writing ---- */

/* The record as SenML is an object whose end takes one member more. */
static const char *write_senml(const struct muster_record *record, const struct reading_ref *ref, char *text,
                               size_t size, size_t *length) {
    char ref_text[READING_REF_TEXT_BYTES];
    const int bytes = muster_record_print(record, NULL, text + 1, size - READING_REF_TEXT_BYTES - 16);
    if (bytes < 0) {
        return muster_error_text(bytes);
    }
    char *end = text + bytes; /* its brace */
    text[0] = '[';
    reading_ref_text(ref, ref_text);
    *length =
        (size_t)(end - text) +
        (size_t)(ref_text[0] != '\0' ? sprintf(end, ",\"ref\":\"%s\"}]", ref_text) : sprintf(end, "}]"));
    return NULL;
}

static void put_value(struct document *document, const struct muster_record *record) {
    switch (record->kind) {
    case MUSTER_VALUE_NUMBER: document_put_number(document, NULL, "value", record->number); break;
    case MUSTER_VALUE_TEXT: document_put_text(document, NULL, "value", record->text); break;
    case MUSTER_VALUE_BOOLEAN: document_put_bool(document, NULL, "value", record->boolean); break;
    case MUSTER_VALUE_DATA: document_put_text(document, NULL, "data", record->text); break;
    case MUSTER_VALUE_NONE: break;
    }
    if (record->has_sum) {
        document_put_number(document, NULL, "sum", record->sum);
    }
}

static const char *write_json(const struct muster_record *record, const struct reading_ref *ref, char *text,
                              size_t size, size_t *length) {
    char ref_text[READING_REF_TEXT_BYTES];
    struct document document;
    document_init(&document);
    put_value(&document, record);
    if (record->unit != NULL && record->unit[0] != '\0') {
        document_put_text(&document, NULL, "unit", record->unit);
    }
    if (record->time_s > 0) {
        document_put_number(&document, NULL, "time", record->time_s);
    }
    if (reading_ref_text(ref, ref_text)[0] != '\0') {
        document_put_text(&document, NULL, "ref", ref_text);
    }
    const int bytes = document_print(&document, text, size);
    document_deinit(&document);
    *length = bytes < 0 ? 0 : (size_t)bytes;
    return bytes < 0 ? muster_error_text(MUSTER_ENOMEM) : NULL;
}

static const char *write_value(const struct muster_record *record, char *text, size_t size, size_t *length) {
    switch (record->kind) {
    case MUSTER_VALUE_NUMBER: *length = number_write(record->number, text); break;
    case MUSTER_VALUE_BOOLEAN:
        *length = (size_t)sprintf(text, "%s", record->boolean ? "true" : "false");
        break;
    case MUSTER_VALUE_TEXT:
    case MUSTER_VALUE_DATA: *length = (size_t)snprintf(text, size, "%s", record->text); break;
    case MUSTER_VALUE_NONE: *length = 0; break;
    }
    text[*length] = '\0';
    return *length == 0 ? "an empty message would be none" : NULL;
}

const char *mqtt_payload_write(enum mqtt_payload kind, const struct muster_record *record,
                               const struct reading_ref *ref, char *text, size_t size, size_t *length) {
    return kind == MQTT_PAYLOAD_SENML  ? write_senml(record, ref, text, size, length)
           : kind == MQTT_PAYLOAD_JSON ? write_json(record, ref, text, size, length)
                                       : write_value(record, text, size, length);
}

/* ---- reading ---- */

static document_node_t *parse(const char *bytes, size_t length) {
    return scan_value(bytes, length, NULL) == SCAN_OK ? document_parse(bytes, length) : NULL;
}

static void take_ref(struct mqtt_payload_reader *reader, const document_node_t *object) {
    const char *ref = document_text(document_member(object, "ref"));
    if (ref != NULL) {
        reading_ref_parse(ref, strlen(ref), &reader->ref);
    }
}

static bool is_json(const document_node_t *object) {
    return document_member(object, "value") != NULL || document_member(object, "data") != NULL ||
           document_member(object, "sum") != NULL;
}

void mqtt_payload_open(struct mqtt_payload_reader *reader, const char *name, const char *bytes, size_t length,
                       double now_s) {
    reader->ref = (struct reading_ref){.seq = 0};
    reader->name = name;
    reader->bytes = bytes;
    reader->length = length;
    reader->is_pack = false;
    reader->is_over = false;
    if (length == 0 || (bytes[0] != '[' && bytes[0] != '{')) {
        return;
    }
    document_node_t *root = parse(bytes, length);
    const document_node_t *object = document_type(root) == DOCUMENT_ARRAY ? document_first(root) : root;
    take_ref(reader, object);
    reader->is_pack = document_type(root) == DOCUMENT_ARRAY || !is_json(root);
    document_free(root);
    if (reader->is_pack) {
        char base[MUSTER_FULL_NAME_BYTES_MAX + 2];
        muster_pack_open(&reader->pack, bytes, length, now_s);
        snprintf(base, sizeof(base), "%s/", name);
        (void)muster_pack_base(&reader->pack, base); /* where it is too long, names stand as they are */
    }
}

/* Takes the value of a member of JSON. */
static int read_member(struct mqtt_payload_reader *reader, const document_node_t *root,
                       struct muster_record *record) {
    const document_node_t *value = document_member(root, "value");
    const char *data = document_text(document_member(root, "data"));
    const char *text = data != NULL ? data : document_text(value);
    if (text != NULL && strlen(text) < sizeof(reader->text)) {
        record->kind = data != NULL ? MUSTER_VALUE_DATA : MUSTER_VALUE_TEXT;
        record->text = strcpy(reader->text, text);
    } else if (document_type(value) == DOCUMENT_BOOL) {
        record->kind = MUSTER_VALUE_BOOLEAN;
        record->boolean = document_bool(value);
    } else if (document_number(value, &record->number)) {
        record->kind = MUSTER_VALUE_NUMBER;
    }
    record->has_sum = document_number(document_member(root, "sum"), &record->sum);
    return record->kind != MUSTER_VALUE_NONE || record->has_sum ? 1 : -1;
}

static int read_json(struct mqtt_payload_reader *reader, struct muster_record *record) {
    document_node_t *root = parse(reader->bytes, reader->length);
    const char *unit = document_text(document_member(root, "unit"));
    const int result = root != NULL ? read_member(reader, root, record) : -1;
    if (unit != NULL && strlen(unit) < sizeof(reader->unit)) {
        record->unit = strcpy(reader->unit, unit);
    }
    if (!document_number(document_member(root, "time"), &record->time_s)) {
        record->time_s = 0;
    }
    document_free(root);
    return result;
}

static int read_value(struct mqtt_payload_reader *reader, struct muster_record *record) {
    const char *at = reader->bytes;
    const char *end = at + reader->length;
    if (number_read(&at, end, &record->number) == NUMBER_OK && at == end) {
        record->kind = MUSTER_VALUE_NUMBER;
        return 1;
    }
    if (reader->length >= sizeof(reader->text) || memchr(reader->bytes, '\0', reader->length) != NULL) {
        return -1;
    }
    memcpy(reader->text, reader->bytes, reader->length);
    reader->text[reader->length] = '\0';
    const bool is_true = strcmp(reader->text, "true") == 0;
    if (is_true || strcmp(reader->text, "false") == 0) {
        record->kind = MUSTER_VALUE_BOOLEAN;
        record->boolean = is_true;
        return 1;
    }
    record->kind = MUSTER_VALUE_TEXT;
    record->text = reader->text;
    return utf8_is_valid(reader->text) ? 1 : -1;
}

/* What is left of a name of SenML below the given one, which it may begin with, too. NULL for another's. */
static const char *name_below(const char *name, const char *given) {
    const size_t length = strlen(given);
    for (int i = 0; i < 2 && strncmp(name, given, length) == 0; i++) {
        const char *rest = name + length;
        if (rest[0] == '\0') {
            return "";
        }
        if (rest[0] != '/') {
            break;
        }
        name = rest + 1;
        if (i == 1 || strncmp(name, given, length) != 0 || (name[length] != '\0' && name[length] != '/')) {
            return name;
        }
    }
    return NULL;
}

static int read_pack(struct mqtt_payload_reader *reader, struct muster_record *record, const char **fault) {
    const int result = muster_pack_next(&reader->pack, record);
    if (result < 0) {
        *fault = muster_pack_fault(&reader->pack, NULL);
        return -1;
    }
    record->name = result == 1 ? name_below(record->name, reader->name) : "";
    *fault = "it names another reading than its topic";
    return record->name != NULL ? result : -1;
}

int mqtt_payload_next(struct mqtt_payload_reader *reader, struct muster_record *record, const char **fault) {
    *record = (struct muster_record){.name = ""};
    if (reader->is_pack) {
        return read_pack(reader, record, fault);
    }
    if (reader->is_over) {
        return 0;
    }
    reader->is_over = true;
    *fault = "it is no reading";
    return reader->length > 0 && reader->bytes[0] == '{' ? read_json(reader, record)
                                                         : read_value(reader, record);
}
