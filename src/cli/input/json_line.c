/* SPDX-License-Identifier: MIT */
#include "json_line.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "document.h"
#include "number.h"
#include "scan.h"

/* Values in one line. */
#define NODES_MAX 16384

/* What a pack is printed in: an object of one member. */
#define PRINTED_BEGIN "{\"pack\":"
#define PRINTED_END "}"

#define EXACT_INTEGER 9007199254740992.0 /* 2^53 */

static enum json_line_result bad(struct reading_fault *fault) {
    fault->line = 0;
    fault->column = 0;
    return JSON_LINE_BAD;
}

static bool is_json(const char *line, size_t length) {
    size_t at = 0;
    while (at < length && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r')) {
        at++;
    }
    return at < length && (line[at] == '{' || line[at] == '[');
}

/* ---- flattening ---- */

struct flattening {
    const document_node_t *root;
    const char *text; /* that it was parsed from */
    size_t length;
    struct document document;
    document_node_t *pack;
    double time_s;
    char name[MUSTER_FULL_NAME_BYTES_MAX + 1]; /* of the value at hand */
    struct reason *reason;
};

static bool add_values(struct flattening *flattening, const document_node_t *node);

/* One level more. False with a reason. */
static bool add_below(struct flattening *flattening, const document_node_t *node, const char *level) {
    const size_t before = strlen(flattening->name);
    const size_t room = sizeof(flattening->name) - before;
    const char *slash = before == 0 ? "" : "/";
    if ((size_t)snprintf(flattening->name + before, room, "%s%s", slash, level) >= room) {
        reason_set(flattening->reason, "a name that is too long below '%.64s'", flattening->name);
        return false;
    }
    const char *fault =
        strchr(level, '/') != NULL ? "a level of a name has no slash" : muster_topic_fault(flattening->name);
    if (fault != NULL) {
        reason_set(flattening->reason, "%s, got '%.64s'", fault, flattening->name);
        return false;
    }
    const bool is_good = add_values(flattening, node);
    flattening->name[before] = '\0';
    return is_good;
}

static bool add_members(struct flattening *flattening, const document_node_t *parent) {
    char place[16];
    size_t count = 0;
    for (const document_node_t *node = document_first(parent); node != NULL; node = document_next(node)) {
        const char *name = document_name(node);
        snprintf(place, sizeof(place), "%zu", count++);
        if (!add_below(flattening, node, name != NULL ? name : place)) {
            return false;
        }
    }
    return true;
}

/* Digits that a double would change stay text. */
static void put_number(struct flattening *flattening, document_node_t *record, const document_node_t *node) {
    double number = 0;
    const bool is_number = document_number(node, &number);
    if (is_number && !(fabs(number) > EXACT_INTEGER && number == floor(number))) {
        document_put_number(&flattening->document, record, "v", number);
        return;
    }
    char literal[SCAN_NUMBER_BYTES_MAX + 1];
    const char *at =
        flattening->text + document_offset(flattening->root, node, flattening->text, flattening->length);
    const size_t digits = strspn(at, "-+.eE0123456789");
    snprintf(literal, sizeof(literal), "%.*s", (int)digits, at);
    const bool is_integer = strcspn(literal, ".eE") == strlen(literal);
    if (is_integer || !is_number) {
        document_put_text(&flattening->document, record, "vs", literal);
    } else {
        document_put_number(&flattening->document, record, "v", number);
    }
}

static bool add_values(struct flattening *flattening, const document_node_t *node) {
    const enum document_type type = document_type(node);
    if (type == DOCUMENT_OBJECT || type == DOCUMENT_ARRAY) {
        return add_members(flattening, node);
    }
    if (type == DOCUMENT_NULL) {
        return true;
    }
    struct document *document = &flattening->document;
    document_node_t *record = document_put_object(document, flattening->pack, NULL);
    document_put_text(document, record, "n", flattening->name);
    document_put_number(document, record, "t", flattening->time_s);
    if (type == DOCUMENT_NUMBER) {
        put_number(flattening, record, node);
    } else if (type == DOCUMENT_TEXT) {
        document_put_text(document, record, "vs", document_text(node));
    } else {
        document_put_bool(document, record, "vb", document_bool(node));
    }
    return true;
}

/* All values of a tree below a topic, as a pack. */
static enum json_line_result flatten(const document_node_t *root, const char *text, size_t length,
                                     const char *topic, double time_s, struct json_line *read,
                                     struct reading_fault *fault) {
    struct flattening flattening = {
        .root = root, .text = text, .length = length, .time_s = time_s, .reason = &fault->reason};
    snprintf(flattening.name, sizeof(flattening.name), "%s", topic);
    document_init(&flattening.document);
    flattening.pack = document_put_array(&flattening.document, NULL, "pack");
    const bool is_good = add_members(&flattening, root);
    const bool is_empty = document_first(flattening.pack) == NULL;
    const int printed = document_print(&flattening.document, read->text, sizeof(read->text));
    document_deinit(&flattening.document);
    if (!is_good) {
        return bad(fault);
    }
    if (printed < 0) {
        reason_set(&fault->reason, "it has too many values for one line");
        return bad(fault);
    }
    read->length = (size_t)printed - strlen(PRINTED_BEGIN) - strlen(PRINTED_END);
    memmove(read->text, read->text + strlen(PRINTED_BEGIN), read->length);
    return is_empty ? JSON_LINE_EMPTY : JSON_LINE_READ;
}

/* ---- messages of MQTT ---- */

/* "Z", "+0100", "-02:30", and "Z+0100", as mosquitto 2.0.11 writes it: minutes before UTC. */
static bool read_zone(const char *text, int *minutes) {
    int hour = 0;
    int minute = 0;
    int end = 0;
    *minutes = 0;
    if (strcmp(text, "Z") == 0) {
        return true;
    }
    text += text[0] == 'Z' ? 1 : 0;
    const size_t length = strlen(text);
    if ((text[0] != '+' && text[0] != '-') || strspn(text + 1, "0123456789:") != length - 1 ||
        (sscanf(text + 1, "%2d:%2d%n", &hour, &minute, &end) < 2 &&
         sscanf(text + 1, "%2d%2d%n", &hour, &minute, &end) < 2)) {
        return false;
    }
    *minutes = (60 * hour + minute) * (text[0] == '-' ? -1 : 1);
    return text[1 + end] == '\0';
}

/* "2026-01-02T03:04:05.250000+0100" (ISO 8601) as seconds since 1970. */
static bool read_time(const char *text, double *time_s) {
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    double fraction = 0;
    int minutes;
    if (rest != NULL && *rest == '.') {
        const char *digit = rest + 1;
        for (double unit = 0.1; *digit >= '0' && *digit <= '9'; digit++, unit /= 10) {
            fraction += (*digit - '0') * unit;
        }
        rest = digit;
    }
    if (rest == NULL || !read_zone(rest, &minutes)) {
        return false;
    }
    *time_s = (double)timegm(&parts) - 60.0 * minutes + fraction;
    return true;
}

/* A payload that is JSON, where it is to be flattened. */
static enum json_line_result flatten_payload(const char *payload, const char *topic, double time_s,
                                             struct json_line *read, struct reading_fault *fault) {
    const size_t length = strlen(payload);
    if (!is_json(payload, length) || scan_large(payload, length, NODES_MAX, NULL) != SCAN_OK) {
        return JSON_LINE_OTHER;
    }
    document_node_t *root = document_parse(payload, length);
    if (root == NULL) {
        reason_set_memory(&fault->reason);
        return bad(fault);
    }
    const enum json_line_result result = flatten(root, payload, length, topic, time_s, read, fault);
    document_free(root);
    return result;
}

/* Of a payload that is a number, true or false. */
#define PAYLOAD_BYTES_MAX (NUMBER_TEXT_BYTES_MAX + 1)

/* The payload of a message: mosquitto_sub -F %J has numbers, true and false as they are. NULL for what is
 * none of these, and no text. */
static const char *payload_text(const document_node_t *payload, char text[PAYLOAD_BYTES_MAX]) {
    double number;
    if (document_type(payload) == DOCUMENT_BOOL) {
        return document_bool(payload) ? "true" : "false";
    }
    if (document_type(payload) != DOCUMENT_NUMBER || !document_number(payload, &number)) {
        return document_text(payload);
    }
    text[number_write(number, text)] = '\0';
    return text;
}

/* The topic and payload of a message as TOPIC VALUE. */
static enum json_line_result read_message(const struct reading_style *style, const document_node_t *message,
                                          const char *payload, double now_s, struct json_line *read,
                                          struct reading_fault *fault) {
    const char *topic = document_text(document_member(message, "topic"));
    const char *time = document_text(document_member(message, "tst"));
    const char *wrong = muster_topic_fault(topic);
    if (wrong != NULL) {
        reason_set(&fault->reason, "%s, got '%.64s'", wrong, topic);
        return bad(fault);
    }
    read->now_s = now_s;
    if (time != NULL && !read_time(time, &read->now_s)) {
        reason_set(&fault->reason,
                   "expected a time such as 2026-01-02T03:04:05.000000Z in \"tst\", got '%.64s'", time);
        return bad(fault);
    }
    if (payload[0] == '\0') { /* a retained message was deleted */
        return JSON_LINE_EMPTY;
    }
    const enum json_line_result result =
        style->flatten ? flatten_payload(payload, topic, read->now_s, read, fault) : JSON_LINE_OTHER;
    if (result == JSON_LINE_OTHER) {
        read->length = (size_t)snprintf(read->text, sizeof(read->text), "%s %s", topic, payload);
        return JSON_LINE_READ;
    }
    return result;
}

/* ---- who published it ---- */

/* An origin has no control characters. */
static bool may_be_origin(const char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == '\x7f') {
            return false;
        }
    }
    return true;
}

void line_source_set(struct line_source *source, const char *id, const char *name, const char *origin) {
    *source = (struct line_source){0};
    if (strlen(id) != MUSTER_ID_TEXT_BYTES - 1 || strspn(id, "0123456789abcdef") != strlen(id)) {
        return;
    }
    const bool is_named = name[0] != '\0' && strlen(name) <= MUSTER_ORIGIN_BYTES_MAX && may_be_origin(name);
    snprintf(source->id, sizeof(source->id), "%s", id);
    snprintf(source->origin, sizeof(source->origin), "%s", is_named ? name : id);
    source->is_brought = origin[0] != '\0';
}

static const char *text_of(const document_node_t *parent, const char *name) {
    const char *text = document_text(document_member(parent, name));
    return text != NULL ? text : "";
}

/* Other lines are not parsed for it: there may be many. */
void line_source_read(struct line_source *source, const char *line, size_t length) {
    static const char mark[] = "\"sample\"";
    *source = (struct line_source){0};
    if (memmem(line, length, mark, strlen(mark)) == NULL ||
        scan_large(line, length, NODES_MAX, NULL) != SCAN_OK) {
        return;
    }
    document_node_t *root = document_parse(line, length);
    const document_node_t *record = document_type(root) == DOCUMENT_ARRAY ? document_first(root) : root;
    line_source_set(source, text_of(record, "id"), text_of(record, "peer"), text_of(record, "origin"));
    document_free(root);
}

/* ---- lines ---- */

static enum json_line_result read_tree(const struct reading_style *style, const document_node_t *root,
                                       const char *line, size_t length, double now_s, struct json_line *read,
                                       struct reading_fault *fault) {
    char number[PAYLOAD_BYTES_MAX];
    const document_node_t *payload = document_member(root, "payload");
    const char *text = payload_text(payload, number);
    if (document_text(document_member(root, "topic")) != NULL && text != NULL && style->topic == NULL) {
        return read_message(style, root, text, now_s, read, fault);
    }
    if (!style->flatten) {
        return JSON_LINE_OTHER;
    }
    read->now_s = now_s;
    return flatten(root, line, length, style->topic == NULL ? "" : style->topic, now_s, read, fault);
}

enum json_line_result json_line_read(const struct reading_style *style, const char *line, size_t length,
                                     double now_s, struct json_line *read, struct reading_fault *fault) {
    const bool may_be_message = memmem(line, length, "\"payload\"", strlen("\"payload\"")) != NULL;
    size_t offset;
    read->style = *style;
    line_source_read(&read->source, line, length);
    if (style->text || !is_json(line, length) || (!style->flatten && !may_be_message)) {
        return JSON_LINE_OTHER;
    }
    const enum scan_result scanned = scan_large(line, length, NODES_MAX, &offset);
    if (scanned != SCAN_OK) { /* the reader of SenML says what is wrong, and where */
        return JSON_LINE_OTHER;
    }
    document_node_t *root = document_parse(line, length);
    if (root == NULL) {
        reason_set_memory(&fault->reason);
        return bad(fault);
    }
    const enum json_line_result result = read_tree(style, root, line, length, now_s, read, fault);
    document_free(root);
    return result;
}
