/* What a node's application follows by muster_browse() and muster_lookup(): the services of the peer table,
 * told as they come, change and go. All calls but browses_distrust(), browses_due_ms() and browses_deinit()
 * come from the loop and may call the application. */
#ifndef UV_BROWSE_H
#define UV_BROWSE_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/muster.h>

struct known;

/* Part of struct muster. Zeroed: nobody browses. */
struct browses {
    struct muster_browse *first;
    struct known *known;   /* the peers that offer something, as they were told last; while anybody browses */
    uint8_t hash_seed[16]; /* of the hash of ids, so that nobody can choose ids that collide */
    bool is_current;       /* known is what the table holds, but for the events that wait as deliveries */
    bool is_telling;       /* nothing may be freed */
    uint64_t due_ms;       /* when browses_work() has to do something, while anybody browses */
    uint64_t evicted_told; /* evictions of the core that were looked into */
    uint64_t evicted_at_ms; /* when they were */
};

/* Something happened to this peer: tells what that means for its services. */
void browses_note(muster_t *node, const uint8_t id[MUSTER_ID_BYTES]);

/* An event was lost: the table is to be read as a whole. */
void browses_distrust(muster_t *node);

/* Begins what was asked for, ends lookups whose time has passed, and mends what was missed. */
void browses_work(muster_t *node);

/* When browses_work() is due at the latest; UINT64_MAX: never. */
uint64_t browses_due_ms(const muster_t *node);

/* Frees all of it and tells nobody. */
void browses_deinit(muster_t *node);

#endif
