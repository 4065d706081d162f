/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "limit.h"
#include "publisher.h"
#include "reply.h"
#include "telemetry.h"

/* Datagrams that are looked through for the last one of a topic. */
#define LOOK_BACK_MAX 1024

/* A pack of last values on its way into an answer. */
struct last_pack {
    const struct telemetry *telemetry;
    const struct own_topic *topic;
    struct buffer *out;
    uint64_t *count;
    struct senml_writer writer;
    size_t records;
    uint64_t newest_ms;
    char bytes[MUSTER_DATAGRAM_BYTES_MAX];
};

static void begin_last(struct last_pack *pack) {
    senml_writer_begin(&pack->writer, pack->bytes, sizeof pack->bytes);
    pack->records = 0;
    pack->newest_ms = 0;
}

static int write_sample(const struct last_pack *pack, uint64_t said_ms, const uint8_t *body, size_t length) {
    const struct context *context = pack->telemetry->context;
    const struct reply_sample sample = {.id = context->identity.id,
                                        .boot = context->identity.boot,
                                        .topic = pack->topic->name,
                                        .origin = pack->topic->origin,
                                        .until = context->sent[pack->topic->shard],
                                        .age_ms = context->now_ms > said_ms ? context->now_ms - said_ms : 0,
                                        .body = body,
                                        .body_length = length};
    int error = reply_write_sample(pack->out, &sample);
    *pack->count += error == 0 ? 1 : 0;
    return error;
}

static int end_last(struct last_pack *pack) {
    if (pack->records == 0) {
        return 0;
    }
    size_t length = senml_writer_end(&pack->writer);
    int error = write_sample(pack, pack->newest_ms, (const uint8_t *)pack->bytes, length);
    begin_last(pack);
    return error;
}

static int put_last(struct last_pack *pack, const struct sensor *sensor) {
    struct muster_record record = sensor->last;
    record.name = sensor->name;
    record.unit = sensor->unit;
    record.text = sensor->text;
    int error =
        senml_writer_add(&pack->writer, pack->topic->name, pack->topic->name_length, &record, record.time_s);
    if (error == 0) {
        pack->records++;
        pack->newest_ms = sensor->last_ms > pack->newest_ms ? sensor->last_ms : pack->newest_ms;
    }
    return error;
}

/* A value that is kept no longer can't be given. */
static bool is_kept(const struct last_pack *pack, const struct sensor *sensor) {
    struct value_ref ref;
    return value_ref_read(sensor->text, strlen(sensor->text), &ref) &&
           own_values_find(&pack->telemetry->publisher.values, ref.hash) != NULL;
}

/* What refers to a value has a part to itself. */
static int add_reference(struct last_pack *pack, const struct sensor *sensor) {
    int error = end_last(pack);
    return error != 0 || !is_kept(pack, sensor)
               ? error
               : write_sample(pack, sensor->last_ms, (const uint8_t *)sensor->text, strlen(sensor->text));
}

/* One that says no time counts on the age of its part, which it has to itself. */
static int add_last(struct last_pack *pack, const struct sensor *sensor) {
    if (sensor->is_reference) {
        return add_reference(pack, sensor);
    }
    bool is_timed = sensor->last.time_s >= MUSTER_TIME_S_MIN && sensor->last.time_s < MUSTER_TIME_S_MAX;
    int error = is_timed ? 0 : end_last(pack);
    if (error == 0 && put_last(pack, sensor) != 0) {
        error = end_last(pack);
        put_last(pack, sensor); /* what fitted a datagram beside its header fits here */
    }
    return is_timed || error != 0 ? error : end_last(pack);
}

/* What waits to be sent will be heard when it is: it is no last value yet. */
static bool is_sent(const struct last_pack *pack, const struct sensor *sensor) {
    return sensor->is_restored || (sensor->last_number < pack->topic->sealed &&
                                   sensor->last_number < pack->telemetry->publisher.ring.unsent);
}

static bool is_of(const struct ring *ring, const struct kept *kept, const struct own_topic *topic) {
    return kept->topic_length == topic->name_length &&
           memcmp(ring->bytes + kept->offset + kept->topic_at, topic->name, topic->name_length) == 0;
}

/* The last datagram of a topic that was sent stands for values whose successors wait. */
static int write_sent(const struct last_pack *pack) {
    const struct ring *ring = &pack->telemetry->publisher.ring;
    for (uint64_t i = 1; i <= LOOK_BACK_MAX && i <= ring->unsent - ring->first; i++) {
        const struct kept *kept = ring_at(ring, ring->unsent - i);
        if (is_of(ring, kept, pack->topic)) {
            const uint8_t *body = ring->bytes + kept->offset + kept->body_at;
            return write_sample(pack, kept->sealed_ms, body, kept->body_length);
        }
    }
    return 0;
}

int publisher_write_retained(const struct telemetry *telemetry, const struct own_topic *topic,
                             struct buffer *out, uint64_t *count) {
    struct last_pack pack = {.telemetry = telemetry, .topic = topic, .out = out, .count = count};
    int error = 0;
    begin_last(&pack);
    for (size_t i = 0; i < topic->sensor_count && error == 0; i++) {
        const struct sensor *sensor = &topic->sensors[i];
        error =
            sensor->is_retained && sensor->has_last && !sensor->is_reference ? add_last(&pack, sensor) : 0;
    }
    return error != 0 ? error : end_last(&pack);
}

int publisher_write_last(const struct telemetry *telemetry, const struct own_topic *topic, struct buffer *out,
                         uint64_t *count) {
    struct last_pack pack = {.telemetry = telemetry, .topic = topic, .out = out, .count = count};
    bool is_all_sent = true;
    int error = 0;
    begin_last(&pack);
    for (size_t i = 0; i < topic->sensor_count && error == 0; i++) {
        const struct sensor *sensor = &topic->sensors[i];
        if (sensor->has_last && is_sent(&pack, sensor)) {
            error = add_last(&pack, sensor);
        }
        is_all_sent = is_all_sent && (!sensor->has_last || is_sent(&pack, sensor));
    }
    error = error != 0 ? error : end_last(&pack);
    return error != 0 || is_all_sent ? error : write_sent(&pack);
}
