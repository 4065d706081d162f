/* SPDX-License-Identifier: MIT */
#include "measurement.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"
#include "traffic.h"
#include "writer.h"

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

void measurement_print(const struct measurement *measurement, bool is_json) {
    if (is_json) {
        print_json(measurement);
    } else {
        print_text(measurement);
    }
}
