/* SPDX-License-Identifier: MIT */
#include "publisher.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "number.h"
#include "telemetry.h"

/* What waits to be sent is late: so much of it at least is allowed, or what leaves in this time. */
#define QUEUE_BYTES_MIN 32768
#define QUEUE_MS 20
/* So much below the longest datagram one counts as full. */
#define ALMOST_BYTES 64
/* What a header has behind the digits of its seq. */
#define HEADER_END "}\n"

/* ---- life ---- */

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

void publisher_init(struct publisher *publisher, const struct muster_core_options *options) {
    uint64_t ring_bytes = options->ring_bytes != 0 ? options->ring_bytes
                                                   : larger(options->rate_bytes_s, MUSTER_RING_BYTES_DEFAULT);
    uint64_t queue_bytes = larger(options->rate_bytes_s / 1000 * QUEUE_MS, QUEUE_BYTES_MIN);
    publisher->ring_bytes = (size_t)smaller(ring_bytes, MUSTER_RING_BYTES_MAX);
    publisher->queue_bytes_max = (size_t)smaller(queue_bytes, publisher->ring_bytes / 2);
    publisher->linger_ms = options->linger_ms;
}

void publisher_deinit(struct publisher *publisher) {
    for (size_t i = 0; i < publisher->topic_count; i++) {
        own_topic_free(publisher->topics[i]);
        publisher->topics[i] = NULL;
    }
    own_values_deinit(&publisher->values);
    ring_deinit(&publisher->ring);
}

void publisher_rekey(struct telemetry *telemetry) {
    struct publisher *publisher = &telemetry->publisher;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        struct own_topic *topic = publisher->topics[i];
        if (topic != NULL) {
            telemetry->context->counters.outputs_dropped += topic->has_records ? 1 : 0;
            topic->has_records = false; /* its room was measured by the old header */
            own_topic_rekey(topic, telemetry->context);
        }
    }
    ring_clear(&publisher->ring);
}

/* ---- what is announced ---- */

int publisher_describe(const struct publisher *publisher, bool with_all, struct publisher_topics *topics) {
    size_t unit_count = 0;
    *topics = (struct publisher_topics){0};
    for (size_t i = 0; i < publisher->topic_count; i++) {
        unit_count += publisher->topics[i] == NULL ? 0 : publisher->topics[i]->sensor_count;
    }
    topics->items = calloc(publisher->topic_count + 1, sizeof *topics->items);
    topics->texts = calloc(unit_count + 1, sizeof *topics->texts);
    if (topics->items == NULL || topics->texts == NULL) {
        publisher_topics_deinit(topics);
        return MUSTER_ENOMEM;
    }
    size_t used = 0;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        if (publisher->topics[i] != NULL) {
            topics->items[topics->count] =
                own_topic_describe(publisher->topics[i], topics->texts + used, with_all);
            used += topics->items[topics->count++].unit_count;
        }
    }
    return 0;
}

void publisher_topics_deinit(struct publisher_topics *topics) {
    free(topics->items);
    free(topics->texts);
    *topics = (struct publisher_topics){0};
}

/* ---- topics ---- */

bool publisher_topic_find(const struct publisher *publisher, const char *name, unsigned *number) {
    for (size_t i = 0; i < publisher->topic_count; i++) {
        if (publisher->topics[i] != NULL && strcmp(publisher->topics[i]->name, name) == 0) {
            *number = (unsigned)i;
            return true;
        }
    }
    return false;
}

void publisher_topic_lend(struct publisher *publisher, unsigned number) {
    publisher->topics[number]->is_of_others = true;
}

void publisher_topic_use(struct telemetry *telemetry, unsigned number) {
    telemetry->publisher.topics[number]->used_ms = telemetry->context->now_ms;
}

void publisher_topic_retain(struct publisher *publisher, unsigned number, const char *name, bool retains) {
    publisher->retentions += own_topic_retain(publisher->topics[number], name, retains) ? 1 : 0;
}

bool publisher_topic_restore(struct telemetry *telemetry, unsigned number, const struct muster_record *record,
                             uint64_t age_ms) {
    const uint64_t now_ms = telemetry->context->now_ms;
    return own_topic_restore(telemetry->publisher.topics[number], record,
                             now_ms > age_ms ? now_ms - age_ms : 0);
}

bool publisher_topic_idlest(const struct publisher *publisher, unsigned *number) {
    const struct own_topic *idlest = NULL;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        const struct own_topic *topic = publisher->topics[i];
        if (topic != NULL && topic->is_of_others && !own_topic_is_retained(topic) &&
            (idlest == NULL || topic->used_ms < idlest->used_ms)) {
            idlest = topic;
            *number = (unsigned)i;
        }
    }
    return idlest != NULL;
}

static size_t find_place(const struct publisher *publisher) {
    size_t place = 0;
    while (place < publisher->topic_count && publisher->topics[place] != NULL) {
        place++;
    }
    return place;
}

static int reserve(struct publisher *publisher, unsigned shard) {
    int error = publisher->ring.bytes == NULL ? ring_init(&publisher->ring, publisher->ring_bytes) : 0;
    return error != 0 ? error : ring_open_shard(&publisher->ring, shard);
}

int publisher_topic_open(struct telemetry *telemetry, const struct muster_topic *described,
                         unsigned *number) {
    struct publisher *publisher = &telemetry->publisher;
    uint64_t *rates_ms = &telemetry->due_ms[DUE_RATES];
    size_t place = find_place(publisher);
    if (!own_topic_is_valid(described) || publisher_topic_find(publisher, described->name, number)) {
        return MUSTER_EINVAL;
    }
    if (place == MUSTER_TOPICS_MAX) {
        return MUSTER_EFULL;
    }
    struct own_topic *topic = own_topic_new(telemetry->context, described);
    int error = topic == NULL ? MUSTER_ENOMEM : reserve(publisher, topic->shard);
    if (error != 0) {
        own_topic_free(topic);
        return error;
    }
    publisher->topics[place] = topic;
    publisher->topic_count += place == publisher->topic_count ? 1 : 0;
    publisher->open_count++;
    *rates_ms = deadline_earlier(*rates_ms, telemetry->context->now_ms + MUSTER_RATE_MS);
    *number = (unsigned)place;
    return 0;
}

static struct own_topic *topic_of(const struct publisher *publisher, unsigned number) {
    return number < publisher->topic_count ? publisher->topics[number] : NULL;
}

/* ---- sealing ---- */

/* Datagrams of one length leave as one batch: a little longer than it must be, one joins that before it, and
 * all that are almost full are full. */
static size_t padded_length(const struct telemetry *telemetry, const struct own_topic *topic, size_t length) {
    const struct ring *ring = &telemetry->publisher.ring;
    size_t bytes_max = telemetry->context->paths.bytes_max;
    size_t padded = (length + MUSTER_PAD_BYTES - 1) / MUSTER_PAD_BYTES * MUSTER_PAD_BYTES;
    if (ring->next > ring->unsent) {
        const struct kept *last = ring_at(ring, ring->next - 1);
        if (last->shard == topic->shard && last->length >= length &&
            (size_t)(last->length - length) <= 2 * MUSTER_PAD_BYTES) {
            padded = last->length;
        }
    }
    if (length > bytes_max) { /* the MTU has shrunk since its pack was filled: it can't leave */
        return length;
    }
    return padded + ALMOST_BYTES > bytes_max ? bytes_max : padded;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t length) {
    memcpy(at, bytes, length);
    return at + length;
}

static void seal(struct telemetry *telemetry, struct own_topic *topic) {
    struct publisher *publisher = &telemetry->publisher;
    char digits[NUMBER_TEXT_BYTES_MAX];
    size_t digit_count = number_write_integer(publisher->ring.seqs[topic->shard] + 1, digits);
    size_t body_at = topic->prefix_length + digit_count + strlen(HEADER_END);
    size_t body_length = senml_writer_end(&topic->writer);
    size_t length = body_at + body_length + 1;
    size_t padded = padded_length(telemetry, topic, length);
    struct kept *kept = ring_append(&publisher->ring, topic->shard, padded, telemetry->context->now_ms);
    uint8_t *at = publisher->ring.bytes + kept->offset;
    kept->topic_at = (uint8_t)topic->name_at;
    kept->topic_length = (uint8_t)topic->name_length;
    kept->origin_length = (uint8_t)topic->origin_length;
    kept->body_at = (uint16_t)body_at;
    kept->body_length = (uint16_t)body_length;
    at = put(at, topic->prefix, topic->prefix_length);
    at = put(at, digits, digit_count);
    at = put(at, HEADER_END, strlen(HEADER_END));
    at = put(at, topic->body, body_length);
    memset(at, ' ', padded - length);
    at[padded - length] = '\n';
    topic->sealed = publisher->ring.next;
    topic->has_records = false;
    topic->is_due = false;
}

bool publisher_has_room(const struct publisher *publisher) {
    return publisher->ring.unsent_bytes + MUSTER_DATAGRAM_BYTES_MAX <= publisher->queue_bytes_max;
}

static void take_change(struct publisher *publisher, struct own_topic *topic) {
    if (topic->is_changed) {
        topic->is_changed = false;
        publisher->is_announce_due = true;
    }
}

/* One that fits no datagram: it goes by stream, and what refers to it at once. */
static int add_large(struct telemetry *telemetry, struct own_topic *topic, const struct muster_record *record,
                     double time_s, uint64_t now_ms) {
    struct publisher *publisher = &telemetry->publisher;
    struct value_ref ref;
    if (!publisher_has_room(publisher)) {
        publisher->is_full = true;
        return MUSTER_EAGAIN;
    }
    int error = own_values_add(&publisher->values, topic->name, record, time_s, &ref);
    if (error == 0) {
        error = own_topic_add_reference(topic, record, &ref, publisher->ring.next,
                                        telemetry->context->paths.bytes_max, now_ms);
    }
    if (error == 0) {
        seal(telemetry, topic);
    }
    return error;
}

int publisher_topic_add(struct telemetry *telemetry, unsigned number, const struct muster_record *record,
                        uint64_t now_ms, double wall_s, bool may_stream) {
    struct publisher *publisher = &telemetry->publisher;
    uint64_t *due_ms = &telemetry->due_ms[DUE_LINGER];
    struct own_topic *topic = topic_of(publisher, number);
    if (topic == NULL) {
        return MUSTER_EINVAL;
    }
    double time_s = record->time_s != 0 ? record->time_s : wall_s;
    size_t bytes_max = telemetry->context->paths.bytes_max;
    int error = own_topic_add(topic, record, time_s, publisher->ring.next, bytes_max, now_ms);
    if (error == MUSTER_ETOOBIG && topic->has_records) {
        if (!publisher_has_room(publisher)) {
            publisher->is_full = true;
            return MUSTER_EAGAIN;
        }
        seal(telemetry, topic);
        error = own_topic_add(topic, record, time_s, publisher->ring.next, bytes_max, now_ms);
    }
    if (error == MUSTER_ETOOBIG && may_stream) {
        error = add_large(telemetry, topic, record, time_s, now_ms);
    }
    if (error == 0) {
        *due_ms = deadline_earlier(*due_ms, topic->began_ms + publisher->linger_ms);
        take_change(publisher, topic);
    }
    return error;
}

/* Without room it is sealed as soon as there is some. */
void publisher_topic_flush(struct telemetry *telemetry, unsigned number) {
    struct own_topic *topic = topic_of(&telemetry->publisher, number);
    if (topic == NULL || !topic->has_records) {
        return;
    }
    if (publisher_has_room(&telemetry->publisher)) {
        seal(telemetry, topic);
    } else {
        topic->is_due = true;
        telemetry->due_ms[DUE_LINGER] = telemetry->context->now_ms;
    }
}

/* Whatever the queue holds: the ring's other half serves what must not wait. */
static void seal_last(struct telemetry *telemetry, struct own_topic *topic) {
    if (topic->has_records && ring_has_room(&telemetry->publisher.ring)) {
        seal(telemetry, topic);
    } else if (topic->has_records) {
        telemetry->context->counters.outputs_dropped++;
        topic->has_records = false;
    }
}

void publisher_leave(struct telemetry *telemetry) {
    for (size_t i = 0; i < telemetry->publisher.topic_count; i++) {
        if (telemetry->publisher.topics[i] != NULL) {
            seal_last(telemetry, telemetry->publisher.topics[i]);
        }
    }
}

void publisher_topic_discard(struct publisher *publisher, unsigned number) {
    own_topic_free(publisher->topics[number]);
    publisher->topics[number] = NULL;
    publisher->open_count--;
}

void publisher_topic_close(struct telemetry *telemetry, unsigned number) {
    struct own_topic *topic = topic_of(&telemetry->publisher, number);
    if (topic != NULL) {
        seal_last(telemetry, topic);
        publisher_topic_discard(&telemetry->publisher, number);
        telemetry->publisher.is_announce_due = true;
    }
}

bool publisher_is_writable(struct publisher *publisher) {
    if (!publisher->is_full || publisher->ring.unsent_bytes >= publisher->queue_bytes_max / 2) {
        return false;
    }
    publisher->is_full = false;
    return true;
}

/* ---- time ---- */

static uint64_t due_ms(const struct publisher *publisher, const struct own_topic *topic) {
    if (topic == NULL || !topic->has_records) {
        return DEADLINE_NEVER;
    }
    return topic->is_due ? 0 : topic->began_ms + publisher->linger_ms;
}

void publisher_seal_lingering(struct telemetry *telemetry) {
    struct publisher *publisher = &telemetry->publisher;
    uint64_t earliest_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        struct own_topic *topic = publisher->topics[i];
        if (due_ms(publisher, topic) <= telemetry->context->now_ms && publisher_has_room(publisher)) {
            seal(telemetry, topic);
        }
        earliest_ms = deadline_earlier(earliest_ms, due_ms(publisher, topic));
    }
    telemetry->due_ms[DUE_LINGER] = earliest_ms;
}

void publisher_measure_rates(struct telemetry *telemetry) {
    struct publisher *publisher = &telemetry->publisher;
    uint64_t now_ms = telemetry->context->now_ms;
    telemetry->due_ms[DUE_RATES] = publisher->open_count > 0 ? now_ms + MUSTER_RATE_MS / 4 : DEADLINE_NEVER;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        struct own_topic *topic = publisher->topics[i];
        if (topic != NULL) {
            own_topic_measure_rate(topic, now_ms);
            take_change(publisher, topic);
        }
    }
}
