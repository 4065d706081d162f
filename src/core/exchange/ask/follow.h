/* Publishers that are followed by stream, because what they send to the groups does not come through. */
#ifndef CORE_FOLLOW_H
#define CORE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

struct feed;
struct fetch;
struct muster_core;
struct peer;
struct reply_sample;

struct follow {
    bool is_used;
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot;
    uint64_t stream;     /* number of its fetch; 0: none is open */
    uint64_t generation; /* of the subscriptions that it asks for */
    uint64_t due_ms;     /* when to try again */
    unsigned failures;   /* one after the other */
};

struct follows {
    struct follow items[MUSTER_FOLLOWS_MAX];
};

/* True when a peer could be followed. */
bool follow_is_possible(const struct muster_core *core, const struct peer *peer);

/* Nothing was heard of a feed by multicast, though its publisher sent: it is followed, if there is room. */
void follow_begin(struct muster_core *core, const struct peer *peer, struct feed *feed);

/* Data of a feed that is followed came by multicast again, or nobody wants it any more. */
void follow_release(struct muster_core *core, struct feed *feed);

/* A sample came by the stream. False when that is no answer to what was asked. */
bool follow_take(struct muster_core *core, const struct fetch *fetch, const struct reply_sample *sample);

/* The stream ended. */
void follow_end(struct muster_core *core, const struct fetch *fetch);

/* Tries again what broke, and ends what nobody needs. */
void follow_tick(struct muster_core *core);

uint64_t follow_deadline(const struct muster_core *core);

#endif
