/* SPDX-License-Identifier: MIT */
#include "lists.h"

#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "endpoint.h"
#include "limit.h"
#include "member.h"

/* The arrays of a document, laid out behind each other in one block. */
struct lists_block {
    struct muster_service *services;
    struct muster_topic *topics;
    const char **topic_names; /* to be sorted */
    const char **caches;
    struct muster_text *texts;         /* the next one that is free */
    struct muster_endpoint *addresses; /* likewise */
};

/* Members of all the objects of this name in an array. */
static size_t count_inner(const document_node_t *array, const char *name) {
    size_t count = 0;
    for (const document_node_t *e = document_first(array); e != NULL; e = document_next(e)) {
        count += document_count(document_member(e, name));
    }
    return count;
}

/* Sizes the block by what the JSON has; no bytes are no block. */
static bool reserve(const document_node_t *services, const document_node_t *attrs,
                    const document_node_t *topics, const document_node_t *caches, struct lists_block *block,
                    void **arrays) {
    size_t service_count = document_count(services);
    size_t topic_count = document_count(topics);
    size_t cache_count = document_count(caches);
    size_t text_count = document_count(attrs) + count_inner(services, "txt") + count_inner(topics, "units");
    size_t address_count = count_inner(services, "at");
    size_t bytes = service_count * sizeof *block->services + topic_count * sizeof *block->topics +
                   topic_count * sizeof *block->topic_names + cache_count * sizeof *block->caches +
                   text_count * sizeof *block->texts + address_count * sizeof *block->addresses;
    *block = (struct lists_block){0};
    *arrays = bytes == 0 ? NULL : calloc(1, bytes);
    if (*arrays == NULL) {
        return bytes == 0;
    }
    block->services = *arrays;
    block->topics = (void *)(block->services + service_count);
    block->topic_names = (void *)(block->topics + topic_count);
    block->caches = block->topic_names + topic_count;
    block->texts = (void *)(block->caches + cache_count);
    block->addresses = (void *)(block->texts + text_count);
    return true;
}

/* An object of texts of min to max bytes. */
static bool read_texts(const document_node_t *node, size_t min, size_t max, struct lists_block *block,
                       const struct muster_text **texts, size_t *count, enum muster_drop *reason) {
    *texts = block->texts;
    *count = 0;
    if (!member_allow(node, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    for (const document_node_t *m = document_first(node); m != NULL; m = document_next(m)) {
        struct muster_text *text = block->texts++;
        text->name = document_name(m);
        size_t name_length = strlen(text->name);
        if (name_length < 1 || name_length > MUSTER_NAME_BYTES_MAX) {
            return member_refuse(reason, MUSTER_DROP_RANGE);
        }
        if (!member_text(m, min, max, &text->value, reason)) {
            return false;
        }
        (*count)++;
    }
    return true;
}

/* One that may be left out is "" then. */
static bool read_optional(const document_node_t *node, size_t min, const char **text,
                          enum muster_drop *reason) {
    *text = "";
    return node == NULL || member_text(node, min, MUSTER_NAME_BYTES_MAX, text, reason);
}

/* ---- services ---- */

/* One that other hosts can have, and that means the same on each link: who announces a service for somebody
 * else can't send its readers to themselves, to a group, or to a host of another link. */
static bool read_address(const document_node_t *node, struct muster_endpoint *address,
                         enum muster_drop *reason) {
    const char *text;
    if (!member_text(node, 1, ENDPOINT_TEXT_BYTES - 1, &text, reason)) {
        return false;
    }
    bool is_address = endpoint_parse(text, address) && endpoint_is_host_address(address) &&
                      !endpoint_is_loopback(address) && !muster_endpoint_is_of_link(address);
    return is_address || member_refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_addresses(const document_node_t *node, struct lists_block *block,
                           struct muster_service *service, enum muster_drop *reason) {
    service->addresses = block->addresses;
    if (!member_allow(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (node != NULL && (document_count(node) == 0 || document_count(node) > MUSTER_SERVICE_ADDRESSES_MAX)) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        if (!read_address(e, block->addresses++, reason)) {
            return false;
        }
        service->address_count++;
    }
    return true;
}

/* Only what was brought from elsewhere can be offered by another host. */
static bool read_origin(const document_node_t *node, struct lists_block *block,
                        struct muster_service *service, enum muster_drop *reason) {
    const document_node_t *origin = document_member(node, "origin");
    const document_node_t *host = document_member(node, "host");
    const document_node_t *at = document_member(node, "at");
    if (origin == NULL && (host != NULL || at != NULL)) {
        return member_refuse(reason, MUSTER_DROP_MISSING);
    }
    return member_optional_origin(origin, &service->origin, reason) &&
           read_optional(host, 1, &service->host, reason) && read_addresses(at, block, service, reason);
}

static bool read_service(const document_node_t *node, struct lists_block *block,
                         struct muster_service *service, enum muster_drop *reason) {
    uint64_t port;
    if (!member_require(node, DOCUMENT_OBJECT, reason) ||
        !read_optional(document_member(node, "name"), 0, &service->name, reason) ||
        !member_service_type(document_member(node, "type"), &service->type, reason) ||
        !member_text(document_member(node, "proto"), 3, 3, &service->proto, reason) ||
        !member_integer(node, "port", 1, UINT16_MAX, &port, reason)) {
        return false;
    }
    service->port = (uint16_t)port;
    if (strcmp(service->proto, "tcp") != 0 && strcmp(service->proto, "udp") != 0) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    return read_texts(document_member(node, "txt"), 0, MUSTER_VALUE_BYTES_MAX, block, &service->txt,
                      &service->txt_count, reason) &&
           read_origin(node, block, service, reason);
}

static bool read_services(const document_node_t *node, struct lists_block *block,
                          struct muster_document *document, enum muster_drop *reason) {
    document->services = block->services;
    if (!member_allow(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    for (const document_node_t *s = document_first(node); s != NULL; s = document_next(s)) {
        struct muster_service *service = &block->services[document->service_count];
        if (!read_service(s, block, service, reason)) {
            return false;
        }
        if (lists_find_service(block->services, document->service_count, service) < document->service_count) {
            return member_refuse(reason, MUSTER_DROP_RANGE);
        }
        document->service_count++;
    }
    return true;
}

/* ---- topics and caches ---- */

static bool read_rate(const document_node_t *node, double *rate, enum muster_drop *reason) {
    return member_allow(node, DOCUMENT_NUMBER, reason) &&
           (node == NULL || (document_number(node, rate) && *rate > 0 && *rate <= MUSTER_RATE_MAX) ||
            member_refuse(reason, MUSTER_DROP_RANGE));
}

static bool read_topic(const document_node_t *node, struct lists_block *block, struct muster_topic *topic,
                       enum muster_drop *reason) {
    if (!member_require(node, DOCUMENT_OBJECT, reason) ||
        !member_text(document_member(node, "name"), 1, MUSTER_TOPIC_BYTES_MAX, &topic->name, reason)) {
        return false;
    }
    if (muster_topic_fault(topic->name) != NULL) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    /* A record without a unit is listed too: with "". */
    return read_optional(document_member(node, "unit"), 1, &topic->unit, reason) &&
           read_texts(document_member(node, "units"), 0, MUSTER_NAME_BYTES_MAX, block, &topic->units,
                      &topic->unit_count, reason) &&
           read_rate(document_member(node, "rate"), &topic->rate, reason) &&
           member_optional_origin(document_member(node, "origin"), &topic->origin, reason);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A body has room for thousands of topics, so they are not compared each with each. */
static bool has_duplicates(struct lists_block *block, size_t count) {
    for (size_t i = 0; i < count; i++) {
        block->topic_names[i] = block->topics[i].name;
    }
    if (count > 1) {
        qsort(block->topic_names, count, sizeof *block->topic_names, compare_names);
    }
    for (size_t i = 1; i < count; i++) {
        if (strcmp(block->topic_names[i - 1], block->topic_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_topics(const document_node_t *node, struct lists_block *block,
                        struct muster_document *document, enum muster_drop *reason) {
    document->topics = block->topics;
    if (!member_allow(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    for (const document_node_t *t = document_first(node); t != NULL; t = document_next(t)) {
        if (!read_topic(t, block, &block->topics[document->topic_count++], reason)) {
            return false;
        }
    }
    return !has_duplicates(block, document->topic_count) || member_refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_caches(const document_node_t *node, struct lists_block *block,
                        struct muster_document *document, enum muster_drop *reason) {
    document->caches = block->caches;
    if (!member_allow(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(node) > MUSTER_CACHES_MAX) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        const char **keep = &block->caches[document->cache_count++];
        if (!member_text(e, 1, MUSTER_PATTERN_BYTES_MAX, keep, reason)) {
            return false;
        }
        if (muster_pattern_fault(*keep) != NULL) {
            return member_refuse(reason, MUSTER_DROP_RANGE);
        }
    }
    return true;
}

bool lists_read(const document_node_t *parent, unsigned which, struct muster_document *document,
                void **arrays, enum muster_drop *reason) {
    const document_node_t *services = which & LISTS_SERVICES ? document_member(parent, "services") : NULL;
    const document_node_t *attrs = which & LISTS_ATTRS ? document_member(parent, "attrs") : NULL;
    const document_node_t *topics = which & LISTS_TOPICS ? document_member(parent, "topics") : NULL;
    const document_node_t *caches = which & LISTS_CACHES ? document_member(parent, "caches") : NULL;
    struct lists_block block;
    *document = (struct muster_document){.name = document->name};
    if (!reserve(services, attrs, topics, caches, &block, arrays)) {
        return member_refuse(reason, MUSTER_DROP_MEMORY);
    }
    return read_services(services, &block, document, reason) &&
           read_texts(attrs, 0, MUSTER_VALUE_BYTES_MAX, &block, &document->attrs, &document->attr_count,
                      reason) &&
           read_topics(topics, &block, document, reason) && read_caches(caches, &block, document, reason);
}
