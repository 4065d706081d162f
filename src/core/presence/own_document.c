/* SPDX-License-Identifier: MIT */
#include "own_document.h"

#include <string.h>

#include "change.h"
#include "lists.h"
#include "presence.h"

const struct muster_document *own_document_get(const struct presence *presence) {
    return &presence->own.announcement.message.document;
}

/* Sets a document but for its topics and caches, which are those of another one. */
static int set_document(struct presence *presence, const struct muster_document *document,
                        const struct muster_document *other) {
    const struct identity *identity = &presence->context->identity;
    struct announcement announcement;
    struct message who = {
        .document = *document, .stream = presence->context->stream, .has_key = identity->has_key};
    who.document.topics = other->topics;
    who.document.topic_count = other->topic_count;
    who.document.caches = other->caches;
    who.document.cache_count = other->cache_count;
    memcpy(who.id, identity->id, MUSTER_ID_BYTES);
    memcpy(who.key, identity->key, MUSTER_KEY_BYTES);
    int error = announcement_init(&announcement, &who, identity_signer(identity),
                                  paths_announce_bytes(&presence->context->paths));
    if (error == 0) {
        announcement_deinit(&presence->own.announcement);
        presence->own.announcement = announcement;
        presence->own.rev++;
    }
    return error;
}

/* The same, and announces it with the next step. */
static int announce_document(struct presence *presence, const struct muster_document *document,
                             const struct muster_document *other) {
    int error = set_document(presence, document, other);
    presence->own.has_news = presence->own.has_news || error == 0;
    return error;
}

int own_document_begin(struct presence *presence, const struct muster_document *document,
                       const char *const *caches, size_t cache_count) {
    const struct muster_document other = {.caches = caches, .cache_count = cache_count};
    return set_document(presence, document, &other);
}

int own_document_rekey(struct presence *presence) {
    return set_document(presence, own_document_get(presence), own_document_get(presence));
}

int own_document_fit(struct presence *presence) {
    const struct announcement *announcement = &presence->own.announcement;
    if (announcement->bytes_max <= paths_announce_bytes(&presence->context->paths)) {
        return 0;
    }
    int error = own_document_rekey(presence);
    presence->own.has_news = presence->own.has_news || error == 0;
    return error;
}

int own_document_replace(struct presence *presence, const struct muster_document *document) {
    const struct muster_document *own = own_document_get(presence);
    if (lists_are_complete(document) && strcmp(document->name, own->name) == 0 &&
        lists_are_equal(document, own)) {
        return 0;
    }
    return announce_document(presence, document, own);
}

int own_document_change(struct presence *presence, const struct muster_change *change) {
    struct muster_document next;
    int error = change_apply(change, own_document_get(presence), &next);
    if (error == 0) {
        error = own_document_replace(presence, &next);
        change_free(&next);
    }
    return error;
}

int own_document_set_topics(struct presence *presence, const struct muster_topic *topics, size_t count) {
    const struct muster_document *own = own_document_get(presence);
    if (presence->context->is_observer || !lists_are_topics_complete(topics, count)) {
        return MUSTER_EINVAL;
    }
    if (lists_are_topics_equal(topics, count, own->topics, own->topic_count)) {
        return 0;
    }
    struct muster_document other = *own;
    other.topics = topics;
    other.topic_count = count;
    return announce_document(presence, own, &other);
}
