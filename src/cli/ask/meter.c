/* SPDX-License-Identifier: MIT */
#include "meter.h"

#include <stdlib.h>
#include <string.h>

/* ---- feeds ---- */

static int compare_feeds(const void *left, const void *right) {
    const struct muster_feed *a = left;
    const struct muster_feed *b = right;
    const int order = memcmp(a->id, b->id, MUSTER_ID_BYTES);
    if (order != 0) {
        return order;
    }
    if (a->boot != b->boot) {
        return a->boot < b->boot ? -1 : 1;
    }
    return a->shard < b->shard ? -1 : a->shard > b->shard;
}

static void add_up(struct muster_feed *sum, const struct muster_feed *feed) {
    sum->received += feed->received;
    sum->bytes += feed->bytes;
    sum->duplicates += feed->duplicates;
    sum->reordered += feed->reordered;
    sum->repaired += feed->repaired;
    sum->pending += feed->pending;
    sum->lost_wire += feed->lost_wire;
    sum->lost_gone += feed->lost_gone;
    sum->lost_kernel += feed->lost_kernel;
    sum->lost_program += feed->lost_program;
    sum->naks += feed->naks;
}

/* Adds a feed that is gone, which waits for nothing any more. */
static void add_past(struct feeds *feeds, const struct muster_feed *feed) {
    struct muster_feed gone = *feed;
    gone.pending = 0;
    add_up(&feeds->past, &gone);
}

void feeds_replace(struct feeds *feeds, struct muster_feed *now, size_t count) {
    if (count > 0) {
        qsort(now, count, sizeof(*now), compare_feeds);
    }
    for (size_t i = 0; i < feeds->count; i++) {
        if (count == 0 || bsearch(&feeds->feeds[i], now, count, sizeof(*now), compare_feeds) == NULL) {
            add_past(feeds, &feeds->feeds[i]);
        }
    }
    free(feeds->feeds);
    feeds->feeds = now;
    feeds->count = count;
}

static int feeds_take(struct feeds *feeds, const muster_t *node) {
    const size_t count = muster_feeds(node, NULL, 0);
    struct muster_feed *now = calloc(count > 0 ? count : 1, sizeof(*now));
    if (now == NULL) {
        return -1;
    }
    muster_feeds(node, now, count);
    feeds_replace(feeds, now, count);
    return 0;
}

struct muster_feed feeds_total(const struct feeds *feeds) {
    struct muster_feed total = feeds->past;
    for (size_t i = 0; i < feeds->count; i++) {
        add_up(&total, &feeds->feeds[i]);
    }
    return total;
}

/* ---- measuring ---- */

static void add_difference(struct measurement *current, double difference_s) {
    if (current->differences == 0 || difference_s < current->difference_min_s) {
        current->difference_min_s = difference_s;
    }
    if (current->differences == 0 || difference_s > current->difference_max_s) {
        current->difference_max_s = difference_s;
    }
    current->difference_sum_s += difference_s;
    current->differences++;
}

void meter_record_heard(struct meter *meter, struct source *source, const struct muster_sample *sample,
                        size_t records, double time_s, double arrival_s) {
    meter->current.records += records;
    meter->current.datagrams++;
    meter->current.bytes += sample->length;
    const bool is_time = time_s >= MUSTER_TIME_S_MIN && time_s < MUSTER_TIME_S_MAX;
    if (sample->kind == MUSTER_SAMPLE_LIVE && !sample->is_late && is_time) {
        source_record_heard(source, time_s, arrival_s);
        add_difference(&meter->current, arrival_s - time_s);
    }
}

/* Counts drops of the kernel on the sockets of telemetry. These use the port before that of the control
 * group. */
static uint64_t count_kernel_drops(const muster_t *node, uint16_t port) {
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    const size_t count = muster_sockets(node, sockets, MUSTER_SOCKETS_MAX);
    uint64_t drops = 0;
    for (size_t i = 0; i < count; i++) {
        drops += sockets[i].address.port + 1 == port ? sockets[i].kernel_drops : 0;
    }
    return drops;
}

int meter_take(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
               uint16_t port, struct measurement *measurement) {
    const double seconds = (double)(now_ms - meter->began_ms) / 1000;
    *measurement = meter->current;
    meter->current = (struct measurement){.malformed = measurement->malformed};
    meter->began_ms = now_ms;
    measurement->seconds = seconds > 0 ? seconds : 1;
    measurement->jitter_s = source_jitter(sources);
    measurement->kernel_drops = count_kernel_drops(node, port);
    if (feeds_take(&meter->feeds, node) != 0) {
        return -1;
    }
    measurement->total = feeds_total(&meter->feeds);
    return 0;
}

void meter_deinit(struct meter *meter) {
    free(meter->feeds.feeds);
    *meter = (struct meter){0};
}
