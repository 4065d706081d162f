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

/* The copy, NULL while measuring. */
static void *block_put(struct block *block, const void *bytes, size_t length, size_t alignment) {
    block->used = (block->used + alignment - 1) / alignment * alignment;
    void *copy = block->base == NULL ? NULL : block->base + block->used;
    if (copy != NULL && length > 0) {
        memcpy(copy, bytes, length);
    }
    block->used += length;
    return copy;
}

static char *put_text(struct block *block, const char *text) {
    return block_put(block, text, strlen(text) + 1, 1);
}

static struct muster_text *put_texts(struct block *block, const struct muster_text *texts, size_t count) {
    struct muster_text *copies = block_put(block, texts, count * sizeof *texts, alignof(struct muster_text));
    for (size_t i = 0; i < count; i++) {
        char *name = put_text(block, texts[i].name);
        char *value = put_text(block, texts[i].value);
        if (copies != NULL) {
            copies[i] = (struct muster_text){.name = name, .value = value};
        }
    }
    return copies;
}

static struct muster_service *put_services(struct block *block, const struct muster_service *services,
                                           size_t count) {
    struct muster_service *copies =
        block_put(block, services, count * sizeof *services, alignof(struct muster_service));
    for (size_t i = 0; i < count; i++) {
        char *name = put_text(block, services[i].name);
        char *type = put_text(block, services[i].type);
        char *proto = put_text(block, services[i].proto);
        struct muster_text *txt = put_texts(block, services[i].txt, services[i].txt_count);
        if (copies != NULL) {
            copies[i].name = name;
            copies[i].type = type;
            copies[i].proto = proto;
            copies[i].txt = txt;
        }
    }
    return copies;
}

static struct muster_topic *put_topics(struct block *block, const struct muster_topic *topics, size_t count) {
    struct muster_topic *copies =
        block_put(block, topics, count * sizeof *topics, alignof(struct muster_topic));
    for (size_t i = 0; i < count; i++) {
        char *name = put_text(block, topics[i].name);
        char *unit = put_text(block, topics[i].unit == NULL ? "" : topics[i].unit);
        struct muster_text *units = put_texts(block, topics[i].units, topics[i].unit_count);
        if (copies != NULL) {
            copies[i].name = name;
            copies[i].unit = unit;
            copies[i].units = units;
        }
    }
    return copies;
}

static const char **put_names(struct block *block, const char *const *names, size_t count) {
    const char **copies = block_put(block, names, count * sizeof *names, alignof(const char *));
    for (size_t i = 0; i < count; i++) {
        char *name = put_text(block, names[i]);
        if (copies != NULL) {
            copies[i] = name;
        }
    }
    return copies;
}

static struct muster_peer *put_peer(struct block *block, const struct muster_peer *peer) {
    struct muster_peer *copy = block_put(block, peer, sizeof *peer, alignof(struct muster_peer));
    char *name = put_text(block, peer->document.name);
    struct muster_service *services =
        put_services(block, peer->document.services, peer->document.service_count);
    struct muster_text *attrs = put_texts(block, peer->document.attrs, peer->document.attr_count);
    struct muster_topic *topics = put_topics(block, peer->document.topics, peer->document.topic_count);
    const char **keeps = put_names(block, peer->document.keeps, peer->document.keep_count);
    struct muster_tuple *tuples = block_put(block, peer->tuples, peer->tuple_count * sizeof *peer->tuples,
                                            alignof(struct muster_tuple));
    if (copy != NULL) {
        copy->document.name = name;
        copy->document.services = services;
        copy->document.attrs = attrs;
        copy->document.topics = topics;
        copy->document.keeps = keeps;
        copy->tuples = tuples;
    }
    return copy;
}

struct muster_peer *peer_copy(const struct muster_peer *peer) {
    struct block block = {.base = NULL};
    put_peer(&block, peer);
    block.base = malloc(block.used);
    if (block.base == NULL) {
        return NULL;
    }
    block.used = 0;
    return put_peer(&block, peer);
}
