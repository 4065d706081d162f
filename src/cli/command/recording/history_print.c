/* SPDX-License-Identifier: MIT */
#include "history_print.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "complain.h"
#include "csv.h"
#include "plot.h"
#include "record.h"
#include "table.h"
#include "text.h"

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
    bool is_stale;
};

static void write_shown_number(struct writer *writer, const char *heading, bool is_known, double number) {
    writer_shown(writer, heading, WRITER_RIGHT, NULL, is_known ? "%.6g" : "-", number);
}

static void write_row(struct writer *writer, const void *context) {
    const struct row *row = context;
    const struct archive_bucket *bucket = row->bucket;
    const bool has_numbers = bucket->numbers > 0;
    if (row->history->group_count > 1) {
        writer_text(writer, NULL, "NAME", row->series->name);
        writer_shown(writer, "PEER", 0, NULL, "%s",
                     row->series->peer[0] != '\0' ? text_name(row->series->peer).text : "-");
    }
    writer_shown(writer, "TIME", 0, NULL, "%s%s",
                 history_local_time(bucket->begin_us, row->history->every_us).text,
                 row->is_stale ? " !" : "");
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
            const struct history_group *group = &history->groups[i];
            if (group->buckets[j].count > 0) {
                rows[all.count++] = (struct row){history, group->series[0], &group->buckets[j],
                                                 history_is_stale_in(history, group, j)};
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

static void print_csv_bucket(const struct archive_series *series, const struct archive_bucket *bucket,
                             bool is_stale) {
    const double numbers[] = {bucket->min, mean_of(bucket), bucket->max};
    fputs(text_utc(bucket->begin_us).text, stdout);
    print_csv_series(series);
    for (size_t i = 0; i < 3; i++) {
        putchar(',');
        if (bucket->numbers > 0) {
            csv_print_number(numbers[i]);
        }
    }
    printf(",%" PRId64 ",%s\n", bucket->count, is_stale ? "true" : "false");
}

static void print_csv(const struct history *history) {
    puts("time,name,peer,id,unit,min,mean,max,count,stale");
    for (size_t i = 0; i < history->group_count; i++) {
        for (size_t j = 0; j < history->bucket_count; j++) {
            if (history->groups[i].buckets[j].count > 0) {
                print_csv_bucket(history->groups[i].series[0], &history->groups[i].buckets[j],
                                 history_is_stale_in(history, &history->groups[i], j));
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
    if (series->origin[0] != '\0') {
        writer_text(writer, "origin", NULL, series->origin);
    }
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
        const struct history_group *group = &history->groups[i];
        writer_object(&writer, NULL);
        write_series(&writer, group->series[0]);
        writer_text(&writer, "last", NULL, text_utc(group->last_us).text);
        writer_bool(&writer, "stale", NULL, group->is_stale);
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
    size_t plotted = 0;
    for (size_t i = 0; i < history->group_count; i++) {
        const struct history_group *group = &history->groups[i];
        const struct archive_series *series = group->series[0];
        double means[PLOT_WIDTH_MAX];
        bool has_numbers = false;
        for (size_t j = 0; j < history->bucket_count; j++) {
            means[j] = mean_of(&group->buckets[j]);
            has_numbers = has_numbers || group->buckets[j].numbers > 0;
        }
        if (!has_numbers) {
            complain(history->settings, "%s of %s: no number in that time, so no plot",
                     text_name(series->name).text, text_name(series->peer).text);
            continue;
        }
        printf("%s%s%s%s%s  %s\n", plotted++ > 0 ? "\n" : "", text_name(series->name).text,
               series->unit[0] != '\0' ? " (" : "", text_name(series->unit).text,
               series->unit[0] != '\0' ? ")" : "", text_name(series->peer).text);
        plot_print(stdout, &style, means, history->bucket_count,
                   history_local_time(history->from_us, history->every_us).text,
                   history_local_time(history->until_us, history->every_us).text);
    }
    return plotted > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

static void complain_of_stale(const struct history *history) {
    for (size_t i = 0; i < history->group_count; i++) {
        const struct history_group *group = &history->groups[i];
        if (group->is_stale) {
            complain(history->settings, "%s is stale: read last at %s, and expected each %g s",
                     group->series[0]->name, history_local_time(group->last_us, 1000000).text,
                     group->update_s);
        }
    }
}

int history_print_buckets(const struct history *history) {
    int status = STATUS_OK;
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

/* True for the last reading of its group, where that is stale. */
static bool is_stale(const struct history *history, const struct archive_reading *reading) {
    const struct history_group *group =
        &history->groups[history->group_of[reading->series - history->archive.series]];
    return group->is_stale && reading->time_us == group->last_us;
}

static void print_csv_reading(const struct history *history, const struct archive_reading *reading) {
    fputs(text_utc(reading->time_us).text, stdout);
    print_csv_series(reading->series);
    csv_print_record(&reading->record, reading->series->origin, is_stale(history, reading));
}

/* False without memory: then nothing was printed. */
static bool print_senml(const struct archive_reading *reading) {
    const size_t size = 6 * reading->record.text_length + 2048; /* each byte may be an escape */
    char *text = malloc(size);
    const int length = text == NULL ? 0 : muster_record_print(&reading->record, NULL, text, size);
    if (length > 0) {
        text_print_json(stdout, text, (size_t)length);
        putchar('\n');
    }
    free(text);
    return length > 0;
}

static void print_reading(const struct history *history, const struct archive_reading *reading) {
    printf("%s%c ", history_local_time(reading->time_us, 1).text, is_stale(history, reading) ? '!' : ' ');
    if (history->group_count > 1) {
        text_print(stdout, reading->series->name);
        printf("  %s  ", text_name(reading->series->peer).text);
    }
    if (!record_print_large(&reading->record)) {
        csv_print_value(&reading->record, false);
    }
    printf("%s%s\n", reading->series->unit[0] != '\0' ? " " : "", text_name(reading->series->unit).text);
}

int history_print_readings(struct history *history) {
    const struct history_options *options = history->options;
    struct archive_reading reading;
    int result = archive_begin(&history->archive, history->series, history->series_count, history->from_us,
                               history->until_us, true);
    bool is_printed = true;
    if (options->csv) {
        puts(CSV_READING_HEADING);
    }
    while (is_printed && result >= 0 && !ferror(stdout) &&
           (result = archive_next(&history->archive, &reading)) == 1) {
        if (options->csv) {
            print_csv_reading(history, &reading);
        } else if (options->senml || options->json) {
            is_printed = print_senml(&reading);
        } else {
            print_reading(history, &reading);
        }
    }
    if (!is_printed) {
        return complain_error(history->settings, MUSTER_ENOMEM);
    }
    return result < 0 ? history_fail(history) : STATUS_OK;
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
    printf("%s  %-14s  %s", history_local_time(event->time_us, 1).text, text_name(event->event).text,
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

int history_print_events(struct history *history) {
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
    return result < 0 ? history_fail(history) : STATUS_OK;
}
