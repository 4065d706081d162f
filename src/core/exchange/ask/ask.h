/* What a peer is to be asked for last values of. */
#ifndef CORE_ASK_H
#define CORE_ASK_H

#include <stdint.h>

#include <muster/core.h>

struct ask {
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t subscriptions;
    uint64_t since_ms; /* of all of them */
    uint64_t due_ms;
    unsigned tries;
    uint64_t live[MUSTER_SHARDS]; /* of its feeds, the seq from which on they are delivered live; UINT64_MAX:
                                     there was no feed yet */
    uint64_t done[MUSTER_SHARDS]; /* the last seq that an earlier try brought */
};

#endif
