#include "own_document.h"

#include <string.h>

#include "change.h"
#include "lists.h"
#include "presence.h"

static int set_document(struct presence *presence, const struct muster_document *document) {
    const struct identity *identity = &presence->context->identity;
    struct message who = {
        .document = *document, .stream = presence->context->stream, .has_key = identity->has_key};
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

/* The same, and announces it with the next step. */
static int announce_document(struct presence *presence, const struct muster_document *document) {
    int error = set_document(presence, document);
    presence->own.has_news = presence->own.has_news || error == 0;
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

/* What a command can't change stays. */
static struct muster_document with_own_topics(const struct muster_document *own,
                                              const struct muster_document *document) {
    struct muster_document whole = *document;
    whole.topics = own->topics;
    whole.topic_count = own->topic_count;
    whole.keeps = own->keeps;
    whole.keep_count = own->keep_count;
    return whole;
}

int own_document_rekey(struct presence *presence) {
    const struct muster_document whole = *own_document_get(presence);
    return set_document(presence, &whole);
}

int own_document_replace(struct presence *presence, const struct muster_document *document) {
    const struct muster_document *own = own_document_get(presence);
    if (lists_are_complete(document) && strcmp(document->name, own->name) == 0 &&
        lists_are_equal(document, own)) {
        return 0;
    }
    struct muster_document whole = with_own_topics(own, document);
    return announce_document(presence, &whole);
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
    return announce_document(presence, &whole);
}
