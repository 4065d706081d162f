/* SPDX-License-Identifier: MIT */
/* muster history: what a recording says of a topic or a peer. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "history_buckets.h"
#include "history_print.h"
#include "moment.h"
#include "near.h"
#include "pattern.h"
#include "recording.h"
#include "value.h"

/* ---- options ---- */

static const struct args_option options_table[] = {
    {"db", 0, "FILE", "the recording; needed", offsetof(struct history_options, path), value_text,
     &args_complete_files},
    {"since", 0, "T", "from this time on: 1d (ago), 12:30, 2026-01-31 (the first one)",
     offsetof(struct history_options, since_us), moment_parse},
    {"until", 0, "T", "up to this time (the last one)", offsetof(struct history_options, until_us),
     moment_parse},
    {"every", 0, "T", "the length of a bucket: 10s, 10m, 1h, 1d (some 40 of them)",
     offsetof(struct history_options, every_us), moment_parse_span},
    {"raw", 0, NULL, "print each reading, no buckets", offsetof(struct history_options, raw), value_flag},
    {"csv", 0, NULL, "print comma-separated values, with a heading", offsetof(struct history_options, csv),
     value_flag},
    {"json", 0, NULL, "print one JSON document", offsetof(struct history_options, json), value_flag},
    {"senml", 0, NULL, "print each reading as a SenML record, one a line",
     offsetof(struct history_options, senml), value_flag},
    {"plot", 0, NULL, "draw the means", offsetof(struct history_options, plot), value_flag},
    {0},
};

static int check_options(const struct settings *settings, const struct history_options *options) {
    const struct {
        bool is_wrong;
        const char *option;
        const char *other;
    } pairs[] = {{options->csv && options->json, "--csv", "--json"},
                 {options->csv && options->senml, "--csv", "--senml"},
                 {options->csv && options->plot, "--csv", "--plot"},
                 {options->json && options->senml, "--json", "--senml"},
                 {options->json && options->plot, "--json", "--plot"},
                 {options->senml && options->plot, "--senml", "--plot"},
                 {options->raw && options->plot, "--raw", "--plot"},
                 {options->raw && options->every_us > 0, "--raw", "--every"},
                 {options->senml && options->every_us > 0, "--senml", "--every"}};
    if (options->path == NULL) {
        return complain_usage(settings, "--db", "expected the file of a recording");
    }
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].is_wrong) {
            complain(settings, "%s and %s exclude each other", pairs[i].option, pairs[i].other);
            return STATUS_USAGE;
        }
    }
    if (options->since_us >= options->until_us) {
        return complain_usage(settings, "--since", "expected a time before --until");
    }
    return STATUS_OK;
}

/* ---- what is meant ---- */

static int compare_groups(const void *left, const void *right) {
    const struct archive_series *a = *(const struct archive_series *const *)left;
    const struct archive_series *b = *(const struct archive_series *const *)right;
    int order = strcmp(a->name, b->name);
    order = order != 0 ? order : strcmp(a->id, b->id);
    return order != 0 ? order : strcmp(a->unit, b->unit);
}

static int find_series(struct history *history) {
    history->series = calloc(history->archive.series_count + 1, sizeof(*history->series));
    history->groups = calloc(history->archive.series_count + 1, sizeof(*history->groups));
    history->group_of = calloc(history->archive.series_count + 1, sizeof(*history->group_of));
    if (history->series == NULL || history->groups == NULL || history->group_of == NULL) {
        return complain_error(history->settings, MUSTER_ENOMEM);
    }
    for (size_t i = 0; i < history->archive.series_count; i++) {
        const struct archive_series *series = &history->archive.series[i];
        if (muster_pattern_matches(history->wanted, series->name)) {
            history->series[history->series_count++] = series;
        }
    }
    qsort(history->series, history->series_count, sizeof(*history->series), compare_groups);
    for (size_t i = 0; i < history->series_count; i++) {
        if (i == 0 || compare_groups(&history->series[i - 1], &history->series[i]) != 0) {
            history->groups[history->group_count++].series = &history->series[i];
        }
        history->groups[history->group_count - 1].count++;
        history->group_of[history->series[i] - history->archive.series] = history->group_count - 1;
    }
    return STATUS_OK;
}

/* Nothing is called so: says what is called nearly so. */
static int refuse_name(const struct history *history) {
    struct near near = {.wanted = history->wanted};
    for (size_t i = 0; i < history->archive.series_count; i++) {
        near_offer(&near, history->archive.series[i].name);
        near_offer(&near, history->archive.series[i].peer);
    }
    complain(history->settings, "%s: nothing of '%s' is in it%s", history->options->path, history->wanted,
             strchr(history->wanted, '*') != NULL ? "; " PATTERN_WILDCARDS : near_text(&near).text);
    return STATUS_NOT_FOUND;
}

/* ---- running ---- */

static int print_topic(struct history *history) {
    int status = history_choose_buckets(history);
    if (status != STATUS_OK) {
        return status;
    }
    status = history_find_last(history);
    if (status == STATUS_OK && (history->options->raw || history->options->senml)) {
        return history_print_readings(history);
    }
    status = status == STATUS_OK ? history_fill_buckets(history) : status;
    return status == STATUS_OK ? history_print_buckets(history) : status;
}

/* True for "name:NAME" and "id:ID", which mean a peer; then *text is what follows. */
static bool take_prefix(const char **text) {
    const size_t length = strncmp(*text, "name:", 5) == 0 ? 5 : strncmp(*text, "id:", 3) == 0 ? 3 : 0;
    *text += length;
    return length > 0;
}

static int print_history(struct history *history) {
    const struct history_options *options = history->options;
    const bool is_peer = take_prefix(&history->wanted);
    int status = is_peer ? STATUS_OK : find_series(history);
    if (status != STATUS_OK || history->series_count > 0) {
        return status == STATUS_OK ? print_topic(history) : status;
    }
    if (!archive_has_peer(&history->archive, history->wanted)) {
        return refuse_name(history);
    }
    if (options->plot || options->senml || options->raw || options->every_us > 0) {
        return complain_usage(history->settings, history->wanted,
                              "expected a topic for --plot, --senml, --raw and --every: a peer has events");
    }
    return history_print_events(history);
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct history history = {.settings = settings, .options = options, .wanted = operands->values[0]};
    struct reason reason;
    int status = check_options(settings, history.options);
    if (status != STATUS_OK) {
        return status;
    }
    if (archive_open(&history.archive, history.options->path, &reason) != 0) {
        complain(settings, "%s: %s", history.options->path, reason.text);
        status = STATUS_ERROR;
    } else {
        status = print_history(&history);
    }
    for (size_t i = 0; i < history.group_count; i++) {
        free(history.groups[i].buckets);
    }
    free(history.groups);
    free(history.group_of);
    free(history.series);
    archive_close(&history.archive);
    return status;
}

const struct command command_history = {
    .name = "history",
    .group = COMMAND_READINGS,
    .summary = "look at what was recorded",
    .synonyms = " log logs export ",
    .syntax = {.operands = "TOPIC|PEER", .operands_min = 1, .operands_max = 1},
    .description =
        "Print what a recording (muster record) says of a TOPIC, the full name of readings or a pattern\n"
        "of such names: the least, the mean and the greatest value and the number of readings in\n"
        "buckets of time, which are as long as --every says. Of a PEER, by its name or its whole id, the\n"
        "events are printed; name:NAME and id:ID mean a peer even where a topic is called so.\n"
        "Buckets are whole, and begin with the clock: those of a day at midnight. true counts as 1 and\n"
        "false as 0; of text there is but the number of readings.\n\n"
        "Times are a span, so long ago (10m, 1d, 2w), a time of today (12:30) or a date, with a time or\n"
        "without: 2026-01-31, '2026-01-31 12:30', 2026-01-31T12:30:00Z. They are printed in local time,\n"
        "by --csv, --json and --senml in UTC. --raw --json prints SenML records, as --senml does. --csv\n"
        "puts a ' before text that a spreadsheet would take for a formula.\n\n"
        "A last reading is stale, marked with ! behind its time, and by --csv in a column, when it is older\n"
        "now than its update time (ut, of SenML) by half.\n\n"
        "--plot is as wide as the terminal, and draws in ASCII where the locale is not UTF-8. Buckets\n"
        "of whole minutes are answered at once from sums that the recorder kept; others take all\n"
        "readings.\n",
    .options = options_table,
    .options_bytes = sizeof(struct history_options),
    .defaults = &(const struct history_options){.since_us = INT64_MIN, .until_us = INT64_MAX},
    .examples = "  muster history kitchen/climate/temperature --db home.db --since 1d --plot\n"
                "  muster history 'kitchen/#' --db home.db --since 1d --every 1h --csv > a.csv\n"
                "  muster history cellar/power --db home.db --since 10m --raw\n"
                "  muster history thermo --db home.db --since 1w\n",
    .statuses = "  0   done\n"
                "  1   error\n"
                "  2   wrong usage\n"
                "  4   nothing of that name, or not in that time; with --plot no numbers\n",
    .run = run,
};
