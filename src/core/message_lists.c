#include "message.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "document.h"
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

void message_put_lists(struct document *json, document_node_t *parent, const struct muster_document *lists) {
    if (lists->service_count > 0) {
        document_node_t *array = document_put_array(json, parent, "services");
        for (size_t i = 0; i < lists->service_count; i++) {
            put_service(json, array, &lists->services[i]);
        }
    }
    put_texts(json, parent, "attrs", lists->attrs, lists->attr_count);
}

/* ---- reading ---- */

/* Where the arrays of a document are laid out: all in one allocation, counted beforehand. */
struct arrays {
    struct muster_service *services;
    struct muster_text *texts;
};

static size_t count_texts(const document_node_t *services, const document_node_t *attrs) {
    size_t count = document_count(attrs);
    for (const document_node_t *s = document_first(services); s != NULL; s = document_next(s)) {
        count += document_count(document_member(s, "txt"));
    }
    return count;
}

/* Reads an object of texts; node NULL means that there are none. */
static bool read_texts(const document_node_t *node, struct arrays *arrays, const struct muster_text **texts,
                       size_t *count, enum muster_drop *reason) {
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
        if (!member_text(m, 0, MUSTER_VALUE_BYTES_MAX, &text->value, reason)) {
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
    return read_texts(document_member(node, "txt"), arrays, &service->txt, &service->txt_count, reason);
}

static bool is_same_service(const struct muster_service *a, const struct muster_service *b) {
    return a->port == b->port && strcmp(a->type, b->type) == 0 && strcmp(a->proto, b->proto) == 0;
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
        for (size_t i = 0; i < document->service_count; i++) {
            if (is_same_service(&arrays->services[i], service)) {
                return member_refuse(reason, MUSTER_DROP_RANGE);
            }
        }
        document->service_count++;
    }
    return true;
}

bool message_read_lists(struct message *message, const document_node_t *services,
                        const document_node_t *attrs, enum muster_drop *reason) {
    size_t service_bytes = document_count(services) * sizeof(struct muster_service);
    size_t text_bytes = count_texts(services, attrs) * sizeof(struct muster_text);
    if (service_bytes + text_bytes > 0) {
        message->arrays = calloc(1, service_bytes + text_bytes);
        if (message->arrays == NULL) {
            return member_refuse(reason, MUSTER_DROP_MEMORY);
        }
    }
    struct arrays arrays = {
        .services = message->arrays,
        .texts = message->arrays == NULL ? NULL : (void *)((char *)message->arrays + service_bytes),
    };
    struct muster_document *document = &message->document;
    return read_services(services, &arrays, document, reason) &&
           read_texts(attrs, &arrays, &document->attrs, &document->attr_count, reason);
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
                            document_member(lists.body, "attrs"), reason)) {
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
