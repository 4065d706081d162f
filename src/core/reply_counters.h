/* The counters of a node by name, for the answers that carry them; drops have names of their own. */
#ifndef CORE_REPLY_COUNTERS_H
#define CORE_REPLY_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct reply_counter_row {
    const char *name;
    size_t offset; /* in struct muster_counters */
};

#define REPLY_COUNTERS 16
extern const struct reply_counter_row reply_counters[REPLY_COUNTERS];

static inline uint64_t *reply_counter(struct muster_counters *counters, size_t index) {
    return (uint64_t *)((char *)counters + reply_counters[index].offset);
}

#endif
