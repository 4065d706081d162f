/* SPDX-License-Identifier: MIT */
#include "peer_topics.h"

#include <stdlib.h>
#include <string.h>

static char *append(char *at, const char *text) {
    size_t length = strlen(text) + 1;
    memcpy(at, text, length);
    return at + length;
}

int peer_topics_set(struct peer_topics **topics, const struct muster_document *document) {
    size_t bytes = 0;
    for (size_t i = 0; i < document->topic_count; i++) {
        bytes += strlen(document->topics[i].name) + 1;
    }
    for (size_t i = 0; i < document->cache_count; i++) {
        bytes += strlen(document->caches[i]) + 1;
    }
    struct peer_topics *next = bytes == 0 ? NULL : malloc(sizeof *next + bytes);
    if (bytes > 0 && next == NULL) {
        return MUSTER_ENOMEM;
    }
    if (next != NULL) {
        char *at = next->texts;
        next->topic_count = document->topic_count;
        next->cache_count = document->cache_count;
        for (size_t i = 0; i < document->topic_count; i++) {
            at = append(at, document->topics[i].name);
        }
        for (size_t i = 0; i < document->cache_count; i++) {
            at = append(at, document->caches[i]);
        }
    }
    free(*topics);
    *topics = next;
    return 0;
}

const char *peer_topics_first(const struct peer_topics *topics) {
    return topics->texts;
}

const char *peer_topics_next(const char *text) {
    return text + strlen(text) + 1;
}
