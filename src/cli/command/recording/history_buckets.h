/* SPDX-License-Identifier: MIT */
/* What `muster history` was asked, and the buckets of time that answer it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive.h"
#include "settings.h"
#include "text.h"

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
struct history_group {
    const struct archive_series **series;
    size_t count;
    struct archive_bucket *buckets;
    int64_t last_us; /* of the last reading of all; 0: not known */
    double update_s; /* within which the next one should have followed; 0: not said */
    bool is_stale;   /* it did not */
};

struct history {
    const struct settings *settings;
    const struct history_options *options;
    const char *wanted;
    struct archive archive;
    size_t *group_of;                     /* of each series of the archive that is wanted, which group */
    const struct archive_series **series; /* that are wanted, by groups */
    size_t series_count;
    struct history_group *groups;
    size_t group_count;
    int64_t from_us;
    int64_t until_us;
    int64_t every_us;
    size_t bucket_count;
};

/* Says what is wrong with the recording, and returns STATUS_ERROR. */
int history_fail(const struct history *history);

/* Local time, without what the length of a bucket leaves 0. */
struct text_short history_local_time(int64_t us, int64_t every_us);

/* Sets the times and the length of a bucket, by the options and by what is recorded. A status. */
int history_choose_buckets(struct history *history);

/* Fills the buckets, which are whole: they begin where a multiple of their length does, by the local clock. A
 * status. */
int history_fill_buckets(struct history *history);

/* Finds when each was read last, whatever time is asked for. A status. */
int history_find_last(struct history *history);

/* True for the bucket of the last reading of a group that is stale. */
bool history_is_stale_in(const struct history *history, const struct history_group *group, size_t bucket);
