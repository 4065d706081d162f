/* SPDX-License-Identifier: MIT */
#include "peer_copy.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A block that is filled from its begin. While it has no base it is only measured, so that one walk
 * over a row both sizes and fills it. */
struct block {
    char *base;
    size_t used;
};

/* The copy, NULL while measuring. bytes NULL: room alone. */
static void *block_put(struct block *block, const void *bytes, size_t length, size_t alignment) {
    block->used = (block->used + alignment - 1) / alignment * alignment;
    void *copy = block->base == NULL ? NULL : block->base + block->used;
    if (copy != NULL && bytes != NULL && length > 0) {
        memcpy(copy, bytes, length);
    }
    block->used += length;
    return copy;
}

/* The functions below put what a member points to, and let the member point to the copy. NULL is "". */

static void put_text(struct block *block, const char **text) {
    const char *from = *text == NULL ? "" : *text;
    *text = block_put(block, from, strlen(from) + 1, 1);
}

static void put_texts(struct block *block, const struct muster_text **texts, size_t count) {
    struct muster_text *copies =
        block_put(block, *texts, count * sizeof *copies, alignof(struct muster_text));
    for (size_t i = 0; i < count; i++) {
        struct muster_text text = (*texts)[i];
        put_text(block, &text.name);
        put_text(block, &text.value);
        if (copies != NULL) {
            copies[i] = text;
        }
    }
    *texts = copies;
}

static void put_services(struct block *block, const struct muster_service **services, size_t count) {
    struct muster_service *copies =
        block_put(block, *services, count * sizeof *copies, alignof(struct muster_service));
    for (size_t i = 0; i < count; i++) {
        struct muster_service service = (*services)[i];
        put_text(block, &service.name);
        put_text(block, &service.type);
        put_text(block, &service.proto);
        put_texts(block, &service.txt, service.txt_count);
        put_text(block, &service.origin);
        put_text(block, &service.host);
        service.addresses =
            block_put(block, service.addresses, service.address_count * sizeof *service.addresses,
                      alignof(struct muster_endpoint));
        if (copies != NULL) {
            copies[i] = service;
        }
    }
    *services = copies;
}

static void put_topics(struct block *block, const struct muster_topic **topics, size_t count) {
    struct muster_topic *copies =
        block_put(block, *topics, count * sizeof *copies, alignof(struct muster_topic));
    for (size_t i = 0; i < count; i++) {
        struct muster_topic topic = (*topics)[i];
        put_text(block, &topic.name);
        put_text(block, &topic.unit);
        put_text(block, &topic.origin);
        put_texts(block, &topic.units, topic.unit_count);
        if (copies != NULL) {
            copies[i] = topic;
        }
    }
    *topics = copies;
}

static void put_names(struct block *block, const char *const **names, size_t count) {
    const char **copies = block_put(block, *names, count * sizeof *copies, alignof(const char *));
    for (size_t i = 0; i < count; i++) {
        const char *name = (*names)[i];
        put_text(block, &name);
        if (copies != NULL) {
            copies[i] = name;
        }
    }
    *names = copies;
}

static struct muster_peer *put_peer(struct block *block, struct muster_peer peer) {
    struct muster_document *document = &peer.document;
    struct muster_peer *copy = block_put(block, NULL, sizeof *copy, alignof(struct muster_peer));
    put_text(block, &document->name);
    put_services(block, &document->services, document->service_count);
    put_texts(block, &document->attrs, document->attr_count);
    put_topics(block, &document->topics, document->topic_count);
    put_names(block, &document->caches, document->cache_count);
    peer.tuples =
        block_put(block, peer.tuples, peer.tuple_count * sizeof *peer.tuples, alignof(struct muster_tuple));
    if (copy != NULL) {
        *copy = peer;
    }
    return copy;
}

struct muster_peer *peer_copy(const struct muster_peer *peer) {
    struct block block = {.base = NULL};
    put_peer(&block, *peer);
    block.base = malloc(block.used);
    if (block.base == NULL) {
        return NULL;
    }
    block.used = 0;
    return put_peer(&block, *peer);
}
