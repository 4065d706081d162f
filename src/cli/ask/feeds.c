#include "feeds.h"

#include <stdlib.h>
#include <string.h>

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

/* A feed that is gone waits for nothing any more. */
static void bury(struct feeds *feeds, const struct muster_feed *feed) {
    struct muster_feed last = *feed;
    last.pending = 0;
    add_up(&feeds->past, &last);
}

void feeds_replace(struct feeds *feeds, struct muster_feed *now, size_t count) {
    if (count > 0) {
        qsort(now, count, sizeof(*now), compare_feeds);
    }
    for (size_t i = 0; i < feeds->count; i++) {
        if (count == 0 || bsearch(&feeds->feeds[i], now, count, sizeof(*now), compare_feeds) == NULL) {
            bury(feeds, &feeds->feeds[i]);
        }
    }
    free(feeds->feeds);
    feeds->feeds = now;
    feeds->count = count;
}

int feeds_take(struct feeds *feeds, const muster_t *node) {
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

void feeds_deinit(struct feeds *feeds) {
    free(feeds->feeds);
    *feeds = (struct feeds){0};
}
