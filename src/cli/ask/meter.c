#include "meter.h"

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
    feeds_deinit(&meter->feeds);
}
