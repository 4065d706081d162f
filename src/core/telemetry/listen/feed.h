/* SPDX-License-Identifier: MIT */
/* A feed: one publisher's datagrams in one shard, as they are heard here. It knows what is missing, holds
 * back what came too early, and counts. Of the messages it knows nothing but their numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <muster/core.h>
#include <muster/telemetry.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "gap_list.h"
#include "limit.h"

struct feed_header;
struct signal_range;

/* One that waits for those before it. */
struct held {
    struct feed_header *header;
    enum muster_sample_kind kind;
    size_t length;
    uint8_t body[];
};

/* What a datagram is known by before it is read. All of it is compared: no byte is left unset. */
struct feed_source {
    uint8_t ip[16];
    uint32_t interface;
    uint16_t port;
    uint8_t shard;
    uint8_t family;
};

struct feed {
    UT_hash_handle hh;
    struct feed_source source; /* where its data comes from, or its publisher's row says */
    bool has_source;           /* it is found by that */
    uint64_t source_ms;        /* something came from there; 0: nothing yet */
    struct feed *prev;
    struct feed *next;
    struct feed *prev_ready; /* in the list of those that have something to deliver */
    struct feed *next_ready;
    bool is_ready;

    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot;
    unsigned shard;
    uint64_t heard_ms; /* something of it came; 0: nothing yet */
    bool is_ending;    /* of an earlier boot: it delivers what it holds, and is found no more */
    bool is_muted;     /* none of its topics is wanted: it is not followed */

    /* What its publisher says to have sent, and what comes of it by multicast. */
    uint64_t opened_ms;      /* it is followed since then */
    uint64_t announced_sent; /* `sent` of the last announce or alive */
    bool is_heard;           /* something came since the last alive */
    unsigned silent_alives;  /* alives in a row that told of more, while nothing came */
    bool is_paused;          /* so nobody is asked, and nothing given up, until it is known why */
    bool is_followed;        /* by stream, or it is being tried */

    struct feed_header *headers; /* the one used last first */
    size_t header_count;
    uint64_t first;       /* seq from which on all is delivered */
    uint64_t due;         /* seq that is delivered next, in order */
    uint64_t top;         /* one more than the last one that is known to be sent */
    struct gap_list gaps; /* what is missing in [due, top) */
    struct held **held;   /* by seq, modulo MUSTER_WINDOW; NULL: nothing was ever held */
    size_t held_bytes;    /* what holding them takes, without the array */
    size_t counted;       /* of its bytes, in the sum of all feeds */

    uint64_t
        checked_top; /* what top was when the publisher said how far it is: at checked_ms; 0: it did not */
    uint64_t checked_ms;

    struct muster_feed counters;
};

/* True when the feed is found by this. */
static inline bool feed_is_at(const struct feed *feed, const struct feed_source *source) {
    return feed->has_source && memcmp(&feed->source, source, sizeof *source) == 0;
}

/* What a datagram is to its feed. */
enum feed_result {
    FEED_NEXT,  /* it is its turn: deliver it, then look what feed_next() has */
    FEED_EARLY, /* others lack before it: hold it back */
    FEED_KNOWN, /* it came before, or is not waited for any more */
    FEED_FULL, /* what was waited for longest was given up: call feed_next() until it waits, then try again */
    FEED_LEAP, /* too far ahead to be believed */
    FEED_MEMORY,
};

/* When something of it came last, or it was opened. */
uint64_t feed_last_ms(const struct feed *feed);

/* Begins with seq due next, and counts from there. */
void feed_begin(struct feed *feed, uint64_t due);

/* Frees what it holds, and its gaps; not its headers. */
void feed_deinit(struct feed *feed);

/* The memory that its gaps, and what it holds back, take. */
size_t feed_bytes(const struct feed *feed);

/* Gives memory back that is not needed while nothing is missing. */
void feed_release_window(struct feed *feed);

/* True when this one came, and waits for its turn. */
bool feed_holds(const struct feed *feed, uint64_t seq);

/* True when this one is to be reported as lost. */
bool feed_has_lost(const struct feed *feed, uint64_t seq);

/* The publisher says that seq was the last one it sent. False when larger numbers were known long before it
 * said so: somebody else made them up, and the feed is to begin anew. */
bool feed_check_sent(struct feed *feed, uint64_t seq, uint64_t now_ms);

/* True when feed_next() has something. */
bool feed_is_ready(const struct feed *feed);

/* Notes that a datagram came. *kind: how, when it is new. */
enum feed_result feed_take(struct feed *feed, uint64_t seq, const struct gap_moment *moment,
                           enum muster_sample_kind *kind);

/* Notes that all up to seq were sent. */
void feed_reach(struct feed *feed, uint64_t seq, const struct gap_moment *moment);

/* Gives up what it waits for before seq. */
void feed_give_up_before(struct feed *feed, uint64_t seq, enum muster_loss_reason reason);

/* Gives up what it waits for first, if it waits. */
void feed_give_up_first(struct feed *feed);

/* The same for one that a stream brought, in order, its body kept until it is its turn. passed: so many right
 * before it were left out; what lacks before those is gone. False when it is known, or there is no memory. */
bool feed_take_streamed(struct feed *feed, uint64_t seq, uint64_t passed, struct feed_header *header,
                        const uint8_t *body, size_t length, const struct gap_moment *moment);

/* What is missing is asked for as if that had shown now. */
void feed_resume(struct feed *feed, const struct gap_moment *moment);

/* What holding a body of this length takes. */
size_t feed_hold_bytes(const struct feed *feed, size_t length);

/* Keeps the body of one that is early until it is its turn. False without memory: then it is lost, reported
 * and counted as such. */
bool feed_hold(struct feed *feed, uint64_t seq, struct feed_header *header, enum muster_sample_kind kind,
               const uint8_t *body, size_t length);

/* What is to be asked for by a nak now: at most ranges_max ranges; returns how many. */
size_t feed_ask(struct feed *feed, struct signal_range *ranges, size_t ranges_max,
                const struct gap_moment *moment);

/* Gives up what was waited for too long. */
void feed_expire(struct feed *feed, uint64_t now_ms);

/* When it wants to ask or give up. */
uint64_t feed_deadline(const struct feed *feed);

enum feed_turn { FEED_WAITS, FEED_LOST, FEED_HELD };

/* What comes next in order. LOST: *lost was passed over. HELD: *held is handed over for free(), with its seq.
 */
enum feed_turn feed_next(struct feed *feed, struct muster_loss *lost, struct held **held, uint64_t *seq);
