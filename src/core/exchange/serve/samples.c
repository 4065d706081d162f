/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "exchange.h"
#include "pattern_set.h"
#include "publisher.h"
#include "reply.h"
#include "ring.h"
#include "signal.h"

struct samples {
    bool has_since;
    size_t topic;                   /* index of the next own one whose last values are to be said */
    uint64_t kept;                  /* number of the last kept one whose last values were said */
    bool has_said_last;             /* all last values, so that what was sent follows */
    uint64_t begin;                 /* number of the first datagram that is young enough, */
    uint64_t number;                /* and of the next one */
    uint64_t passed[MUSTER_SHARDS]; /* datagrams since the last one that was said, of topics not asked for */

    char last_topic[MUSTER_TOPIC_BYTES_MAX + 1]; /* that was looked at, */
    bool is_last_asked;                          /* and whether it is asked for */

    struct pattern_set patterns;
};

/* Data come topic by topic, more often than not. */
static bool is_asked_again(struct samples *samples, const char *topic, size_t length) {
    if (memcmp(samples->last_topic, topic, length) != 0 || samples->last_topic[length] != '\0') {
        memcpy(samples->last_topic, topic, length);
        samples->last_topic[length] = '\0';
        samples->is_last_asked = pattern_set_touches(&samples->patterns, samples->last_topic);
    }
    return samples->is_last_asked;
}

/* ---- beginning ---- */

/* The number of the first datagram that is at most so old; of the first unsent one where none is, or nothing
 * was asked for. */
static uint64_t find_begin(const struct exchange *exchange, uint64_t since_ms) {
    const struct ring *ring = &exchange->telemetry->publisher.ring;
    uint64_t oldest_ms = exchange->context->now_ms > since_ms ? exchange->context->now_ms - since_ms : 0;
    uint64_t low = ring->first;
    uint64_t high = ring->unsent;
    while (since_ms > 0 && low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ring_at(ring, middle)->sealed_ms < oldest_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return high;
}

int samples_begin(const struct exchange *exchange, struct connection *connection,
                  const struct request *request) {
    struct samples *samples = calloc(1, sizeof *samples);
    if (samples == NULL ||
        pattern_set_init(&samples->patterns, request->patterns, request->pattern_count) != 0) {
        free(samples);
        return MUSTER_ENOMEM;
    }
    samples->has_since = request->since_ms > 0;
    samples->begin = find_begin(exchange, request->since_ms);
    samples->number = samples->begin;
    samples_free(connection->samples);
    connection->samples = samples;
    connection->follows = request->follows;
    return 0;
}

void samples_free(struct samples *samples) {
    if (samples != NULL) {
        pattern_set_deinit(&samples->patterns);
        free(samples);
    }
}

/* ---- last values ---- */

/* Of what is said as it was sent, no last value is needed. */
static bool needs_last(const struct samples *samples, const struct own_topic *topic) {
    bool is_sent = samples->has_since && topic != NULL && topic->sealed > samples->begin;
    return topic != NULL && !is_sent && pattern_set_touches(&samples->patterns, topic->name);
}

/* Those of this node's topics, then those that it keeps, until there are enough of them for now. */
static int list_last(const struct exchange *exchange, struct connection *connection) {
    struct samples *samples = connection->samples;
    const struct telemetry *telemetry = exchange->telemetry;
    size_t topic_count = telemetry->publisher.topic_count;
    int error = 0;
    while (samples->topic < topic_count && error == 0 && !connection_has_said_enough(connection)) {
        const struct own_topic *topic = telemetry->publisher.topics[samples->topic++];
        if (needs_last(samples, topic)) {
            error = publisher_write_last(telemetry, topic, &connection->out, &connection->count);
        }
    }
    const struct kept_topic *kept = value_cache_after(&telemetry->value_cache, samples->kept);
    for (; kept != NULL && error == 0 && !connection_has_said_enough(connection); kept = kept->hh.next) {
        samples->kept = kept->number;
        if (pattern_set_touches(&samples->patterns, kept->key.topic)) {
            error = value_cache_write(telemetry, kept, &connection->out, &connection->count);
        }
    }
    samples->has_said_last = samples->topic >= topic_count && kept == NULL;
    return error;
}

/* ---- what was sent ---- */

static int say_sent(const struct exchange *exchange, struct connection *connection, const struct kept *kept) {
    struct samples *samples = connection->samples;
    const uint8_t *bytes = exchange->telemetry->publisher.ring.bytes + kept->offset;
    if (!is_asked_again(samples, (const char *)bytes + kept->topic_at, kept->topic_length)) {
        samples->passed[kept->shard]++;
        return 0;
    }
    char origin[MUSTER_ORIGIN_BYTES_MAX + 1];
    signal_read_origin((const char *)bytes + kept->topic_at + kept->topic_length + 1, kept->origin_length,
                       origin);
    const struct reply_sample sample = {.id = exchange->context->identity.id,
                                        .boot = exchange->context->identity.boot,
                                        .topic = samples->last_topic,
                                        .origin = origin,
                                        .seq = kept->seq,
                                        .passed = samples->passed[kept->shard],
                                        .age_ms = exchange->context->now_ms - kept->sealed_ms,
                                        .body = bytes + kept->body_at,
                                        .body_length = kept->body_length};
    samples->passed[kept->shard] = 0;
    connection->count++;
    return reply_write_sample(&connection->out, &sample);
}

/* What the ring lost in the meantime was not looked at. */
static void skip_gone(const struct ring *ring, struct samples *samples) {
    if (samples->number < ring->first) {
        samples->number = ring->first;
        memset(samples->passed, 0, sizeof samples->passed);
    }
}

static int say_all_sent(const struct exchange *exchange, struct connection *connection, size_t bytes_max) {
    struct samples *samples = connection->samples;
    const struct ring *ring = &exchange->telemetry->publisher.ring;
    int error = 0;
    skip_gone(ring, samples);
    while (samples->number < ring->unsent && error == 0 && connection->out.length < bytes_max) {
        error = say_sent(exchange, connection, ring_at(ring, samples->number++));
    }
    return error;
}

int samples_list(const struct exchange *exchange, struct connection *connection) {
    struct samples *samples = connection->samples;
    int error = samples->has_said_last ? 0 : list_last(exchange, connection);
    if (error == 0 && samples->has_said_last) {
        error = say_all_sent(exchange, connection, MUSTER_STREAM_CHUNK_BYTES);
    }
    connection->is_listed =
        samples->has_said_last && samples->number >= exchange->telemetry->publisher.ring.unsent;
    return error;
}

int samples_follow(const struct exchange *exchange, struct connection *connection) {
    int error = say_all_sent(exchange, connection, MUSTER_STREAM_QUEUE_BYTES_MAX);
    return error == 0 && connection->samples->number < exchange->telemetry->publisher.ring.unsent
               ? MUSTER_EFULL
               : error;
}
