/* What a subscriber measures: how much comes, how regularly, and what does not. */
#ifndef CLI_METER_H
#define CLI_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#include "feeds.h"
#include "source.h"

/* Zeroed: nothing came. The counters but for `malformed` and `feeds` are of the time since the last report.
 */
struct meter {
    uint64_t began_ms; /* by the loop's clock */
    uint64_t records;
    uint64_t datagrams;
    uint64_t bytes;       /* of packs */
    uint64_t differences; /* datagrams that have one: of this clock and the time of their last record */
    double difference_sum_s;
    double difference_min_s;
    double difference_max_s;
    uint64_t malformed;
    struct feeds feeds;
};

/* A datagram came with so many records that count. Where it came as it was sent, its last one of time_s says
 * how regularly. */
void meter_hear(struct meter *meter, struct source *source, const struct muster_sample *sample,
                size_t records, double time_s, double arrival_s);

/* Prints a line to stdout, text or JSON, and begins anew. now_ms is the loop's clock, port that of the
 * control group. -1 when memory is out. */
int meter_print(struct meter *meter, struct sources *sources, const muster_t *node, uint64_t now_ms,
                uint16_t port, bool is_json);

/* A zeroed one is allowed. */
void meter_deinit(struct meter *meter);

#endif
