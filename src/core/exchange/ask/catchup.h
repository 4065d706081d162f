/* What a subscriber missed before it came: each publisher of its topics, and whoever keeps them, is asked
 * once for last values, or for what was sent lately. */
#ifndef CORE_CATCHUP_H
#define CORE_CATCHUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

struct fetch;
struct muster_core;
struct peer;
struct reply_sample;

/* A peer to be asked. */
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

struct catchup {
    struct ask *asks;
    size_t count;
    size_t capacity;
};

/* A zeroed struct is allowed. */
void catchup_deinit(struct catchup *catchup);

/* What a peer announces is known, or known anew: it is asked if that differs from what it was asked for. */
void catchup_note_topics(struct muster_core *core, struct peer *peer, const struct muster_document *document);

/* A subscription began, bit 1 << its number: the peer is asked for it at once. */
void catchup_note_subscription(struct muster_core *core, struct peer *peer,
                               const struct muster_document *document, uint64_t subscription);

/* The same, but it is not known what it announces, or it is away: it is asked when it is heard. NULL is
 * allowed. */
void catchup_miss(struct peer *peer, uint64_t subscription);

/* A peer was heard that could not be asked before. */
void catchup_note_heard(struct muster_core *core, struct peer *peer);

/* A subscription ended. */
void catchup_forget(struct muster_core *core, uint64_t subscription);

/* True while somebody is, or will be, asked for last values. */
bool catchup_is_busy(const struct muster_core *core);

/* True when a peer may be connected to: it is where its row says, by its own word. */
bool catchup_can_ask(const struct muster_core *core, const struct peer *peer);

/* The patterns of subscriptions that are for something of a document, its keeps included if with_keeps: at
 * most patterns_max, borrowed from the subscriptions. More are the one pattern for all. Returns how many. */
size_t catchup_patterns(const struct muster_core *core, const struct muster_document *document,
                        uint64_t subscriptions, bool with_keeps, const char **patterns);

/* A sample came of who was asked. False when that is no answer to what was asked. */
bool catchup_take(struct muster_core *core, struct fetch *fetch, const struct reply_sample *sample);

/* The answer ended. */
void catchup_end(struct muster_core *core, struct fetch *fetch, bool is_good);

/* Asks who is due. */
void catchup_tick(struct muster_core *core);

uint64_t catchup_deadline(const struct muster_core *core);

#endif
