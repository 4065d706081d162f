/* What a node knows of the feeds it hears, and what it knew of those that are gone. */
#ifndef CLI_FEEDS_H
#define CLI_FEEDS_H

#include <stddef.h>

#include <muster/muster.h>

/* Zeroed: none yet. */
struct feeds {
    struct muster_feed *feeds; /* as they are now, sorted */
    size_t count;
    struct muster_feed past; /* sums of those that were */
};

/* Looks at the node's feeds. -1 when memory is out; then all is as before. */
int feeds_take(struct feeds *feeds, const muster_t *node);

/* The same with feeds from elsewhere, of which it takes over the array. */
void feeds_replace(struct feeds *feeds, struct muster_feed *now, size_t count);

/* The sums over all feeds, those that are gone included: the counters alone are set. */
struct muster_feed feeds_total(const struct feeds *feeds);

/* A zeroed struct is allowed. */
void feeds_deinit(struct feeds *feeds);

#endif
