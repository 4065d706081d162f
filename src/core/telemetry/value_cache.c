/* SPDX-License-Identifier: MIT */
#include "value_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "hash.h"
#include "message.h"
#include "reply.h"
#include "telemetry.h"
#include "value_ref.h"

/* A record that is kept stands in a pack of its own, between brackets. */
#define RECORD_BYTES_MAX (MUSTER_DATAGRAM_BYTES_MAX - 2)

/* ---- life ---- */

bool value_cache_wants(const struct muster_core_options *options) {
    if (options->cache_count > MUSTER_CACHES_MAX || (options->cache_count > 0 && options->document == NULL)) {
        return false;
    }
    for (size_t i = 0; i < options->cache_count; i++) {
        if (muster_pattern_fault(options->caches[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static size_t bytes_of(const struct kept_value *value) {
    return sizeof *value + value->name_length + value->length;
}

static void drop_value(struct value_cache *value_cache, struct kept_topic *topic, struct kept_value *value) {
    DL_DELETE(topic->values, value);
    topic->value_count--;
    value_cache->bytes -= bytes_of(value);
    free(value);
}

static void drop_topic(struct value_cache *value_cache, struct kept_topic *topic) {
    while (topic->values != NULL) {
        drop_value(value_cache, topic, topic->values);
    }
    HASH_DELETE(hh, value_cache->by_key, topic);
    DL_DELETE(value_cache->topics, topic);
    value_cache->topic_count--;
    free(topic);
}

void value_cache_deinit(struct value_cache *value_cache) {
    while (value_cache->topics != NULL) {
        drop_topic(value_cache, value_cache->topics);
    }
}

/* ---- topics ---- */

static unsigned hash_of(const struct telemetry *telemetry, const struct kept_key *key) {
    return (unsigned)hash_bytes(key, sizeof *key, telemetry->context->hash_seed);
}

static struct kept_topic *add_topic(struct telemetry *telemetry, const struct kept_key *key) {
    struct value_cache *value_cache = &telemetry->value_cache;
    struct kept_topic *topic = calloc(1, sizeof *topic);
    if (topic == NULL) {
        return NULL;
    }
    topic->key = *key;
    HASH_ADD_BYHASHVALUE(hh, value_cache->by_key, key, sizeof topic->key, hash_of(telemetry, key), topic);
    if (topic->hh.tbl == NULL) {
        free(topic);
        return NULL;
    }
    topic->number = ++value_cache->number;
    DL_APPEND(value_cache->topics, topic);
    value_cache->topic_count++;
    return topic;
}

static struct kept_topic *find_topic(struct telemetry *telemetry, const struct muster_sample *sample) {
    struct value_cache *value_cache = &telemetry->value_cache;
    struct kept_key key;
    struct kept_topic *topic;
    memset(&key, 0, sizeof key);
    memcpy(key.id, sample->id, sizeof key.id);
    strncpy(key.topic, sample->topic, sizeof key.topic - 1);
    HASH_FIND_BYHASHVALUE(hh, value_cache->by_key, &key, sizeof key, hash_of(telemetry, &key), topic);
    if (topic == NULL) {
        return add_topic(telemetry, &key);
    }
    DL_DELETE(value_cache->topics, topic);
    DL_APPEND(value_cache->topics, topic);
    return topic;
}

/* All but the one that has news. */
static void make_room(struct telemetry *telemetry) {
    struct value_cache *value_cache = &telemetry->value_cache;
    while (value_cache->topic_count > 1 && (value_cache->topic_count > MUSTER_KEPT_TOPICS_MAX ||
                                            value_cache->bytes > MUSTER_KEPT_BYTES_MAX)) {
        drop_topic(value_cache, value_cache->topics);
        telemetry->context->counters.cache_evicted++;
    }
}

/* ---- values ---- */

static struct kept_value *find_value(const struct kept_topic *topic, const char *name) {
    size_t length = strlen(name);
    struct kept_value *value;
    DL_FOREACH(topic->values, value) {
        if (value->name_length == length && memcmp(value->text, name, length) == 0) {
            return value;
        }
    }
    return NULL;
}

static bool is_time(double time_s) {
    return time_s >= MUSTER_TIME_S_MIN && time_s < MUSTER_TIME_S_MAX;
}

/* Of two starts by the later one, whose clock may have been put right; of one start by their own times where
 * both have one. */
static bool is_newer(const struct kept_value *value, const struct kept_value *before) {
    if (value->boot != before->boot) {
        return value->boot > before->boot;
    }
    return value->time_s != 0 && before->time_s != 0 ? value->time_s >= before->time_s
                                                     : value->said_ms >= before->said_ms;
}

static void add_value(struct telemetry *telemetry, struct kept_topic *topic, const struct kept_value *like,
                      const char *name, const char *text) {
    struct kept_value *value = malloc(bytes_of(like));
    if (value == NULL) {
        return;
    }
    *value = *like;
    memcpy(value->text, name, like->name_length);
    memcpy(value->text + like->name_length, text, like->length);
    struct kept_value *before = find_value(topic, name);
    if (before != NULL) {
        drop_value(&telemetry->value_cache, topic, before);
    } else if (topic->value_count == MUSTER_SENSORS_MAX) { /* of the first one: the last (utlist) */
        drop_value(&telemetry->value_cache, topic, topic->values->prev);
        telemetry->context->counters.cache_evicted++;
    }
    DL_PREPEND(topic->values, value);
    topic->value_count++;
    telemetry->value_cache.changes++;
    telemetry->value_cache.bytes += bytes_of(value);
}

/* A time that counts from the reader's now becomes an age. */
static void keep(struct telemetry *telemetry, struct kept_topic *topic, const struct muster_sample *sample,
                 const struct muster_record *record) {
    char text[RECORD_BYTES_MAX];
    struct muster_record timed = *record;
    uint64_t age_ms = sample->age_ms;
    if (!is_time(record->time_s)) {
        age_ms += record->time_s < 0 && record->time_s > -MUSTER_TIME_S_MIN
                      ? (uint64_t)(-record->time_s * 1000)
                      : 0;
        timed.time_s = 0;
    }
    int length = muster_record_print(&timed, NULL, text, sizeof text);
    const struct kept_value *before = find_value(topic, record->name);
    struct kept_value like = {.boot = sample->boot,
                              .time_s = timed.time_s,
                              .said_ms = (int64_t)telemetry->context->now_ms - (int64_t)age_ms,
                              .name_length = strlen(record->name),
                              .length = length > 0 ? (size_t)length : 0};
    bool is_late = sample->is_late && like.time_s == 0; /* its age is not known */
    if (length > 0 && (before == NULL || (!is_late && is_newer(&like, before)))) {
        add_value(telemetry, topic, &like, record->name, text);
    }
}

/* Who keeps it for somebody else says the name; else the publisher's row has it. */
static void learn_name(struct telemetry *telemetry, struct kept_topic *topic,
                       const struct muster_sample *sample) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, sample->id);
    struct message message;
    enum muster_drop reason;
    if (sample->name != NULL && sample->name[0] != '\0') {
        snprintf(topic->name, sizeof topic->name, "%s", sample->name);
    } else if (topic->name[0] == '\0' && peer != NULL &&
               message_decode(peer->announce, peer->announce_length, &message, &reason)) {
        snprintf(topic->name, sizeof topic->name, "%s", message.document.name);
        message_deinit(&message);
    }
}

/* What goes by stream is not kept, and what it replaced is no last value any more. */
static void forget_value(struct telemetry *telemetry, struct kept_topic *topic,
                         const struct muster_sample *sample) {
    struct value_ref ref;
    struct kept_value *before =
        value_ref_read(sample->body, sample->length, &ref) ? find_value(topic, ref.name) : NULL;
    if (before != NULL && before->boot <= sample->boot) {
        drop_value(&telemetry->value_cache, topic, before);
        telemetry->value_cache.changes++;
    }
}

void value_cache_take(struct telemetry *telemetry, const struct muster_sample *sample) {
    struct muster_pack pack;
    struct muster_record record;
    struct kept_topic *topic = find_topic(telemetry, sample);
    if (topic == NULL) {
        return;
    }
    learn_name(telemetry, topic, sample);
    if (sample->origin[0] != '\0' || topic->value_count == 0) {
        snprintf(topic->origin, sizeof topic->origin, "%s", sample->origin);
    }
    if (value_ref_begins(sample->body, sample->length)) {
        forget_value(telemetry, topic, sample);
    }
    muster_pack_open(&pack, sample->body, sample->length, 0);
    while (muster_pack_next(&pack, &record) == 1) {
        keep(telemetry, topic, sample, &record);
    }
    if (topic->value_count == 0) {
        drop_topic(&telemetry->value_cache, topic);
    }
    make_room(telemetry);
}

/* ---- giving ---- */

const struct kept_topic *value_cache_after(const struct value_cache *value_cache, uint64_t number) {
    const struct kept_topic *topic = value_cache->by_key;
    while (topic != NULL && topic->number <= number) {
        topic = topic->hh.next;
    }
    return topic;
}

/* True when a value may stand in one pack with the one before it: without times of their own they count on
 * the age of the part. */
static bool goes_with(const struct kept_value *before, const struct kept_value *value, size_t length) {
    return before->boot == value->boot && before->time_s != 0 && value->time_s != 0 &&
           length + 1 + value->length + 1 <= MUSTER_DATAGRAM_BYTES_MAX;
}

static int write_pack(const struct telemetry *telemetry, const struct kept_topic *topic,
                      const struct kept_value *first, const char *body, size_t length, struct buffer *out) {
    const struct reply_sample sample = {.id = topic->key.id,
                                        .boot = first->boot,
                                        .topic = topic->key.topic,
                                        .origin = topic->origin,
                                        .name = topic->name,
                                        .age_ms =
                                            (uint64_t)((int64_t)telemetry->context->now_ms - first->said_ms),
                                        .body = (const uint8_t *)body,
                                        .body_length = length};
    return reply_write_sample(out, &sample);
}

int value_cache_write(const struct telemetry *telemetry, const struct kept_topic *topic, struct buffer *out,
                      uint64_t *count) {
    char body[MUSTER_DATAGRAM_BYTES_MAX];
    const struct kept_value *value = topic->values;
    int error = 0;
    while (value != NULL && error == 0) {
        const struct kept_value *first = value;
        const struct kept_value *last;
        size_t length = 0;
        do {
            body[length] = length == 0 ? '[' : ',';
            memcpy(body + length + 1, value->text + value->name_length, value->length);
            length += 1 + value->length;
            last = value;
            value = value->next;
        } while (value != NULL && goes_with(last, value, length));
        body[length++] = ']';
        error = write_pack(telemetry, topic, first, body, length, out);
        *count += error == 0 ? 1 : 0;
    }
    return error;
}
