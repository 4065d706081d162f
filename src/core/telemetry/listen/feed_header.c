/* SPDX-License-Identifier: MIT */
#include "feed_header.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "subscription_set.h"

void feed_headers_free(struct feed *feed) {
    struct feed_header *header;
    struct feed_header *next;
    DL_FOREACH_SAFE(feed->headers, header, next) {
        free(header);
    }
    feed->headers = NULL;
}

struct feed_header *feed_header_find(struct feed *feed, const uint8_t *bytes, size_t length) {
    struct feed_header *header;
    DL_FOREACH(feed->headers, header) {
        if (header->length > 0 && length > header->length &&
            memcmp(bytes, header->bytes, header->length) == 0) {
            if (header != feed->headers) {
                DL_DELETE(feed->headers, header);
                DL_PREPEND(feed->headers, header);
            }
            return header;
        }
    }
    return NULL;
}

/* The one that was not used for longest makes room, unless datagrams of it are held. */
static bool make_room(struct feed *feed) {
    if (feed->header_count < MUSTER_HEADERS_MAX) {
        return true;
    }
    struct feed_header *last = feed->headers->prev; /* of the first one: the last (utlist) */
    while (last != feed->headers && last->held > 0) {
        last = last->prev;
    }
    if (last->held > 0) {
        return false;
    }
    DL_DELETE(feed->headers, last);
    free(last);
    feed->header_count--;
    return true;
}

static struct feed_header *add_header(struct feed *feed, const uint8_t *bytes, const struct signal *data) {
    struct feed_header *header = make_room(feed) ? calloc(1, sizeof *header + data->prefix_length) : NULL;
    if (header == NULL) {
        return NULL;
    }
    header->length = data->prefix_length;
    memcpy(header->topic, data->topic, sizeof header->topic);
    memcpy(header->origin, data->origin, sizeof header->origin);
    memcpy(header->bytes, bytes, data->prefix_length);
    DL_PREPEND(feed->headers, header);
    feed->header_count++;
    return header;
}

/* One without a prefix is found by its topic and origin only. */
struct feed_header *feed_header_learn(struct feed *feed, const struct signal *data, const uint8_t *bytes) {
    struct feed_header *header;
    DL_FOREACH(feed->headers, header) {
        bool is_same = header->length == data->prefix_length &&
                       memcmp(header->bytes, bytes, data->prefix_length) == 0 &&
                       strcmp(header->topic, data->topic) == 0 && strcmp(header->origin, data->origin) == 0;
        if (is_same) {
            return header;
        }
    }
    return add_header(feed, bytes, data);
}

uint64_t feed_header_audience(const struct subscription_set *subscriptions, struct feed_header *header) {
    if (header->generation != subscriptions->generation) {
        header->generation = subscriptions->generation;
        header->audience = subscription_set_audience(subscriptions, header->topic);
    }
    return header->audience;
}
