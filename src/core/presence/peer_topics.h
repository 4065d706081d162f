/* SPDX-License-Identifier: MIT */
/* What a row publishes and keeps, decoded: the names of its topics, then the patterns that it keeps last
 * values of. Whoever looks for topics in the whole table need not decode its documents. */
#pragma once

#include <stddef.h>

#include <muster/core.h>

struct peer_topics {
    size_t topic_count;
    size_t cache_count;
    char texts[]; /* one behind the other, each ended by NUL */
};

/* Replaces *topics by those of a document; NULL where it has none. MUSTER_ENOMEM, then nothing changed. */
int peer_topics_set(struct peer_topics **topics, const struct muster_document *document);

/* The first name; each next one by peer_topics_next(): topic_count topics, then keep_count patterns. */
const char *peer_topics_first(const struct peer_topics *topics);
const char *peer_topics_next(const char *text);
