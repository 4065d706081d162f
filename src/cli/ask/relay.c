/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "hint.h"
#include "text.h"

/* From the first on a double does not hold all integers; from the second on nobody means all digits. */
#define EXACT_MAX 9007199254740992.0
#define DIGITS_MAX 1e21

/* While it drains, the relay checks this often whether all data has left. */
#define DRAIN_MS 20

/* Subscribers ask for what they missed for 1 s, and tails follow the last data for 1.28 s (PROTOCOL.md,
 * section 13). */
#define REPAIR_MS 1500

/* For one VALUE. The byes take 200 ms, in which tails and repairs leave, too. */
#define REPAIR_VALUE_MS 100

/* A value with a longer text may fit no datagram. */
#define SMALL_BYTES 800

/* A relay that was stopped ends when all that was read has left, and after this time at the latest. */
#define STOP_MS_MAX 2000

static void take_input(struct relay *relay);

/* ---- complaints ---- */

/* True for the faults of JSON that was not meant to be SenML. */
static bool may_be_other_json(const struct reading_fault *fault) {
    return strcmp(fault->reason.text, "a record without a name") == 0 ||
           strcmp(fault->reason.text, "a record without a value or a sum") == 0;
}

/* Reports what is wrong with the line that was taken last, or with the VALUE. */
static void complain_of_fault(struct relay *relay, const struct reading_fault *fault) {
    const struct settings *settings = relay->session->settings;
    const uint64_t line = lines_number(&relay->lines) + fault->line;
    relay->status = STATUS_ERROR;
    if (relay->is_value) {
        relay->status = complain_usage(settings, "VALUE", "%s", fault->reason.text);
    } else if (fault->column > 0 && !lines_are_records(&relay->lines)) {
        complain(settings, "line %" PRIu64 ", column %zu: %s%s", line, fault->column, fault->reason.text,
                 may_be_other_json(fault) ? "; --flatten makes a reading of each value of other JSON" : "");
    } else {
        complain(settings, "line %" PRIu64 ": %s", line, fault->reason.text);
    }
}

static bool is_warned_of(const struct relay *relay, const char *unit) {
    size_t i = 0;
    while (i < relay->unknown_unit_count && strcmp(relay->unknown_units[i], unit) != 0) {
        i++;
    }
    return i < relay->unknown_unit_count;
}

static bool is_unknown(const char *unit) {
    return unit != NULL && unit[0] != '\0' && !muster_unit_is_known(unit);
}

void relay_warn_of_unit(const struct settings *settings, const char *unit) {
    if (is_unknown(unit)) {
        complain(settings, "'%s' is no unit of SenML's registries; it is sent as it is", unit);
    }
}

/* Once. */
static void warn_of_unit(struct relay *relay, const char *unit) {
    if (is_unknown(unit) && !is_warned_of(relay, unit) &&
        relay->unknown_unit_count < RELAY_UNKNOWN_UNITS_MAX) {
        snprintf(relay->unknown_units[relay->unknown_unit_count++], MUSTER_NAME_BYTES_MAX + 1, "%s", unit);
        relay_warn_of_unit(relay->session->settings, unit);
    }
}

/* Once. Of TOPIC VALUE such digits are text; a pack says that they are a number. */
static void warn_of_digits(struct relay *relay, const struct muster_record *record) {
    const double number = record->kind == MUSTER_VALUE_NUMBER ? fabs(record->number) : 0;
    if (number >= EXACT_MAX && number < DIGITS_MAX && !relay->has_warned_of_digits) {
        relay->has_warned_of_digits = true;
        complain(relay->session->settings,
                 "line %" PRIu64
                 ": a number beyond 2^53 may lose its last digits; as a text (\"vs\") it keeps them",
                 lines_number(&relay->lines));
    }
}

/* ---- the end ---- */

/* Whole lines that were read and not taken; the one that is being taken counts. */
static uint64_t count_lines(const struct relay *relay) {
    uint64_t count = relay->has_record ? 1 : 0;
    const char *line;
    size_t length;
    size_t ahead = 0;
    while (lines_peek(&relay->lines, &ahead, &line, &length) != LINES_NONE) {
        count++;
    }
    return count;
}

/* Reports what was read and did not leave. */
static void complain_of_unsent(struct relay *relay) {
    const struct settings *settings = relay->session->settings;
    const uint64_t lines = relay->is_stopped ? count_lines(relay) : 0;
    const uint64_t unsent = muster_unsent(relay->session->node);
    if (lines > 0) {
        complain(settings, "%" PRIu64 " line%s not published: it was stopped", lines,
                 lines == 1 ? " was" : "s were");
    }
    if (unsent > 0) {
        complain(settings, "%" PRIu64 " datagram%s of readings did not leave this host", unsent,
                 unsent == 1 ? "" : "s");
    }
    relay->status = lines > 0 || unsent > 0 ? STATUS_ERROR : relay->status;
}

static void complain_of_passed_over(const struct relay *relay) {
    if (relay->passed_over > 0) {
        complain(relay->session->settings,
                 "%" PRIu64 " reading%s passed over: carried on before, or published by this publisher",
                 relay->passed_over, relay->passed_over == 1 ? " was" : "s were");
    }
}

/* Says so where not one datagram of anybody came while this published: a subscriber asks who publishes, and
 * whoever is here answers that this joined. */
static void complain_of_silence(const struct relay *relay) {
    size_t path_count;
    const struct muster_counters *counters = muster_counters(relay->session->node);
    const struct muster_path *paths = muster_paths(relay->session->node, &path_count);
    if (relay->has_added && path_count > 0 && counters->received == counters->drops[MUSTER_DROP_OWN]) {
        complain(relay->session->settings, "published, but nobody was heard on %s%s",
                 text_interfaces(paths, path_count).text, hint_of_silence(counters).text);
    }
}

void relay_end(struct relay *relay) {
    uv_timer_stop(&relay->timer);
    uv_timer_stop(&relay->patience);
    uv_timer_stop(&relay->array);
    if (relay->phase != RELAY_ENDED) {
        relay->phase = RELAY_ENDED;
        complain_of_unsent(relay);
        complain_of_passed_over(relay);
        complain_of_silence(relay);
        session_end(relay->session, relay->status);
    }
}

/* The longest time between two datagrams while some wait. */
static uint64_t pace_ms(const struct relay *relay) {
    return relay->rate_bytes_s > 0 ? 1000 * MUSTER_DATAGRAM_BYTES_MAX / relay->rate_bytes_s : 0;
}

/* Without a network nothing leaves: what was taken waits for one. */
static bool waits_for_network(const struct relay *relay) {
    size_t path_count;
    muster_paths(relay->session->node, &path_count);
    return path_count == 0 && muster_unsent(relay->session->node) > 0;
}

/* A value that goes by stream is there to be fetched as long as this runs. */
static uint64_t patience_ms(const struct relay *relay) {
    return relay->is_value && relay->reading.record.text_length <= SMALL_BYTES ? REPAIR_VALUE_MS : REPAIR_MS;
}

/* A relay that was stopped does not wait for subscribers that may ask for repairs. */
static void on_drain(uv_timer_t *timer) {
    struct relay *relay = timer->data;
    const uint64_t now_ms = uv_now(timer->loop);
    const uint64_t sent = muster_sender(relay->session->node)->datagrams;
    if (sent != relay->sent || waits_for_network(relay) || muster_values_given(relay->session->node) > 0) {
        relay->sent = sent;
        relay->sent_ms = now_ms;
    }
    if ((relay->is_stopped && muster_unsent(relay->session->node) == 0) ||
        now_ms - relay->sent_ms >= patience_ms(relay) + pace_ms(relay)) {
        relay_end(relay);
    }
}

static void drain(struct relay *relay) {
    relay->phase = RELAY_DRAINING;
    relay->sent_ms = uv_now(relay->session->loop);
    descriptor_pause(&relay->input);
    if (!relay->has_added) {
        relay_end(relay);
        return;
    }
    relay_topics_flush(&relay->topics);
    uv_timer_start(&relay->timer, on_drain, DRAIN_MS, DRAIN_MS);
}

static void on_impatient(uv_timer_t *timer) {
    relay_end(timer->data);
}

/* What was read is still taken. */
void relay_stop(struct relay *relay) {
    relay->is_stopped = true;
    relay->has_ended = true;
    lines_split_array(&relay->lines);
    descriptor_pause(&relay->input);
    uv_timer_start(&relay->patience, on_impatient, STOP_MS_MAX, 0);
    take_input(relay);
}

/* ---- what others published ---- */

/* What another program carried on is not carried a second time, or it would go round for ever; and neither is
 * what this node published itself and somebody feeds back to it. */
static bool is_carried_already(const struct relay *relay, const struct line_source *source) {
    return source->is_brought || strcmp(source->id, relay->id) == 0;
}

/* ---- topics ---- */

/* Begins to read a line as it is meant. False where it says nothing, or is at fault, which *fault says. */
static bool open_line(const struct relay *relay, struct reading *reading, struct json_line *translated,
                      const char *line, size_t length, struct reading_fault *fault) {
    fault->reason.text[0] = '\0';
    const enum json_line_result result =
        relay->format == NULL
            ? json_line_read(relay->style, line, length, relay->read_s, translated, fault)
            : line_format_read(relay->format, relay->style, line, length, relay->read_s, translated, fault);
    switch (result) {
    case JSON_LINE_OTHER: reading_open(reading, relay->style, line, length, relay->read_s); return true;
    case JSON_LINE_READ:
        reading_open(reading, &translated->style, translated->text, translated->length, translated->now_s);
        return true;
    case JSON_LINE_EMPTY:
    case JSON_LINE_BAD: break;
    }
    return false;
}

/* False at a fault. */
static bool plan_reading(struct relay *relay, struct reading *reading, const struct line_source *source) {
    struct reading_fault fault;
    int result;
    while ((result = reading_next(reading, &fault)) == 1) {
        relay_topics_plan(&relay->topics, reading->topic, source->origin, reading->record.name,
                          reading->record.unit);
    }
    return result == 0;
}

/* Plans the topics of all lines that were read so far, so that they are announced together. A fault in these
 * lines is reported when the line is taken. */
static void plan_ahead(struct relay *relay) {
    struct reading reading = relay->reading; /* the rest of the line, without its room: that is in use */
    struct reading_fault fault;
    enum lines_result result;
    const char *line;
    size_t length;
    size_t ahead = 0;
    muster_pack_room(&reading.pack, NULL, 0);
    bool is_planned = plan_reading(relay, &reading, &relay->translated.source);
    while ((result = lines_peek(&relay->lines, &ahead, &line, &length)) == LINES_ONE ||
           (result == LINES_RECORD && is_planned && !relay->is_astray)) {
        if (result == LINES_RECORD) {
            line_source_read(&relay->ahead.source, line, length);
            reading_more(&reading, line, length, relay->read_s);
        } else if (!open_line(relay, &reading, &relay->ahead, line, length, &fault)) {
            continue;
        }
        if (!is_carried_already(relay, &relay->ahead.source)) {
            is_planned = plan_reading(relay, &reading, &relay->ahead.source);
        }
    }
}

static void on_announced(uv_timer_t *timer) {
    struct relay *relay = timer->data;
    relay->phase = RELAY_TAKING;
    take_input(relay);
}

/* Announces the topic of the record that waits. The relay holds the record until subscribers know the topic.
 */
static int open_topics(struct relay *relay) {
    const struct muster_record *record = &relay->reading.record;
    const int error = relay_topics_plan(&relay->topics, relay->reading.topic, relay->translated.source.origin,
                                        record->name, record->unit);
    if (error != 0) {
        return error;
    }
    plan_ahead(relay);
    relay_topics_open(&relay->topics, relay->session->node);
    relay->phase = RELAY_HELD;
    uv_timer_start(&relay->timer, on_announced, RELAY_ANNOUNCE_MS, 0);
    return 0;
}

/* ---- records ---- */

/* Reports why a record or its topic was refused. */
static void refuse_record(struct relay *relay, int error, bool is_open) {
    struct reading_fault fault = {.line = 0};
    const char *topic = relay->reading.topic;
    if (is_open && error == MUSTER_ETOOBIG) {
        reason_set(&fault.reason, "'%s': a value has at most %d bytes, or 1.5 MB with its escapes", topic,
                   MUSTER_LARGE_BYTES_MAX);
    } else if (is_open) {
        reason_set(&fault.reason, "%s", muster_error_text(error));
    } else if (error == MUSTER_EFULL) {
        reason_set(&fault.reason, "no room for topic '%s': one publisher announces %d at most", topic,
                   RELAY_TOPICS_MAX);
    } else {
        reason_set(&fault.reason, "topic '%s': %s", topic, muster_error_text(error));
    }
    complain_of_fault(relay, &fault);
}

/* One topic says of all its readings whether they were brought from elsewhere. */
static bool is_mixed(const struct relay *relay, const struct relay_topic *topic) {
    return (topic->origin[0] != '\0') != (relay->translated.source.origin[0] != '\0');
}

static void refuse_mixed(struct relay *relay, const struct relay_topic *topic) {
    struct reading_fault fault = {.line = 0};
    if (topic->origin[0] != '\0') {
        reason_set(&fault.reason,
                   "topic '%s' carries what '%.64s' published: readings of this publisher's own "
                   "go under another name",
                   topic->name, topic->origin);
    } else {
        reason_set(&fault.reason,
                   "topic '%s' has readings of this publisher's own: what '%.64s' published "
                   "can't be carried on under that name",
                   topic->name, relay->translated.source.origin);
    }
    complain_of_fault(relay, &fault);
}

/* Adds the record that waits, unless its topic is new or the node can't take it yet. */
static void add_record(struct relay *relay) {
    const struct relay_topic *topic = relay_topics_find(&relay->topics, relay->reading.topic);
    const bool is_open = topic != NULL && topic->publisher != NULL;
    int error;
    if (topic != NULL && is_mixed(relay, topic)) {
        relay->has_record = false;
        refuse_mixed(relay, topic);
        return;
    }
    if (topic == NULL) {
        error = open_topics(relay);
    } else {
        error = is_open ? muster_publisher_add(topic->publisher, &relay->reading.record) : topic->error;
    }
    if (error == MUSTER_EAGAIN) {
        relay->phase = RELAY_FULL;
    } else if (error != 0) {
        relay->has_record = false;
        refuse_record(relay, error, is_open);
    } else if (is_open) {
        relay->has_record = false;
        relay->has_added = true;
        warn_of_unit(relay, relay->reading.record.unit);
        warn_of_digits(relay, &relay->reading.record);
    }
}

/* ---- lines ---- */

/* What is behind a bad record that may have set bases would get wrong names or values. */
static void go_astray(struct relay *relay, struct reading_fault *fault) {
    const struct reason reason = fault->reason;
    relay->is_astray = true;
    reason_set(&fault->reason, "%s; the records behind it are passed over, as its bases are not known",
               reason.text);
}

/* Begins to read one more record of an array. */
static bool open_record(struct relay *relay, const char *line, size_t length) {
    line_source_read(&relay->translated.source, line, length);
    reading_more(&relay->reading, line, length, relay->read_s);
    return !relay->is_astray;
}

/* What is wrong with it is for whoever published it. */
static void pass_over(struct relay *relay) {
    struct reading_fault fault;
    while (reading_next(&relay->reading, &fault) == 1) {
        relay->passed_over++;
    }
    relay->has_line = false;
}

/* Begins to read the next line. False when no whole line is there. */
static bool next_line(struct relay *relay) {
    struct reading_fault fault = {.line = 0};
    const char *line;
    size_t length;
    const enum lines_result result = lines_next(&relay->lines, &line, &length);
    relay->has_line = false;
    if (result != LINES_NONE) {
        uv_timer_stop(&relay->array);
    }
    if (result == LINES_ONE) {
        relay->is_astray = false;
        relay->has_line = open_line(relay, &relay->reading, &relay->translated, line, length, &fault);
    } else if (result == LINES_RECORD) {
        relay->has_line = open_record(relay, line, length);
    } else if (result == LINES_TOO_LONG) {
        reason_set(&fault.reason, "expected at most %d bytes", LINES_BYTES_MAX);
        if (lines_are_records(&relay->lines)) {
            go_astray(relay, &fault);
        }
    }
    if (relay->has_line) {
        muster_pack_room(&relay->reading.pack, relay->room, sizeof(relay->room));
    }
    if (relay->has_line && is_carried_already(relay, &relay->translated.source)) {
        pass_over(relay);
    }
    if (fault.reason.text[0] != '\0') {
        complain_of_fault(relay, &fault);
    }
    return result != LINES_NONE;
}

/* Takes the next record of the line, or begins the next line. False when neither is there. */
static bool next_record(struct relay *relay) {
    struct reading_fault fault;
    const int result = relay->has_line ? reading_next(&relay->reading, &fault) : 0;
    relay->has_record = result == 1;
    if (result < 0) {
        if (lines_are_records(&relay->lines) && reading_has_bases(&relay->reading)) {
            go_astray(relay, &fault);
        }
        complain_of_fault(relay, &fault);
    }
    return result != 0 || next_line(relay);
}

static void on_array(uv_timer_t *timer) {
    struct relay *relay = timer->data;
    lines_split_array(&relay->lines);
    take_input(relay);
}

/* Takes records while that is possible; then reads on, waits, or drains. */
static void take_input(struct relay *relay) {
    bool is_more = true;
    while (relay->phase == RELAY_TAKING && is_more) {
        if (relay->has_record) {
            add_record(relay);
        } else {
            is_more = next_record(relay);
        }
        if (relay->is_strict && relay->status != STATUS_OK) {
            drain(relay);
        }
    }
    if (relay->phase != RELAY_TAKING) {
        descriptor_pause(&relay->input);
    } else if (relay->has_ended) {
        drain(relay);
    } else {
        descriptor_resume(&relay->input);
        if (!uv_is_active((uv_handle_t *)&relay->array) && lines_wait_for_array(&relay->lines)) {
            uv_timer_start(&relay->array, on_array, RELAY_ARRAY_MS, 0);
        }
    }
}

static void on_writable(muster_t *node, void *context) {
    struct relay *relay = context;
    (void)node;
    if (relay->phase == RELAY_FULL) {
        relay->phase = RELAY_TAKING;
        take_input(relay);
    }
}

/* ---- input ---- */

static void complain_of_input(struct relay *relay, int error) {
    complain(relay->session->settings, "standard input: %s", uv_strerror(error));
    relay->status = STATUS_ERROR;
}

static void end_input(struct relay *relay) {
    relay->has_ended = true;
    lines_end(&relay->lines);
    descriptor_pause(&relay->input);
}

static void on_ready(void *context) {
    struct relay *relay = context;
    size_t size;
    char *room = lines_room(&relay->lines, &size);
    const ssize_t length = descriptor_read(&relay->input, room, size);
    if (length == UV_EAGAIN) {
        return;
    }
    if (length < 0) {
        complain_of_input(relay, (int)length);
    }
    if (length > 0) {
        relay->read_s = session_wall_s(); /* the same for what came together: its pack says it once */
        lines_filled(&relay->lines, (size_t)length);
    } else {
        end_input(relay);
    }
    take_input(relay);
}

static void open_relay(struct relay *relay) {
    uv_timer_init(relay->session->loop, &relay->timer);
    uv_timer_init(relay->session->loop, &relay->patience);
    uv_timer_init(relay->session->loop, &relay->array);
    relay->timer.data = relay->patience.data = relay->array.data = relay;
    muster_on_writable(relay->session->node, on_writable, relay);
    uint8_t id[MUSTER_ID_BYTES];
    muster_id(relay->session->node, id);
    muster_id_text(id, relay->id);
}

void relay_value(struct relay *relay, const char *line) {
    open_relay(relay);
    relay->is_value = true;
    relay->has_line = true;
    reading_open(&relay->reading, relay->style, line, strlen(line), session_wall_s());
    end_input(relay);
    take_input(relay);
}

void relay_record(struct relay *relay, const char *topic, const struct muster_record *record) {
    open_relay(relay);
    relay->is_value = true;
    relay->has_record = true;
    relay->reading.is_over = true;
    relay->reading.record = *record;
    snprintf(relay->reading.topic, sizeof(relay->reading.topic), "%s", topic);
    end_input(relay);
    take_input(relay);
}

void relay_lines(struct relay *relay, int fd) {
    open_relay(relay);
    relay->lines.joins_packs = !relay->style->text && relay->format == NULL;
    relay->lines.splits_arrays = relay->lines.joins_packs && !relay->style->flatten;
    const int error = descriptor_open(&relay->input, relay->session->loop, fd, on_ready, relay);
    if (error != 0) {
        complain_of_input(relay, error);
        drain(relay);
    }
}

void relay_deinit(struct relay *relay) {
    descriptor_close(&relay->input);
    relay_topics_deinit(&relay->topics);
}
