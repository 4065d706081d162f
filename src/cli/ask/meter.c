/* SPDX-License-Identifier: MIT */
#include "meter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "traffic.h"
#include "writer.h"

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

static int take(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
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

/* ---- printing ---- */

static void print_bytes(double bytes) {
    if (bytes < 1e3) {
        printf("%.0f B/s", bytes);
    } else if (bytes < 1e6) {
        printf("%.1f kB/s", bytes / 1e3);
    } else {
        printf("%.1f MB/s", bytes / 1e6);
    }
}

static void print_lost(const struct muster_feed *total) {
    const uint64_t lost = total->lost_wire + total->lost_gone + total->lost_kernel + total->lost_program;
    printf(", lost %" PRIu64, lost);
    if (lost > 0) {
        printf(" (wire %" PRIu64 ", gone %" PRIu64 ", kernel %" PRIu64 ", program %" PRIu64 ")",
               total->lost_wire, total->lost_gone, total->lost_kernel, total->lost_program);
    }
}

static void print_text(const struct measurement *measurement) {
    printf("%s  %.0f records/s, %.0f datagrams/s, ", text_now().text,
           (double)measurement->records / measurement->seconds,
           (double)measurement->datagrams / measurement->seconds);
    print_bytes((double)measurement->bytes / measurement->seconds);
    if (measurement->jitter_s >= 0) {
        printf(", jitter %.2f ms", measurement->jitter_s * 1e3);
    }
    if (measurement->differences > 0) {
        printf(", clock difference %.1f ms (%.1f to %.1f)",
               measurement->difference_sum_s / (double)measurement->differences * 1e3,
               measurement->difference_min_s * 1e3, measurement->difference_max_s * 1e3);
    }
    print_lost(&measurement->total);
    printf(", repaired %" PRIu64 ", pending %" PRIu64 ", kernel drops %" PRIu64, measurement->total.repaired,
           measurement->total.pending, measurement->kernel_drops);
    if (measurement->malformed > 0) {
        printf(", malformed %" PRIu64, measurement->malformed);
    }
    putchar('\n');
}

/* Writes a number with three places. */
static void write_rounded(struct writer *writer, const char *name, double value) {
    writer_number(writer, name, (double)(int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5)) / 1000);
}

static void write_difference(struct writer *writer, const struct measurement *measurement) {
    const char *name = "clock_difference_ms";
    if (measurement->differences == 0) {
        writer_null(writer, name);
        return;
    }
    writer_object(writer, name);
    write_rounded(writer, "mean", measurement->difference_sum_s / (double)measurement->differences * 1e3);
    write_rounded(writer, "min", measurement->difference_min_s * 1e3);
    write_rounded(writer, "max", measurement->difference_max_s * 1e3);
    writer_end(writer);
}

static void print_json(const struct measurement *measurement) {
    const struct muster_feed *total = &measurement->total;
    struct writer writer;
    writer_open_line(&writer, stdout, "stats");
    write_rounded(&writer, "seconds", measurement->seconds);
    writer_integer(&writer, "records", NULL, measurement->records);
    writer_integer(&writer, "datagrams", NULL, measurement->datagrams);
    writer_integer(&writer, "bytes", NULL, measurement->bytes);
    if (measurement->jitter_s >= 0) {
        write_rounded(&writer, "jitter_ms", measurement->jitter_s * 1e3);
    } else {
        writer_null(&writer, "jitter_ms");
    }
    write_difference(&writer, measurement);
    writer_integer(&writer, "received", NULL, total->received);
    writer_integer(&writer, "duplicates", NULL, total->duplicates);
    writer_integer(&writer, "reordered", NULL, total->reordered);
    writer_integer(&writer, "repaired", NULL, total->repaired);
    writer_integer(&writer, "pending", NULL, total->pending);
    writer_integer(&writer, "naks", NULL, total->naks);
    writer_integer(&writer, "malformed", NULL, measurement->malformed);
    writer_integer(&writer, "kernel_drops", NULL, measurement->kernel_drops);
    traffic_write_lost(&writer, total);
    writer_close(&writer);
}

int meter_print(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
                uint16_t port, bool is_json) {
    struct measurement measurement;
    if (take(meter, sources, node, now_ms, port, &measurement) != 0) {
        return -1;
    }
    if (is_json) {
        print_json(&measurement);
    } else {
        print_text(&measurement);
    }
    return 0;
}

void meter_deinit(struct meter *meter) {
    free(meter->feeds.feeds);
    *meter = (struct meter){0};
}
