/* SPDX-License-Identifier: MIT */
/* The lists of a document: services, attributes, topics and caches. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/core.h>

#include "document.h"

/* ---- as JSON ---- */

#define LISTS_SERVICES 1u
#define LISTS_ATTRS 2u
#define LISTS_TOPICS 4u
#define LISTS_CACHES 8u
#define LISTS_ALL (LISTS_SERVICES | LISTS_ATTRS | LISTS_TOPICS | LISTS_CACHES)

/* Puts the lists that are not empty into an object. */
void lists_put(struct document *json, document_node_t *parent, const struct muster_document *lists);

/* Reads the wanted lists (bits LISTS_…) of an object; those that are not there are empty. Texts live in the
 * tree, arrays in one block *arrays, which the caller frees whatever is returned. False with the reason. */
bool lists_read(const document_node_t *parent, unsigned which, struct muster_document *document,
                void **arrays, enum muster_drop *reason);

/* ---- comparing ---- */

/* True when no text is NULL that must be there: all but a service's name, origin and host, and the unit and
 * origin of a topic. */
bool lists_are_complete(const struct muster_document *document);
bool lists_are_topics_complete(const struct muster_topic *topics, size_t count);

/* True when two complete documents list the same services and attributes in the same order; */
bool lists_are_equal(const struct muster_document *a, const struct muster_document *b);

/* and topics. */
bool lists_are_topics_equal(const struct muster_topic *a, size_t a_count, const struct muster_topic *b,
                            size_t b_count);

/* True when two services are the same and so are their name, TXT items and addresses. */
bool lists_are_services_equal(const struct muster_service *a, const struct muster_service *b);

/* muster_service_offerer() of a service of the peer of this name. */
const char *lists_offerer(const char *name, const struct muster_service *service,
                          char text[MUSTER_OFFERER_BYTES]);

/* The index of the service that is the same (muster_service_is_same()); count when there is none. */
size_t lists_find_service(const struct muster_service *services, size_t count,
                          const struct muster_service *service);
