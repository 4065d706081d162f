/* SPDX-License-Identifier: MIT */
/* muster subscribe: print the readings of others, as they come. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "condition.h"
#include "csv.h"
#include "meter.h"
#include "octets.h"
#include "pattern.h"
#include "record.h"
#include "selector.h"
#include "session.h"
#include "source.h"
#include "template.h"
#include "text.h"
#include "value.h"

/* Bytes of output that are buffered until the samples that came together are printed. */
#define OUTPUT_BYTES 65536

struct subscribe_options {
    bool newest;
    bool no_last;
    uint64_t since_ms;
    size_t count;        /* 0: no end */
    uint64_t timeout_ms; /* 0: none */
    bool ndjson;
    bool senml;
    bool csv;
    const char *format; /* a template; NULL: none */
    bool stats;
    bool octets;
    const char *where;        /* a condition; NULL: none */
    struct selector selector; /* of publishers */
};

struct subscribe {
    struct session session;
    const struct settings *settings;
    const struct subscribe_options *options;
    const struct operands *patterns;
    struct muster_pack pack;
    struct sources sources;
    struct meter meter;
    struct record_columns columns;
    struct condition condition; /* where options->where is one */
    size_t seen;                /* records */
    uint64_t histories_failed;  /* that were reported */
    bool has_printed;           /* what is not flushed yet */
    uv_prepare_t prepare;
};

/* ---- options ---- */

static int parse_peer(const char *value, void *place, struct reason *reason) {
    return selector_parse(value, SELECTOR_GLOB | SELECTOR_ID, place, reason);
}

static int parse_format(const char *value, void *place, struct reason *reason) {
    return template_parse_members(value, record_members, place, reason);
}

static const struct args_option options_table[] = {
    {"newest", 0, NULL, "take everything at once, though out of order",
     offsetof(struct subscribe_options, newest), value_flag},
    {"no-last", 0, NULL, "don't ask for the last values", offsetof(struct subscribe_options, no_last),
     value_flag},
    {"since", 0, "T", "ask for what was sent in this time before, too",
     offsetof(struct subscribe_options, since_ms), value_timeout},
    {"from", 0, "PEER", "only what this peer publishes: NAME, a pattern of names, or an id",
     offsetof(struct subscribe_options, selector), parse_peer},
    {"where", 0, "EXPR", "only readings that are so, as muster wait has it: 'kitchen/+ < 5'",
     offsetof(struct subscribe_options, where), value_text},
    {"count", 0, "N", "end after so many records", offsetof(struct subscribe_options, count), value_count},
    {"timeout", 0, "S", "end after this time", offsetof(struct subscribe_options, timeout_ms), value_timeout},
    {"ndjson", 0, NULL, "print a SenML record a line, with its publisher",
     offsetof(struct subscribe_options, ndjson), value_flag},
    {"senml", 0, NULL, "print SenML packs as they came, one a line",
     offsetof(struct subscribe_options, senml), value_flag},
    {"format", 0, "TEMPLATE", "print a line of each such as '{n} {value} {u}'",
     offsetof(struct subscribe_options, format), parse_format},
    {"csv", 0, NULL, "print comma-separated values, with a heading", offsetof(struct subscribe_options, csv),
     value_flag},
    {"octets", 0, NULL, "write what data and texts consist of, and nothing else, to a file or pipe",
     offsetof(struct subscribe_options, octets), value_flag},
    {"stats", 0, NULL, "print rates, jitter and losses every second instead",
     offsetof(struct subscribe_options, stats), value_flag},
    {0},
};

static void describe(FILE *out) {
    fprintf(
        out,
        "A PATTERN is a full name, TOPIC or TOPIC/RECORD, in which + stands for one level, and # at the\n"
        "end for any number of them, none included.\n\n"
        "What publishers sent last, before, comes first; it is marked with ~, or with ! where it is stale:\n"
        "older than its update time (ut, of SenML) by half. --ndjson says of each\n"
        "record peer, id, and by sample how it came: live, repaired (it had to be sent again), last, or\n"
        "stream (live, where multicast does not come through); see schemas/reading.schema.json. --senml "
        "says\n"
        "the same in the first record of each pack, which is as it came else.\n\n"
        "A TEMPLATE of --format has the members of --ndjson as placeholders, {n}, {u}, {t}, {peer}, and\n"
        "{value} for v, vs, vb and vd; what is not there is -, and {{ and }} are braces.\n\n"
        "--stats measures jitter as RTP does (RFC 3550, 6.4.1) by the records' own times, and by them\n"
        "the clock difference: latency, if both clocks agree. Datagrams are lost on the wire (asked\n"
        "for, and not repaired in time), gone (the publisher kept them no longer), in this machine's\n"
        "kernel, or by this program, which is too slow. Without --stats they are said on stderr. They may\n"
        "be of other topics in the same of the %d groups that topics are spread over.\n",
        MUSTER_SHARDS);
}

static int check_options(const struct settings *settings, const struct subscribe_options *options) {
    const struct {
        bool is_wrong;
        const char *option;
        const char *other;
    } pairs[] = {{options->no_last && options->since_ms > 0, "--no-last", "--since"},
                 {options->senml && options->ndjson, "--senml", "--ndjson"},
                 {options->senml && options->stats, "--senml", "--stats"},
                 {options->senml && options->where != NULL, "--senml", "--where"},
                 {options->format != NULL && options->ndjson, "--format", "--ndjson"},
                 {options->format != NULL && options->senml, "--format", "--senml"},
                 {options->format != NULL && options->csv, "--format", "--csv"},
                 {options->format != NULL && options->stats, "--format", "--stats"},
                 {options->csv && options->ndjson, "--csv", "--ndjson"},
                 {options->csv && options->senml, "--csv", "--senml"},
                 {options->csv && options->stats, "--csv", "--stats"},
                 {options->octets && options->ndjson, "--octets", "--ndjson"},
                 {options->octets && options->senml, "--octets", "--senml"},
                 {options->octets && options->format != NULL, "--octets", "--format"},
                 {options->octets && options->csv, "--octets", "--csv"},
                 {options->octets && options->stats, "--octets", "--stats"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].is_wrong) {
            complain(settings, "%s and %s exclude each other", pairs[i].option, pairs[i].other);
            return STATUS_USAGE;
        }
    }
    return options->octets && isatty(STDOUT_FILENO)
               ? complain_usage(settings, "--octets", "expected with standard output to a file or pipe")
               : STATUS_OK;
}

/* ---- the end ---- */

/* Flushes the output; ends the session when that fails. */
static void flush(struct subscribe *subscribe) {
    if (subscribe->has_printed && complain_flush(subscribe->settings) != 0) {
        session_end(&subscribe->session, STATUS_ERROR);
    }
    subscribe->has_printed = false;
}

/* Flushes before the loop waits: all samples that came together are printed then. */
static void on_prepare(uv_prepare_t *prepare) {
    flush(prepare->data);
}

static int on_deadline(void *context) {
    const struct subscribe *subscribe = context;
    if (subscribe->seen == 0) {
        complain(subscribe->settings, "nothing of '%s'%s was heard; muster topics lists what is published",
                 subscribe->patterns->values[0], subscribe->patterns->count > 1 ? " and the others" : "");
    }
    if (subscribe->options->count > 0) {
        return STATUS_TIMED_OUT;
    }
    return subscribe->seen > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

/* ---- losses ---- */

static const char *loss_text(enum muster_loss_reason reason) {
    switch (reason) {
    case MUSTER_LOSS_WIRE: return "on the wire, and not repaired in time";
    case MUSTER_LOSS_GONE: return "the publisher keeps them no longer";
    case MUSTER_LOSS_KERNEL: return "the kernel of this machine had no room for them";
    case MUSTER_LOSS_PROGRAM: return "this program was too slow for them";
    case MUSTER_LOSS_STREAM:
        return "values too large for them could not be fetched; is the publisher's TCP port open?";
    }
    return "";
}

static void on_loss(muster_t *node, const struct muster_loss *loss, void *context) {
    struct subscribe *subscribe = context;
    struct source *source = source_find(&subscribe->sources, node, loss->id);
    if (source != NULL && (unsigned)loss->reason < MUSTER_LOSS_REASONS) {
        source->losses[loss->reason] += loss->last - loss->first + 1;
    }
}

/* Reports the datagrams that were lost since the last report. */
static void print_losses(struct subscribe *subscribe) {
    for (size_t i = 0; i < subscribe->sources.count; i++) {
        struct source *source = subscribe->sources.sources[i];
        for (unsigned reason = 0; reason < MUSTER_LOSS_REASONS; reason++) {
            const uint64_t count = source->losses[reason];
            source->losses[reason] = 0;
            if (count > 0) {
                fprintf(stderr, "%s: %s: %" PRIu64 " datagram%s lost: %s\n", subscribe->settings->program,
                        source->publisher.label.text, count, count == 1 ? "" : "s",
                        loss_text((enum muster_loss_reason)reason));
            }
        }
    }
}

/* ---- samples ---- */

/* Counts a body that is no SenML. The first one of a publisher is reported. */
static void count_malformed(struct subscribe *subscribe, struct source *source) {
    size_t offset = 0;
    const char *fault = muster_pack_fault(&subscribe->pack, &offset);
    subscribe->meter.current.malformed++;
    if (source->malformed++ == 0) {
        fprintf(stderr, "%s: %s: a datagram that is no SenML, at byte %zu: %s; more are only counted\n",
                subscribe->settings->program, source->publisher.label.text, offset, fault);
    }
}

/* Reports when a publisher's multicast stops coming through, and when it comes again. */
static void report_multicast(const struct subscribe *subscribe, struct source *source,
                             enum muster_sample_kind kind) {
    const bool is_streamed = kind == MUSTER_SAMPLE_STREAM;
    if (kind == MUSTER_SAMPLE_LAST || is_streamed == source->is_streamed) {
        return;
    }
    source->is_streamed = is_streamed;
    fprintf(stderr, "%s: %s: multicast %s\n", subscribe->settings->program, source->publisher.label.text,
            is_streamed ? "does not come through: its data is read by a stream" : "comes through again");
}

static bool has_enough(const struct subscribe *subscribe) {
    return subscribe->options->count > 0 && subscribe->seen >= subscribe->options->count;
}

static void print_csv(const struct muster_record *record, const struct muster_sample *sample,
                      const struct record_publisher *publisher, double now_s) {
    fputs(record->time_s > 0 ? text_utc((int64_t)llround(record->time_s * 1e6)).text : "", stdout);
    csv_print_series(record->name, publisher->name, text_id(publisher->id).text,
                     record->unit != NULL ? record->unit : "");
    csv_print_record(record, sample->origin, record_is_stale(record, now_s));
}

static bool is_wanted(const struct subscribe *subscribe, const struct muster_record *record) {
    return pattern_matches(subscribe->patterns, record->name) &&
           (!subscribe->options->octets || octets_are_in(record)) &&
           (subscribe->options->where == NULL || condition_holds(&subscribe->condition, record));
}

static bool is_wanted_of(const struct subscribe *subscribe, const struct record_publisher *publisher) {
    struct muster_peer peer = {.document = {.name = publisher->name}};
    memcpy(peer.id, publisher->id, sizeof(peer.id));
    return selector_matches_peer(&subscribe->options->selector, &peer);
}

static int print_record(struct subscribe *subscribe, const struct muster_record *record,
                        const struct muster_sample *sample, const struct source *source, double now_s) {
    if (subscribe->options->stats || subscribe->options->senml) {
        return 0;
    }
    subscribe->has_printed = true;
    if (subscribe->options->octets) {
        return octets_write(stdout, record);
    }
    if (subscribe->options->csv) {
        print_csv(record, sample, &source->publisher, now_s);
        return 0;
    }
    if (subscribe->options->format != NULL) {
        return record_print_format(subscribe->options->format, record, sample, &source->publisher, now_s);
    }
    if (subscribe->options->ndjson) {
        return record_print_json(record, sample, &source->publisher, now_s);
    }
    record_print_text(&subscribe->columns, record, sample, &source->publisher, now_s);
    return 0;
}

/* Prints the records of a body that match. Returns their number, and sets *time_s to the time of the last
 * one. */
static size_t read_records(struct subscribe *subscribe, const struct muster_sample *sample,
                           struct source *source, double now_s, double *time_s) {
    struct muster_record record;
    size_t count = 0;
    int result = 0;
    while (!has_enough(subscribe) && (result = muster_pack_next(&subscribe->pack, &record)) == 1) {
        if (is_wanted(subscribe, &record)) {
            count += print_record(subscribe, &record, sample, source, now_s) == 0 ? 1 : 0;
            subscribe->seen++;
            *time_s = record.time_s;
        }
    }
    if (result < 0) {
        count_malformed(subscribe, source);
    }
    return count;
}

/* True when a whole pack is SenML. Only then it may be printed as it is. */
static bool is_senml(struct muster_pack pack) {
    struct muster_record record;
    int result;
    while ((result = muster_pack_next(&pack, &record)) == 1) {
    }
    return result == 0;
}

static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct subscribe *subscribe = context;
    struct source *source = source_find(&subscribe->sources, node, sample->id);
    const double now_s = session_wall_s();
    double time_s = 0;
    if (source == NULL) {
        session_fail(&subscribe->session, MUSTER_ENOMEM);
        return;
    }
    source_learn(&subscribe->sources, source, sample);
    if (!is_wanted_of(subscribe, &source->publisher)) {
        return;
    }
    report_multicast(subscribe, source, sample->kind);
    muster_pack_open_sample(&subscribe->pack, sample, record_now_s(sample, now_s));
    const bool is_printed = subscribe->options->senml && is_senml(subscribe->pack);
    const size_t count = read_records(subscribe, sample, source, now_s, &time_s);
    if (count == 0) {
        return;
    }
    if (is_printed) {
        subscribe->has_printed = true;
        record_print_pack(sample, &source->publisher);
    }
    meter_record_heard(&subscribe->meter, source, sample, count, time_s, now_s);
    if (has_enough(subscribe)) {
        session_end(&subscribe->session, STATUS_OK);
    }
}

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct subscribe *subscribe = context;
    if (event != MUSTER_PEER_CONFLICT) {
        source_rename(&subscribe->sources, peer);
    }
}

static int print_stats(struct subscribe *subscribe) {
    subscribe->has_printed = true;
    return meter_print(&subscribe->meter, &subscribe->sources, subscribe->session.node,
                       uv_now(subscribe->session.loop), subscribe->settings->port,
                       subscribe->options->ndjson);
}

/* Prints what was measured since the last line. */
static void on_ending(void *context) {
    struct subscribe *subscribe = context;
    if (subscribe->options->stats && subscribe->meter.current.records > 0) {
        print_stats(subscribe);
    }
}

/* Reports the publishers that were asked in vain for what was before, since the last report. */
static void print_histories(struct subscribe *subscribe) {
    const uint64_t failed = muster_counters(subscribe->session.node)->histories_failed;
    if (failed > subscribe->histories_failed) {
        complain(subscribe->settings,
                 "%" PRIu64 " publisher%s did not answer by TCP: what was sent before is not here",
                 failed - subscribe->histories_failed, failed - subscribe->histories_failed == 1 ? "" : "s");
    }
    subscribe->histories_failed = failed;
}

static void on_tick(void *context) {
    struct subscribe *subscribe = context;
    print_histories(subscribe);
    if (!subscribe->options->stats) {
        print_losses(subscribe);
    } else if (print_stats(subscribe) != 0) {
        session_fail(&subscribe->session, MUSTER_ENOMEM);
    }
}

/* ---- running ---- */

static void on_open(void *context) {
    struct subscribe *subscribe = context;
    const struct muster_subscription_options wanted = {
        .size = sizeof wanted,
        .patterns = (const char *const *)subscribe->patterns->values,
        .pattern_count = subscribe->patterns->count,
        .newest = subscribe->options->newest,
        .without_last = subscribe->options->no_last,
        .since_ms = subscribe->options->since_ms,
    };
    muster_subscription_t *subscription;
    subscribe->meter.began_ms = uv_now(subscribe->session.loop);
    uv_prepare_init(subscribe->session.loop, &subscribe->prepare); /* cannot fail, like the next */
    subscribe->prepare.data = subscribe;
    uv_prepare_start(&subscribe->prepare, on_prepare);
    const int error =
        muster_subscribe(subscribe->session.node, &wanted, on_sample, on_loss, subscribe, &subscription);
    if (error != 0) {
        session_fail(&subscribe->session, error);
    }
}

static int run_session(struct subscribe *subscribe) {
    const struct session_request request = {.until_signal = true,
                                            .until_unread = true,
                                            .is_confined = true,
                                            .timeout_ms = subscribe->options->timeout_ms,
                                            .on_open = on_open,
                                            .on_tick = on_tick,
                                            .on_ending = on_ending,
                                            .on_deadline = on_deadline,
                                            .on_event = on_event,
                                            .context = subscribe};
    return session_hold(&subscribe->session, subscribe->settings, &request);
}

static int run(struct settings *settings, void *options, const struct operands *patterns) {
    struct subscribe subscribe = {.settings = settings, .options = options, .patterns = patterns};
    struct reason reason;
    if (pattern_check(patterns, &reason) != 0) {
        return complain_usage(settings, "PATTERN", "%s", reason.text);
    }
    int status = check_options(settings, subscribe.options);
    if (status != STATUS_OK) {
        return status;
    }
    if (subscribe.options->where != NULL &&
        condition_parse(subscribe.options->where, &subscribe.condition, &reason) != 0) {
        return complain_usage(settings, "--where", "%s", reason.text);
    }
    subscribe.columns.color = settings_color(settings);
    setvbuf(stdout, NULL, _IOFBF, OUTPUT_BYTES);
    if (subscribe.options->csv) {
        puts(CSV_READING_HEADING);
        subscribe.has_printed = true;
    }
    status = run_session(&subscribe);
    if (!subscribe.options->stats) {
        print_losses(&subscribe);
    }
    source_deinit(&subscribe.sources);
    meter_deinit(&subscribe.meter);
    return status;
}

const struct command command_subscribe = {
    .name = "subscribe",
    .group = COMMAND_READINGS,
    .summary = "print the readings of others, as they come",
    .synonyms = " sub listen read ",
    .syntax = {.operands = "PATTERN…", .operands_min = 1, .operands_max = MUSTER_PATTERNS_MAX},
    .description =
        "Print the readings whose full names match a PATTERN: when they were taken, who publishes\n"
        "them, name, value and unit. Runs until SIGINT or SIGTERM, or until --count or --timeout\n"
        "ends it. It listens itself and leaves no trace on others; what was missed is asked for\n"
        "again, for a second.\n",
    .options = options_table,
    .options_bytes = sizeof(struct subscribe_options),
    .describe = describe,
    .examples = "  muster subscribe 'kitchen/#'\n"
                "  muster subscribe '+/climate/temperature' --ndjson | jq -r '[.peer, .v] | @tsv'\n"
                "  muster subscribe 'kitchen/#' --where '+/+/temperature > 25' --csv\n"
                "  muster subscribe '#' --format '{peer} {n}={value}{u}'\n"
                "  muster subscribe door/front --no-last --count 1 --timeout 1h\n"
                "  muster subscribe '#' --stats --timeout 10\n",
    .statuses = "  0   ended by a signal or by --count, or by --timeout after something came\n"
                "  1   error, or nobody reads the output any more\n"
                "  2   wrong usage\n"
                "  4   --timeout ended it, and nothing came\n"
                "  124 --timeout ended it before --count did\n",
    .run = run,
};
