#include "own_document.h"

#include <string.h>

#include "change.h"
#include "lists.h"
#include "presence.h"

static int set_document(struct presence *presence, const struct muster_document *document) {
    const struct context *context = presence->context;
    const struct identity *identity = &context->identity;
    struct message who = {.kind = MESSAGE_ANNOUNCE,
                          .boot = identity->boot,
                          .document = *document,
                          .stream = context->stream,
                          .has_key = identity->has_key};
    struct announcement announcement;
    memcpy(who.id, identity->id, MUSTER_ID_BYTES);
    memcpy(who.key, identity->key, MUSTER_KEY_BYTES);
    int error = announcement_init(&announcement, &who, identity_signer(identity));
    if (error == 0) {
        announcement_deinit(&presence->own.announcement);
        presence->own.announcement = announcement;
        presence->own.rev++;
    }
    return error;
}

const struct muster_document *own_document_get(const struct presence *presence) {
    return &presence->own.announcement.message.document;
}

int own_document_begin(struct presence *presence, const struct muster_document *document,
                       const char *const *keeps, size_t keep_count) {
    struct muster_document whole = *document;
    whole.topics = NULL;
    whole.topic_count = 0;
    whole.keeps = keeps;
    whole.keep_count = keep_count;
    return set_document(presence, &whole);
}

int own_document_set(struct presence *presence, const struct muster_document *document) {
    const struct muster_document *own = own_document_get(presence);
    struct muster_document whole = *document;
    whole.topics = own->topics;
    whole.topic_count = own->topic_count;
    whole.keeps = own->keeps;
    whole.keep_count = own->keep_count;
    return set_document(presence, &whole);
}

int own_document_replace(struct presence *presence, const struct muster_document *document) {
    const struct muster_document *own = own_document_get(presence);
    if (lists_are_complete(document) && strcmp(document->name, own->name) == 0 &&
        lists_are_equal(document, own)) {
        return 0;
    }
    int error = own_document_set(presence, document);
    presence->own.has_news = presence->own.has_news || error == 0;
    return error;
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
    struct muster_document whole = *own;
    whole.topics = topics;
    whole.topic_count = count;
    int error = set_document(presence, &whole);
    presence->own.has_news = presence->own.has_news || error == 0;
    return error;
}

struct message own_document_announce(const struct presence *presence) {
    const struct context *context = presence->context;
    const struct message *own = &presence->own.announcement.message;
    struct message message = {.kind = MESSAGE_ANNOUNCE,
                              .boot = context->identity.boot,
                              .rev = presence->own.rev,
                              .document = own->document,
                              .stream = context->stream,
                              .size = own->size,
                              .has_key = context->identity.has_key,
                              .tells_sent = own->document.topic_count > 0};
    memcpy(message.id, context->identity.id, MUSTER_ID_BYTES);
    memcpy(message.key, context->identity.key, MUSTER_KEY_BYTES);
    memcpy(message.hash, own->hash, sizeof message.hash);
    for (size_t shard = 0; shard < MUSTER_SHARDS; shard++) {
        message.sent[shard] = own->sent[shard] == 0 ? 0 : context->sent[shard];
    }
    return message;
}
