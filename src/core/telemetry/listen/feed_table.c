/* SPDX-License-Identifier: MIT */
#include "feed_table.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "deadline.h"
#include "hash.h"
#include "telemetry.h"

/* ---- finding ---- */

struct feed_source feed_source_of(const struct muster_endpoint *address, uint32_t interface, unsigned shard) {
    struct feed_source source = {
        .interface = interface, .port = address->port, .shard = (uint8_t)shard, .family = address->family};
    memcpy(source.ip, address->ip, sizeof source.ip);
    return source;
}

static unsigned hash_of(const struct telemetry *telemetry, const struct feed_source *source) {
    return (unsigned)hash_bytes(source, sizeof *source, telemetry->context->hash_seed);
}

struct feed *feed_table_find_source(const struct telemetry *telemetry, const struct feed_source *source) {
    struct feed *feed = telemetry->feeds.current;
    if (feed == NULL || !feed_is_at(feed, source)) {
        HASH_FIND_BYHASHVALUE(hh, telemetry->feeds.by_source, source, sizeof *source,
                              hash_of(telemetry, source), feed);
    }
    return feed;
}

struct feed *feed_table_find(const struct feed_table *table, const uint8_t id[MUSTER_ID_BYTES],
                             unsigned shard) {
    struct feed *feed;
    DL_FOREACH(table->all, feed) {
        if (feed->shard == shard && !feed->is_ending && memcmp(feed->id, id, MUSTER_ID_BYTES) == 0) {
            return feed;
        }
    }
    return NULL;
}

/* ---- beginning and ending ---- */

static void remove_source(struct feed_table *table, struct feed *feed) {
    if (feed->has_source) {
        HASH_DELETE(hh, table->by_source, feed);
        feed->has_source = false;
    }
}

/* Who holds a source goes: it is another's address now. False without memory. */
static bool add_source(struct telemetry *telemetry, struct feed *feed, const struct feed_source *source) {
    struct feed_table *table = &telemetry->feeds;
    struct feed *other = feed_table_find_source(telemetry, source);
    if (other != NULL) {
        remove_source(table, other);
    }
    feed->source = *source;
    feed->source_ms = 0;
    HASH_ADD_BYHASHVALUE(hh, table->by_source, source, sizeof feed->source, hash_of(telemetry, source), feed);
    feed->has_source = feed->hh.tbl != NULL;
    return feed->has_source;
}

static void unready(struct feed_table *table, struct feed *feed) {
    if (feed->is_ready) {
        feed->is_ready = false;
        DL_DELETE2(table->ready, feed, prev_ready, next_ready);
    }
}

static void remove_feed(struct feed_table *table, struct feed *feed) {
    unready(table, feed);
    remove_source(table, feed);
    table->current = table->current == feed ? NULL : table->current;
    DL_DELETE(table->all, feed);
    table->count--;
    table->held_bytes -= feed->counted;
    feed_headers_free(feed);
    feed_deinit(feed);
    free(feed);
}

void feed_table_settle(struct feed_table *table, struct feed *feed) {
    if (!feed_is_ready(feed)) {
        unready(table, feed);
        if (feed->is_ending) {
            remove_feed(table, feed);
        }
    }
}

/* What came too early and waits for what will not come any more is delivered yet. */
static void end_feed(struct telemetry *telemetry, struct feed *feed) {
    struct feed_table *table = &telemetry->feeds;
    table->current = table->current == feed ? NULL : table->current;
    remove_source(table, feed);
    feed_give_up_before(feed, UINT64_MAX, MUSTER_LOSS_WIRE);
    feed->is_ending = true;
    feed_table_touch(telemetry, feed);
    feed_table_settle(table, feed);
}

void feed_table_end_other_boots(struct telemetry *telemetry, const struct peer *peer) {
    struct feed *feed;
    struct feed *next;
    DL_FOREACH_SAFE(telemetry->feeds.all, feed, next) {
        if (!feed->is_ending && feed->boot != peer->boot &&
            memcmp(feed->id, peer->id, MUSTER_ID_BYTES) == 0) {
            end_feed(telemetry, feed);
        }
    }
}

void feed_table_deinit(struct feed_table *table) {
    while (table->all != NULL) {
        remove_feed(table, table->all);
    }
}

/* ---- opening ---- */

/* Which feeds make room first: those that are muted, then those of unverified rows. 0: it makes none. */
static unsigned rank_of(const struct telemetry *telemetry, const struct feed *feed) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, feed->id);
    return feed->is_muted ? 2 : peer == NULL || !peer->is_verified ? 1 : 0;
}

/* Of the first rank the one that is silent for longest goes. */
static bool make_room_for(struct telemetry *telemetry, const struct peer *peer) {
    struct feed_table *table = &telemetry->feeds;
    unsigned first_rank = peer->is_verified ? 0 : 1;
    struct feed *first = NULL;
    struct feed *feed;
    DL_FOREACH(table->all, feed) {
        unsigned rank = rank_of(telemetry, feed);
        if (rank > first_rank ||
            (first != NULL && rank == first_rank && feed_last_ms(feed) < feed_last_ms(first))) {
            first = feed;
            first_rank = rank;
        }
    }
    if (first != NULL) {
        remove_feed(table, first);
        telemetry->context->counters.feeds_evicted++;
    }
    return first != NULL;
}

struct feed *feed_table_open(struct telemetry *telemetry, const struct peer *peer, unsigned shard,
                             uint64_t due) {
    struct feed_table *table = &telemetry->feeds;
    const struct feed_source source = feed_source_of(&peer->address, peer->interface, shard);
    uint64_t *forget_ms = &telemetry->due_ms[DUE_FORGET];
    bool is_muted = (peer->shards_wanted & 1u << shard) == 0;
    bool has_room = table->count < MUSTER_FEEDS_MAX || (!is_muted && make_room_for(telemetry, peer));
    struct feed *feed = has_room ? calloc(1, sizeof *feed) : NULL;
    if (feed == NULL || !add_source(telemetry, feed, &source)) {
        free(feed);
        return NULL;
    }
    memcpy(feed->id, peer->id, MUSTER_ID_BYTES);
    feed->boot = peer->boot;
    feed->shard = shard;
    feed_table_unmute(feed, due, telemetry->context->now_ms);
    feed->is_muted = is_muted;
    DL_APPEND(table->all, feed);
    table->count++;
    *forget_ms = deadline_earlier(*forget_ms, feed->opened_ms + MUSTER_FEED_IDLE_MS / 4);
    return feed;
}

void feed_table_unmute(struct feed *feed, uint64_t due, uint64_t now_ms) {
    feed->is_muted = false;
    feed->opened_ms = now_ms;
    feed_begin(feed, due);
}

bool feed_table_move(struct telemetry *telemetry, struct feed *feed, const struct feed_source *source) {
    remove_source(&telemetry->feeds, feed);
    if (!add_source(telemetry, feed, source)) {
        remove_feed(&telemetry->feeds, feed);
        return false;
    }
    return true;
}

/* ---- forgetting ---- */

static bool is_gone(const struct telemetry *telemetry, const struct feed *feed) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, feed->id);
    bool is_here =
        peer != NULL && peer->boot == feed->boot && peer->state != MUSTER_LEFT && peer->state != MUSTER_LOST;
    return !is_here && feed->heard_ms + MUSTER_FEED_IDLE_MS <= telemetry->context->now_ms;
}

void feed_table_forget(struct telemetry *telemetry) {
    struct feed_table *table = &telemetry->feeds;
    struct feed *feed;
    struct feed *next;
    DL_FOREACH_SAFE(table->all, feed, next) {
        if (telemetry->arrivals.is_borrowed) {
            break;
        }
        if (is_gone(telemetry, feed)) {
            remove_feed(table, feed);
        } else {
            feed_release_window(feed);
            feed_table_touch(telemetry, feed);
        }
    }
    telemetry->due_ms[DUE_FORGET] =
        table->all == NULL ? DEADLINE_NEVER : telemetry->context->now_ms + MUSTER_FEED_IDLE_MS / 4;
}

void feed_table_release(struct telemetry *telemetry, struct feed *feed) {
    struct feed_header *header;
    unready(&telemetry->feeds, feed);
    feed_deinit(feed);
    feed->due = feed->top;
    feed->is_paused = false;
    feed->is_followed = false; /* who follows it notices */
    feed->counters.is_streamed = false;
    DL_FOREACH(feed->headers, header) {
        header->held = 0;
        header->newest_seq = 0;
    }
    feed_table_touch(telemetry, feed);
}

/* ---- audiences ---- */

static uint64_t heard_audience(const struct telemetry *telemetry, struct feed *feed) {
    uint64_t audience = 0;
    struct feed_header *header;
    DL_FOREACH(feed->headers, header) {
        audience |= feed_header_audience(&telemetry->subscriptions, header);
    }
    return audience;
}

uint64_t feed_table_audience(const struct telemetry *telemetry, struct feed *feed) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, feed->id);
    uint64_t audience = heard_audience(telemetry, feed);
    if (peer != NULL && peer->boot == feed->boot) {
        audience |= groups_row_audience(telemetry, peer, feed->shard);
    }
    return audience != 0 ? audience : subscription_set_all(&telemetry->subscriptions);
}

/* Of what was not heard yet the publisher's announce tells. */
static bool is_wanted(const struct telemetry *telemetry, struct feed *feed) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, feed->id);
    return feed->headers == NULL ? peer != NULL && (peer->shards_wanted & 1u << feed->shard) != 0
                                 : heard_audience(telemetry, feed) != 0;
}

void feed_table_end_subscription(struct telemetry *telemetry, uint64_t subscription) {
    struct feed *feed;
    struct feed_header *header;
    DL_FOREACH(telemetry->feeds.all, feed) {
        DL_FOREACH(feed->headers, header) {
            header->given &= ~subscription;
            header->known &= ~subscription;
        }
        if (!feed->is_muted && !is_wanted(telemetry, feed)) {
            feed_table_release(telemetry, feed);
            feed->is_muted = true;
        }
    }
}

/* ---- what is missing ---- */

struct gap_moment feed_table_moment(struct telemetry *telemetry) {
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t kernel_ms = telemetry->feeds.kernel_ms;
    return (struct gap_moment){.now_ms = now_ms,
                               .random = &telemetry->context->random,
                               .listeners = peer_table_present(&telemetry->presence->table),
                               .is_kernel_dropping =
                                   kernel_ms != 0 && now_ms - kernel_ms < MUSTER_KERNEL_DROP_MS};
}

void feed_table_record_drops(struct telemetry *telemetry, const struct muster_datagram *datagram) {
    struct kernel_drops *drops = telemetry->feeds.drops;
    size_t i = 0;
    uint8_t family = datagram->destination.family;
    while (i + 1 < MUSTER_PATHS_MAX && drops[i].interface != 0 &&
           (drops[i].interface != datagram->interface || drops[i].family != family)) {
        i++;
    }
    if (drops[i].count != datagram->dropped) {
        drops[i] = (struct kernel_drops){
            .interface = datagram->interface, .family = family, .count = datagram->dropped};
        telemetry->feeds.kernel_ms = telemetry->context->now_ms;
    }
}

void feed_table_touch(struct telemetry *telemetry, struct feed *feed) {
    struct feed_table *table = &telemetry->feeds;
    uint64_t *due_ms = &telemetry->due_ms[DUE_FEEDS];
    size_t bytes = feed_bytes(feed);
    table->held_bytes = table->held_bytes - feed->counted + bytes;
    feed->counted = bytes;
    table->has_work = true;
    *due_ms = deadline_earlier(*due_ms, feed_deadline(feed));
    if (!feed->is_ready && feed_is_ready(feed)) {
        feed->is_ready = true;
        DL_APPEND2(table->ready, feed, prev_ready, next_ready);
    }
}

bool feed_table_make_room(struct telemetry *telemetry, size_t bytes) {
    struct feed_table *table = &telemetry->feeds;
    while (table->held_bytes > 0 && table->held_bytes + bytes > MUSTER_HELD_BYTES_MAX) {
        struct feed *largest = table->all;
        struct feed *feed;
        DL_FOREACH(table->all, feed) {
            largest = feed->counted > largest->counted ? feed : largest;
        }
        bool has_gap = largest->due < largest->top;
        feed_give_up_first(largest);
        feed_release_window(largest);
        feed_table_touch(telemetry, largest);
        if (has_gap) {
            return false;
        }
    }
    return true;
}

/* ---- showing ---- */

static struct muster_feed describe(const struct feed *feed) {
    struct muster_feed shown = feed->counters;
    memcpy(shown.id, feed->id, MUSTER_ID_BYTES);
    shown.boot = feed->boot;
    shown.shard = feed->shard;
    shown.sent = feed->top - 1;
    for (size_t i = 0; i < feed->gaps.count; i++) {
        shown.pending +=
            feed->gaps.items[i].is_lost ? 0 : feed->gaps.items[i].last - feed->gaps.items[i].first + 1;
    }
    return shown;
}

/* One that is muted, or in whose shard nothing was sent yet, has nothing to tell. */
size_t feed_table_list(const struct feed_table *table, struct muster_feed *feeds, size_t feeds_max) {
    size_t count = 0;
    const struct feed *feed;
    DL_FOREACH(table->all, feed) {
        bool is_shown = !feed->is_muted && feed->top > 1;
        if (is_shown && count < feeds_max) {
            feeds[count] = describe(feed);
        }
        count += is_shown ? 1 : 0;
    }
    return count;
}
