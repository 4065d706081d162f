/* SPDX-License-Identifier: MIT */
/* muster record: keep readings, and what happens to peers, in a file. */
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "known.h"
#include "pattern.h"
#include "recording.h"
#include "session.h"
#include "source.h"
#include "value.h"

/* A batch is written before it is full when nothing else is being written: with so many readings. */
#define BATCH_READINGS_SOON (BATCH_READINGS_MAX / 4)

/* How often the last batch is tried, while others hold the file for store.c's BUSY_MS each time. */
#define LAST_TRIES 20

struct record_options {
    const char *path;
    struct store_limits limits;
    bool no_last;
    uint64_t timeout_ms; /* 0: none */
};

struct record {
    struct session session;
    const struct settings *settings;
    const struct record_options *options;
    const struct operands *patterns;
    struct muster_pack pack;
    struct sources sources;

    /* The loop fills one batch while a thread writes the other one. */
    struct store *store;
    struct batch batches[2];
    unsigned filling;
    bool is_writing; /* the thread uses the store and the other batch */
    bool is_pending; /* the other batch is not written whole */
    uv_work_t work;
    enum store_result result;

    bool has_begun;    /* it listens, or did */
    const char *end;   /* why it ends, as STORE.md has it */
    uint64_t readings; /* that are written */
    uint64_t events;
    uint64_t lost;          /* datagrams */
    uint64_t dropped;       /* readings that had no room in memory */
    uint64_t dropped_since; /* of these the ones that are in no event yet */
    uint64_t events_dropped;
    uint64_t events_told; /* of these the ones that are in an event */
    uint64_t unwritten;   /* readings that were in memory in the end */
    struct known known;   /* peers as they were before */
    bool is_reported;     /* why the file can't be written */
};

/* ---- options ---- */

static const struct args_option options_table[] = {
    {"db", 0, "FILE", "the file to keep them in, made where there is none; needed",
     offsetof(struct record_options, path), value_text, &args_complete_files},
    {"max-size", 0, "BYTES", "keep its files below this size: 500M, 2G (1G)",
     offsetof(struct record_options, limits.bytes_max), recording_parse_size},
    {"keep-days", 0, "N", "keep nothing longer (as long as there is room)",
     offsetof(struct record_options, limits.keep_us), recording_parse_days},
    {"no-last", 0, NULL, "don't ask for the last values", offsetof(struct record_options, no_last),
     value_flag},
    {"timeout", 0, "S", "end after this time", offsetof(struct record_options, timeout_ms), value_timeout},
    {0},
};

/* ---- writing ---- */

static struct batch *filling(struct record *record) {
    return &record->batches[record->filling];
}

static struct batch *writing(struct record *record) {
    return &record->batches[1 - record->filling];
}

/* Reports once why the file can't be written. */
static void report_store(struct record *record) {
    if (!record->is_reported) {
        complain(record->settings, "%s: %s", record->options->path, store_fault(record->store));
    }
    record->is_reported = true;
}

static void end_by_store(struct record *record) {
    record->end = record->result == STORE_FULL ? "disk-full" : "error";
    report_store(record);
    session_end(&record->session, STATUS_ERROR);
}

static void on_work(uv_work_t *work) {
    struct record *record = work->data;
    record->result = store_write(record->store, writing(record), recording_now_us());
}

/* Counts what was written of a batch, which is not tried again. */
static void count_batch(struct record *record, const struct batch *batch) {
    record->readings += batch->readings_done - batch->readings_known;
    record->unwritten += batch->reading_count - batch->readings_done;
}

static void write_batch(struct record *record);

static bool has_work(void *context) {
    const struct record *record = context;
    return record->is_writing;
}

static void on_written(uv_work_t *work, int error) {
    struct record *record = work->data;
    (void)error; /* it was not cancelled */
    record->is_writing = false;
    record->is_pending = !batch_is_done(writing(record));
    if (!record->is_pending) {
        count_batch(record, writing(record));
    }
    if (record->session.ended) {
        return;
    }
    if (record->result == STORE_FULL || record->result == STORE_ERROR) {
        end_by_store(record);
    } else if (filling(record)->reading_count >= BATCH_READINGS_SOON && !record->is_pending) {
        write_batch(record);
    }
}

/* Has the batch written that was filled, or the one before it, which is not written whole. An empty one lets
 * the oldest slice go when that has expired. */
static void write_batch(struct record *record) {
    if (record->is_writing || record->session.ended) {
        return;
    }
    if (!record->is_pending) {
        record->filling = 1 - record->filling;
        batch_clear(filling(record));
    }
    record->is_writing = true;
    record->work.data = record;
    if (uv_queue_work(record->session.loop, &record->work, on_work, on_written) != 0) {
        record->is_writing = false;
        record->is_pending = true;
    }
}

/* ---- events ---- */

static void add_event(struct record *record, struct batch_event event) {
    event.time_us = recording_now_us();
    const int error = batch_add_event(filling(record), &event);
    if (error == MUSTER_EFULL) {
        record->events_dropped++;
    } else if (error != 0) {
        session_fail(&record->session, MUSTER_ENOMEM);
    }
    record->events += error == 0 && event.has_peer ? 1 : 0;
}

static void on_event(enum muster_peer_event peer_event, const struct muster_peer *peer, void *context) {
    struct record *record = context;
    struct batch_event event = {.has_peer = true, .event = muster_peer_event_name(peer_event)};
    struct changes changes = {0};
    memcpy(event.id, peer->id, MUSTER_ID_BYTES);
    snprintf(event.peer, sizeof(event.peer), "%s", peer->document.name);
    source_rename(&record->sources, peer);
    if (known_change(&record->known, peer, &changes) != 0) {
        session_fail(&record->session, MUSTER_ENOMEM);
    }
    changes_join(&changes, event.reason, sizeof(event.reason));
    changes_deinit(&changes);
    add_event(record, event);
}

static void on_loss(muster_t *node, const struct muster_loss *loss, void *context) {
    struct record *record = context;
    struct source *source = source_find(&record->sources, node, loss->id);
    if (source != NULL && (unsigned)loss->reason < MUSTER_LOSS_REASONS) {
        source->losses[loss->reason] += loss->last - loss->first + 1;
    }
    record->lost += loss->last - loss->first + 1;
}

/* Keeps what was lost since the last time, an event for each publisher and reason. */
static void add_losses(struct record *record) {
    for (size_t i = 0; i < record->sources.count; i++) {
        struct source *source = record->sources.sources[i];
        for (unsigned reason = 0; reason < MUSTER_LOSS_REASONS; reason++) {
            struct batch_event event = {
                .has_peer = true, .event = "datagrams-lost", .count = source->losses[reason]};
            source->losses[reason] = 0;
            if (event.count > 0) {
                strcpy(event.reason, muster_loss_reason_name((enum muster_loss_reason)reason));
                memcpy(event.id, source->publisher.id, MUSTER_ID_BYTES);
                snprintf(event.peer, sizeof(event.peer), "%s", source->publisher.name);
                add_event(record, event);
            }
        }
    }
    if (record->dropped_since > 0) {
        add_event(record, (struct batch_event){.event = "readings-dropped", .count = record->dropped_since});
        record->dropped_since = 0;
    }
    if (record->events_dropped > record->events_told && filling(record)->event_count < BATCH_EVENTS_MAX) {
        const uint64_t count = record->events_dropped - record->events_told;
        record->events_told = record->events_dropped;
        add_event(record, (struct batch_event){.event = "events-dropped", .count = count});
    }
}

/* ---- samples ---- */

/* Adds a reading to the batch; drops it when both batches are full. */
static void add_reading(struct record *record, const struct batch_source *source,
                        const struct muster_record *reading, int64_t now_us, bool is_last) {
    int error = batch_add(filling(record), source, reading, now_us, is_last);
    if (error == MUSTER_EFULL && !record->is_writing && !record->is_pending) {
        write_batch(record);
        error = batch_add(filling(record), source, reading, now_us, is_last);
    }
    if (error == MUSTER_ENOMEM) {
        session_fail(&record->session, error);
    }
    record->dropped += error != 0 ? 1 : 0;
    record->dropped_since += error != 0 ? 1 : 0;
}

/* A body that is no SenML. The first one of a publisher is reported. */
static void report_malformed(struct record *record, struct source *source) {
    if (source->malformed++ == 0) {
        complain(record->settings, "%s: a datagram that is no SenML: %s; more are not reported",
                 source->publisher.label.text, muster_pack_fault(&record->pack, NULL));
    }
}

static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct record *record = context;
    struct source *publisher = source_find(&record->sources, node, sample->id);
    const int64_t now_us = recording_now_us();
    const bool is_last = sample->kind == MUSTER_SAMPLE_LAST;
    struct batch_source source = {.topic = sample->topic, .origin = sample->origin};
    struct muster_record reading;
    int result;
    if (publisher == NULL) {
        session_fail(&record->session, MUSTER_ENOMEM);
        return;
    }
    source_learn(&record->sources, publisher, sample);
    memcpy(source.id, sample->id, MUSTER_ID_BYTES);
    source.peer = publisher->publisher.name;
    muster_pack_open_sample(&record->pack, sample,
                            (double)now_us / 1e6 - (is_last ? (double)sample->age_ms / 1e3 : 0));
    while ((result = muster_pack_next(&record->pack, &reading)) == 1 && !record->session.ended) {
        if (pattern_matches(record->patterns, reading.name)) {
            source.name = reading.name;
            source.unit = reading.unit != NULL ? reading.unit : "";
            add_reading(record, &source, &reading, now_us, is_last);
        }
    }
    if (result < 0) {
        report_malformed(record, source_find(&record->sources, node, sample->id));
    }
    if (filling(record)->reading_count >= BATCH_READINGS_SOON && !record->is_pending) {
        write_batch(record);
    }
}

/* ---- running ---- */

static void on_tick(void *context) {
    struct record *record = context;
    add_losses(record);
    write_batch(record);
}

static void on_signal(void *context) {
    struct record *record = context;
    record->end = "signal";
    session_end(&record->session, STATUS_OK);
}

static int on_deadline(void *context) {
    struct record *record = context;
    record->end = "timeout";
    return STATUS_OK;
}

static void on_open(void *context) {
    struct record *record = context;
    const struct muster_subscription_options wanted = {
        .size = sizeof wanted,
        .patterns = (const char *const *)record->patterns->values,
        .pattern_count = record->patterns->count,
        .without_last = record->options->no_last,
    };
    muster_subscription_t *subscription;
    record->has_begun = true;
    add_event(record, (struct batch_event){.event = "recording-began"});
    const int error =
        muster_subscribe(record->session.node, &wanted, on_sample, on_loss, record, &subscription);
    if (error != 0) {
        session_fail(&record->session, error);
    }
}

/* Writes a batch when nothing else happens any more. */
static void write_last(struct record *record, struct batch *batch) {
    enum store_result result = STORE_BUSY;
    for (int i = 0; i < LAST_TRIES && result == STORE_BUSY; i++) {
        result = store_write(record->store, batch, recording_now_us());
    }
    if (result != STORE_OK) {
        report_store(record);
    }
    count_batch(record, batch);
}

/* Writes what is in memory. */
static void write_rest(struct record *record) {
    if (record->is_pending && record->result == STORE_FULL) { /* what is left of the reserve is for the end */
        count_batch(record, writing(record));
    } else if (record->is_pending) {
        write_last(record, writing(record));
    }
    add_losses(record);
    struct batch_event ended = {.event = "recording-ended"};
    strcpy(ended.reason, record->end);
    add_event(record, ended);
    write_last(record, filling(record));
}

/* Says what there is in the file, which is closed. */
static int report(const struct record *record, int status) {
    complain(record->settings,
             "%" PRIu64 " readings and %" PRIu64 " events kept in %s (%s); %" PRIu64
             " datagrams lost, %" PRIu64 " readings dropped",
             record->readings, record->events, record->options->path,
             recording_size(store_file_bytes(record->options->path)).text, record->lost,
             record->dropped + record->unwritten);
    if (record->events_dropped > 0) {
        complain(record->settings, "%" PRIu64 " events dropped: another program held the file for too long",
                 record->events_dropped);
    }
    return record->dropped + record->unwritten + record->events_dropped > 0 || record->is_reported
               ? STATUS_ERROR
               : status;
}

static int run_session(struct record *record) {
    const struct session_request request = {.until_signal = true,
                                            .is_confined = true,
                                            .written = record->options->path,
                                            .timeout_ms = record->options->timeout_ms,
                                            .on_open = on_open,
                                            .on_tick = on_tick,
                                            .on_signal = on_signal,
                                            .on_deadline = on_deadline,
                                            .on_event = on_event,
                                            .has_work = has_work,
                                            .context = record};
    record->end = "error";
    const int status = session_hold(&record->session, record->settings, &request);
    if (record->has_begun) {
        write_rest(record);
    }
    store_close(record->store);
    known_deinit(&record->known);
    return record->has_begun ? report(record, status) : status;
}

static int run(struct settings *settings, void *options, const struct operands *patterns) {
    struct record record = {.settings = settings, .options = options, .patterns = patterns};
    struct reason reason;
    if (pattern_check(patterns, &reason) != 0) {
        return complain_usage(settings, "PATTERN", "%s", reason.text);
    }
    if (record.options->path == NULL) {
        return complain_usage(settings, "--db", "expected a file to keep the readings in");
    }
    signal(SIGXFSZ, SIG_IGN); /* writing fails instead, and is noticed */
    if (store_open(&record.store, record.options->path, &record.options->limits, &reason) != 0) {
        complain(settings, "%s: %s", record.options->path, reason.text);
        return STATUS_ERROR;
    }
    const int status = run_session(&record);
    batch_deinit(&record.batches[0]);
    batch_deinit(&record.batches[1]);
    source_deinit(&record.sources);
    return status;
}

const struct command command_record = {
    .name = "record",
    .group = COMMAND_READINGS,
    .summary = "keep readings and what happens to peers in a file",
    .synonyms = " save store ",
    .syntax = {.operands = "PATTERN…", .operands_min = 1, .operands_max = MUSTER_PATTERNS_MAX},
    .description =
        "Keep the readings whose full names match a PATTERN, and the events of all peers, in an SQLite\n"
        "file, until SIGINT or SIGTERM, which lets what is in memory be written. PATTERNs are those of\n"
        "muster subscribe. muster history and muster replay read the file, and so does sqlite3:\n"
        "its views readings, minutes, events and topics are described in STORE.md.\n\n"
        "When --max-size is reached or --keep-days are over, the oldest slice of time goes, about a\n"
        "sixteenth of all. The size is that of all files: FILE, FILE-wal, FILE-shm and FILE-reserve. The\n"
        "reserve is given back when the disk is full, so that what was heard until then is kept.\n\n"
        "Each second all is written that came. Datagrams that were lost are events in the file. One\n"
        "recorder at a time writes to a file; it goes on with what is there, and brings a file of an older\n"
        "muster up to date, which that one does not read any more.\n",
    .options = options_table,
    .options_bytes = sizeof(struct record_options),
    .defaults = &(const struct record_options){.limits.bytes_max = STORE_BYTES_DEFAULT},
    .examples = "  muster record '#' --db home.db\n"
                "  muster record 'kitchen/#' 'cellar/#' --db home.db --max-size 200M\n"
                "  sqlite3 home.db 'SELECT time, name, number FROM readings LIMIT 9'\n",
    .statuses = "  0   a signal or --timeout ended it, and all that came is kept\n"
                "  1   error, or the disk is full, or readings were dropped\n"
                "  2   wrong usage\n",
    .run = run,
};
