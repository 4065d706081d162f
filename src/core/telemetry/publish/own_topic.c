/* SPDX-License-Identifier: MIT */
#include "own_topic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "limit.h"
#include "member.h"

/* What a header has behind its prefix: the digits of its seq, "}" and LF. */
#define SEQ_BYTES_MAX 18

/* What stands before the name of the topic in a header. */
#define NAME_BEGIN "\"topic\":\""

static const char *text_or_none(const char *text) {
    return text == NULL ? "" : text;
}

/* ---- sensors ---- */

/* Records come in the same order again and again. */
static struct sensor *find_sensor(struct own_topic *topic, const char *name) {
    for (size_t i = 0; i < topic->sensor_count; i++) {
        size_t at = topic->sensor_next + i;
        struct sensor *sensor = &topic->sensors[at < topic->sensor_count ? at : at - topic->sensor_count];
        if (strcmp(sensor->name, name) == 0) {
            topic->sensor_next = (size_t)(sensor - topic->sensors) + 1;
            return sensor;
        }
    }
    return NULL;
}

/* NULL when there are too many already, or without memory: then it is published all the same. */
static struct sensor *add_sensor(struct own_topic *topic, const char *name, const char *unit) {
    if (topic->sensor_count == MUSTER_SENSORS_MAX) {
        return NULL;
    }
    struct sensor *sensors = realloc(topic->sensors, (topic->sensor_count + 1) * sizeof *sensors);
    if (sensors == NULL) {
        return NULL;
    }
    topic->sensors = sensors;
    struct sensor *sensor = &sensors[topic->sensor_count++];
    *sensor = (struct sensor){0};
    strncpy(sensor->name, name, sizeof sensor->name - 1);
    strncpy(sensor->unit, unit, sizeof sensor->unit - 1);
    return sensor;
}

static bool has_text(const struct muster_record *record) {
    return record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA;
}

/* The names of a sensor that is known were looked at when it was new, and its values are looked at as they
 * are written. */
static bool is_known_well(const struct sensor *sensor, const struct muster_record *record) {
    return sensor != NULL && record->kind <= MUSTER_VALUE_DATA &&
           strcmp(sensor->unit, text_or_none(record->unit)) == 0 && record->time_s == 0 &&
           record->update_s == 0 && !record->has_sum && record->kind != MUSTER_VALUE_NONE &&
           (record->text != NULL || !has_text(record));
}

/* False without memory. */
static bool copy_text(struct sensor *sensor, const struct muster_record *record) {
    size_t length = record->text_length > 0 ? record->text_length : strlen(record->text);
    if (length + 1 > sensor->text_size) {
        char *larger = realloc(sensor->text, length + 1);
        if (larger == NULL) {
            return false;
        }
        sensor->text = larger;
        sensor->text_size = length + 1;
    }
    memcpy(sensor->text, record->text, length);
    sensor->text[length] = '\0';
    return true;
}

/* A sensor that was not known, or whose unit was not, is announced. Returns it; NULL where it is not kept. */
static struct sensor *record_last(struct own_topic *topic, struct sensor *sensor,
                                  const struct muster_record *record, double time_s, uint64_t number,
                                  uint64_t now_ms) {
    const char *unit = text_or_none(record->unit);
    if (sensor == NULL) {
        sensor = add_sensor(topic, text_or_none(record->name), unit);
        topic->is_changed = topic->is_changed || sensor != NULL;
    } else if (unit[0] != '\0' && strcmp(sensor->unit, unit) != 0) {
        strncpy(sensor->unit, unit, sizeof sensor->unit - 1);
        topic->is_changed = true;
    }
    if (sensor == NULL || (has_text(record) && !copy_text(sensor, record))) {
        return NULL;
    }
    sensor->last = *record;
    sensor->last.name = sensor->last.unit = sensor->last.text = NULL;
    sensor->last.time_s = time_s;
    sensor->last_ms = now_ms;
    sensor->last_number = number;
    sensor->has_last = true;
    sensor->is_restored = false;
    sensor->is_reference = false;
    return sensor;
}

bool own_topic_retain(struct own_topic *topic, const char *name, bool retains) {
    struct sensor *sensor = find_sensor(topic, text_or_none(name));
    const bool was_retained = sensor != NULL && sensor->is_retained;
    if (sensor != NULL) {
        sensor->is_retained = retains;
    }
    return sensor != NULL && (retains || was_retained);
}

bool own_topic_is_retained(const struct own_topic *topic) {
    for (size_t i = 0; i < topic->sensor_count; i++) {
        if (topic->sensors[i].is_retained) {
            return true;
        }
    }
    return false;
}

bool own_topic_restore(struct own_topic *topic, const struct muster_record *record, uint64_t said_ms) {
    const bool is_topic = strncmp(record->name, topic->name, topic->name_length) == 0;
    const char *rest = record->name + topic->name_length;
    if (!is_topic || (*rest != '\0' && *rest != '/')) {
        return false;
    }
    struct muster_record own = *record;
    own.name = *rest == '/' ? rest + 1 : "";
    if (muster_record_fault(&own) != NULL || find_sensor(topic, own.name) != NULL) {
        return false;
    }
    record_last(topic, NULL, &own, own.time_s, 0, said_ms);
    struct sensor *sensor = find_sensor(topic, own.name);
    if (sensor == NULL || !sensor->has_last) {
        return false;
    }
    sensor->is_retained = sensor->is_restored = true;
    return true;
}

/* Makes room for a pack in a datagram of at most so many bytes; false when what is in the pack leaves none.
 */
static bool make_room(struct own_topic *topic, size_t bytes_max, uint64_t now_ms) {
    size_t size = bytes_max - topic->prefix_length - SEQ_BYTES_MAX - 1;
    if (!topic->has_records) {
        senml_writer_begin(&topic->writer, topic->body, size);
        topic->began_ms = now_ms;
    }
    topic->writer.size = size; /* the MTU may have changed since the pack began */
    return topic->writer.length < size;
}

int own_topic_add(struct own_topic *topic, const struct muster_record *record, double time_s, uint64_t number,
                  size_t bytes_max, uint64_t now_ms) {
    struct sensor *sensor = find_sensor(topic, text_or_none(record->name));
    if (!is_known_well(sensor, record) && muster_record_fault(record) != NULL) {
        return MUSTER_EINVAL;
    }
    if (!make_room(topic, bytes_max, now_ms)) {
        return MUSTER_ETOOBIG;
    }
    int error = senml_writer_add(&topic->writer, topic->name, topic->name_length, record, time_s);
    if (error == 0) {
        topic->has_records = true;
        topic->count_ms = topic->counted == 0 ? now_ms : topic->count_ms;
        topic->counted++;
        record_last(topic, sensor, record, time_s, number, now_ms);
    }
    return error;
}

int own_topic_add_reference(struct own_topic *topic, const struct muster_record *record,
                            const struct value_ref *ref, uint64_t number, size_t bytes_max, uint64_t now_ms) {
    char text[VALUE_REF_BYTES_MAX];
    const size_t length = value_ref_write(ref, text);
    const struct muster_record referring = {.name = record->name,
                                            .unit = record->unit,
                                            .kind = MUSTER_VALUE_TEXT,
                                            .text = text,
                                            .text_length = length,
                                            .update_s = record->update_s};
    if (!make_room(topic, bytes_max, now_ms) || length > topic->writer.size) {
        return MUSTER_ETOOBIG;
    }
    memcpy(topic->body, text, length);
    topic->writer.length = length - 1; /* its end brings the bracket */
    topic->has_records = true;
    topic->count_ms = topic->counted == 0 ? now_ms : topic->count_ms;
    topic->counted++;
    struct sensor *sensor = record_last(topic, find_sensor(topic, text_or_none(record->name)), &referring,
                                        ref->time_s, number, now_ms);
    if (sensor != NULL) {
        sensor->is_reference = true;
    }
    return 0;
}

/* ---- topics ---- */

bool own_topic_is_valid(const struct muster_topic *described) {
    const char *origin = text_or_none(described->origin);
    bool is_valid = described->name != NULL && (origin[0] == '\0' || member_is_origin(origin)) &&
                    muster_topic_fault(described->name) == NULL &&
                    strlen(text_or_none(described->unit)) <= MUSTER_NAME_BYTES_MAX &&
                    described->unit_count <= MUSTER_SENSORS_MAX;
    for (size_t i = 0; is_valid && i < described->unit_count; i++) {
        const struct muster_text *unit = &described->units[i];
        const struct muster_record record = {
            .name = unit->name, .unit = unit->value, .kind = MUSTER_VALUE_BOOLEAN};
        is_valid = unit->name != NULL && unit->name[0] != '\0' && muster_record_fault(&record) == NULL;
    }
    return is_valid;
}

void own_topic_rekey(struct own_topic *topic, const struct context *context) {
    char member[SIGNAL_ORIGIN_BYTES];
    topic->prefix_length = signal_write_prefix(topic->prefix, context->identity.id, context->identity.boot,
                                               topic->name, topic->origin, topic->shard);
    topic->origin_length = strlen(signal_origin_member(topic->origin, member));
    topic->name_at = (size_t)(strstr(topic->prefix, NAME_BEGIN) - topic->prefix) + strlen(NAME_BEGIN);
}

struct own_topic *own_topic_new(const struct context *context, const struct muster_topic *described) {
    struct own_topic *topic = calloc(1, sizeof *topic);
    if (topic == NULL) {
        return NULL;
    }
    topic->name_length = strlen(described->name);
    memcpy(topic->name, described->name, topic->name_length);
    strncpy(topic->origin, text_or_none(described->origin), sizeof topic->origin - 1);
    topic->shard = muster_topic_shard(topic->name);
    own_topic_rekey(topic, context);
    bool has_room = described->unit == NULL || add_sensor(topic, "", described->unit) != NULL;
    for (size_t i = 0; has_room && i < described->unit_count; i++) {
        struct sensor *sensor =
            add_sensor(topic, described->units[i].name, text_or_none(described->units[i].value));
        has_room = sensor != NULL;
        if (has_room) {
            sensor->is_declared = true;
        }
    }
    if (!has_room) {
        own_topic_free(topic);
        return NULL;
    }
    return topic;
}

void own_topic_free(struct own_topic *topic) {
    if (topic != NULL) {
        for (size_t i = 0; i < topic->sensor_count; i++) {
            free(topic->sensors[i].text);
        }
        free(topic->sensors);
        free(topic);
    }
}

struct muster_topic own_topic_describe(const struct own_topic *topic, struct muster_text *texts,
                                       bool with_all) {
    struct muster_topic described = {
        .name = topic->name, .units = texts, .rate = topic->rate, .origin = topic->origin};
    for (size_t i = 0; i < topic->sensor_count; i++) {
        const struct sensor *sensor = &topic->sensors[i];
        if (sensor->name[0] == '\0') {
            described.unit = sensor->unit;
        } else if (with_all || sensor->is_declared) {
            texts[described.unit_count++] = (struct muster_text){.name = sensor->name, .value = sensor->unit};
        }
    }
    return described;
}

/* ---- rates ---- */

/* With one digit: who looks wants to know whether it is ten a second or one a minute. */
static double round_rate(double rate) {
    double unit = pow(10, floor(log10(rate)));
    return round(rate / unit) * unit;
}

/* Those that there was a record of, at least one. */
static size_t count_sensors(const struct own_topic *topic) {
    size_t count = 0;
    for (size_t i = 0; i < topic->sensor_count; i++) {
        count += topic->sensors[i].has_last ? 1 : 0;
    }
    return count > 0 ? count : 1;
}

void own_topic_measure_rate(struct own_topic *topic, uint64_t now_ms) {
    uint64_t elapsed_ms = now_ms - topic->count_ms;
    if (elapsed_ms < MUSTER_RATE_MS || topic->counted < MUSTER_RATE_RECORDS) {
        return;
    }
    double rate = 1000 * (double)topic->counted / (double)elapsed_ms / (double)count_sensors(topic);
    topic->counted = 0;
    if (rate > topic->rate * MUSTER_RATE_CHANGE || rate * MUSTER_RATE_CHANGE < topic->rate) {
        topic->rate = round_rate(rate);
        topic->is_changed = true;
    }
}
