/* SPDX-License-Identifier: MIT */
/* The topics of a feed: data whose header is known by heart is not decoded. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "feed.h"
#include "signal.h"

struct subscription_set;

/* A topic of a feed, and how the headers of its data begin. */
struct feed_header {
    struct feed_header *prev;
    struct feed_header *next;
    uint64_t audience;   /* the subscriptions that it may be for, */
    uint64_t generation; /* as they were then */
    uint64_t given;      /* the subscriptions that got something of it, */
    uint64_t known;      /* and those that did before last values of it were asked for */
    uint64_t newest_seq; /* the highest that was given to who wants the newest */
    size_t held;         /* datagrams that wait for their turn */
    size_t length;
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    uint8_t bytes[]; /* length of them */
};

/* The header that these bytes begin with, which is first in the list from then on; NULL when there is none.
 */
struct feed_header *feed_header_find(struct feed *feed, const uint8_t *bytes, size_t length);

/* The header of decoded data, kept if it is new; NULL when memory is out, or all are in use. */
struct feed_header *feed_header_learn(struct feed *feed, const struct signal *data, const uint8_t *bytes);

/* The subscriptions that a header's topic may be for, as they are now. */
uint64_t feed_header_audience(const struct subscription_set *subscriptions, struct feed_header *header);

/* Those of a feed that ends. */
void feed_headers_free(struct feed *feed);
