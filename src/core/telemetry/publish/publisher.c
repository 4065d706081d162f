#include "publisher.h"

#include <assert.h>
#include <math.h>
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
/* What a header has behind its prefix: the digits of its seq, "}" and LF. */
#define SEQ_BYTES_MAX 18

/* What stands before the name of the topic in a header. */
#define NAME_BEGIN "\"topic\":\""

/* ---- life ---- */

static size_t ring_bytes_of(const struct muster_core_options *options) {
    uint64_t bytes = options->ring_bytes;
    if (bytes == 0) {
        bytes = options->rate_bytes_s > MUSTER_RING_BYTES_DEFAULT ? options->rate_bytes_s
                                                                  : MUSTER_RING_BYTES_DEFAULT;
    }
    return (size_t)(bytes < MUSTER_RING_BYTES_MAX ? bytes : MUSTER_RING_BYTES_MAX);
}

void publisher_init(struct publisher *publisher, const struct muster_core_options *options) {
    publisher->ring_bytes = ring_bytes_of(options);
    publisher->linger_ms = options->linger_ms;
    publisher->linger_due_ms = DEADLINE_NEVER;
    publisher->rates_due_ms = DEADLINE_NEVER;
    uint64_t queue_bytes = options->rate_bytes_s / 1000 * QUEUE_MS;
    queue_bytes = queue_bytes > QUEUE_BYTES_MIN ? queue_bytes : QUEUE_BYTES_MIN;
    publisher->queue_bytes_max =
        (size_t)(queue_bytes < publisher->ring_bytes / 2 ? queue_bytes : publisher->ring_bytes / 2);
}

static void topic_free(struct own_topic *topic) {
    if (topic == NULL) {
        return;
    }
    for (size_t i = 0; i < topic->sensor_count; i++) {
        free(topic->sensors[i].text);
    }
    free(topic->sensors);
    free(topic);
}

void publisher_deinit(struct publisher *publisher) {
    for (size_t i = 0; i < publisher->topic_count; i++) {
        topic_free(publisher->topics[i]);
        publisher->topics[i] = NULL;
    }
    ring_deinit(&publisher->ring);
}

static void write_prefix(const struct context *context, struct own_topic *topic) {
    topic->prefix_length = signal_write_prefix(topic->prefix, context->identity.id, context->identity.boot,
                                               topic->name, topic->shard);
    topic->name_at = (size_t)(strstr(topic->prefix, NAME_BEGIN) - topic->prefix) + strlen(NAME_BEGIN);
}

void publisher_rekey(struct telemetry *telemetry) {
    struct publisher *publisher = &telemetry->publisher;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        struct own_topic *topic = publisher->topics[i];
        if (topic != NULL) {
            telemetry->context->counters.outputs_dropped += topic->has_records ? 1 : 0;
            topic->has_records = false; /* its room was measured by the old header */
            write_prefix(telemetry->context, topic);
        }
    }
    ring_clear(&publisher->ring);
}

/* ---- sensors ---- */

/* The sensor of a name; records come in the same order again and again. */
static struct sensor *find_sensor(struct own_topic *topic, const char *name, size_t length) {
    for (size_t i = 0; i < topic->sensor_count; i++) {
        size_t at = topic->sensor_next + i;
        struct sensor *sensor = &topic->sensors[at < topic->sensor_count ? at : at - topic->sensor_count];
        if (sensor->name_length == length && memcmp(sensor->name, name, length) == 0) {
            topic->sensor_next = (size_t)(sensor - topic->sensors) + 1;
            return sensor;
        }
    }
    return NULL;
}

/* NULL when there are too many already, or without memory: then it is published all the same. */
static struct sensor *add_sensor(struct own_topic *topic, const char *name, size_t length, const char *unit) {
    if (topic->sensor_count == MUSTER_SENSORS_MAX) {
        return NULL;
    }
    struct sensor *sensors = realloc(topic->sensors, (topic->sensor_count + 1) * sizeof *sensors);
    if (sensors == NULL) {
        return NULL;
    }
    topic->sensors = sensors;
    struct sensor *sensor = &sensors[topic->sensor_count++];
    *sensor = (struct sensor){.name_length = length};
    memcpy(sensor->name, name, length);
    strncpy(sensor->unit, unit, sizeof sensor->unit - 1);
    return sensor;
}

static bool keep_text(struct sensor *sensor, const char *text, size_t length) {
    if (length + 1 > sensor->text_size) {
        char *larger = realloc(sensor->text, length + 1);
        if (larger == NULL) {
            return false;
        }
        sensor->text = larger;
        sensor->text_size = length + 1;
    }
    memcpy(sensor->text, text, length);
    sensor->text[length] = '\0';
    return true;
}

static bool has_text(const struct muster_record *record) {
    return record->kind == MUSTER_VALUE_TEXT || record->kind == MUSTER_VALUE_DATA;
}

static void keep_last(const struct publisher *publisher, struct sensor *sensor,
                      const struct muster_record *record, double time_s, uint64_t now_ms) {
    if (has_text(record)) {
        size_t length = record->text_length > 0 ? record->text_length : strlen(record->text);
        if (!keep_text(sensor, record->text, length)) {
            return;
        }
    }
    sensor->last = *record;
    sensor->last.name = NULL;
    sensor->last.unit = NULL;
    sensor->last.text = NULL;
    sensor->last.time_s = time_s;
    sensor->last_ms = now_ms;
    sensor->last_number = publisher->ring.next;
    sensor->has_last = true;
}

static const char *text_or_none(const char *text) {
    return text == NULL ? "" : text;
}

/* A sensor that was not known, or whose unit was not, is announced. */
static void record_sensor(struct publisher *publisher, struct own_topic *topic, struct sensor *sensor,
                          const struct muster_record *record, double time_s, uint64_t now_ms) {
    const char *name = text_or_none(record->name);
    const char *unit = text_or_none(record->unit);
    if (sensor == NULL) {
        sensor = add_sensor(topic, name, strlen(name), unit);
        publisher->is_announce_due = publisher->is_announce_due || sensor != NULL;
    } else if (unit[0] != '\0' && strcmp(sensor->unit, unit) != 0) {
        strncpy(sensor->unit, unit, sizeof sensor->unit - 1);
        publisher->is_announce_due = true;
    }
    if (sensor != NULL) {
        keep_last(publisher, sensor, record, time_s, now_ms);
    }
}

/* ---- what is announced ---- */

/* Describes a topic, with all its sensors or those that were declared; its units are written to texts, of
 * which so many are used. */
static struct muster_topic describe(const struct own_topic *topic, struct muster_text *texts, bool with_all) {
    struct muster_topic described = {.name = topic->name, .units = texts, .rate = topic->rate};
    for (size_t i = 0; i < topic->sensor_count; i++) {
        const struct sensor *sensor = &topic->sensors[i];
        if (sensor->name_length == 0) {
            described.unit = sensor->unit;
        } else if (with_all || sensor->is_declared) {
            texts[described.unit_count++] = (struct muster_text){.name = sensor->name, .value = sensor->unit};
        }
    }
    return described;
}

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
            topics->items[topics->count] = describe(publisher->topics[i], topics->texts + used, with_all);
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

static bool is_open(const struct publisher *publisher, const char *name) {
    for (size_t i = 0; i < publisher->topic_count; i++) {
        if (publisher->topics[i] != NULL && strcmp(publisher->topics[i]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static size_t find_place(const struct publisher *publisher) {
    size_t place = 0;
    while (place < publisher->topic_count && publisher->topics[place] != NULL) {
        place++;
    }
    return place;
}

static bool is_unit(const char *unit) {
    return unit == NULL || strlen(unit) <= MUSTER_NAME_BYTES_MAX;
}

static bool is_complete(const struct muster_topic *topic) {
    bool is_valid = topic->name != NULL && muster_topic_fault(topic->name) == NULL && is_unit(topic->unit) &&
                    topic->unit_count <= MUSTER_SENSORS_MAX;
    for (size_t i = 0; is_valid && i < topic->unit_count; i++) {
        const struct muster_text *unit = &topic->units[i];
        const struct muster_record record = {
            .name = unit->name, .unit = unit->value, .kind = MUSTER_VALUE_BOOLEAN};
        is_valid = unit->name != NULL && unit->name[0] != '\0' && muster_record_fault(&record) == NULL;
    }
    return is_valid;
}

static struct own_topic *topic_new(const struct context *context, const struct muster_topic *described) {
    struct own_topic *topic = calloc(1, sizeof *topic);
    if (topic == NULL) {
        return NULL;
    }
    topic->name_length = strlen(described->name);
    memcpy(topic->name, described->name, topic->name_length);
    topic->shard = muster_topic_shard(topic->name);
    write_prefix(context, topic);
    bool has_room = described->unit == NULL || add_sensor(topic, "", 0, described->unit) != NULL;
    for (size_t i = 0; has_room && i < described->unit_count; i++) {
        const struct muster_text *unit = &described->units[i];
        struct sensor *sensor = add_sensor(topic, unit->name, strlen(unit->name), unit->value);
        has_room = sensor != NULL;
        if (has_room) {
            sensor->is_declared = true;
        }
    }
    if (!has_room) {
        topic_free(topic);
        return NULL;
    }
    return topic;
}

static int reserve(struct publisher *publisher, unsigned shard) {
    int error = publisher->ring.bytes == NULL ? ring_init(&publisher->ring, publisher->ring_bytes) : 0;
    return error != 0 ? error : ring_open_shard(&publisher->ring, shard);
}

int publisher_topic_open(struct telemetry *telemetry, const struct muster_topic *described,
                         unsigned *number) {
    struct publisher *publisher = &telemetry->publisher;
    size_t place = find_place(publisher);
    if (!is_complete(described) || is_open(publisher, described->name)) {
        return MUSTER_EINVAL;
    }
    if (place == MUSTER_TOPICS_MAX) {
        return MUSTER_EFULL;
    }
    struct own_topic *topic = topic_new(telemetry->context, described);
    int error = topic == NULL ? MUSTER_ENOMEM : reserve(publisher, topic->shard);
    if (error != 0) {
        topic_free(topic);
        return error;
    }
    publisher->topics[place] = topic;
    publisher->topic_count += place == publisher->topic_count ? 1 : 0;
    publisher->open_count++;
    publisher->rates_due_ms =
        deadline_earlier(publisher->rates_due_ms, telemetry->context->now_ms + MUSTER_RATE_MS);
    *number = (unsigned)place;
    return 0;
}

static struct own_topic *topic_of(const struct publisher *publisher, unsigned number) {
    return number < publisher->topic_count ? publisher->topics[number] : NULL;
}

/* ---- sealing ---- */

/* Datagrams of one length leave as one batch: a little longer than it must be, one joins that before it, and
 * all that are almost full are full. */
static size_t padded_length(const struct publisher *publisher, const struct own_topic *topic, size_t length) {
    const struct ring *ring = &publisher->ring;
    size_t padded = (length + MUSTER_PAD_BYTES - 1) / MUSTER_PAD_BYTES * MUSTER_PAD_BYTES;
    if (ring->next > ring->unsent) {
        const struct kept *last = ring_at(ring, ring->next - 1);
        if (last->shard == topic->shard && last->length >= length &&
            (size_t)(last->length - length) <= 2 * MUSTER_PAD_BYTES) {
            padded = last->length;
        }
    }
    return padded + ALMOST_BYTES > MUSTER_DATAGRAM_BYTES_MAX ? MUSTER_DATAGRAM_BYTES_MAX : padded;
}

static void seal(struct telemetry *telemetry, struct own_topic *topic) {
    struct publisher *publisher = &telemetry->publisher;
    char digits[NUMBER_TEXT_BYTES_MAX];
    size_t digit_count = number_write_integer(publisher->ring.seqs[topic->shard] + 1, digits);
    size_t body_length = senml_writer_end(&topic->writer);
    size_t length = topic->prefix_length + digit_count + 2 + body_length + 1;
    size_t padded = padded_length(publisher, topic, length);
    struct kept *kept = ring_append(&publisher->ring, topic->shard, padded, telemetry->context->now_ms);
    uint8_t *at = publisher->ring.bytes + kept->offset;
    kept->topic_at = (uint8_t)topic->name_at;
    kept->topic_length = (uint8_t)topic->name_length;
    kept->body_at = (uint16_t)(topic->prefix_length + digit_count + 2);
    kept->body_length = (uint16_t)body_length;
    memcpy(at, topic->prefix, topic->prefix_length);
    at += topic->prefix_length;
    memcpy(at, digits, digit_count);
    at += digit_count;
    *at++ = '}';
    *at++ = '\n';
    memcpy(at, topic->body, body_length);
    at += body_length;
    memset(at, ' ', padded - length);
    at[padded - length] = '\n';
    topic->sealed = publisher->ring.next;
    topic->has_records = false;
    topic->is_due = false;
}

static bool has_room(const struct publisher *publisher) {
    return publisher->ring.unsent_bytes + MUSTER_DATAGRAM_BYTES_MAX <= publisher->queue_bytes_max;
}

/* As soon as there is room. */
static void seal_soon(struct telemetry *telemetry, struct own_topic *topic) {
    if (topic->has_records && has_room(&telemetry->publisher)) {
        seal(telemetry, topic);
    } else if (topic->has_records) {
        topic->is_due = true;
        telemetry->publisher.linger_due_ms = telemetry->context->now_ms;
    }
}

static void begin(struct publisher *publisher, struct own_topic *topic, uint64_t now_ms) {
    size_t size = MUSTER_DATAGRAM_BYTES_MAX - topic->prefix_length - SEQ_BYTES_MAX - 1;
    senml_writer_begin(&topic->writer, topic->body, size);
    topic->began_ms = now_ms;
    publisher->linger_due_ms = deadline_earlier(publisher->linger_due_ms, now_ms + publisher->linger_ms);
}

static int add(struct publisher *publisher, struct own_topic *topic, const struct muster_record *record,
               double time_s, uint64_t now_ms) {
    if (!topic->has_records) {
        begin(publisher, topic, now_ms);
    }
    int error = senml_writer_add(&topic->writer, topic->name, topic->name_length, record, time_s);
    topic->has_records = topic->has_records || error == 0;
    return error;
}

/* The names of a sensor that is known were looked at when it was new, and its values are looked at as they
 * are written. */
static bool is_known_well(const struct sensor *sensor, const struct muster_record *record) {
    return sensor != NULL && record->kind <= MUSTER_VALUE_DATA &&
           strcmp(sensor->unit, text_or_none(record->unit)) == 0 && record->time_s == 0 &&
           record->update_s == 0 && !record->has_sum && record->kind != MUSTER_VALUE_NONE &&
           (record->text != NULL || !has_text(record));
}

int publisher_topic_add(struct telemetry *telemetry, unsigned number, const struct muster_record *record,
                        uint64_t now_ms, double wall_s) {
    struct publisher *publisher = &telemetry->publisher;
    struct own_topic *topic = topic_of(&telemetry->publisher, number);
    if (topic == NULL) {
        return MUSTER_EINVAL;
    }
    const char *name = text_or_none(record->name);
    struct sensor *sensor = find_sensor(topic, name, strlen(name));
    if (!is_known_well(sensor, record) && muster_record_fault(record) != NULL) {
        return MUSTER_EINVAL;
    }
    double time_s = record->time_s != 0 ? record->time_s : wall_s;
    int error = add(publisher, topic, record, time_s, now_ms);
    if (error == MUSTER_ETOOBIG && topic->has_records) {
        if (!has_room(publisher)) {
            publisher->is_full = true;
            return MUSTER_EAGAIN;
        }
        seal(telemetry, topic);
        error = add(publisher, topic, record, time_s, now_ms);
    }
    if (error == 0) {
        topic->count_ms = topic->counted == 0 ? now_ms : topic->count_ms;
        topic->counted++;
        record_sensor(publisher, topic, sensor, record, time_s, now_ms);
    }
    return error;
}

void publisher_topic_flush(struct telemetry *telemetry, unsigned number) {
    struct own_topic *topic = topic_of(&telemetry->publisher, number);
    if (topic != NULL) {
        seal_soon(telemetry, topic);
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

/* Forgets a topic, whatever was added to it. */
static void remove_topic(struct publisher *publisher, unsigned number) {
    topic_free(publisher->topics[number]);
    publisher->topics[number] = NULL;
    publisher->open_count--;
}

void publisher_topic_discard(struct publisher *publisher, unsigned number) {
    remove_topic(publisher, number);
}

void publisher_topic_close(struct telemetry *telemetry, unsigned number) {
    struct own_topic *topic = topic_of(&telemetry->publisher, number);
    if (topic != NULL) {
        seal_last(telemetry, topic);
        remove_topic(&telemetry->publisher, number);
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

static void seal_lingering(struct telemetry *telemetry) {
    struct publisher *publisher = &telemetry->publisher;
    publisher->linger_due_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        struct own_topic *topic = publisher->topics[i];
        if (due_ms(publisher, topic) <= telemetry->context->now_ms && has_room(publisher)) {
            seal(telemetry, topic);
        }
        publisher->linger_due_ms = deadline_earlier(publisher->linger_due_ms, due_ms(publisher, topic));
    }
}

/* With one digit: who looks wants to know whether it is ten a second or one a minute. */
static double round_rate(double rate) {
    double unit = pow(10, floor(log10(rate)));
    return round(rate / unit) * unit;
}

static bool is_news(double rate, double announced) {
    return rate > announced * MUSTER_RATE_CHANGE || rate * MUSTER_RATE_CHANGE < announced;
}

static void look_at_rate(struct publisher *publisher, struct own_topic *topic, uint64_t now_ms) {
    uint64_t elapsed_ms = now_ms - topic->count_ms;
    if (elapsed_ms < MUSTER_RATE_MS || topic->counted < MUSTER_RATE_RECORDS) {
        return;
    }
    double rate = 1000 * (double)topic->counted / (double)elapsed_ms;
    topic->counted = 0;
    if (is_news(rate, topic->rate)) {
        topic->rate = round_rate(rate);
        publisher->is_announce_due = true;
    }
}

static void look_at_rates(struct telemetry *telemetry) {
    struct publisher *publisher = &telemetry->publisher;
    publisher->rates_due_ms =
        publisher->open_count > 0 ? telemetry->context->now_ms + MUSTER_RATE_MS / 4 : DEADLINE_NEVER;
    for (size_t i = 0; i < publisher->topic_count; i++) {
        if (publisher->topics[i] != NULL) {
            look_at_rate(publisher, publisher->topics[i], telemetry->context->now_ms);
        }
    }
}

void publisher_tick(struct telemetry *telemetry) {
    struct publisher *publisher = &telemetry->publisher;
    if (publisher->linger_due_ms <= telemetry->context->now_ms) {
        seal_lingering(telemetry);
    }
    if (publisher->rates_due_ms <= telemetry->context->now_ms) {
        look_at_rates(telemetry);
    }
}

/* What is due but has no room waits for the sender. */
uint64_t publisher_deadline(const struct telemetry *telemetry) {
    const struct publisher *publisher = &telemetry->publisher;
    if (publisher->is_announce_due) {
        return telemetry->context->now_ms;
    }
    return deadline_earlier(publisher->rates_due_ms,
                            publisher->linger_due_ms > telemetry->context->now_ms || has_room(publisher)
                                ? publisher->linger_due_ms
                                : DEADLINE_NEVER);
}
