/* SPDX-License-Identifier: MIT */
#include "history_buckets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "command.h"
#include "complain.h"
#include "plot.h"
#include "record.h"
#include "session.h"

#define SECOND_US ((int64_t)1000000)
#define MINUTE_US (60 * SECOND_US)
#define DAY_US (1440 * MINUTE_US)

/* Buckets that --every aims at where it is not given, and the readings up to which it is less than a minute:
 * minutes are counted when they are recorded. */
#define BUCKETS_WANTED 40
#define READINGS_FINE_MAX 300000

int history_fail(const struct history *history) {
    complain(history->settings, "%s: %s", history->options->path, history->archive.fault.text);
    return STATUS_ERROR;
}

struct text_short history_local_time(int64_t us, int64_t every_us) {
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

int history_choose_buckets(struct history *history) {
    const struct history_options *options = history->options;
    const struct plot_style style = plot_style();
    const size_t wanted = options->plot ? plot_width(&style) - 1 : BUCKETS_WANTED;
    int64_t first_us;
    int64_t last_us;
    const int found =
        archive_range(&history->archive, history->series, history->series_count, &first_us, &last_us);
    if (found < 0) {
        return history_fail(history);
    }
    history->from_us = options->since_us != INT64_MIN ? options->since_us : found == 1 ? first_us : 0;
    history->until_us = options->until_us != INT64_MAX ? options->until_us : found == 1 ? last_us + 1 : 0;
    if (found == 0 || history->until_us <= history->from_us || last_us < history->from_us ||
        first_us >= history->until_us) {
        complain(history->settings, "%s: no reading of '%s' in that time%s%s%s%s", options->path,
                 history->wanted, found == 1 ? "; there are some from " : "",
                 found == 1 ? history_local_time(first_us, MINUTE_US).text : "", found == 1 ? " to " : "",
                 found == 1 ? history_local_time(last_us, MINUTE_US).text : "");
        return STATUS_NOT_FOUND;
    }
    if (options->every_us > 0 || options->raw || options->senml) {
        history->every_us = options->every_us > 0 ? options->every_us : SECOND_US;
    } else {
        const int64_t readings = archive_count(&history->archive, history->series, history->series_count,
                                               history->from_us, history->until_us);
        if (readings < 0) {
            return history_fail(history);
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

static int fill_groups(struct history *history) {
    for (size_t i = 0; i < history->group_count; i++) {
        struct history_group *group = &history->groups[i];
        group->buckets = calloc(history->bucket_count, sizeof(*group->buckets));
        if (group->buckets == NULL) {
            return complain_error(history->settings, MUSTER_ENOMEM);
        }
        for (size_t j = 0; j < history->bucket_count; j++) {
            group->buckets[j].begin_us = begin_of(history, j);
        }
        if (archive_buckets(&history->archive, group->series, group->count, group->buckets,
                            history->bucket_count, history->every_us, history->until_us) != 0) {
            return history_fail(history);
        }
    }
    return STATUS_OK;
}

int history_find_last(struct history *history) {
    for (size_t i = 0; i < history->group_count; i++) {
        struct history_group *group = &history->groups[i];
        struct archive_reading reading;
        int64_t first_us;
        int found = archive_range(&history->archive, group->series, group->count, &first_us, &group->last_us);
        if (found == 1) {
            found = archive_begin(&history->archive, group->series, group->count, group->last_us,
                                  group->last_us + 1, true) != 0
                        ? -1
                        : archive_next(&history->archive, &reading);
        }
        if (found < 0) {
            return history_fail(history);
        }
        if (found == 1) {
            group->update_s = reading.record.update_s;
            group->is_stale = record_is_stale(&reading.record, session_wall_s());
        }
    }
    return STATUS_OK;
}

int history_fill_buckets(struct history *history) {
    const int status = align_buckets(history);
    return status == STATUS_OK ? fill_groups(history) : status;
}

bool history_is_stale_in(const struct history *history, const struct history_group *group, size_t bucket) {
    const bool is_last = bucket + 1 == history->bucket_count;
    const int64_t end_us = is_last ? history->until_us : group->buckets[bucket + 1].begin_us;
    return group->is_stale && group->last_us >= group->buckets[bucket].begin_us && group->last_us < end_us;
}
