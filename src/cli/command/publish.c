/* SPDX-License-Identifier: MIT */
/* muster publish: send readings, from arguments or from standard input, to whoever subscribes. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "draft.h"
#include "line_format.h"
#include "octets.h"
#include "reading.h"
#include "relay.h"
#include "running.h"
#include "session.h"
#include "spec.h"
#include "start.h"
#include "value.h"

/* Limits of --rate and --linger, as in muster/core.h. */
#define RATE_MIN 1000
#define RATE_MAX 1000000000000
#define LINGER_MS_MAX 60000

struct publish_options {
    struct draft draft;
    struct reading_style style;
    char instance[MUSTER_NAME_BYTES_MAX + 1]; /* "": named after the document */
    uint64_t rate_bytes_s;                    /* 0: the library's default */
    uint64_t linger_ms;                       /* UINT64_MAX: likewise */
    bool strict;
    bool retain;
    const char *format; /* a template; NULL: none */
    bool csv;
    const char *file; /* that the value is read from; NULL: none */
};

/* ---- options ---- */

static int parse_topic(const char *value, void *place, struct reason *reason) {
    const char *fault = muster_topic_fault(value);
    *(const char **)place = value;
    return fault == NULL ? 0 : reason_set(reason, "%s, got '%.64s'", fault, value);
}

static int parse_unit(const char *value, void *place, struct reason *reason) {
    *(const char **)place = value;
    return spec_check_text("a unit", value, false, MUSTER_NAME_BYTES_MAX, reason);
}

/* "1000", "64k", "1M". */
static int parse_rate(const char *value, void *place, struct reason *reason) {
    static const char suffixes[] = "kMG";
    char digits[16];
    uint64_t factor = 1;
    uint64_t rate;
    size_t length = strlen(value);
    const char *suffix = length > 0 ? strchr(suffixes, value[length - 1]) : NULL;
    for (const char *at = suffixes; suffix != NULL && at <= suffix; at++) {
        factor *= 1000;
    }
    length -= suffix != NULL ? 1 : 0;
    if (length < sizeof(digits)) {
        snprintf(digits, sizeof(digits), "%.*s", (int)length, value);
        if (value_number(digits, 1, RATE_MAX / factor, &rate) && rate * factor >= RATE_MIN) {
            *(uint64_t *)place = rate * factor;
            return 0;
        }
    }
    return reason_set(reason, "expected bytes a second from 1k to 1000G such as 5000, 64k or 1M, got '%.64s'",
                      value);
}

/* A bare number is of milliseconds. */
static int parse_linger(const char *value, void *place, struct reason *reason) {
    uint64_t *linger_ms = place;
    if (value_number(value, 0, LINGER_MS_MAX, linger_ms)) {
        return 0;
    }
    if (value[strspn(value, "0123456789")] != '\0' &&
        value_duration(value, 0, LINGER_MS_MAX, linger_ms, reason) == 0) {
        return 0;
    }
    return reason_set(reason, "expected milliseconds from 0 to %d, or a time such as 20ms, got '%.64s'",
                      LINGER_MS_MAX, value);
}

static const struct args_option options_table[] = {
    {"topic", 0, "T", "read values alone, all of this topic", offsetof(struct publish_options, style.topic),
     parse_topic},
    {"unit", 0, "U", "unit of numbers that have none, such as Cel",
     offsetof(struct publish_options, style.unit), parse_unit},
    {"text", 0, NULL, "take values as text, numbers and JSON too",
     offsetof(struct publish_options, style.text), value_flag},
    {"flatten", 0, NULL, "make a reading of each value of a JSON line",
     offsetof(struct publish_options, style.flatten), value_flag},
    {"format", 0, "F", "read lines such as '%t %v', '%s;%t;%v' or '%* %t\\t%v'",
     offsetof(struct publish_options, format), line_format_parse},
    {"csv", 0, NULL, "read comma-separated values whose first line names the columns",
     offsetof(struct publish_options, csv), value_flag},
    {"file", 0, "FILE", "publish what is in this file (-: standard input) as data, with --text as text",
     offsetof(struct publish_options, file), value_text, &args_complete_files},
    {"strict", 0, NULL, "stop at the first bad line", offsetof(struct publish_options, strict), value_flag},
    {"rate", 0, "BYTES", "send no more a second: 5000, 64k (1M)",
     offsetof(struct publish_options, rate_bytes_s), parse_rate},
    {"linger", 0, "MS", "let a record wait so long for others in its datagram (5)",
     offsetof(struct publish_options, linger_ms), parse_linger},
    {"retain", 0, NULL,
     "the muster announce that takes the VALUE keeps it across its restarts, if it fits a datagram",
     offsetof(struct publish_options, retain), value_flag},
    {"name", 0, "NAME", "what to be called (the host's name, or that with +publish)",
     offsetof(struct publish_options, draft), draft_parse_name},
    {"attr", 0, "KEY=VALUE", "say something of itself (repeatable)", offsetof(struct publish_options, draft),
     draft_parse_attr},
    {"instance", 0, "I", "which identity of this machine and user to be (NAME)",
     offsetof(struct publish_options, instance), start_parse_instance},
    {0},
};

static void describe(FILE *out) {
    fprintf(
        out,
        "Lines of standard input are\n"
        "  TOPIC VALUE  a record that bears the topic's own name\n"
        "  VALUE        the same, with --topic\n"
        "  {...} [...]  a SenML record or pack (RFC 8428), on one line or several: its topic is what\n"
        "               comes before the last slash of a record's full name; with --topic, all of it is\n"
        "               below that one, and so are LwM2M's names such as /3303/0/5700\n"
        "  [{...},{...},...\n"
        "               a stream of SenML (SensML): an array that is not closed after %d ms, or is longer\n"
        "               than a line may be. Each record is published as it comes, with the base values of\n"
        "               those before it; of any other array all is published, or nothing\n"
        "  {\"topic\":...,\"payload\":...}\n"
        "               a message as mosquitto_sub -F %%j prints it: the payload is a VALUE\n"
        "  any JSON     with --flatten, below --topic, or below a message's topic: each number, text,\n"
        "               true and false is a reading; {\"a\":{\"b\":[1,2]}} has a/b/0 and a/b/1\n"
        "With --format a line has %%t, the topic, %%v, the value, %%s, seconds since 1970, and %%u, the "
        "unit,\n"
        "as the format says; %%* is passed over, a blank stands for some. With --csv the columns are found\n"
        "by their names: topic or name, value, and, where there are any, time, unit and kind, as\n"
        "muster history and muster subscribe print them.\n"
        "A VALUE is a number where JSON has it for one, true or false, and else text. Digits that a number\n"
        "would change are text: integers beyond 2^53, and 12e45, whose exponent has no sign. Blanks around\n"
        "a VALUE don't count, but in a text of the command line, which is taken as it is. Empty lines are\n"
        "passed over. A NUL, NaN and infinities, bytes that are not UTF-8, and, with --topic, nothing but\n"
        "blanks make a line bad; of a bad line nothing is sent.\n\n"
        "A record that fits no datagram, which holds about 1,200 bytes of name, unit and text, goes by TCP\n"
        "to those who subscribe to it, up to 1 MiB (%d bytes): they fetch it as long as this runs or, of a\n"
        "VALUE or FILE, from the muster announce that took it. The last 16 MiB of these are kept, but not\n"
        "across a restart, so with --retain such a record is refused. A line may have %d bytes. --file\n"
        "publishes octets as data (vd of SenML, in base64).\n\n"
        "A topic has at most %d characters, A-Z a-z 0-9 - : . / _, with a letter or digit first; times lie\n"
        "in 1978 to 2242. Units are those of SenML: Cel, %%RH, W, lx, m/s and so on; others are sent with a\n"
        "warning.\n\n"
        "A topic is announced when it first shows up, with the units that are known by then, and its\n"
        "records are held for %d ms, until listeners know it. One publisher has at most %d topics, since\n"
        "its announcement has to be short; another publish, with another --name, has as many again. No\n"
        "more input is taken than --rate lets go, of which 16 kB may leave at once. Order holds within a\n"
        "topic.\n"
        "What muster subscribe --ndjson, --senml or --csv printed is carried on with its publisher's\n"
        "name as the origin, which subscribers see, and which keeps muster and its bridges from carrying\n"
        "it once more.\n"
        "What has an origin already is passed over, and so is what this publisher said itself; in the end\n"
        "it says how many these were. A topic has either readings of its own or those of others, and of\n"
        "several others it names the one that was read first: separate them by --name and --topic.\n",
        RELAY_ARRAY_MS, MUSTER_LARGE_BYTES_MAX, LINES_BYTES_MAX, MUSTER_TOPIC_BYTES_MAX, RELAY_ANNOUNCE_MS,
        RELAY_TOPICS_MAX);
}

/* ---- running ---- */

struct publish {
    struct session session;
    const struct settings *settings;
    const struct publish_options *options;
    struct reading_style style;
    const char *value; /* of the command line; NULL: standard input is read */
    struct octets octets;
    struct muster_record file_record; /* where there is a FILE */
    struct line_format format;
    struct relay relay;
};

/* Says what may be meant by a text such as "21.5 Cel". */
static void hint_at_unit(const struct settings *settings, const char *value) {
    const size_t digits = strspn(value, "+-.0123456789");
    const char *unit = value + digits;
    unit += strspn(unit, " ");
    if (digits > 0 && digits < 32 && (muster_unit_is_known(unit) || strncmp(unit, "°", 2) == 0)) {
        complain(settings,
                 "'%.64s' is published as a text; a number's unit goes into --unit: %.*s --unit %.16s", value,
                 (int)digits, value, strncmp(unit, "°C", 3) == 0 ? "Cel" : unit);
    }
}

/* Checks the VALUE of the command line before the node is opened. */
static int check_value(const struct publish *publish) {
    struct reading reading;
    struct reading_fault fault;
    const bool is_json = publish->value[0] == '{' || publish->value[0] == '[';
    reading_open(&reading, &publish->style, publish->value, strlen(publish->value), session_wall_s());
    const int result = reading_next(&reading, &fault);
    if (result < 0) {
        return complain_usage(publish->settings, "VALUE", "%s%s", fault.reason.text,
                              is_json && !publish->style.text
                                  ? "; --text publishes it as it stands, and where JSON comes by standard "
                                    "input, --flatten makes a reading of each value"
                                  : "");
    }
    if (result == 1 && reading.record.kind == MUSTER_VALUE_TEXT && !publish->style.text) {
        hint_at_unit(publish->settings, publish->value);
    }
    return STATUS_OK;
}

static int check_format(const struct publish *publish) {
    const struct publish_options *options = publish->options;
    const char *other = options->csv ? "--csv" : publish->style.flatten ? "--flatten" : NULL;
    if (options->format == NULL) {
        return options->csv && publish->style.flatten
                   ? complain_usage(publish->settings, "--csv", "expected without --flatten")
                   : STATUS_OK;
    }
    if (other != NULL) {
        return complain_usage(publish->settings, "--format", "expected without %s", other);
    }
    if (line_format_has_topic(options->format) == (publish->style.topic != NULL)) {
        return complain_usage(publish->settings, "--format", "expected either %%t in it, or --topic");
    }
    return STATUS_OK;
}

/* TOPIC and the value of a file. */
static int take_file(struct publish *publish, const struct operands *operands) {
    struct reason reason;
    const struct publish_options *options = publish->options;
    const char *other = options->csv                   ? "--csv"
                        : options->format != NULL      ? "--format"
                        : publish->style.flatten       ? "--flatten"
                        : publish->style.topic != NULL ? "--topic"
                                                       : NULL;
    if (other != NULL) {
        return complain_usage(publish->settings, "--file", "expected without %s", other);
    }
    if (operands->count != 1) {
        return complain_usage(publish->settings, "--file", "expected with a TOPIC, and without a VALUE");
    }
    if (parse_topic(operands->values[0], &publish->style.topic, &reason) != 0) {
        return complain_usage(publish->settings, "TOPIC", "%s", reason.text);
    }
    if (octets_read(&publish->octets, options->file, publish->style.text, &publish->file_record, &reason) !=
        0) {
        return complain_usage(publish->settings, "--file", "%s", reason.text);
    }
    publish->file_record.unit = publish->style.unit;
    publish->file_record.time_s = reading_known_time(session_wall_s());
    return STATUS_OK;
}

static int take_operands(struct publish *publish, const struct operands *operands) {
    struct reason reason;
    const struct publish_options *options = publish->options;
    if (options->file != NULL) {
        return take_file(publish, operands);
    }
    if (operands->count == 0) {
        return check_format(publish);
    }
    if (options->format != NULL || options->csv) {
        return complain_usage(publish->settings, options->csv ? "--csv" : "--format",
                              "expected only where standard input is read");
    }
    if (publish->style.topic != NULL) {
        return complain_usage(publish->settings, "--topic", "expected only where standard input is read");
    }
    if (publish->style.flatten) {
        return complain_usage(publish->settings, "--flatten", "expected only where standard input is read");
    }
    if (operands->count == 1) {
        return complain_usage(publish->settings, operands->values[0],
                              "expected a VALUE or --file behind it, or --topic before it, to read values");
    }
    if (parse_topic(operands->values[0], &publish->style.topic, &reason) != 0) {
        return complain_usage(publish->settings, "TOPIC", "%s", reason.text);
    }
    publish->value = operands->values[1];
    publish->style.keeps_blanks = true;
    return check_value(publish);
}

/* ---- by the muster that runs here ---- */

struct handover {
    struct session session;
    struct reading reading; /* its one record */
    bool retains;
};

static void on_handed_over(int error, const char *text, void *context) {
    struct handover *handover = context;
    const bool is_refused = handover->retains && error == MUSTER_EREFUSED;
    if (error == MUSTER_ELOST || is_refused) { /* it may have been published: once more would be twice */
        session_fail_answer(&handover->session, error, text);
    } else {
        session_end(&handover->session, error == 0 ? STATUS_OK : STATUS_NOBODY);
    }
}

static void on_connected(void *context) {
    struct handover *handover = context;
    const int error = (handover->retains ? muster_local_retain : muster_local_publish)(
        handover->session.local, handover->reading.topic, &handover->reading.record, on_handed_over,
        handover);
    if (error != 0) {
        session_end(&handover->session, STATUS_NOBODY);
    }
}

/* Nothing was asked that takes a peer of its own. */
static bool may_hand_over(const struct publish *publish) {
    const struct publish_options *options = publish->options;
    return (publish->value != NULL || options->file != NULL) && !publish->settings->direct &&
           options->draft.name == NULL && options->draft.attr_count == 0 && options->instance[0] == '\0' &&
           options->rate_bytes_s == 0 && options->linger_ms == UINT64_MAX &&
           publish->settings->peers.count == 0 && publish->settings->kinds == 0;
}

/* The one record that is to be published. False where it is more than one. */
static bool read_one(const struct publish *publish, struct reading *reading) {
    struct reading_fault fault;
    if (publish->options->file != NULL) {
        snprintf(reading->topic, sizeof(reading->topic), "%s", publish->style.topic);
        reading->record = publish->file_record;
        return true;
    }
    reading_open(reading, &publish->style, publish->value, strlen(publish->value), session_wall_s());
    if (reading_next(reading, &fault) != 1) {
        return false;
    }
    struct reading rest = *reading;
    return reading_next(&rest, &fault) == 0;
}

/* Gives one record to the muster that runs here, which publishes it at once and goes on repairing it. Returns
 * STATUS_NOBODY where none takes it, or where it is more than one. */
static int hand_over(const struct publish *publish) {
    struct handover *handover = calloc(1, sizeof(*handover));
    if (handover == NULL) {
        return complain_error(publish->settings, MUSTER_ENOMEM);
    }
    handover->retains = publish->options->retain;
    int status = STATUS_NOBODY;
    const bool is_one = read_one(publish, &handover->reading);
    if (is_one && handover->retains && handover->reading.record.text_length > MUSTER_DATAGRAM_BYTES_MAX) {
        status = complain_usage(publish->settings, "--retain",
                                "expected a VALUE that fits one datagram, which holds about 1,200 bytes");
    } else if (is_one) {
        const struct session_request request = {
            .is_local = true, .on_open = on_connected, .context = handover};
        status = session_hold(&handover->session, publish->settings, &request);
    }
    if (status == STATUS_OK) {
        relay_warn_of_unit(publish->settings, handover->reading.record.unit);
    }
    free(handover);
    return status;
}

/* ---- by a node of its own ---- */

static void on_signal(void *context) {
    struct publish *publish = context;
    relay_stop(&publish->relay);
}

/* The second one does not wait. */
static void on_second_signal(void *context) {
    struct publish *publish = context;
    relay_end(&publish->relay);
}

static void on_open(void *context) {
    struct publish *publish = context;
    publish->relay.session = &publish->session;
    publish->relay.style = &publish->style;
    publish->relay.is_strict = publish->options->strict;
    publish->format.template = publish->options->format;
    publish->relay.format =
        publish->options->format != NULL || publish->options->csv ? &publish->format : NULL;
    publish->relay.rate_bytes_s = publish->options->rate_bytes_s;
    if (publish->options->file != NULL) {
        relay_record(&publish->relay, publish->style.topic, &publish->file_record);
    } else if (publish->value != NULL) {
        relay_value(&publish->relay, publish->value);
    } else {
        if (isatty(STDIN_FILENO)) {
            complain(publish->settings, "reads lines of %s from the terminal; Ctrl-D ends them",
                     publish->options->format != NULL ? publish->options->format
                     : publish->options->csv          ? "comma-separated values"
                     : publish->style.topic != NULL   ? "VALUE"
                                                      : "TOPIC VALUE");
        }
        relay_lines(&publish->relay, STDIN_FILENO);
    }
}

static int run_session(struct publish *publish) {
    const struct publish_options *options = publish->options;
    const struct muster_document document = draft_document(&options->draft);
    struct muster_options node_options;
    muster_options_init(&node_options);
    node_options.document = &document;
    node_options.without_retained = true;
    node_options.instance = options->instance[0] != '\0' ? options->instance : NULL;
    if (options->rate_bytes_s != 0) {
        node_options.rate_bytes_s = options->rate_bytes_s;
    }
    if (options->linger_ms != UINT64_MAX) {
        node_options.linger_ms = options->linger_ms;
    }
    const struct session_request request = {.options = &node_options,
                                            .is_guest = true,
                                            .until_signal = true,
                                            .is_confined = true,
                                            .on_open = on_open,
                                            .on_signal = on_signal,
                                            .on_second_signal = on_second_signal,
                                            .context = publish};
    const int status = session_hold(&publish->session, publish->settings, &request);
    relay_deinit(&publish->relay);
    return status;
}

/* Takes the name of the host, or one of its own beside another muster. */
static int take_name(const struct settings *settings, struct publish_options *options,
                     struct reason *reason) {
    return options->instance[0] != '\0' ? draft_take_host_name(&options->draft, reason)
                                        : running_take_name(settings, "publish", &options->draft, reason);
}

static int run(struct settings *settings, void *publish_options, const struct operands *operands) {
    struct publish_options *options = publish_options;
    struct reason reason;
    struct publish *publish = calloc(1, sizeof(*publish)); /* its lines are much for a stack */
    if (publish == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    publish->settings = settings;
    publish->options = options;
    publish->style = options->style;
    int status = take_operands(publish, operands);
    if (status == STATUS_OK && options->retain && !may_hand_over(publish)) {
        status = complain_usage(settings, "--retain",
                                "expected with one VALUE, and without options that say who publishes or how");
    }
    if (status == STATUS_OK && may_hand_over(publish)) {
        status = hand_over(publish);
        if (status == STATUS_NOBODY && options->retain) {
            complain(settings, "--retain: no muster announce of this user runs here that could keep it");
            status = STATUS_ERROR;
        }
        if (status != STATUS_NOBODY) {
            octets_deinit(&publish->octets);
            free(publish);
            return status;
        }
        status = STATUS_OK;
    }
    if (status == STATUS_OK && options->draft.name == NULL && take_name(settings, options, &reason) != 0) {
        status = complain_usage(settings, "--name", "%s", reason.text);
    }
    if (status == STATUS_OK) {
        status = run_session(publish);
    }
    octets_deinit(&publish->octets);
    free(publish);
    return status;
}

static void deinit(void *options) {
    draft_deinit(&((struct publish_options *)options)->draft);
}

const struct command command_publish = {
    .name = "publish",
    .group = COMMAND_READINGS,
    .summary = "send readings to whoever subscribes",
    .synonyms = " pub send set put ",
    .syntax = {.operands = "TOPIC VALUE", .operands_max = 2, .takes_numbers = true},
    .description =
        "Publish the VALUE of a TOPIC, or what lines of standard input say, as it comes: one datagram\n"
        "on the wire, whoever listens. A VALUE of the command line goes to the muster announce of this\n"
        "user that runs here, if there is one: it publishes the reading at once, repairs it, and gives it\n"
        "to late joiners, with --retain also after it was started again, until a VALUE without --retain\n"
        "comes. Lines, and a VALUE with --direct or with an option that says who publishes or how\n"
        "fast, are published by a peer of their own, which announces itself and its topics as long as it\n"
        "runs. Behind the end of the input it stays until what it sent can no more be asked for again,\n"
        "1.5 s, and for one VALUE 0.3 s. SIGINT and SIGTERM let what was read leave, for 2 s at most, and\n"
        "end it with a bye; a second one does not wait for that. What has not left by then, or what the\n"
        "system refused to send, is counted on standard error, and the exit code is 1. Without a network\n"
        "it waits for one.\n\n"
        "Behind publish -4 and -6 are numbers; as options they stand before it: muster -4 publish.\n",
    .options = options_table,
    .options_bytes = sizeof(struct publish_options),
    .defaults = &(const struct publish_options){.linger_ms = UINT64_MAX},
    .describe = describe,
    .examples = "  muster publish kitchen/climate/temperature 21.5 --unit Cel\n"
                "  muster publish heating/target 21 --unit Cel --retain\n"
                "  muster publish camera/thumbnail --file thumbnail.jpg\n"
                "  mosquitto_sub -F %j -t 'home/#' | muster publish --flatten\n"
                "  while sleep 1; do cut -d' ' -f1 /proc/loadavg; done |\n"
                "      muster publish --topic load\n"
                "  muster publish --strict < packs.ndjson\n",
    .statuses = "  0   all that was read was sent\n"
                "  1   error, a line was bad, or something was not sent\n"
                "  2   wrong usage, or a TOPIC or VALUE that cannot be published\n",
    .run = run,
    .deinit = deinit,
};
