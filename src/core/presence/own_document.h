/* SPDX-License-Identifier: MIT */
/* What this node says of itself: the document of its announces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "announcement.h"

struct presence;

struct own_document {
    struct announcement announcement;
    uint64_t rev;
    bool has_news; /* the document changed: it is announced with the next step */
};

const struct muster_document *own_document_get(const struct presence *presence);

/* Sets the first document, without topics, and the patterns of topics that this node keeps. MUSTER_EINVAL,
 * MUSTER_ETOOBIG, MUSTER_ENOMEM, or what sign returned; then nothing changed. So do all that follow. */
int own_document_begin(struct presence *presence, const struct muster_document *document,
                       const char *const *caches, size_t cache_count);

/* Says the same under the key that this node has now; nothing is announced. */
int own_document_rekey(struct presence *presence);

/* Where its announce is longer than it may be now (paths_announce_bytes()), its lists go into a body, with
 * the next step. MUSTER_ETOOBIG where they can't, MUSTER_ENOMEM, or what sign returned. */
int own_document_fit(struct presence *presence);

/* Replaces the document but for its topics and caches, and announces it with the next step, unless the
 * document says what is announced already. */
int own_document_replace(struct presence *presence, const struct muster_document *document);

/* The same with parts of the document. MUSTER_ENOTFOUND: there is no such thing to remove. */
int own_document_change(struct presence *presence, const struct muster_change *change);

/* Replaces the topics, unless they are the same; the rest of the document stays. They are copied, and
 * announced with the next step, which is due at once. MUSTER_EINVAL for an observer, or for what no announce
 * may hold. */
int own_document_set_topics(struct presence *presence, const struct muster_topic *topics, size_t count);
