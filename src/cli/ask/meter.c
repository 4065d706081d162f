#include "meter.h"

#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "text.h"

/* What one line says. */
struct report {
    double seconds;
    double jitter_s; /* negative: not known */
    uint64_t kernel_drops;
    struct muster_feed total;
};

/* ---- measuring ---- */

static void add_difference(struct meter *meter, double difference_s) {
    if (meter->differences == 0 || difference_s < meter->difference_min_s) {
        meter->difference_min_s = difference_s;
    }
    if (meter->differences == 0 || difference_s > meter->difference_max_s) {
        meter->difference_max_s = difference_s;
    }
    meter->difference_sum_s += difference_s;
    meter->differences++;
}

void meter_hear(struct meter *meter, struct source *source, const struct muster_sample *sample,
                size_t records, double time_s, double arrival_s) {
    meter->records += records;
    meter->datagrams++;
    meter->bytes += sample->length;
    const bool is_time = time_s >= MUSTER_TIME_S_MIN && time_s < MUSTER_TIME_S_MAX;
    if (sample->kind == MUSTER_SAMPLE_LIVE && !sample->is_late && is_time) {
        source_hear(source, time_s, arrival_s);
        add_difference(meter, arrival_s - time_s);
    }
}

/* Of the sockets that hear telemetry, which use the port before that of the control group. */
static uint64_t count_kernel_drops(const muster_t *node, uint16_t port) {
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    const size_t count = muster_sockets(node, sockets, MUSTER_SOCKETS_MAX);
    uint64_t drops = 0;
    for (size_t i = 0; i < count; i++) {
        drops += sockets[i].address.port + 1 == port ? sockets[i].kernel_drops : 0;
    }
    return drops;
}

static int take_report(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
                       uint16_t port, struct report *report) {
    if (feeds_take(&meter->feeds, node) != 0) {
        return -1;
    }
    report->seconds = (double)(now_ms - meter->began_ms) / 1000;
    report->seconds = report->seconds > 0 ? report->seconds : 1;
    report->jitter_s = source_jitter(sources);
    report->kernel_drops = count_kernel_drops(node, port);
    report->total = feeds_total(&meter->feeds);
    return 0;
}

static void begin_anew(struct meter *meter, uint64_t now_ms) {
    const struct meter anew = {.began_ms = now_ms, .malformed = meter->malformed, .feeds = meter->feeds};
    *meter = anew;
}

void meter_deinit(struct meter *meter) {
    feeds_deinit(&meter->feeds);
}

/* ---- text ---- */

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

static void print_text(const struct meter *meter, const struct report *report) {
    text_print_now(stdout);
    printf("  %.0f records/s, %.0f datagrams/s, ", (double)meter->records / report->seconds,
           (double)meter->datagrams / report->seconds);
    print_bytes((double)meter->bytes / report->seconds);
    if (report->jitter_s >= 0) {
        printf(", jitter %.2f ms", report->jitter_s * 1e3);
    }
    if (meter->differences > 0) {
        printf(", clock difference %.1f ms (%.1f to %.1f)",
               meter->difference_sum_s / (double)meter->differences * 1e3, meter->difference_min_s * 1e3,
               meter->difference_max_s * 1e3);
    }
    print_lost(&report->total);
    printf(", repaired %" PRIu64 ", pending %" PRIu64 ", kernel drops %" PRIu64, report->total.repaired,
           report->total.pending, report->kernel_drops);
    if (meter->malformed > 0) {
        printf(", malformed %" PRIu64, meter->malformed);
    }
    putchar('\n');
}

/* ---- JSON ---- */

/* Three places are enough for what is measured. */
static double rounded(double value) {
    return (double)(int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5)) / 1000;
}

static void put_difference(struct document *document, const struct meter *meter) {
    if (meter->differences == 0) {
        document_put_null(document, NULL, "clock_difference_ms");
        return;
    }
    document_node_t *object = document_put_object(document, NULL, "clock_difference_ms");
    document_put_number(document, object, "mean",
                        rounded(meter->difference_sum_s / (double)meter->differences * 1e3));
    document_put_number(document, object, "min", rounded(meter->difference_min_s * 1e3));
    document_put_number(document, object, "max", rounded(meter->difference_max_s * 1e3));
}

static void put_rates(struct document *document, const struct meter *meter, const struct report *report) {
    document_put_number(document, NULL, "seconds", rounded(report->seconds));
    document_put_integer(document, NULL, "records", (int64_t)meter->records);
    document_put_integer(document, NULL, "datagrams", (int64_t)meter->datagrams);
    document_put_integer(document, NULL, "bytes", (int64_t)meter->bytes);
    if (report->jitter_s >= 0) {
        document_put_number(document, NULL, "jitter_ms", rounded(report->jitter_s * 1e3));
    } else {
        document_put_null(document, NULL, "jitter_ms");
    }
    put_difference(document, meter);
}

static void put_totals(struct document *document, const struct meter *meter, const struct report *report) {
    const struct muster_feed *total = &report->total;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"received", total->received},   {"duplicates", total->duplicates},
                  {"reordered", total->reordered}, {"repaired", total->repaired},
                  {"pending", total->pending},     {"naks", total->naks},
                  {"malformed", meter->malformed}, {"kernel_drops", report->kernel_drops}};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        document_put_integer(document, NULL, counts[i].name, (int64_t)counts[i].value);
    }
    document_node_t *lost = document_put_object(document, NULL, "lost");
    document_put_integer(document, lost, "wire", (int64_t)total->lost_wire);
    document_put_integer(document, lost, "gone", (int64_t)total->lost_gone);
    document_put_integer(document, lost, "kernel", (int64_t)total->lost_kernel);
    document_put_integer(document, lost, "program", (int64_t)total->lost_program);
}

static int print_json(const struct meter *meter, const struct report *report) {
    struct document document;
    json_begin_line(&document, "stats");
    put_rates(&document, meter, report);
    put_totals(&document, meter, report);
    const int error = json_print(&document, false);
    document_deinit(&document);
    return error;
}

int meter_print(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
                uint16_t port, bool is_json) {
    struct report report = {0};
    int error = take_report(meter, sources, node, now_ms, port, &report);
    if (error == 0 && is_json) {
        error = print_json(meter, &report);
    } else if (error == 0) {
        print_text(meter, &report);
    }
    begin_anew(meter, now_ms);
    return error;
}
