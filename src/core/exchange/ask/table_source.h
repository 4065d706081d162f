/* Who could give its table, by what each says to hold. */
#ifndef CORE_TABLE_SOURCE_H
#define CORE_TABLE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

/* Where a stream leads. */
struct fetch_source {
    struct muster_endpoint endpoint;
    uint32_t interface;
    uint64_t peers; /* rows that it says to hold */
    bool is_used;   /* its table was asked for in this round */
};

struct table_sources {
    struct fetch_source items[MUSTER_SOURCES_MAX]; /* the largest first */
    size_t count;
};

/* Of a host the last word counts, and nobody is asked twice. Where there are too many, the smallest that was
 * not asked yet makes room for a larger one. */
void table_sources_add(struct table_sources *sources, const struct fetch_source *source);

/* The largest that was not asked yet; NULL when none says to hold more peers than so many. */
struct fetch_source *table_sources_next(struct table_sources *sources, uint64_t peers);

#endif
