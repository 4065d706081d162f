#include "feed_table.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <utlist.h>

#include "deadline.h"
#include "group.h"
#include "send.h"
#include "telemetry.h"

/* ---- finding ---- */

static struct feed_source source_of(const struct muster_endpoint *endpoint, uint32_t interface,
                                    unsigned shard) {
    struct feed_source source = {.interface = interface, .port = endpoint->port, .shard = (uint16_t)shard};
    memcpy(source.ip, endpoint->ip, sizeof source.ip);
    return source;
}

static unsigned hash_of(const struct feed_table *table, const struct feed_source *source) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, (const uint8_t *)source, sizeof *source, table->seed);
    return (unsigned)hash;
}

static struct feed *find_source(const struct feed_table *table, const struct feed_source *source) {
    struct feed *feed;
    HASH_FIND_BYHASHVALUE(hh, table->by_source, source, sizeof *source, hash_of(table, source), feed);
    return feed;
}

struct feed *feed_table_find_source(const struct feed_table *table, const struct muster_datagram *datagram,
                                    unsigned shard) {
    struct feed_source source = source_of(&datagram->source, datagram->interface, shard);
    struct feed *last = table->current;
    bool is_same = last != NULL && last->has_source && memcmp(&last->source, &source, sizeof source) == 0;
    return is_same ? last : find_source(table, &source);
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

/* Who holds a source goes: it is another's address now. False without memory. */
static bool add_source(struct feed_table *table, struct feed *feed, const struct feed_source *source) {
    struct feed *other = find_source(table, source);
    if (other != NULL) {
        HASH_DELETE(hh, table->by_source, other);
        other->has_source = false;
    }
    feed->source = *source;
    feed->source_ms = 0;
    HASH_ADD_BYHASHVALUE(hh, table->by_source, source, sizeof feed->source, hash_of(table, &feed->source),
                         feed);
    feed->has_source = feed->hh.tbl != NULL;
    return feed->has_source;
}

static void remove_feed(struct feed_table *table, struct feed *feed) {
    feed_table_rest(table, feed);
    table->current = table->current == feed ? NULL : table->current;
    if (feed->has_source) {
        HASH_DELETE(hh, table->by_source, feed);
    }
    DL_DELETE(table->all, feed);
    table->count--;
    table->held_bytes -= feed->counted;
    feed_headers_free(feed);
    feed_deinit(feed);
    free(feed);
}

/* What came too early and waits for what will not come any more is delivered yet. */
static void end_feed(struct feed_table *table, struct feed *feed) {
    table->current = table->current == feed ? NULL : table->current;
    if (feed->has_source) {
        HASH_DELETE(hh, table->by_source, feed);
        feed->has_source = false;
    }
    feed_give_up_before(feed, UINT64_MAX, MUSTER_LOSS_WIRE);
    feed->is_ending = true;
    feed_table_touch(table, feed);
    feed_table_settle(table, feed);
}

void feed_table_settle(struct feed_table *table, struct feed *feed) {
    if (feed_is_ready(feed)) {
        return;
    }
    feed_table_rest(table, feed);
    if (feed->is_ending) {
        remove_feed(table, feed);
    }
}

void feed_table_deinit(struct feed_table *table) {
    while (table->all != NULL) {
        remove_feed(table, table->all);
    }
    free(table->given);
    table->given = NULL;
}

/* ---- room ---- */

static uint64_t last_ms(const struct feed *feed) {
    return feed->heard_ms > feed->opened_ms ? feed->heard_ms : feed->opened_ms;
}

static bool is_of_unverified(const struct telemetry *telemetry, const struct feed *feed) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, feed->id);
    return peer == NULL || !peer->is_verified;
}

/* The longest silent one of those that are muted, or whose rows are not verified. */
static struct feed *find_silent(const struct telemetry *telemetry, bool is_muted) {
    struct feed *found = NULL;
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if ((found == NULL || last_ms(feed) < last_ms(found)) &&
            (is_muted ? feed->is_muted : is_of_unverified(telemetry, feed))) {
            found = feed;
        }
    }
    return found;
}

/* One that is muted itself has nothing to push others out for. */
static bool make_room_for(struct telemetry *telemetry, const struct peer *peer, bool is_muted) {
    struct feed_table *table = &telemetry->feeds;
    if (table->count < MUSTER_FEEDS_MAX) {
        return true;
    }
    struct feed *feed = is_muted ? NULL : find_silent(telemetry, true);
    if (feed == NULL && !is_muted && peer->is_verified) {
        feed = find_silent(telemetry, false);
    }
    if (feed == NULL) {
        return false;
    }
    remove_feed(table, feed);
    telemetry->context->counters.feeds_evicted++;
    return true;
}

struct feed *feed_table_open(struct telemetry *telemetry, const struct peer *peer, unsigned shard,
                             uint64_t due) {
    struct feed_table *table = &telemetry->feeds;
    const struct feed_source source = source_of(&peer->address, peer->interface, shard);
    bool is_muted = (peer->shards_wanted & 1u << shard) == 0;
    struct feed *feed = make_room_for(telemetry, peer, is_muted) ? calloc(1, sizeof *feed) : NULL;
    if (feed == NULL) {
        return NULL;
    }
    memcpy(feed->id, peer->id, MUSTER_ID_BYTES);
    feed->boot = peer->boot;
    feed->shard = shard;
    if (!add_source(table, feed, &source)) {
        free(feed);
        return NULL;
    }
    feed->is_muted = is_muted;
    feed_begin(feed, due);
    feed->opened_ms = telemetry->context->now_ms;
    DL_APPEND(table->all, feed);
    table->count++;
    return feed;
}

void feed_table_unmute(struct feed *feed, uint64_t due, uint64_t now_ms) {
    feed->is_muted = false;
    feed->opened_ms = now_ms;
    feed_begin(feed, due);
}

/* ---- where it is ---- */

bool feed_table_is_at(const struct feed *feed, const struct muster_datagram *datagram) {
    struct feed_source source = source_of(&datagram->source, datagram->interface, feed->shard);
    return feed->has_source && memcmp(&feed->source, &source, sizeof source) == 0;
}

struct muster_endpoint feed_table_address(const struct feed *feed) {
    struct muster_endpoint address = {.family = 4, .port = feed->source.port};
    memcpy(address.ip, feed->source.ip, sizeof address.ip);
    return address;
}

bool feed_table_move(struct feed_table *table, struct feed *feed, const struct muster_datagram *datagram) {
    const struct feed_source source = source_of(&datagram->source, datagram->interface, feed->shard);
    if (feed->has_source) {
        HASH_DELETE(hh, table->by_source, feed);
        feed->has_source = false;
    }
    if (!add_source(table, feed, &source)) {
        remove_feed(table, feed);
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
    if (telemetry->context->now_ms < table->forget_ms) {
        return;
    }
    table->forget_ms = telemetry->context->now_ms + MUSTER_FEED_IDLE_MS / 4;
    if (table->is_lent) {
        return;
    }
    DL_FOREACH_SAFE(table->all, feed, next) {
        if (is_gone(telemetry, feed)) {
            remove_feed(table, feed);
        } else {
            feed_release_window(feed);
            feed_table_count(table, feed);
        }
    }
}

/* ---- audiences ---- */

static uint64_t announced_audience(struct telemetry *telemetry, struct feed *feed) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, feed->id);
    uint64_t generation = telemetry->subscriptions.generation;
    if (peer == NULL || peer->boot != feed->boot) {
        return 0;
    }
    if (feed->announced_rev != peer->rev || feed->announced_generation != generation) {
        feed->announced = groups_row_audience(telemetry, peer, feed->shard);
        feed->announced_generation = generation;
        feed->announced_rev = peer_is_partial(peer) ? 0 : peer->rev;
    }
    return feed->announced;
}

uint64_t feed_table_audience_of_all(struct telemetry *telemetry, struct feed *feed) {
    uint64_t audience = announced_audience(telemetry, feed);
    struct feed_header *header;
    DL_FOREACH(feed->headers, header) {
        audience |= feed_header_audience(&telemetry->subscriptions, header);
    }
    return audience != 0 ? audience : subscription_set_all(&telemetry->subscriptions);
}

/* Of what was not heard yet the publisher's announce tells. */
static bool is_announced(const struct telemetry *telemetry, const struct feed *feed) {
    const struct peer *peer = peer_table_find(&telemetry->presence->table, feed->id);
    return peer != NULL && (peer->shards_wanted & 1u << feed->shard) != 0;
}

static bool is_wanted(const struct telemetry *telemetry, const struct feed *feed) {
    struct feed_header *header;
    bool is_wanted = feed->headers == NULL && is_announced(telemetry, feed);
    DL_FOREACH(feed->headers, header) {
        is_wanted = feed_header_audience(&telemetry->subscriptions, header) != 0 || is_wanted;
    }
    return is_wanted;
}

/* Nothing of it is waited for any more. */
static void release_feed(struct feed_table *table, struct feed *feed) {
    struct feed_header *header;
    feed_table_rest(table, feed);
    feed_deinit(feed);
    feed_table_count(table, feed);
    feed->due = feed->top;
    feed->is_paused = false;
    feed->is_followed = false; /* who follows it notices */
    feed->counters.is_by_stream = false;
    DL_FOREACH(feed->headers, header) {
        header->held = 0;
        header->newest_seq = 0;
    }
}

void feed_table_review(struct telemetry *telemetry) {
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if (!feed->is_muted && !is_wanted(telemetry, feed)) {
            release_feed(&telemetry->feeds, feed);
            feed->is_muted = true;
        }
    }
}

/* ---- what is missing ---- */

struct feed_moment feed_table_moment(struct telemetry *telemetry) {
    uint64_t kernel_ms = telemetry->feeds.kernel_ms;
    return (struct feed_moment){.now_ms = telemetry->context->now_ms,
                                .random = &telemetry->context->random,
                                .listeners = peer_table_present(&telemetry->presence->table),
                                .is_kernel_dropping =
                                    kernel_ms != 0 &&
                                    telemetry->context->now_ms - kernel_ms < MUSTER_KERNEL_DROP_MS};
}

void feed_table_count(struct feed_table *table, struct feed *feed) {
    size_t bytes = feed_bytes(feed);
    table->held_bytes = table->held_bytes - feed->counted + bytes;
    feed->counted = bytes;
}

void feed_table_touch(struct feed_table *table, struct feed *feed) {
    uint64_t due_ms = feed_deadline(feed);
    table->has_work = true;
    feed_table_count(table, feed);
    if (table->due_ms == 0 || due_ms < table->due_ms) {
        table->due_ms = due_ms;
    }
    if (!feed->is_ready && feed_is_ready(feed)) {
        feed->is_ready = true;
        DL_APPEND2(table->ready, feed, prev_ready, next_ready);
    }
}

void feed_table_rest(struct feed_table *table, struct feed *feed) {
    if (feed->is_ready) {
        feed->is_ready = false;
        DL_DELETE2(table->ready, feed, prev_ready, next_ready);
    }
}

void feed_table_record_drops(struct feed_table *table, const struct muster_datagram *datagram,
                             uint64_t now_ms) {
    size_t i = 0;
    while (i + 1 < MUSTER_PATHS_MAX && table->drops[i].interface != 0 &&
           table->drops[i].interface != datagram->interface) {
        i++;
    }
    if (table->drops[i].count != datagram->dropped) {
        table->drops[i] = (struct kernel_drops){.interface = datagram->interface, .count = datagram->dropped};
        table->kernel_ms = now_ms;
    }
}

void feed_table_ask_again(struct telemetry *telemetry, struct feed *feed) {
    struct feed_moment moment = feed_table_moment(telemetry);
    if (feed->is_paused) {
        feed_resume(feed, &moment);
        feed_table_touch(&telemetry->feeds, feed);
    }
}

void feed_table_record_heard(struct telemetry *telemetry, struct feed *feed) {
    feed->is_heard = true;
    feed->silent = 0;
    if (feed->is_followed) {
        feed->is_followed = false;
        feed->is_paused = true;
        feed->counters.is_by_stream = false;
        telemetry->note.is_heard_again = true;
        memcpy(telemetry->note.heard_again, feed->id, MUSTER_ID_BYTES);
    }
    feed_table_ask_again(telemetry, feed);
}

void feed_table_forget_given(struct feed_table *table, uint64_t subscription) {
    struct feed *feed;
    struct feed_header *header;
    DL_FOREACH(table->all, feed) {
        DL_FOREACH(feed->headers, header) {
            header->given &= ~subscription;
            header->known &= ~subscription;
        }
    }
}

/* What is said to be sent and can't be heard was filtered on its way: who has a stream is followed by that.
 * True when it is time to. */
static bool record_silence(struct telemetry *telemetry, const struct peer *peer, struct feed *feed,
                           const struct message *message) {
    uint64_t sent = message->sent[feed->shard];
    if (message->kind == MESSAGE_ALIVE) {
        bool is_missed = !feed->is_heard && (sent > feed->sent_said || feed->is_paused);
        feed->silent = feed->is_heard ? 0 : feed->silent + (is_missed ? 1 : 0);
        feed->is_heard = false;
    }
    feed->sent_said = sent;
    if (feed->silent == 0 || feed->is_followed) {
        return false;
    }
    if (!telemetry->context->has_streams || !peer_answers_streams(peer)) {
        feed_table_ask_again(telemetry, feed);
        return false;
    }
    feed->is_paused = true;
    return feed->silent >= MUSTER_FOLLOW_ALIVES;
}

void feed_table_end_other_boots(struct feed_table *table, const struct peer *peer) {
    struct feed *feed;
    struct feed *next;
    DL_FOREACH_SAFE(table->all, feed, next) {
        if (!feed->is_ending && feed->boot != peer->boot &&
            memcmp(feed->id, peer->id, MUSTER_ID_BYTES) == 0) {
            end_feed(table, feed);
        }
    }
}

/* What was said to the group comes in the order of its seq, so the next one was said after all that was heard
 * before the last one. */
static void record_sent(struct telemetry *telemetry, struct feed *feed, const struct message *message,
                        uint64_t sent) {
    struct feed_moment moment = feed_table_moment(telemetry);
    if (message->seq != 0 && !feed_check_sent(feed, sent, telemetry->context->now_ms)) {
        release_feed(&telemetry->feeds, feed);
        feed_begin(feed, sent + 1);
    }
    feed_reach(feed, sent, &moment);
    feed_table_touch(&telemetry->feeds, feed);
}

/* Nothing was sent in a shard yet: who hears that misses nothing of it, not its first datagram either. Who
 * does not say what it sent at all has said nothing of that. */
static void record_nothing_sent(struct telemetry *telemetry, const struct peer *peer,
                                const struct message *message, unsigned shard) {
    if (message->tells_sent && feed_table_find(&telemetry->feeds, peer->id, shard) == NULL) {
        feed_table_open(telemetry, peer, shard, 1);
    }
}

/* A feed of which nothing was heard before this. */
static void open_feed(struct telemetry *telemetry, const struct peer *peer, unsigned shard, uint64_t sent) {
    struct feed *feed = feed_table_open(telemetry, peer, shard, sent + 1);
    if (feed != NULL) {
        feed->sent_said = sent;
    }
}

bool feed_table_record_sent(struct telemetry *telemetry, const struct peer *peer,
                            const struct message *message) {
    struct feed_table *table = &telemetry->feeds;
    bool is_silent = false;
    feed_table_end_other_boots(table, peer);
    for (unsigned left = peer->shards_wanted; left != 0; left &= left - 1) {
        unsigned shard = (unsigned)__builtin_ctz(left);
        struct feed *feed = feed_table_find(table, peer->id, shard);
        uint64_t sent = message->sent[shard];
        if (sent == 0) {
            record_nothing_sent(telemetry, peer, message, shard);
        } else if (feed == NULL) {
            open_feed(telemetry, peer, shard, sent);
        } else if (feed->is_muted) {
            feed->sent_said = sent;
            feed_table_unmute(feed, sent + 1, telemetry->context->now_ms);
        } else {
            is_silent = record_silence(telemetry, peer, feed, message) || is_silent;
            if (!feed->counters.is_by_stream) { /* what is for nobody here would be missed for ever */
                record_sent(telemetry, feed, message, sent);
            }
        }
    }
    return is_silent;
}

/* No more of them than the publisher would send: else one stranger's nak for all numbers keeps everybody from
 * asking. */
void feed_table_record_nak(struct telemetry *telemetry, const struct signal *nak) {
    struct feed_table *table = &telemetry->feeds;
    struct feed *feed = feed_table_find(table, nak->of, nak->shard);
    uint64_t left = MUSTER_NAK_SEQS_MAX;
    if (feed == NULL || feed->boot != nak->of_boot) {
        return;
    }
    struct feed_moment moment = feed_table_moment(telemetry);
    for (size_t i = 0; i < nak->missing_count && left > 0; i++) {
        struct signal_range range = nak->missing[i];
        if (range.last - range.first >= left) {
            range.last = range.first + left - 1;
        }
        left -= range.last - range.first + 1;
        feed_record_nak(feed, &range, &moment);
    }
    feed_table_count(table, feed);
}

/* ---- time ---- */

/* Too many naks left: whose turn it is next is left to chance. */
static void postpone(struct telemetry *telemetry, struct feed *feed) {
    feed->asks_ms = telemetry->context->now_ms + 1 + random_ms(&telemetry->context->random, MUSTER_NAK_T_MS);
}

static void ask(struct telemetry *telemetry, struct feed *feed, const struct feed_moment *moment) {
    struct signal nak = {.kind = SIGNAL_NAK,
                         .boot = telemetry->context->identity.boot,
                         .shard = feed->shard,
                         .of_boot = feed->boot};
    struct bucket *bucket = &telemetry->feeds.naks;
    if (bucket_left(bucket, MUSTER_NAK_RATE, MUSTER_NAK_BURST, telemetry->context->now_ms) < 1) {
        postpone(telemetry, feed);
        return;
    }
    nak.missing_count = feed_ask(feed, nak.missing, MUSTER_NAK_RANGES_SENT, moment);
    if (nak.missing_count > 0) {
        struct muster_endpoint group = group_repair(telemetry->context->port);
        bucket_spend(bucket, 1, MUSTER_NAK_RATE, telemetry->context->now_ms);
        memcpy(nak.id, telemetry->context->identity.id, MUSTER_ID_BYTES);
        memcpy(nak.of, feed->id, MUSTER_ID_BYTES);
        send_signal(telemetry->context, &nak, &group, feed->source.interface);
    }
}

/* What all feeds hold together is bounded. */

static struct feed *find_largest(const struct feed_table *table) {
    struct feed *largest = table->all;
    struct feed *feed;
    DL_FOREACH(table->all, feed) {
        largest = feed->counted > largest->counted ? feed : largest;
    }
    return largest;
}

bool feed_table_make_room(struct feed_table *table, size_t bytes) {
    while (table->held_bytes > 0 && table->held_bytes + bytes > MUSTER_HELD_BYTES_MAX) {
        struct feed *largest = find_largest(table);
        if (largest->due < largest->top) {
            feed_give_up_first(largest);
            feed_table_touch(table, largest);
            return false;
        }
        feed_release_window(largest);
        feed_table_count(table, largest);
    }
    return true;
}

void feed_table_tick(struct telemetry *telemetry) {
    struct feed_table *table = &telemetry->feeds;
    struct feed *feed;
    feed_table_forget(telemetry);
    feed_table_make_room(table, 0);
    if (table->due_ms == 0 || table->due_ms > telemetry->context->now_ms) {
        return;
    }
    struct feed_moment moment = feed_table_moment(telemetry);
    table->due_ms = 0;
    DL_FOREACH(table->all, feed) {
        if (feed_deadline(feed) <= telemetry->context->now_ms) {
            feed_expire(feed, telemetry->context->now_ms);
            ask(telemetry, feed, &moment);
        }
        feed_table_touch(table, feed);
    }
}

/* What is ready is pulled at once. */
uint64_t feed_table_deadline(const struct telemetry *telemetry) {
    const struct feed_table *table = &telemetry->feeds;
    if (table->ready != NULL) {
        return telemetry->context->now_ms;
    }
    uint64_t due_ms = table->due_ms == 0 ? DEADLINE_NEVER : table->due_ms;
    return table->all == NULL ? due_ms : deadline_earlier(due_ms, table->forget_ms);
}

/* ---- showing ---- */

static struct muster_feed describe(const struct feed *feed) {
    struct muster_feed shown = feed->counters;
    memcpy(shown.id, feed->id, MUSTER_ID_BYTES);
    shown.boot = feed->boot;
    shown.shard = feed->shard;
    shown.sent = feed->top - 1;
    for (size_t i = 0; i < feed->gap_count; i++) {
        shown.pending += feed->gaps[i].is_lost ? 0 : feed->gaps[i].last - feed->gaps[i].first + 1;
    }
    return shown;
}

/* One that is muted, or in whose shard nothing was sent yet, has nothing to tell. */
static bool is_shown(const struct feed *feed) {
    return !feed->is_muted && feed->top > 1;
}

size_t feed_table_list(const struct feed_table *table, struct muster_feed *feeds, size_t feeds_max) {
    size_t count = 0;
    const struct feed *feed;
    DL_FOREACH(table->all, feed) {
        if (is_shown(feed) && count < feeds_max) {
            feeds[count] = describe(feed);
        }
        count += is_shown(feed) ? 1 : 0;
    }
    return count;
}
