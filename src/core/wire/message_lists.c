#include "message.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <muster/telemetry.h>

#include "document.h"
#include "lists.h"
#include "member.h"
#include "scan.h"

/* ---- writing ---- */

static void put_texts(struct document *document, document_node_t *parent, const char *name,
                      const struct muster_text *texts, size_t count) {
    if (count == 0) {
        return;
    }
    document_node_t *object = document_put_object(document, parent, name);
    for (size_t i = 0; i < count; i++) {
        document_put_text(document, object, texts[i].name, texts[i].value);
    }
}

static void put_service(struct document *document, document_node_t *array,
                        const struct muster_service *service) {
    document_node_t *object = document_put_object(document, array, NULL);
    if (service->name != NULL && service->name[0] != '\0') {
        document_put_text(document, object, "name", service->name);
    }
    document_put_text(document, object, "type", service->type);
    document_put_text(document, object, "proto", service->proto);
    document_put_integer(document, object, "port", service->port);
    put_texts(document, object, "txt", service->txt, service->txt_count);
}

static void put_topic(struct document *document, document_node_t *array, const struct muster_topic *topic) {
    document_node_t *object = document_put_object(document, array, NULL);
    document_put_text(document, object, "name", topic->name);
    if (topic->unit != NULL && topic->unit[0] != '\0') {
        document_put_text(document, object, "unit", topic->unit);
    }
    put_texts(document, object, "units", topic->units, topic->unit_count);
    if (topic->rate > 0) {
        document_put_number(document, object, "rate", topic->rate);
    }
}

void message_put_lists(struct document *json, document_node_t *parent, const struct muster_document *lists) {
    if (lists->service_count > 0) {
        document_node_t *array = document_put_array(json, parent, "services");
        for (size_t i = 0; i < lists->service_count; i++) {
            put_service(json, array, &lists->services[i]);
        }
    }
    put_texts(json, parent, "attrs", lists->attrs, lists->attr_count);
    if (lists->topic_count > 0) {
        document_node_t *array = document_put_array(json, parent, "topics");
        for (size_t i = 0; i < lists->topic_count; i++) {
            put_topic(json, array, &lists->topics[i]);
        }
    }
    if (lists->keep_count > 0) {
        document_node_t *array = document_put_array(json, parent, "keeps");
        for (size_t i = 0; i < lists->keep_count; i++) {
            document_put_text(json, array, NULL, lists->keeps[i]);
        }
    }
}

/* ---- reading ---- */

/* Where the arrays of a document are laid out: all in one allocation, counted beforehand. */
struct arrays {
    struct muster_service *services;
    struct muster_topic *topics;
    const char **topic_names; /* to be sorted */
    const char **keeps;
    struct muster_text *texts;
};

/* Bytes that a text may have. */
struct length {
    size_t min;
    size_t max;
};

static const struct length value_length = {0, MUSTER_VALUE_BYTES_MAX};
static const struct length unit_length = {1, MUSTER_NAME_BYTES_MAX};
static const struct length units_length = {0, MUSTER_NAME_BYTES_MAX}; /* what has none is listed too */

/* Members of all the objects of this name in an array. */
static size_t count_inner(const document_node_t *array, const char *name) {
    size_t count = 0;
    for (const document_node_t *e = document_first(array); e != NULL; e = document_next(e)) {
        count += document_count(document_member(e, name));
    }
    return count;
}

/* Reads an object of texts; node NULL means that there are none. */
static bool read_texts(const document_node_t *node, const struct length *length, struct arrays *arrays,
                       const struct muster_text **texts, size_t *count, enum muster_drop *reason) {
    *texts = arrays->texts;
    *count = 0;
    if (node == NULL) {
        return true;
    }
    if (!member_require(node, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    for (const document_node_t *m = document_first(node); m != NULL; m = document_next(m)) {
        size_t name_length = strlen(document_name(m));
        if (name_length < 1 || name_length > MUSTER_NAME_BYTES_MAX) {
            return member_refuse(reason, MUSTER_DROP_RANGE);
        }
        struct muster_text *text = arrays->texts++;
        text->name = document_name(m);
        if (!member_text(m, length->min, length->max, &text->value, reason)) {
            return false;
        }
        (*count)++;
    }
    return true;
}

static bool read_service(const document_node_t *node, struct arrays *arrays, struct muster_service *service,
                         enum muster_drop *reason) {
    if (!member_require(node, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    service->name = "";
    const document_node_t *name = document_member(node, "name");
    if (name != NULL && !member_text(name, 0, MUSTER_NAME_BYTES_MAX, &service->name, reason)) {
        return false;
    }
    uint64_t port;
    if (!member_service_type(document_member(node, "type"), &service->type, reason) ||
        !member_text(document_member(node, "proto"), 3, 3, &service->proto, reason) ||
        !member_integer(node, "port", 1, UINT16_MAX, &port, reason)) {
        return false;
    }
    service->port = (uint16_t)port;
    if (strcmp(service->proto, "tcp") != 0 && strcmp(service->proto, "udp") != 0) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    return read_texts(document_member(node, "txt"), &value_length, arrays, &service->txt, &service->txt_count,
                      reason);
}

static bool read_services(const document_node_t *node, struct arrays *arrays,
                          struct muster_document *document, enum muster_drop *reason) {
    document->services = arrays->services;
    document->service_count = 0;
    if (node == NULL) {
        return true;
    }
    if (!member_require(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    for (const document_node_t *s = document_first(node); s != NULL; s = document_next(s)) {
        struct muster_service *service = &arrays->services[document->service_count];
        if (!read_service(s, arrays, service, reason)) {
            return false;
        }
        if (lists_find_service(document->services, document->service_count, service) <
            document->service_count) {
            return member_refuse(reason, MUSTER_DROP_RANGE);
        }
        document->service_count++;
    }
    return true;
}

static bool read_rate(const document_node_t *node, double *rate, enum muster_drop *reason) {
    if (node == NULL) {
        return true;
    }
    if (!member_require(node, DOCUMENT_NUMBER, reason)) {
        return false;
    }
    return (document_number(node, rate) && *rate > 0 && *rate <= MUSTER_RATE_MAX) ||
           member_refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_topic(const document_node_t *node, struct arrays *arrays, struct muster_topic *topic,
                       enum muster_drop *reason) {
    if (!member_require(node, DOCUMENT_OBJECT, reason) ||
        !member_text(document_member(node, "name"), 1, MUSTER_TOPIC_BYTES_MAX, &topic->name, reason)) {
        return false;
    }
    if (muster_topic_fault(topic->name) != NULL) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    topic->unit = "";
    const document_node_t *unit = document_member(node, "unit");
    return (unit == NULL || member_text(unit, unit_length.min, unit_length.max, &topic->unit, reason)) &&
           read_texts(document_member(node, "units"), &units_length, arrays, &topic->units,
                      &topic->unit_count, reason) &&
           read_rate(document_member(node, "rate"), &topic->rate, reason);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A body has room for thousands of topics, so they are not compared each with each. */
static bool has_twins(struct arrays *arrays, size_t count) {
    for (size_t i = 0; i < count; i++) {
        arrays->topic_names[i] = arrays->topics[i].name;
    }
    if (count > 1) {
        qsort(arrays->topic_names, count, sizeof *arrays->topic_names, compare_names);
    }
    for (size_t i = 1; i < count; i++) {
        if (strcmp(arrays->topic_names[i - 1], arrays->topic_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_topics(const document_node_t *node, struct arrays *arrays, struct muster_document *document,
                        enum muster_drop *reason) {
    document->topics = arrays->topics;
    document->topic_count = 0;
    if (node == NULL) {
        return true;
    }
    if (!member_require(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    for (const document_node_t *t = document_first(node); t != NULL; t = document_next(t)) {
        if (!read_topic(t, arrays, &arrays->topics[document->topic_count], reason)) {
            return false;
        }
        document->topic_count++;
    }
    return !has_twins(arrays, document->topic_count) || member_refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_keeps(const document_node_t *node, struct arrays *arrays, struct muster_document *document,
                       enum muster_drop *reason) {
    document->keeps = arrays->keeps;
    document->keep_count = 0;
    if (node == NULL) {
        return true;
    }
    if (!member_require(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(node) > MUSTER_KEEPS_MAX) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        const char **keep = &arrays->keeps[document->keep_count++];
        if (!member_text(e, 1, MUSTER_PATTERN_BYTES_MAX, keep, reason)) {
            return false;
        }
        if (muster_pattern_fault(*keep) != NULL) {
            return member_refuse(reason, MUSTER_DROP_RANGE);
        }
    }
    return true;
}

/* Lays the arrays out behind each other; no bytes are no block. */
static bool reserve(const document_node_t *services, const document_node_t *attrs,
                    const document_node_t *topics, const document_node_t *keeps, void **block,
                    struct arrays *arrays) {
    size_t service_count = document_count(services);
    size_t topic_count = document_count(topics);
    size_t keep_count = document_count(keeps);
    size_t text_count = document_count(attrs) + count_inner(services, "txt") + count_inner(topics, "units");
    size_t bytes = service_count * sizeof *arrays->services + topic_count * sizeof *arrays->topics +
                   topic_count * sizeof *arrays->topic_names + keep_count * sizeof *arrays->keeps +
                   text_count * sizeof *arrays->texts;
    *arrays = (struct arrays){0};
    if (bytes == 0) {
        return true;
    }
    *block = calloc(1, bytes);
    if (*block == NULL) {
        return false;
    }
    arrays->services = *block;
    arrays->topics = (void *)(arrays->services + service_count);
    arrays->topic_names = (void *)(arrays->topics + topic_count);
    arrays->keeps = arrays->topic_names + topic_count;
    arrays->texts = (void *)(arrays->keeps + keep_count);
    return true;
}

bool message_read_lists(struct message *message, const document_node_t *services,
                        const document_node_t *attrs, const document_node_t *topics,
                        const document_node_t *keeps, enum muster_drop *reason) {
    struct arrays arrays;
    struct muster_document *document = &message->document;
    if (!reserve(services, attrs, topics, keeps, &message->arrays, &arrays)) {
        return member_refuse(reason, MUSTER_DROP_MEMORY);
    }
    return read_services(services, &arrays, document, reason) &&
           read_texts(attrs, &value_length, &arrays, &document->attrs, &document->attr_count, reason) &&
           read_topics(topics, &arrays, document, reason) && read_keeps(keeps, &arrays, document, reason);
}

/* ---- bodies ---- */

static document_node_t *parse_body(const char *text, size_t length, enum muster_drop *reason) {
    if (length == 0 || text[length - 1] != '\n' || memchr(text, '\n', length - 1) != NULL) {
        *reason = MUSTER_DROP_SYNTAX;
        return NULL;
    }
    enum scan_result result = scan_large(text, length - 1, MUSTER_DOCUMENT_NODES_MAX, NULL);
    if (result != SCAN_OK) {
        *reason = member_drop_of_scan(result);
        return NULL;
    }
    document_node_t *tree = document_parse(text, length - 1);
    if (tree == NULL) {
        *reason = MUSTER_DROP_MEMORY;
    }
    return tree;
}

bool message_take_body(struct message *announce, const uint8_t *bytes, size_t length,
                       enum muster_drop *reason) {
    struct message lists = {.kind = MESSAGE_ANNOUNCE};
    lists.body = parse_body((const char *)bytes, length, reason);
    if (lists.body == NULL) {
        return false;
    }
    if (document_type(lists.body) != DOCUMENT_OBJECT) {
        message_deinit(&lists);
        return member_refuse(reason, MUSTER_DROP_TYPE);
    }
    if (!message_read_lists(&lists, document_member(lists.body, "services"),
                            document_member(lists.body, "attrs"), document_member(lists.body, "topics"),
                            document_member(lists.body, "keeps"), reason)) {
        message_deinit(&lists);
        return false;
    }
    document_free(announce->body);
    free(announce->arrays);
    announce->body = lists.body;
    announce->arrays = lists.arrays;
    lists.document.name = announce->document.name;
    announce->document = lists.document;
    return true;
}

int message_encode_body(const struct muster_document *document, uint8_t **body, size_t *length) {
    size_t size = MUSTER_DOCUMENT_BYTES_MAX + DOCUMENT_PRINT_SPARE;
    char *text = malloc(size);
    struct document lists;
    document_init(&lists);
    message_put_lists(&lists, NULL, document);
    int printed = text == NULL ? -1 : document_print(&lists, text, size);
    document_deinit(&lists);
    if (printed < 0 || (size_t)printed + 1 > MUSTER_DOCUMENT_BYTES_MAX) {
        free(text);
        return printed == -1 ? MUSTER_ENOMEM : MUSTER_ETOOBIG;
    }
    text[printed] = '\n';
    *body = (uint8_t *)text;
    *length = (size_t)printed + 1;
    return 0;
}

void message_hash_body(const uint8_t *bytes, size_t length, uint8_t hash[MUSTER_HASH_BYTES]) {
    crypto_generichash(hash, MUSTER_HASH_BYTES, bytes, length, NULL, 0);
}
