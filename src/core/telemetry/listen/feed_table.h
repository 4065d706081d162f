/* SPDX-License-Identifier: MIT */
/* All feeds of a node: found by where their data comes from, bounded in number and memory, and forgotten with
 * their publishers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "bucket.h"
#include "feed.h"
#include "feed_header.h"

struct telemetry;
struct peer;

/* How much the kernel dropped on the socket of an interface and family, as it said last. */
struct kernel_drops {
    uint32_t interface;
    uint8_t family;
    uint32_t count;
};

struct feed_table {
    struct feed *by_source;
    struct feed *all; /* in the order in which they began */
    size_t count;
    size_t held_bytes;    /* by all of them, gaps included */
    struct bucket naks;   /* what may be asked for by naks */
    struct feed *ready;   /* those that have something to deliver */
    struct feed *current; /* that the datagram being looked at, or the last one, is of; NULL: not known */
    struct kernel_drops drops[MUSTER_PATHS_MAX];
    uint64_t kernel_ms; /* when the kernel dropped last; 0: never */
    bool has_work;      /* muster_core_has_work() */
};

/* A zeroed struct is allowed. */
void feed_table_deinit(struct feed_table *table);

/* What data of a shard from this address, by this interface, comes from. */
struct feed_source feed_source_of(const struct muster_endpoint *address, uint32_t interface, unsigned shard);

/* The feed whose data comes from there. */
struct feed *feed_table_find_source(const struct telemetry *telemetry, const struct feed_source *source);

struct feed *feed_table_find(const struct feed_table *table, const uint8_t id[MUSTER_ID_BYTES],
                             unsigned shard);

/* The feed of a row's shard, at the row's address, which begins with seq due next. It is muted where no topic
 * is wanted, until data of one that is comes. Where there are too many, those that are muted make room for
 * one that is not, then those of unverified rows for that of a verified one. NULL when there is no room. */
struct feed *feed_table_open(struct telemetry *telemetry, const struct peer *peer, unsigned shard,
                             uint64_t due);

/* Its data comes from there now. False without memory: then the feed is gone. */
bool feed_table_move(struct telemetry *telemetry, struct feed *feed, const struct feed_source *source);

/* The row has another boot now: what was heard of those before is over. */
void feed_table_end_other_boots(struct telemetry *telemetry, const struct peer *peer);

/* Nothing of it is waited for any more. */
void feed_table_release(struct telemetry *telemetry, struct feed *feed);

/* A topic of a muted feed is wanted: it is followed from seq due on. */
void feed_table_unmute(struct feed *feed, uint64_t due, uint64_t now_ms);

/* A subscription ended, bit 1 << its number: nothing was given to it, and what nobody wants any more is not
 * followed. */
void feed_table_end_subscription(struct telemetry *telemetry, uint64_t subscription);

/* Those that any datagram of the feed may be for: by the topics that were heard or are announced; all where
 * these are not known. */
uint64_t feed_table_audience(const struct telemetry *telemetry, struct feed *feed);

/* What gaps are judged by now. */
struct gap_moment feed_table_moment(struct telemetry *telemetry);

/* What the kernel dropped so far on the socket that a datagram came by. */
void feed_table_record_drops(struct telemetry *telemetry, const struct muster_datagram *datagram);

/* A feed may want something earlier than before, have something to deliver, or take other memory. */
void feed_table_touch(struct telemetry *telemetry, struct feed *feed);

/* Nothing more to deliver for now, if that is so; a feed that ends is gone then. */
void feed_table_settle(struct feed_table *table, struct feed *feed);

/* True when so many bytes more may be held. Else who holds most has given up what it lacks first: its turn is
 * before. */
bool feed_table_make_room(struct telemetry *telemetry, size_t bytes);

/* Forgets the feeds of publishers that are gone, unless what an arrival gave out may be in use. */
void feed_table_forget(struct telemetry *telemetry);

/* Describes those that have something to tell, at most feeds_max; returns how many there are. */
size_t feed_table_list(const struct feed_table *table, struct muster_feed *feeds, size_t feeds_max);
