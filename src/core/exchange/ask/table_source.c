#include "table_source.h"

#include <string.h>

static bool is_same_host(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static void remove_source(struct table_sources *sources, size_t at) {
    sources->count--;
    memmove(&sources->items[at], &sources->items[at + 1], (sources->count - at) * sizeof *sources->items);
}

/* Room for one that says to hold so many rows: the smallest that was not asked yet goes. */
static bool make_room(struct table_sources *sources, uint64_t peers) {
    size_t count = sources->count;
    if (count < MUSTER_SOURCES_MAX) {
        return true;
    }
    while (count > 0 && sources->items[count - 1].is_used) {
        count--;
    }
    if (count == 0 || sources->items[count - 1].peers >= peers) {
        return false;
    }
    remove_source(sources, count - 1);
    return true;
}

void table_sources_add(struct table_sources *sources, const struct fetch_source *source) {
    for (size_t i = 0; i < sources->count; i++) {
        if (is_same_host(&sources->items[i].endpoint, &source->endpoint)) {
            if (sources->items[i].is_used) {
                return;
            }
            remove_source(sources, i);
            break;
        }
    }
    if (!make_room(sources, source->peers)) {
        return;
    }
    size_t at = 0;
    while (at < sources->count && sources->items[at].peers >= source->peers) {
        at++;
    }
    memmove(&sources->items[at + 1], &sources->items[at], (sources->count - at) * sizeof *sources->items);
    sources->items[at] = *source;
    sources->count++;
}

struct fetch_source *table_sources_next(struct table_sources *sources, uint64_t peers) {
    for (size_t i = 0; i < sources->count; i++) {
        struct fetch_source *source = &sources->items[i];
        if (!source->is_used && source->peers > peers) {
            return source;
        }
    }
    return NULL;
}
