/* SPDX-License-Identifier: MIT */
#include "lists.h"

#include <stdio.h>
#include <string.h>

#include "endpoint.h"

/* ---- complete ---- */

static bool are_texts_complete(const struct muster_text *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (texts[i].name == NULL || texts[i].value == NULL) {
            return false;
        }
    }
    return true;
}

bool lists_are_topics_complete(const struct muster_topic *topics, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (topics[i].name == NULL || !are_texts_complete(topics[i].units, topics[i].unit_count)) {
            return false;
        }
    }
    return true;
}

bool lists_are_complete(const struct muster_document *document) {
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        if (service->type == NULL || service->proto == NULL ||
            !are_texts_complete(service->txt, service->txt_count)) {
            return false;
        }
    }
    for (size_t i = 0; i < document->cache_count; i++) {
        if (document->caches[i] == NULL) {
            return false;
        }
    }
    return document->name != NULL && are_texts_complete(document->attrs, document->attr_count) &&
           lists_are_topics_complete(document->topics, document->topic_count);
}

/* ---- equal ---- */

static bool are_texts_equal(const struct muster_text *a, size_t a_count, const struct muster_text *b,
                            size_t b_count) {
    bool is_equal = a_count == b_count;
    for (size_t i = 0; is_equal && i < a_count; i++) {
        is_equal = strcmp(a[i].name, b[i].name) == 0 && strcmp(a[i].value, b[i].value) == 0;
    }
    return is_equal;
}

/* NULL is "". */
static bool is_same_text(const char *a, const char *b) {
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool has_text(const char *text) {
    return text != NULL && text[0] != '\0';
}

/* What was brought from elsewhere may be offered by many hosts there, and a host may have two of one port:
 * the queues of a print server. */
bool muster_service_is_same(const struct muster_service *a, const struct muster_service *b) {
    return a->port == b->port && strcmp(a->type, b->type) == 0 && strcmp(a->proto, b->proto) == 0 &&
           is_same_text(a->origin, b->origin) &&
           (!has_text(a->origin) || (is_same_text(a->host, b->host) && is_same_text(a->name, b->name)));
}

const char *muster_service_offerer(const struct muster_peer *peer, const struct muster_service *service,
                                   char text[MUSTER_OFFERER_BYTES]) {
    return lists_offerer(peer->document.name, service, text);
}

const char *lists_offerer(const char *name, const struct muster_service *service,
                          char text[MUSTER_OFFERER_BYTES]) {
    const bool has_origin = has_text(service->origin);
    snprintf(text, MUSTER_OFFERER_BYTES, "%s%s%s",
             has_origin && has_text(service->host) ? service->host : name, has_origin ? "~" : "",
             has_origin ? service->origin : "");
    return text;
}

size_t muster_service_endpoints(const struct muster_peer *peer, const struct muster_service *service,
                                struct muster_endpoint endpoints[MUSTER_SERVICE_ADDRESSES_MAX]) {
    size_t count = 0;
    for (; count < service->address_count; count++) {
        endpoints[count] = service->addresses[count];
    }
    if (count == 0 && peer->address.family != 0) {
        endpoints[count++] = peer->address;
    }
    if (service->address_count == 0 && peer->other_address.family != 0) {
        endpoints[count++] = peer->other_address;
    }
    for (size_t i = 0; i < count; i++) {
        endpoints[i].port = service->port;
    }
    return count;
}

static bool are_addresses_equal(const struct muster_service *a, const struct muster_service *b) {
    bool is_equal = a->address_count == b->address_count;
    for (size_t i = 0; is_equal && i < a->address_count; i++) {
        is_equal = endpoint_is_same_host(&a->addresses[i], &b->addresses[i]);
    }
    return is_equal;
}

bool lists_are_services_equal(const struct muster_service *a, const struct muster_service *b) {
    return muster_service_is_same(a, b) && is_same_text(a->name, b->name) &&
           are_texts_equal(a->txt, a->txt_count, b->txt, b->txt_count) && are_addresses_equal(a, b);
}

bool lists_are_equal(const struct muster_document *a, const struct muster_document *b) {
    bool is_equal = a->service_count == b->service_count &&
                    are_texts_equal(a->attrs, a->attr_count, b->attrs, b->attr_count);
    for (size_t i = 0; is_equal && i < a->service_count; i++) {
        is_equal = lists_are_services_equal(&a->services[i], &b->services[i]);
    }
    return is_equal;
}

bool lists_are_topics_equal(const struct muster_topic *a, size_t a_count, const struct muster_topic *b,
                            size_t b_count) {
    bool is_equal = a_count == b_count;
    for (size_t i = 0; is_equal && i < a_count; i++) {
        is_equal = strcmp(a[i].name, b[i].name) == 0 && is_same_text(a[i].unit, b[i].unit) &&
                   is_same_text(a[i].origin, b[i].origin) && a[i].rate >= b[i].rate &&
                   a[i].rate <= b[i].rate &&
                   are_texts_equal(a[i].units, a[i].unit_count, b[i].units, b[i].unit_count);
    }
    return is_equal;
}

size_t lists_find_service(const struct muster_service *services, size_t count,
                          const struct muster_service *service) {
    size_t i = 0;
    while (i < count && !muster_service_is_same(&services[i], service)) {
        i++;
    }
    return i;
}
