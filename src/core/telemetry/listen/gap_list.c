/* SPDX-License-Identifier: MIT */
#include "gap_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "deadline.h"
#include "limit.h"
#include "signal.h"

/* ---- back-off ---- */

uint64_t gap_backoff_ms(struct random *random, size_t listeners) {
    double group = (double)(listeners > MUSTER_NAK_GROUP_MIN ? listeners : MUSTER_NAK_GROUP_MIN);
    double lambda = log(group) + 1;
    double spread = exp(lambda) - 1;
    double t_ms = MUSTER_NAK_T_MS;
    double x = random_fraction(random) * lambda / t_ms + lambda / (t_ms * spread);
    double delay_ms = t_ms / lambda * log(x * spread * t_ms / lambda);
    return delay_ms <= 0 ? 0 : (uint64_t)delay_ms;
}

/* Where our own kernel drops, asking at once would make it worse. */
static uint64_t first_ask_ms(const struct gap_moment *moment) {
    return moment->now_ms + gap_backoff_ms(moment->random, moment->listeners) +
           (moment->is_kernel_dropping ? MUSTER_KERNEL_DROP_MS : 0);
}

static uint64_t next_ask_ms(const struct gap_moment *moment) {
    return moment->now_ms + MUSTER_NAK_RETRY_MS + gap_backoff_ms(moment->random, moment->listeners);
}

/* Whom others' naks are refused to, or forged by whoever wants others silent, asks all the same. */
static uint64_t next_own_ms(const struct gap_moment *moment) {
    return moment->now_ms + MUSTER_NAK_HEARSAY_MS + random_ms(moment->random, MUSTER_NAK_HEARSAY_MS);
}

/* ---- gaps ---- */

void gap_list_deinit(struct gap_list *gaps) {
    free(gaps->items);
    gaps->items = NULL;
    gaps->count = gaps->capacity = 0;
}

size_t gap_list_find(const struct gap_list *gaps, uint64_t seq) {
    size_t low = 0;
    size_t high = gaps->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (gaps->items[middle].last < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool gap_list_insert(struct gap_list *gaps, size_t at, const struct gap *gap, size_t count_max) {
    struct gap *items = array_reserve(gaps->items, sizeof *items, &gaps->capacity, gaps->count, count_max);
    if (items == NULL) {
        return false;
    }
    memmove(&items[at + 1], &items[at], (gaps->count - at) * sizeof *items);
    items[at] = *gap;
    gaps->items = items;
    gaps->count++;
    return true;
}

void gap_list_remove(struct gap_list *gaps, size_t at) {
    gaps->count--;
    memmove(&gaps->items[at], &gaps->items[at + 1], (gaps->count - at) * sizeof *gaps->items);
}

bool gap_list_split(struct gap_list *gaps, size_t at, uint64_t seq, size_t count_max) {
    struct gap before = gaps->items[at];
    before.last = seq - 1;
    if (!gap_list_insert(gaps, at, &before, count_max)) {
        return false;
    }
    gaps->items[at + 1].first = seq;
    return true;
}

size_t gap_list_isolate(struct gap_list *gaps, size_t at, const struct signal_range *range,
                        size_t count_max) {
    if (gaps->items[at].first < range->first && gap_list_split(gaps, at, range->first, count_max)) {
        at++;
    }
    if (gaps->items[at].last > range->last) {
        gap_list_split(gaps, at, range->last + 1, count_max);
    }
    return at;
}

static void start_gap(struct gap_list *gaps, struct gap *gap, const struct gap_moment *moment) {
    gap->since_ms = moment->now_ms;
    gap->due_ms = first_ask_ms(moment);
    gap->own_ms = next_own_ms(moment);
    gaps->asks_ms = deadline_earlier(gaps->asks_ms, gap->due_ms);
}

bool gap_list_append(struct gap_list *gaps, uint64_t first, uint64_t last, const struct gap_moment *moment) {
    const struct gap gap = {.first = first, .last = last, .is_kernel = moment->is_kernel_dropping};
    if (!gap_list_insert(gaps, gaps->count, &gap, MUSTER_GAPS_MAX)) {
        return false;
    }
    start_gap(gaps, &gaps->items[gaps->count - 1], moment);
    return true;
}

bool gap_list_fill(struct gap_list *gaps, size_t at, uint64_t seq) {
    struct gap *gap = &gaps->items[at];
    if (gap->first == gap->last) {
        gap_list_remove(gaps, at);
    } else if (gap->first == seq) {
        gap->first++;
    } else if (gap->last == seq) {
        gap->last--;
    } else if (gap_list_split(gaps, at, seq, MUSTER_GAPS_MAX)) {
        gaps->items[at + 1].first++;
    } else {
        return false;
    }
    return true;
}

/* ---- asking ---- */

void gap_list_restart(struct gap_list *gaps, const struct gap_moment *moment) {
    for (size_t i = 0; i < gaps->count; i++) {
        if (!gaps->items[i].is_lost) {
            start_gap(gaps, &gaps->items[i], moment);
        }
    }
}

/* What others ask for splits gaps into half of the room at most. */
void gap_list_suppress(struct gap_list *gaps, const struct signal_range *range,
                       const struct gap_moment *moment) {
    uint64_t due_ms = next_ask_ms(moment);
    for (size_t i = gap_list_find(gaps, range->first); i < gaps->count && gaps->items[i].first <= range->last;
         i++) {
        i = gap_list_isolate(gaps, i, range, MUSTER_GAPS_HEARSAY_MAX);
        struct gap *gap = &gaps->items[i];
        uint64_t until_ms = deadline_earlier(due_ms, gap->own_ms);
        gap->is_asked = true;
        gap->due_ms = gap->due_ms > until_ms ? gap->due_ms : until_ms;
    }
}

size_t gap_list_ask(struct gap_list *gaps, struct signal_range *ranges, size_t ranges_max,
                    const struct gap_moment *moment) {
    size_t count = 0;
    uint64_t due_ms = next_ask_ms(moment);
    gaps->asks_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < gaps->count; i++) {
        struct gap *gap = &gaps->items[i];
        if (!gap->is_lost && gap->due_ms <= moment->now_ms && count < ranges_max) {
            ranges[count++] = (struct signal_range){.first = gap->first, .last = gap->last};
            gap->is_asked = true;
            gap->due_ms = due_ms;
            gap->own_ms = next_own_ms(moment);
        }
        if (!gap->is_lost) {
            gaps->asks_ms = deadline_earlier(gaps->asks_ms, gap->due_ms);
            gaps->asks_ms = deadline_earlier(gaps->asks_ms, gap->since_ms + MUSTER_REPAIR_DEADLINE_MS);
        }
    }
    return count;
}
