/* The counters of a node by name, for the answers that carry them; drops have names of their own. */
#ifndef CORE_REPLY_COUNTERS_H
#define CORE_REPLY_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

struct reply_counter_row {
    const char *name;
    size_t offset; /* in the struct that the table is of */
};

#define REPLY_COUNTERS 19
extern const struct reply_counter_row reply_counters[REPLY_COUNTERS]; /* struct muster_counters */

#define REPLY_SENDER_COUNTERS 6
extern const struct reply_counter_row reply_sender_counters[REPLY_SENDER_COUNTERS]; /* struct muster_sender */

#define REPLY_FEED_COUNTERS 14
extern const struct reply_counter_row reply_feed_counters[REPLY_FEED_COUNTERS]; /* struct muster_feed */

/* The counter of a row in such a struct. */
static inline uint64_t *reply_counter(void *counters, const struct reply_counter_row *row) {
    return (uint64_t *)((char *)counters + row->offset);
}

#endif
