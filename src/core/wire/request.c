/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "document.h"
#include "lists.h"
#include "member.h"

/* A request lists at most so many interfaces. */
#define INTERFACES_MAX MUSTER_PATHS_MAX

static const char *const kind_names[REQUEST_KINDS] = {"table", "document", "watch",   "stats",
                                                      "self",  "update",   "samples", "publish"};
static const struct name_table kinds = NAME_TABLE(kind_names);

#define END_NAME(NAME, name, text) name,
#define END_TEXT(NAME, name, text) text,
static const char *const end_names[] = {REQUEST_ENDS(END_NAME)};
static const char *const end_texts[] = {REQUEST_ENDS(END_TEXT)};
const struct name_table request_end_names = NAME_TABLE(end_names);

const char *request_end_text(enum request_end end) {
    return end_texts[end];
}

/* ---- writing ---- */

/* An array of texts. */
static void put_texts(struct document *document, document_node_t *parent, const char *name,
                      const char *const *texts, size_t count) {
    document_node_t *array = document_put_array(document, parent, name);
    for (size_t i = 0; i < count; i++) {
        document_put_text(document, array, NULL, texts[i]);
    }
}

static void put_conditions(struct document *document, const struct request *request) {
    member_put_count(document, NULL, "port", request->port);
    if (request->network != NULL) {
        document_put_text(document, NULL, "network", request->network);
    }
    if (request->interfaces != NULL) {
        put_texts(document, NULL, "interfaces", request->interfaces, request->interface_count);
    }
}

static void put_wanted(struct document *document, const struct request *request) {
    member_put_hex(document, NULL, "id", request->id, sizeof request->id);
    member_put_hex(document, NULL, "hash", request->hash, sizeof request->hash);
}

static void put_change(struct document *document, const struct muster_change *change) {
    const struct muster_document set = {.services = change->services,
                                        .service_count = change->service_count,
                                        .attrs = change->attrs,
                                        .attr_count = change->attr_count};
    const struct muster_document removed = {.services = change->removed_services,
                                            .service_count = change->removed_service_count};
    document_node_t *object = document_put_object(document, NULL, "set");
    if (change->name != NULL) {
        document_put_text(document, object, "name", change->name);
    }
    lists_put(document, object, &set);
    object = document_put_object(document, NULL, "remove");
    lists_put(document, object, &removed);
    put_texts(document, object, "attrs", change->removed_attrs, change->removed_attr_count);
}

static void put_samples(struct document *document, const struct request *request) {
    put_texts(document, NULL, "patterns", request->patterns, request->pattern_count);
    member_put_count(document, NULL, "since_ms", request->since_ms);
    if (request->follows) {
        document_put_bool(document, NULL, "follow", true);
    }
}

/* False without memory. */
static bool put_value(struct document *document, document_node_t *object,
                      const struct muster_record *record) {
    const char *begin = record->text == NULL ? "" : record->text;
    char *text = record->text_length == 0 ? strdup(begin) : strndup(begin, record->text_length);
    if (text == NULL) {
        return false;
    }
    switch (record->kind) {
    case MUSTER_VALUE_NUMBER: document_put_number(document, object, "v", record->number); break;
    case MUSTER_VALUE_TEXT: document_put_text(document, object, "vs", text); break;
    case MUSTER_VALUE_BOOLEAN: document_put_bool(document, object, "vb", record->boolean); break;
    case MUSTER_VALUE_DATA: document_put_text(document, object, "vd", text); break;
    case MUSTER_VALUE_NONE: break;
    }
    free(text);
    return true;
}

/* False without memory. */
static bool put_publish(struct document *document, const struct request *request) {
    const struct muster_record *record = &request->record;
    document_put_text(document, NULL, "topic", request->topic);
    document_node_t *object = document_put_object(document, NULL, "record");
    if (record->name != NULL && record->name[0] != '\0') {
        document_put_text(document, object, "n", record->name);
    }
    if (record->unit != NULL && record->unit[0] != '\0') {
        document_put_text(document, object, "u", record->unit);
    }
    bool is_put = put_value(document, object, record);
    if (record->has_sum) {
        document_put_number(document, object, "s", record->sum);
    }
    if (record->time_s != 0) {
        document_put_number(document, object, "t", record->time_s);
    }
    if (record->update_s != 0) {
        document_put_number(document, object, "ut", record->update_s);
    }
    if (request->retains) {
        document_put_bool(document, NULL, "retain", true);
    }
    return is_put;
}

int request_encode(const struct request *request, char **line, size_t *length) {
    struct document document;
    bool is_put = true;
    document_init(&document);
    document_put_integer(&document, NULL, "muster", 1);
    document_put_text(&document, NULL, "request", name_get(&kinds, request->kind));
    put_conditions(&document, request);
    if (request->deflates) {
        document_put_bool(&document, NULL, "deflate", true);
    }
    if (request->kind == REQUEST_TABLE && request->name != NULL) {
        document_put_text(&document, NULL, "name", request->name);
    } else if (request->kind == REQUEST_DOCUMENT) {
        put_wanted(&document, request);
    } else if (request->kind == REQUEST_UPDATE) {
        put_change(&document, &request->change);
    } else if (request->kind == REQUEST_SAMPLES) {
        put_samples(&document, request);
    } else if (request->kind == REQUEST_PUBLISH) {
        is_put = put_publish(&document, request);
    }
    size_t bytes_max = request->kind == REQUEST_UPDATE    ? MUSTER_REQUEST_LOCAL_BYTES_MAX
                       : request->kind == REQUEST_PUBLISH ? MUSTER_REQUEST_OWN_BYTES_MAX
                                                          : MUSTER_REQUEST_BYTES_MAX;
    uint8_t *bytes = NULL;
    int error = member_print(&document, bytes_max, &bytes, length);
    if (error == 0 && !is_put) {
        free(bytes);
        bytes = NULL;
        error = MUSTER_ENOMEM;
    }
    *line = (char *)bytes;
    return error;
}

/* ---- reading: what returns false left the member that is at fault in the reader, and why ---- */

struct request_reader {
    struct request *request;
    const char *member;
    enum muster_drop reason;
};

static const document_node_t *find(struct request_reader *reader, const char *member) {
    reader->member = member;
    return document_member(reader->request->tree, member);
}

/* An array of texts. */
static bool read_texts(struct request_reader *reader, const document_node_t *array, size_t bytes_max,
                       const char *const **texts, size_t *count) {
    const char **items = calloc(document_count(array) + 1, sizeof *items);
    *texts = items;
    if (items == NULL) {
        return member_refuse(&reader->reason, MUSTER_DROP_MEMORY);
    }
    for (const document_node_t *e = document_first(array); e != NULL; e = document_next(e)) {
        if (!member_text(e, 0, bytes_max, &items[(*count)++], &reader->reason)) {
            return false;
        }
    }
    return true;
}

/* One of count_min to count_max texts. */
static bool read_list(struct request_reader *reader, const char *name, size_t count_min, size_t count_max,
                      size_t bytes_max, const char *const **texts, size_t *count) {
    const document_node_t *array = find(reader, name);
    if (!member_require(array, DOCUMENT_ARRAY, &reader->reason)) {
        return false;
    }
    if (document_count(array) < count_min || document_count(array) > count_max) {
        return member_refuse(&reader->reason, MUSTER_DROP_RANGE);
    }
    return read_texts(reader, array, bytes_max, texts, count);
}

/* An integer that may be left out. */
static bool read_integer(struct request_reader *reader, const char *name, uint64_t max, uint64_t *value) {
    reader->member = name;
    return member_optional_integer(reader->request->tree, name, 1, max, value, &reader->reason);
}

static bool read_conditions(struct request_reader *reader) {
    struct request *request = reader->request;
    uint64_t port = 0;
    if (!read_integer(reader, "port", UINT16_MAX, &port)) {
        return false;
    }
    request->port = (uint16_t)port;
    const document_node_t *network = find(reader, "network");
    if (network != NULL &&
        !member_text(network, 0, MUSTER_NETWORK_NAME_BYTES - 1, &request->network, &reader->reason)) {
        return false;
    }
    return find(reader, "interfaces") == NULL ||
           read_list(reader, "interfaces", 0, INTERFACES_MAX, MUSTER_INTERFACE_NAME_BYTES - 1,
                     &request->interfaces, &request->interface_count);
}

static bool read_deflate(struct request_reader *reader) {
    const document_node_t *deflate = find(reader, "deflate");
    reader->request->deflates = document_bool(deflate);
    return member_allow(deflate, DOCUMENT_BOOL, &reader->reason);
}

static bool read_table(struct request_reader *reader) {
    const document_node_t *name = find(reader, "name");
    return name == NULL ||
           member_text(name, 1, MUSTER_NAME_BYTES_MAX, &reader->request->name, &reader->reason);
}

static bool read_wanted(struct request_reader *reader) {
    struct request *request = reader->request;
    return member_hex(find(reader, "id"), request->id, sizeof request->id, &reader->reason) &&
           member_hex(find(reader, "hash"), request->hash, sizeof request->hash, &reader->reason);
}

static bool read_set(struct request_reader *reader) {
    struct muster_change *change = &reader->request->change;
    struct muster_document lists = {0};
    const document_node_t *set = find(reader, "set");
    const document_node_t *name = document_member(set, "name");
    if (!member_allow(set, DOCUMENT_OBJECT, &reader->reason) ||
        !member_allow(name, DOCUMENT_TEXT, &reader->reason) ||
        !lists_read(set, LISTS_SERVICES | LISTS_ATTRS, &lists, &reader->request->set_arrays,
                    &reader->reason)) {
        return false;
    }
    change->name = document_text(name);
    change->services = lists.services;
    change->service_count = lists.service_count;
    change->attrs = lists.attrs;
    change->attr_count = lists.attr_count;
    return true;
}

static bool read_remove(struct request_reader *reader) {
    struct muster_change *change = &reader->request->change;
    struct muster_document lists = {0};
    const document_node_t *removed = find(reader, "remove");
    const document_node_t *attrs = document_member(removed, "attrs");
    if (!member_allow(removed, DOCUMENT_OBJECT, &reader->reason) ||
        !lists_read(removed, LISTS_SERVICES, &lists, &reader->request->removed_arrays, &reader->reason)) {
        return false;
    }
    change->removed_services = lists.services;
    change->removed_service_count = lists.service_count;
    return member_allow(attrs, DOCUMENT_ARRAY, &reader->reason) &&
           read_texts(reader, attrs, MUSTER_NAME_BYTES_MAX, &change->removed_attrs,
                      &change->removed_attr_count);
}

static bool are_patterns(const struct request *request) {
    for (size_t i = 0; i < request->pattern_count; i++) {
        if (muster_pattern_fault(request->patterns[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static bool read_samples(struct request_reader *reader) {
    struct request *request = reader->request;
    if (!read_integer(reader, "since_ms", MUSTER_SINCE_MS_MAX, &request->since_ms)) {
        return false;
    }
    const document_node_t *follow = find(reader, "follow");
    request->follows = document_bool(follow);
    return member_allow(follow, DOCUMENT_BOOL, &reader->reason) &&
           read_list(reader, "patterns", 1, MUSTER_PATTERNS_MAX, MUSTER_PATTERN_BYTES_MAX, &request->patterns,
                     &request->pattern_count) &&
           (are_patterns(request) || member_refuse(&reader->reason, MUSTER_DROP_RANGE));
}

/* A number that may be left out. */
static bool read_number(struct request_reader *reader, const document_node_t *record, const char *name,
                        double *number, bool *is_there) {
    const document_node_t *node = document_member(record, name);
    *is_there = node != NULL;
    return node == NULL || document_number(node, number) || member_refuse(&reader->reason, MUSTER_DROP_TYPE);
}

/* A text that may be left out. */
static bool read_text(struct request_reader *reader, const document_node_t *record, const char *name,
                      const char **text) {
    const document_node_t *node = document_member(record, name);
    return node == NULL || member_text(node, 0, MUSTER_VALUE_LINE_BYTES_MAX, text, &reader->reason);
}

/* One of `v`, `vs`, `vb`, `vd`, or none. */
static bool read_value(struct request_reader *reader, const document_node_t *object,
                       struct muster_record *record) {
    const document_node_t *boolean = document_member(object, "vb");
    const char *text = NULL;
    const char *data = NULL;
    bool is_number;
    if (!read_number(reader, object, "v", &record->number, &is_number) ||
        !read_text(reader, object, "vs", &text) || !read_text(reader, object, "vd", &data) ||
        !member_allow(boolean, DOCUMENT_BOOL, &reader->reason)) {
        return false;
    }
    record->kind = is_number         ? MUSTER_VALUE_NUMBER
                   : text != NULL    ? MUSTER_VALUE_TEXT
                   : boolean != NULL ? MUSTER_VALUE_BOOLEAN
                   : data != NULL    ? MUSTER_VALUE_DATA
                                     : MUSTER_VALUE_NONE;
    record->text = text != NULL ? text : data;
    record->boolean = document_bool(boolean);
    return is_number + (text != NULL) + (data != NULL) + (boolean != NULL) <= 1 ||
           member_refuse(&reader->reason, MUSTER_DROP_RANGE);
}

static bool read_record(struct request_reader *reader) {
    struct muster_record *record = &reader->request->record;
    const document_node_t *object = find(reader, "record");
    bool is_there;
    return member_require(object, DOCUMENT_OBJECT, &reader->reason) &&
           read_text(reader, object, "n", &record->name) && read_text(reader, object, "u", &record->unit) &&
           read_value(reader, object, record) &&
           read_number(reader, object, "s", &record->sum, &record->has_sum) &&
           read_number(reader, object, "t", &record->time_s, &is_there) &&
           read_number(reader, object, "ut", &record->update_s, &is_there) &&
           (muster_record_fault(record) == NULL || member_refuse(&reader->reason, MUSTER_DROP_RANGE));
}

static bool read_publish(struct request_reader *reader) {
    const document_node_t *retain = find(reader, "retain");
    reader->request->retains = document_bool(retain);
    if (!member_allow(retain, DOCUMENT_BOOL, &reader->reason)) {
        return false;
    }
    const document_node_t *topic = find(reader, "topic");
    return member_text(topic, 1, MUSTER_TOPIC_BYTES_MAX, &reader->request->topic, &reader->reason) &&
           (muster_topic_fault(reader->request->topic) == NULL ||
            member_refuse(&reader->reason, MUSTER_DROP_RANGE)) &&
           read_record(reader);
}

static bool read_kind(struct request_reader *reader) {
    uint64_t version;
    if (!document_integer(find(reader, "muster"), &version) || version != 1) {
        return member_refuse(&reader->reason, MUSTER_DROP_VERSION);
    }
    const document_node_t *name = find(reader, "request");
    int kind = name_find(&kinds, document_text(name));
    reader->request->kind = kind < 0 ? REQUEST_TABLE : (enum request_kind)kind;
    return member_require(name, DOCUMENT_TEXT, &reader->reason) &&
           (kind >= 0 || member_refuse(&reader->reason, MUSTER_DROP_KIND));
}

static bool read_members(struct request_reader *reader) {
    if (!read_kind(reader) || !read_conditions(reader) || !read_deflate(reader)) {
        return false;
    }
    switch (reader->request->kind) {
    case REQUEST_DOCUMENT: return read_wanted(reader);
    case REQUEST_UPDATE: return read_set(reader) && read_remove(reader);
    case REQUEST_SAMPLES: return read_samples(reader);
    case REQUEST_PUBLISH: return read_publish(reader);
    case REQUEST_TABLE: return read_table(reader);
    case REQUEST_WATCH:
    case REQUEST_STATS:
    case REQUEST_SELF: break;
    }
    return true;
}

static enum request_end end_of(enum muster_drop reason, enum request_end other) {
    if (reason == MUSTER_DROP_MEMORY) {
        return REQUEST_END_MEMORY;
    }
    return reason == MUSTER_DROP_KIND ? REQUEST_END_UNKNOWN : other;
}

enum request_end request_decode(const char *line, size_t length, struct request *request,
                                const char **member) {
    struct request_reader reader = {.request = request};
    *request = (struct request){0};
    *member = NULL;
    request->tree = member_parse_large(line, length, &reader.reason);
    if (request->tree == NULL) {
        return end_of(reader.reason, REQUEST_END_SYNTAX);
    }
    enum request_end end = REQUEST_END_SYNTAX;
    if (document_type(request->tree) == DOCUMENT_OBJECT) {
        end = read_members(&reader) ? REQUEST_END_DONE : end_of(reader.reason, REQUEST_END_INVALID);
    }
    *member = end == REQUEST_END_INVALID ? reader.member : NULL;
    if (end != REQUEST_END_DONE) {
        request_deinit(request);
    }
    return end;
}

void request_deinit(struct request *request) {
    free((void *)request->interfaces);
    free((void *)request->change.removed_attrs);
    free((void *)request->patterns);
    free(request->set_arrays);
    free(request->removed_arrays);
    document_free(request->tree);
    *request = (struct request){0};
}
