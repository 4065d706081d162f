/* SPDX-License-Identifier: MIT */
/* muster history: what a recording says of a topic or a peer. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "archive.h"
#include "command.h"
#include "complain.h"
#include "csv.h"
#include "moment.h"
#include "near.h"
#include "number.h"
#include "pattern.h"
#include "plot.h"
#include "record.h"
#include "recording.h"
#include "session.h"
#include "table.h"
#include "text.h"
#include "value.h"

#define SECOND_US ((int64_t)1000000)
#define MINUTE_US (60 * SECOND_US)
#define DAY_US (1440 * MINUTE_US)

/* Buckets that --every aims at where it is not given, and the readings up to which it is less than a minute:
 * minutes are counted when they are recorded. */
#define BUCKETS_WANTED 40
#define READINGS_FINE_MAX 300000

struct history_options {
    const char *path;
    int64_t since_us; /* INT64_MIN: from the first reading on */
    int64_t until_us; /* INT64_MAX: up to the last one */
    int64_t every_us; /* 0: not given */
    bool raw;
    bool csv;
    bool json;
    bool senml;
    bool plot;
};

/* Series of one name, unit and publisher: they differ by the topic or the publisher's name. */
struct group {
    const struct archive_series **series;
    size_t count;
    struct archive_bucket *buckets;
    int64_t last_us; /* of the last reading of all; 0: not known */
    double update_s; /* within which the next one should have followed; 0: not said */
};

struct history {
    const struct settings *settings;
    const struct history_options *options;
    const char *wanted;
    struct archive archive;
    const struct archive_series **series; /* that are wanted, by groups */
    size_t series_count;
    struct group *groups;
    size_t group_count;
    int64_t from_us;
    int64_t until_us;
    int64_t every_us;
    size_t bucket_count;
};

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

static int fail(const struct history *history) {
    complain(history->settings, "%s: %s", history->options->path, history->archive.fault.text);
    return STATUS_ERROR;
}

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
    if (history->series == NULL || history->groups == NULL) {
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

/* ---- times ---- */

/* Local time, without what the length of a bucket leaves 0. */
static struct text_short local_time(int64_t us, int64_t every_us) {
    const time_t seconds = (time_t)(us / SECOND_US);
    struct text_short time;
    struct tm parts;
    localtime_r(&seconds, &parts);
    const char *format = every_us % MINUTE_US == 0 ? "%Y-%m-%d %H:%M" : "%Y-%m-%d %H:%M:%S";
    const size_t length = strftime(time.text, sizeof(time.text), format, &parts);
    if (every_us % SECOND_US != 0) {
        snprintf(time.text + length, sizeof(time.text) - length, ".%03d", (int)(us % SECOND_US / 1000));
    }
    return time;
}

/* The zone's offset, so that days begin at midnight. */
static int64_t zone_us(int64_t us) {
    const time_t seconds = (time_t)(us / SECOND_US);
    struct tm parts;
    localtime_r(&seconds, &parts);
    return (int64_t)parts.tm_gmtoff * SECOND_US;
}

static int64_t floor_to(int64_t us, int64_t every_us) {
    const int64_t rest = us % every_us;
    return us - (rest < 0 ? rest + every_us : rest);
}

/* The length of which so many at most cover a range. */
static int64_t choose_every(int64_t range_us, size_t count, bool is_fine) {
    static const int64_t seconds[] = {1,     2,     5,      10,     15,      30,     60,    120,
                                      300,   600,   900,    1800,   3600,    7200,   10800, 21600,
                                      43200, 86400, 172800, 604800, 2592000, 7776000};
    const size_t last = sizeof(seconds) / sizeof(seconds[0]) - 1;
    size_t i = 0;
    while (i < last &&
           (seconds[i] * SECOND_US < range_us / (int64_t)count || (!is_fine && seconds[i] < 60))) {
        i++;
    }
    return seconds[i] * SECOND_US;
}

/* Sets the buckets' begin, length and number. */
static int choose_buckets(struct history *history) {
    const struct history_options *options = history->options;
    const struct plot_style style = plot_style();
    const size_t wanted = options->plot ? plot_width(&style) - 1 : BUCKETS_WANTED;
    int64_t first_us;
    int64_t last_us;
    const int found =
        archive_range(&history->archive, history->series, history->series_count, &first_us, &last_us);
    if (found < 0) {
        return fail(history);
    }
    history->from_us = options->since_us != INT64_MIN ? options->since_us : found == 1 ? first_us : 0;
    history->until_us = options->until_us != INT64_MAX ? options->until_us : found == 1 ? last_us + 1 : 0;
    if (found == 0 || history->until_us <= history->from_us || last_us < history->from_us ||
        first_us >= history->until_us) {
        complain(history->settings, "%s: no reading of '%s' in that time%s%s%s%s", options->path,
                 history->wanted, found == 1 ? "; there are some from " : "",
                 found == 1 ? local_time(first_us, MINUTE_US).text : "", found == 1 ? " to " : "",
                 found == 1 ? local_time(last_us, MINUTE_US).text : "");
        return STATUS_NOT_FOUND;
    }
    if (options->every_us > 0 || options->raw || options->senml) {
        history->every_us = options->every_us > 0 ? options->every_us : SECOND_US;
    } else {
        const int64_t readings = archive_count(&history->archive, history->series, history->series_count,
                                               history->from_us, history->until_us);
        if (readings < 0) {
            return fail(history);
        }
        history->every_us =
            choose_every(history->until_us - history->from_us, wanted, readings <= READINGS_FINE_MAX);
    }
    return STATUS_OK;
}

/* Of a bucket. Days begin at midnight, though the clock was put forward or back since the first one. */
static int64_t begin_of(const struct history *history, size_t bucket) {
    const int64_t begin_us = history->from_us + (int64_t)bucket * history->every_us;
    const bool is_days = history->every_us % DAY_US == 0;
    return is_days ? begin_us + zone_us(history->from_us) - zone_us(begin_us) : begin_us;
}

/* Whole buckets: they begin where a multiple of their length does, by the local clock. */
static int align_buckets(struct history *history) {
    const int64_t offset_us = zone_us(history->from_us);
    history->from_us = floor_to(history->from_us + offset_us, history->every_us) - offset_us;
    const int64_t shift_us = zone_us(history->until_us) - zone_us(history->from_us);
    const int64_t range_us = history->until_us - history->from_us + shift_us;
    const int64_t count = (range_us + history->every_us - 1) / history->every_us;
    if (count < 1 || count > ARCHIVE_BUCKETS_MAX) {
        return complain_usage(history->settings, "--every", "expected at most %d buckets, got %" PRId64,
                              ARCHIVE_BUCKETS_MAX, count);
    }
    history->bucket_count = (size_t)count;
    history->until_us = begin_of(history, history->bucket_count);
    return STATUS_OK;
}

static int fill_buckets(struct history *history) {
    for (size_t i = 0; i < history->group_count; i++) {
        struct group *group = &history->groups[i];
        group->buckets = calloc(history->bucket_count, sizeof(*group->buckets));
        if (group->buckets == NULL) {
            return complain_error(history->settings, MUSTER_ENOMEM);
        }
        for (size_t j = 0; j < history->bucket_count; j++) {
            group->buckets[j].begin_us = begin_of(history, j);
        }
        if (archive_buckets(&history->archive, group->series, group->count, group->buckets,
                            history->bucket_count, history->every_us, history->until_us) != 0) {
            return fail(history);
        }
    }
    return STATUS_OK;
}

/* When each was read last, whatever time is asked for. */
static int find_last(struct history *history) {
    for (size_t i = 0; i < history->group_count; i++) {
        struct group *group = &history->groups[i];
        struct archive_reading reading;
        int64_t first_us;
        int found = archive_range(&history->archive, group->series, group->count, &first_us, &group->last_us);
        if (found == 1) {
            found = archive_begin(&history->archive, group->series, group->count, group->last_us,
                                  group->last_us + 1, true) != 0
                        ? -1
                        : archive_next(&history->archive, &reading);
            group->update_s = found == 1 ? reading.record.update_s : 0;
        }
        if (found < 0) {
            return fail(history);
        }
    }
    return STATUS_OK;
}

static bool is_stale(const struct group *group) {
    const struct muster_record last = {.time_s = (double)group->last_us / 1e6, .update_s = group->update_s};
    return record_is_stale(&last, session_wall_s());
}

static void complain_of_stale(const struct history *history) {
    for (size_t i = 0; i < history->group_count; i++) {
        const struct group *group = &history->groups[i];
        if (is_stale(group)) {
            complain(history->settings, "%s is stale: read last at %s, and expected each %g s",
                     group->series[0]->name, local_time(group->last_us, SECOND_US).text, group->update_s);
        }
    }
}

/* ---- buckets, printed ---- */

static double mean_of(const struct archive_bucket *bucket) {
    /* The sum of very large numbers was cut. */
    const double mean = bucket->total / (double)bucket->numbers;
    return bucket->numbers > 0 ? fmax(bucket->min, fmin(bucket->max, mean)) : NAN;
}

/* A bucket as a row of a table. */
struct row {
    const struct history *history;
    const struct archive_series *series;
    const struct archive_bucket *bucket;
};

static void write_shown_number(struct writer *writer, const char *heading, bool is_known, double number) {
    writer_shown(writer, heading, WRITER_RIGHT, NULL, is_known ? "%.6g" : "-", number);
}

static void write_row(struct writer *writer, const void *context) {
    const struct row *row = context;
    const struct archive_bucket *bucket = row->bucket;
    const bool has_numbers = bucket->numbers > 0;
    if (row->history->group_count > 1) {
        writer_shown(writer, "NAME", 0, NULL, "%s", row->series->name);
        writer_shown(writer, "PEER", 0, NULL, "%s",
                     row->series->peer[0] != '\0' ? text_name(row->series->peer).text : "-");
    }
    writer_shown(writer, "TIME", 0, NULL, "%s", local_time(bucket->begin_us, row->history->every_us).text);
    write_shown_number(writer, "MIN", has_numbers, bucket->min);
    write_shown_number(writer, "MEAN", has_numbers, mean_of(bucket));
    write_shown_number(writer, "MAX", has_numbers, bucket->max);
    writer_shown(writer, "COUNT", WRITER_RIGHT, NULL, "%" PRId64, bucket->count);
    writer_shown(writer, "UNIT", 0, NULL, "%s",
                 row->series->unit[0] != '\0' ? text_name(row->series->unit).text : "-");
}

static int print_table(const struct history *history) {
    struct row *rows = calloc(history->group_count * history->bucket_count, sizeof(*rows));
    struct writer_rows all = {.write = write_row, .rows = rows, .row_bytes = sizeof(*rows)};
    if (rows == NULL) {
        return complain_error(history->settings, MUSTER_ENOMEM);
    }
    for (size_t i = 0; i < history->group_count; i++) {
        for (size_t j = 0; j < history->bucket_count; j++) {
            const struct group *group = &history->groups[i];
            if (group->buckets[j].count > 0) {
                rows[all.count++] = (struct row){history, group->series[0], &group->buckets[j]};
            }
        }
    }
    const int error =
        table_print(NULL, all, (struct table_style){.color = settings_color(history->settings)});
    free(rows);
    return error == 0 ? STATUS_OK : complain_error(history->settings, MUSTER_ENOMEM);
}

static void print_csv_series(const struct archive_series *series) {
    csv_print_series(series->name, series->peer, series->id, series->unit);
}

static void print_csv_bucket(const struct archive_series *series, const struct archive_bucket *bucket) {
    const double numbers[] = {bucket->min, mean_of(bucket), bucket->max};
    fputs(text_utc(bucket->begin_us).text, stdout);
    print_csv_series(series);
    for (size_t i = 0; i < 3; i++) {
        putchar(',');
        if (bucket->numbers > 0) {
            csv_print_number(numbers[i]);
        }
    }
    printf(",%" PRId64 "\n", bucket->count);
}

static void print_csv(const struct history *history) {
    puts("time,name,peer,id,unit,min,mean,max,count");
    for (size_t i = 0; i < history->group_count; i++) {
        for (size_t j = 0; j < history->bucket_count; j++) {
            if (history->groups[i].buckets[j].count > 0) {
                print_csv_bucket(history->groups[i].series[0], &history->groups[i].buckets[j]);
            }
        }
    }
}

static void write_number(struct writer *writer, const char *name, bool is_known, double number) {
    if (is_known) {
        writer_number(writer, name, number);
    } else {
        writer_null(writer, name);
    }
}

static void write_series(struct writer *writer, const struct archive_series *series) {
    writer_text(writer, "name", NULL, series->name);
    writer_known(writer, "peer", NULL, series->peer);
    writer_text(writer, "id", NULL, series->id);
    writer_known(writer, "unit", NULL, series->unit);
}

static void write_bucket(struct writer *writer, const struct archive_bucket *bucket) {
    const bool has_numbers = bucket->numbers > 0;
    writer_object(writer, NULL);
    writer_text(writer, "time", NULL, text_utc(bucket->begin_us).text);
    write_number(writer, "min", has_numbers, bucket->min);
    write_number(writer, "mean", has_numbers, mean_of(bucket));
    write_number(writer, "max", has_numbers, bucket->max);
    writer_integer(writer, "count", NULL, (uint64_t)bucket->count);
    writer_end(writer);
}

static void print_json(const struct history *history) {
    struct writer writer;
    writer_open_document(&writer);
    writer_number(&writer, "every_s", (double)history->every_us / 1e6);
    writer_array(&writer, "series");
    for (size_t i = 0; i < history->group_count; i++) {
        const struct group *group = &history->groups[i];
        writer_object(&writer, NULL);
        write_series(&writer, group->series[0]);
        writer_text(&writer, "last", NULL, text_utc(group->last_us).text);
        writer_bool(&writer, "stale", NULL, is_stale(group));
        writer_array(&writer, "buckets");
        for (size_t j = 0; j < history->bucket_count; j++) {
            if (group->buckets[j].count > 0) {
                write_bucket(&writer, &group->buckets[j]);
            }
        }
        writer_end(&writer);
        writer_end(&writer);
    }
    writer_end(&writer);
    writer_close(&writer);
}

static int print_plot(const struct history *history) {
    const struct plot_style style = plot_style();
    const size_t width = plot_width(&style);
    if (history->bucket_count > width) {
        return complain_usage(history->settings, "--every",
                              "expected at most %zu buckets, which fit the plot, got %zu", width,
                              history->bucket_count);
    }
    for (size_t i = 0; i < history->group_count; i++) {
        const struct group *group = &history->groups[i];
        const struct archive_series *series = group->series[0];
        double means[PLOT_WIDTH_MAX];
        for (size_t j = 0; j < history->bucket_count; j++) {
            means[j] = mean_of(&group->buckets[j]);
        }
        printf("%s%s%s%s%s  %s\n", i > 0 ? "\n" : "", text_name(series->name).text,
               series->unit[0] != '\0' ? " (" : "", text_name(series->unit).text,
               series->unit[0] != '\0' ? ")" : "", text_name(series->peer).text);
        plot_print(stdout, &style, means, history->bucket_count,
                   local_time(history->from_us, history->every_us).text,
                   local_time(history->until_us, history->every_us).text);
    }
    return STATUS_OK;
}

static int print_buckets(struct history *history) {
    int status = fill_buckets(history);
    status = status == STATUS_OK ? find_last(history) : status;
    if (status != STATUS_OK) {
        return status;
    }
    if (!history->options->json) {
        complain_of_stale(history);
    }
    if (history->options->csv) {
        print_csv(history);
    } else if (history->options->json) {
        print_json(history);
    } else {
        status = history->options->plot ? print_plot(history) : print_table(history);
    }
    return status;
}

/* ---- readings, printed ---- */

static void print_csv_reading(const struct archive_reading *reading) {
    fputs(text_utc(reading->time_us).text, stdout);
    print_csv_series(reading->series);
    csv_print_record(&reading->record);
}

static void print_senml(const struct archive_reading *reading) {
    char text[6 * MUSTER_DATAGRAM_BYTES_MAX + 1024];
    const int length = muster_record_print(&reading->record, NULL, text, sizeof(text));
    if (length > 0) {
        text_print_json(stdout, text, (size_t)length);
        putchar('\n');
    }
}

static void print_reading(const struct history *history, const struct archive_reading *reading) {
    printf("%s  ", local_time(reading->time_us, 1).text);
    if (history->group_count > 1) {
        text_print(stdout, reading->series->name);
        printf("  %s  ", text_name(reading->series->peer).text);
    }
    csv_print_value(&reading->record, false);
    printf("%s%s\n", reading->series->unit[0] != '\0' ? " " : "", text_name(reading->series->unit).text);
}

static int print_readings(struct history *history) {
    const struct history_options *options = history->options;
    struct archive_reading reading;
    int result = archive_begin(&history->archive, history->series, history->series_count, history->from_us,
                               history->until_us, true);
    if (options->csv) {
        puts(CSV_READING_HEADING);
    }
    while (result >= 0 && !ferror(stdout) && (result = archive_next(&history->archive, &reading)) == 1) {
        if (options->csv) {
            print_csv_reading(&reading);
        } else if (options->senml || options->json) {
            print_senml(&reading);
        } else {
            print_reading(history, &reading);
        }
    }
    return result < 0 ? fail(history) : STATUS_OK;
}

/* ---- events, printed ---- */

static void print_event(const struct history_options *options, const struct archive_event *event) {
    const char *reason = event->reason != NULL ? event->reason : "";
    if (options->csv) {
        printf("%s,", text_utc(event->time_us).text);
        csv_print_text(event->peer);
        const char *const texts[] = {event->id, event->event, reason};
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
            putchar(',');
            csv_print_text(texts[i]);
        }
        putchar(',');
        printf(event->count > 0 ? "%" PRId64 "\n" : "\n", event->count);
        return;
    }
    printf("%s  %-14s  %s", local_time(event->time_us, 1).text, text_name(event->event).text,
           text_name(event->peer).text);
    if (event->count > 0) {
        printf("  %" PRId64, event->count);
    }
    printf("%s%s\n", reason[0] != '\0' ? "  " : "", text_name(reason).text);
}

static void write_event(struct writer *writer, const struct archive_event *event) {
    writer_object(writer, NULL);
    writer_text(writer, "time", NULL, text_utc(event->time_us).text);
    writer_text(writer, "event", NULL, event->event);
    writer_known(writer, "peer", NULL, event->peer);
    writer_text(writer, "id", NULL, event->id);
    writer_known(writer, "reason", NULL, event->reason != NULL ? event->reason : "");
    if (event->count > 0) {
        writer_integer(writer, "count", NULL, (uint64_t)event->count);
    }
    writer_end(writer);
}

static int print_events(struct history *history) {
    const struct history_options *options = history->options;
    struct writer writer;
    struct archive_event event;
    size_t count = 0;
    int result =
        archive_begin_events(&history->archive, history->wanted, options->since_us, options->until_us);
    if (options->json) {
        writer_open_document(&writer);
        writer_array(&writer, "events");
    } else if (options->csv) {
        puts("time,peer,id,event,reason,count");
    }
    while (result >= 0 && !ferror(stdout) && (result = archive_next_event(&history->archive, &event)) == 1) {
        count++;
        if (options->json) {
            write_event(&writer, &event);
        } else {
            print_event(options, &event);
        }
    }
    if (options->json) {
        writer_end(&writer);
        writer_close(&writer);
    }
    if (result == 0 && count == 0) {
        complain(history->settings, "%s: no event of '%s' in that time", options->path, history->wanted);
        return STATUS_NOT_FOUND;
    }
    return result < 0 ? fail(history) : STATUS_OK;
}

/* ---- running ---- */

static int print_topic(struct history *history) {
    int status = choose_buckets(history);
    if (status != STATUS_OK) {
        return status;
    }
    if (history->options->raw || history->options->senml) {
        return print_readings(history);
    }
    status = align_buckets(history);
    return status == STATUS_OK ? print_buckets(history) : status;
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
    return print_events(history);
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
                "  4   nothing of that name, or not in that time\n",
    .run = run,
};
