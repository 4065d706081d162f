/* All feeds of a node: found by where their data comes from, asked for what they miss, and forgotten with
 * their publishers. */
#ifndef CORE_FEED_TABLE_H
#define CORE_FEED_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "bucket.h"
#include "feed.h"
#include "feed_header.h"
#include "signal.h"

struct telemetry;
struct message;
struct peer;

/* How much the kernel dropped on the socket of an interface, as it said last. */
struct kernel_drops {
    uint32_t interface;
    uint32_t count;
};

struct feed_table {
    struct feed *by_source;
    struct feed *all; /* in the order in which they began */
    size_t count;
    size_t held_bytes;  /* by all of them, gaps included */
    struct bucket naks; /* what may be asked for by naks */
    uint64_t due_ms;    /* the earliest moment at which one wants something, or earlier than that; 0: none */
    struct feed *ready; /* those that have something to deliver */
    struct feed *current; /* that the datagram being looked at, or the last one, is of; NULL: not known */
    uint8_t seed[16];     /* of the hash, so that nobody can choose addresses that collide */
    struct kernel_drops drops[MUSTER_PATHS_MAX];
    uint64_t forget_ms; /* when to look for feeds whose publishers are gone */
    uint64_t kernel_ms; /* when the kernel dropped last; 0: never */

    /* The telemetry datagram, or several, that are being looked at. */
    struct muster_datagram datagram;
    size_t offset; /* of the next one; at the end: nothing is left */
    unsigned shard;
    struct held *given; /* what the last arrival pointed to */
    bool is_lent;       /* it points to something of a feed, and may be in use */
    bool has_work;      /* muster_core_has_work() */
};

/* A zeroed struct is allowed. */
void feed_table_deinit(struct feed_table *table);

/* By what a datagram came from. */
struct feed *feed_table_find_source(const struct feed_table *table, const struct muster_datagram *datagram,
                                    unsigned shard);
struct feed *feed_table_find(const struct feed_table *table, const uint8_t id[MUSTER_ID_BYTES],
                             unsigned shard);

/* The feed of a row's shard, at the row's address, which begins with seq due next. It is muted where no topic
 * is wanted, until data of one that is comes. Where there are too many, those that are muted make room for
 * one that is not, then those of unverified rows for that of a verified one. NULL when there is no room. */
struct feed *feed_table_open(struct telemetry *telemetry, const struct peer *peer, unsigned shard,
                             uint64_t due);

/* A topic of a muted feed is wanted: it is followed from seq due on. */
void feed_table_unmute(struct feed *feed, uint64_t due, uint64_t now_ms);

/* Something of it came by multicast. */
void feed_table_record_heard(struct telemetry *telemetry, struct feed *feed);

/* A subscription ended, bit 1 << its number: nothing was given to it. */
void feed_table_forget_given(struct feed_table *table, uint64_t subscription);

/* True when the feed is found by what the datagram came from. */
bool feed_table_is_at(const struct feed *feed, const struct muster_datagram *datagram);

/* The address that it is found by. */
struct muster_endpoint feed_table_address(const struct feed *feed);

/* Its data comes from there now. False without memory: then the feed is gone. */
bool feed_table_move(struct feed_table *table, struct feed *feed, const struct muster_datagram *datagram);

/* Those that any datagram of the feed may be for: by the topics that were heard or are announced; all where
 * these are not known. */
uint64_t feed_table_audience_of_all(struct telemetry *telemetry, struct feed *feed);

/* Subscriptions ended: what nobody wants any more is not followed. */
void feed_table_review(struct telemetry *telemetry);

/* What gaps are judged by now. */
struct feed_moment feed_table_moment(struct telemetry *telemetry);

/* Notes what the feed's memory is now. */
void feed_table_count(struct feed_table *table, struct feed *feed);

/* True when so many bytes more may be held. Else who holds most has given up what it lacks first: its turn is
 * before. */
bool feed_table_make_room(struct feed_table *table, size_t bytes);

/* Notes that a feed may want something earlier than before, or have something to deliver. */
void feed_table_touch(struct feed_table *table, struct feed *feed);

/* Nothing more to deliver for now, if that is so; a feed that ends is gone then. */
void feed_table_settle(struct feed_table *table, struct feed *feed);

/* Nothing more to deliver for now. */
void feed_table_rest(struct feed_table *table, struct feed *feed);

/* The row has another boot now: what was heard of those before is over. */
void feed_table_end_other_boots(struct feed_table *table, const struct peer *peer);

/* What is missing of a feed is asked for by naks, if it was not. */
void feed_table_ask_again(struct telemetry *telemetry, struct feed *feed);

/* How far a peer's shards have come, by its own word. True when nothing comes of some of them by multicast.
 */
bool feed_table_record_sent(struct telemetry *telemetry, const struct peer *peer,
                            const struct message *message);

/* Another listener's nak. */
void feed_table_record_nak(struct telemetry *telemetry, const struct signal *nak);

/* What the kernel dropped so far on the socket that a datagram came by. */
void feed_table_record_drops(struct feed_table *table, const struct muster_datagram *datagram,
                             uint64_t now_ms);

/* Forgets the feeds of publishers that are gone, unless what an arrival gave out may be in use. */
void feed_table_forget(struct telemetry *telemetry);

/* Asks for what is missing and gives up what was waited for too long. */
void feed_table_tick(struct telemetry *telemetry);

uint64_t feed_table_deadline(const struct telemetry *telemetry);

/* Describes those that have something to tell, at most feeds_max; returns how many there are. */
size_t feed_table_list(const struct feed_table *table, struct muster_feed *feeds, size_t feeds_max);

#endif
