/* SPDX-License-Identifier: MIT */
#include "lists.h"

#include "endpoint.h"

static void put_texts(struct document *json, document_node_t *parent, const char *name,
                      const struct muster_text *texts, size_t count) {
    if (count == 0) {
        return;
    }
    document_node_t *object = document_put_object(json, parent, name);
    for (size_t i = 0; i < count; i++) {
        document_put_text(json, object, texts[i].name, texts[i].value);
    }
}

/* One that is NULL or "" is left out. */
static void put_optional(struct document *json, document_node_t *object, const char *name, const char *text) {
    if (text != NULL && text[0] != '\0') {
        document_put_text(json, object, name, text);
    }
}

/* The port of an address is the service's. */
static void put_addresses(struct document *json, document_node_t *object,
                          const struct muster_service *service) {
    document_node_t *array = service->address_count == 0 ? NULL : document_put_array(json, object, "at");
    for (size_t i = 0; i < service->address_count; i++) {
        char text[ENDPOINT_TEXT_BYTES];
        endpoint_text(&service->addresses[i], text);
        document_put_text(json, array, NULL, text);
    }
}

static void put_service(struct document *json, document_node_t *array, const struct muster_service *service) {
    document_node_t *object = document_put_object(json, array, NULL);
    put_optional(json, object, "name", service->name);
    document_put_text(json, object, "type", service->type);
    document_put_text(json, object, "proto", service->proto);
    document_put_integer(json, object, "port", service->port);
    put_texts(json, object, "txt", service->txt, service->txt_count);
    put_optional(json, object, "origin", service->origin);
    put_optional(json, object, "host", service->host);
    put_addresses(json, object, service);
}

static void put_topic(struct document *json, document_node_t *array, const struct muster_topic *topic) {
    document_node_t *object = document_put_object(json, array, NULL);
    document_put_text(json, object, "name", topic->name);
    put_optional(json, object, "unit", topic->unit);
    put_texts(json, object, "units", topic->units, topic->unit_count);
    if (topic->rate > 0) {
        document_put_number(json, object, "rate", topic->rate);
    }
    put_optional(json, object, "origin", topic->origin);
}

void lists_put(struct document *json, document_node_t *parent, const struct muster_document *lists) {
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
    if (lists->cache_count > 0) {
        document_node_t *array = document_put_array(json, parent, "caches");
        for (size_t i = 0; i < lists->cache_count; i++) {
            document_put_text(json, array, NULL, lists->caches[i]);
        }
    }
}
