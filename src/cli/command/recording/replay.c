/* SPDX-License-Identifier: MIT */
/* muster replay: publish what was recorded. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "command.h"
#include "complain.h"
#include "draft.h"
#include "moment.h"
#include "pattern.h"
#include "relay.h"
#include "running.h"
#include "session.h"
#include "start.h"
#include "value.h"

/* Readings that are published before the loop looks for something else. */
#define READINGS_AT_ONCE 1000

/* How often it is looked whether all data has left. Subscribers ask for what they missed for 1 s, and tails
 * follow the last data for 1.28 s (PROTOCOL.md, section 13). */
#define DRAIN_MS 20
#define REPAIR_MS 1500

#define SPEED_MIN 0.001
#define SPEED_MAX 1000000

struct replay_options {
    struct draft draft;
    const char *pattern; /* NULL: all */
    char instance[MUSTER_NAME_BYTES_MAX + 1];
    int64_t from_us;
    int64_t to_us;
    double speed;
    bool new_times;
};

struct replay {
    struct session session;
    const struct settings *settings;
    const struct replay_options *options;
    const char *path;
    struct archive archive;
    const struct archive_series **series; /* that are wanted */
    size_t series_count;
    struct relay_topics topics;
    uv_timer_t timer;

    struct archive_reading reading; /* the next one */
    bool has_reading;
    bool has_begun;
    int64_t first_us;  /* when the first one was received, */
    uint64_t began_ms; /* and when it was published */
    uint64_t published;
    uint64_t refused;
    uint64_t sent;    /* datagrams, */
    uint64_t sent_ms; /* and since when there are so many */
    bool is_stopped;
    int status;
};

/* ---- options ---- */

static int parse_pattern(const char *text, void *place, struct reason *reason) {
    *(const char **)place = text;
    return pattern_check_one(text, reason);
}

static int parse_speed(const char *text, void *place_double, struct reason *reason) {
    char *end;
    const double speed = strtod(text, &end);
    if (text[strspn(text, "0123456789.")] != '\0' || *end != '\0' || end == text ||
        !(speed >= SPEED_MIN && speed <= SPEED_MAX)) {
        return reason_set(reason,
                          "expected a factor from 0.001 to 1000000 such as 2 or 0.5, got " VALUE_QUOTE, text);
    }
    *(double *)place_double = speed;
    return 0;
}

static const struct args_option options_table[] = {
    {"speed", 0, "N", "play so many times as fast as it was: 2, 0.5 (1)",
     offsetof(struct replay_options, speed), parse_speed},
    {"from", 0, "T", "begin with readings of this time: 1d (ago), 12:30, 2026-01-31",
     offsetof(struct replay_options, from_us), moment_parse},
    {"to", 0, "T", "end before readings of this time", offsetof(struct replay_options, to_us), moment_parse},
    {"topic", 0, "PATTERN", "play those alone whose full names match",
     offsetof(struct replay_options, pattern), parse_pattern},
    {"new-times", 0, NULL, "let the readings be of now", offsetof(struct replay_options, new_times),
     value_flag},
    {"name", 0, "NAME", "what to be called (the host's name, or that with +replay)",
     offsetof(struct replay_options, draft), draft_parse_name},
    {"attr", 0, "KEY=VALUE", "say something of itself (repeatable)", offsetof(struct replay_options, draft),
     draft_parse_attr},
    {"instance", 0, "I", "which identity of this machine and user to be (NAME)",
     offsetof(struct replay_options, instance), start_parse_instance},
    {0},
};

/* ---- the end ---- */

static void fail(struct replay *replay) {
    complain(replay->settings, "%s: %s", replay->path, replay->archive.fault.text);
    session_end(&replay->session, STATUS_ERROR);
}

/* Ends, and reports what did not leave. */
static void end(struct replay *replay) {
    const uint64_t unsent = muster_unsent(replay->session.node);
    if (unsent > 0) {
        complain(replay->settings, "%" PRIu64 " datagram%s of readings did not leave this host", unsent,
                 unsent == 1 ? "" : "s");
    }
    session_end(&replay->session, unsent > 0 ? STATUS_ERROR : replay->status);
}

static void on_drain(uv_timer_t *timer) {
    struct replay *replay = timer->data;
    const uint64_t sent = muster_sender(replay->session.node)->datagrams;
    if (sent != replay->sent || muster_values_given(replay->session.node) > 0) {
        replay->sent = sent;
        replay->sent_ms = uv_now(timer->loop);
    }
    if ((replay->is_stopped && muster_unsent(replay->session.node) == 0) ||
        uv_now(timer->loop) - replay->sent_ms >= REPAIR_MS) {
        end(replay);
    }
}

/* Lets all that was published leave, and, unless it was stopped, be asked for again. */
static void drain(struct replay *replay) {
    replay->sent_ms = uv_now(replay->session.loop);
    relay_topics_flush(&replay->topics);
    uv_timer_start(&replay->timer, on_drain, DRAIN_MS, DRAIN_MS);
}

/* ---- topics ---- */

/* True when a name is that of a topic or of a record below it. */
static bool is_below(const char *name, const char *topic) {
    const size_t length = strlen(topic);
    return strncmp(name, topic, length) == 0 && (name[length] == '\0' || name[length] == '/');
}

/* The topic that a series is published under: the one it had, or, where that is not known, its own name. */
static const char *topic_of(const struct archive_series *series) {
    return series->topic[0] != '\0' && is_below(series->name, series->topic) ? series->topic : series->name;
}

/* The name of its record below the topic; "" for the topic itself. */
static const char *record_of(const struct archive_series *series) {
    const size_t length = strlen(topic_of(series));
    return series->name[length] == '/' ? series->name + length + 1 : "";
}

/* Plans all topics with an origin, or all others. */
static int plan_topics(struct replay *replay, bool are_brought) {
    for (size_t i = 0; i < replay->series_count; i++) {
        const struct archive_series *series = replay->series[i];
        if ((series->origin[0] != '\0') != are_brought) {
            continue;
        }
        const int error = relay_topics_plan(&replay->topics, topic_of(series), series->origin,
                                            record_of(series), series->unit);
        if (error == MUSTER_EFULL) {
            complain(replay->settings, "%s: more than %d topics; --topic takes some of them", replay->path,
                     RELAY_TOPICS_MAX);
            return STATUS_ERROR;
        }
        if (error != 0) {
            return complain_error(replay->settings, error);
        }
    }
    return STATUS_OK;
}

/* Announces all topics, so that listeners know them when the first reading comes. One that somebody brought
 * from elsewhere stays marked so. */
static int open_topics(struct replay *replay) {
    int status = plan_topics(replay, true);
    status = status == STATUS_OK ? plan_topics(replay, false) : status;
    if (status == STATUS_OK) {
        relay_topics_open(&replay->topics, replay->session.node);
    }
    return status;
}

/* ---- readings ---- */

static void refuse(struct replay *replay, int error) {
    const char *fault = error == MUSTER_EINVAL ? muster_record_fault(&replay->reading.record) : NULL;
    if (replay->refused++ == 0) {
        complain(replay->settings, "'%s' can't be published: %s; more are only counted",
                 replay->reading.series->name, fault != NULL ? fault : muster_error_text(error));
    }
    replay->status = STATUS_ERROR;
}

/* Publishes the reading that is next. False when the node can't take it yet. */
static bool publish(struct replay *replay) {
    const struct archive_series *series = replay->reading.series;
    const struct relay_topic *topic = relay_topics_find(&replay->topics, topic_of(series));
    replay->reading.record.name = record_of(series);
    if (replay->options->new_times) {
        replay->reading.record.time_s = 0;
    }
    const int error = topic->publisher == NULL
                          ? topic->error
                          : muster_publisher_add(topic->publisher, &replay->reading.record);
    if (error == MUSTER_EAGAIN) {
        return false;
    }
    replay->published += error == 0 ? 1 : 0;
    if (error != 0) {
        refuse(replay, error);
    }
    replay->has_reading = false;
    return true;
}

/* Reads the next reading, unless one waits. False behind the last one, and after an error. */
static bool read_next(struct replay *replay) {
    const int result = replay->has_reading ? 1 : archive_next(&replay->archive, &replay->reading);
    replay->has_reading = result == 1;
    if (result < 0) {
        fail(replay);
    } else if (result == 0) {
        drain(replay);
    }
    return result == 1;
}

/* When a reading is due, in milliseconds after the first one. */
static uint64_t due_ms(const struct replay *replay) {
    const double after_us = (double)(replay->reading.received_us - replay->first_us);
    return after_us > 0 ? (uint64_t)(after_us / 1000 / replay->options->speed) : 0;
}

/* Publishes what is due, and waits for the next. */
static void play(uv_timer_t *timer) {
    struct replay *replay = timer->data;
    for (int i = 0; read_next(replay); i++) {
        const uint64_t passed_ms = uv_now(timer->loop) - replay->began_ms;
        if (!replay->has_begun) {
            replay->has_begun = true;
            replay->first_us = replay->reading.received_us;
            replay->began_ms = uv_now(timer->loop);
        } else if (due_ms(replay) > passed_ms) {
            uv_timer_start(timer, play, due_ms(replay) - passed_ms, 0);
            return;
        }
        if (i == READINGS_AT_ONCE) {
            uv_timer_start(timer, play, 0, 0);
            return;
        }
        if (!publish(replay)) {
            return; /* on_writable() goes on */
        }
    }
}

static void on_writable(muster_t *node, void *context) {
    struct replay *replay = context;
    (void)node;
    if (replay->has_reading && !uv_is_active((uv_handle_t *)&replay->timer) && !replay->session.ended) {
        play(&replay->timer);
    }
}

/* ---- running ---- */

static void on_open(void *context) {
    struct replay *replay = context;
    uv_timer_init(replay->session.loop, &replay->timer);
    replay->timer.data = replay;
    muster_on_writable(replay->session.node, on_writable, replay);
    const int status = open_topics(replay);
    if (status != STATUS_OK) {
        session_end(&replay->session, status);
        return;
    }
    uv_timer_start(&replay->timer, play, RELAY_ANNOUNCE_MS, 0);
}

static void on_signal(void *context) {
    struct replay *replay = context;
    replay->has_reading = false;
    replay->is_stopped = true;
    drain(replay);
}

static int run_session(struct replay *replay) {
    const struct replay_options *options = replay->options;
    const struct muster_document document = draft_document(&options->draft);
    struct muster_options node_options;
    muster_options_init(&node_options);
    node_options.document = &document;
    node_options.without_retained = true;
    node_options.instance = options->instance[0] != '\0' ? options->instance : NULL;
    const struct session_request request = {.options = &node_options,
                                            .is_guest = true,
                                            .until_signal = true,
                                            .is_confined = true,
                                            .written = replay->path, /* its log, while another one writes */
                                            .on_open = on_open,
                                            .on_signal = on_signal,
                                            .context = replay};
    const int status = session_hold(&replay->session, replay->settings, &request);
    if (replay->has_begun) {
        complain(replay->settings, "%" PRIu64 " readings published, %" PRIu64 " refused", replay->published,
                 replay->refused);
    }
    return status;
}

/* Chooses the series, and begins to read them. */
static int find_readings(struct replay *replay) {
    const struct replay_options *options = replay->options;
    int64_t first_us;
    int64_t last_us;
    replay->series = calloc(replay->archive.series_count + 1, sizeof(*replay->series));
    if (replay->series == NULL) {
        return complain_error(replay->settings, MUSTER_ENOMEM);
    }
    for (size_t i = 0; i < replay->archive.series_count; i++) {
        const struct archive_series *series = &replay->archive.series[i];
        if (options->pattern == NULL || muster_pattern_matches(options->pattern, series->name)) {
            replay->series[replay->series_count++] = series;
        }
    }
    const int found =
        archive_range(&replay->archive, replay->series, replay->series_count, &first_us, &last_us);
    if (found == 0 || (found > 0 && (last_us < options->from_us || first_us >= options->to_us))) {
        complain(replay->settings, "%s: no reading to play%s%s", replay->path,
                 options->pattern != NULL ? " of " : "", options->pattern != NULL ? options->pattern : "");
        return STATUS_NOT_FOUND;
    }
    if (found < 0 || archive_begin(&replay->archive, replay->series, replay->series_count, options->from_us,
                                   options->to_us, false) != 0) {
        complain(replay->settings, "%s: %s", replay->path, replay->archive.fault.text);
        return STATUS_ERROR;
    }
    return STATUS_OK;
}

static int run_replay(struct replay *replay) {
    struct reason reason;
    if (archive_open(&replay->archive, replay->path, &reason) != 0) {
        complain(replay->settings, "%s: %s", replay->path, reason.text);
        return STATUS_ERROR;
    }
    const int status = find_readings(replay);
    return status == STATUS_OK ? run_session(replay) : status;
}

/* Takes the name of the host, or one of its own beside another muster. */
static int take_name(const struct settings *settings, struct replay_options *options, struct reason *reason) {
    return options->instance[0] != '\0' ? draft_take_host_name(&options->draft, reason)
                                        : running_take_name(settings, "replay", &options->draft, reason);
}

static int run(struct settings *settings, void *replay_options, const struct operands *operands) {
    struct replay_options *options = replay_options;
    struct reason reason;
    if (options->from_us >= options->to_us) {
        return complain_usage(settings, "--from", "expected a time before --to");
    }
    if (options->draft.name == NULL && take_name(settings, options, &reason) != 0) {
        return complain_usage(settings, "--name", "%s", reason.text);
    }
    struct replay *replay = calloc(1, sizeof(*replay)); /* its topics are much for a stack */
    if (replay == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    replay->settings = settings;
    replay->options = options;
    replay->path = operands->values[0];
    const int status = run_replay(replay);
    relay_topics_deinit(&replay->topics);
    free(replay->series);
    archive_close(&replay->archive);
    free(replay);
    return status;
}

static void deinit(void *options) {
    draft_deinit(&((struct replay_options *)options)->draft);
}

const struct command command_replay = {
    .name = "replay",
    .group = COMMAND_READINGS,
    .summary = "publish what was recorded",
    .syntax = {.operands = "FILE", .operands_min = 1, .operands_max = 1},
    .completion = &args_complete_files,
    .description =
        "Publish the readings of a recording (muster record), at the pace at which they were received,\n"
        "or --speed times as fast, as a peer of its own. They keep their names, units, values and times;\n"
        "with --new-times they are of now. All publishers of the recording become one. No more is sent\n"
        "than 1 MB/s, whatever the pace. Behind the last reading it stays until that can no more be asked\n"
        "for again, 1.5 s. SIGINT and SIGTERM end it.\n\n"
        "Times are those of muster history. A recording has at most 256 topics to play at a time.\n",
    .options = options_table,
    .options_bytes = sizeof(struct replay_options),
    .defaults = &(const struct replay_options){.from_us = INT64_MIN, .to_us = INT64_MAX, .speed = 1},
    .examples = "  muster replay home.db --from '2026-01-31 12:00' --to '2026-01-31 13:00'\n"
                "  muster replay home.db --topic 'kitchen/#' --new-times --name demo\n",
    .statuses = "  0   all was published, or a signal ended it\n"
                "  1   error, or a reading can't be published\n"
                "  2   wrong usage\n"
                "  4   there is no such reading\n",
    .run = run,
    .deinit = deinit,
};
