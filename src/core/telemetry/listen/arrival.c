#include "arrival.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "endpoint.h"
#include "node.h"
#include "telemetry.h"

/* What came, one datagram of it. */
struct piece {
    const uint8_t *bytes;
    size_t length;
};

/* What a body is, of which feed and topic. */
struct body {
    struct feed *feed;
    struct feed_header *header;
    uint64_t seq;
    const uint8_t *bytes;
    size_t length;
    size_t datagram_bytes;
    enum muster_sample_kind kind;
};

static bool drop(struct muster_core *core, enum muster_drop reason) {
    core->admission.counters.drops[reason]++;
    return false;
}

/* The datagram may be from where the feed is. */
static void note_source(const struct muster_core *core, struct feed *feed) {
    if (feed != NULL && feed_table_is_at(feed, &core->subscriber.feeds.datagram)) {
        feed->source_ms = core->now_ms;
    }
}

/* ---- giving ---- */

/* Who wants order gets nothing late, and the newest is known of each topic. */
static bool note_newest(const struct body *body, uint64_t newest) {
    struct feed_header *header = body->header;
    if (newest == 0 || body->seq < header->newest_seq) {
        return newest != 0;
    }
    header->newest_seq = body->seq;
    return false;
}

static bool give(const struct muster_core *core, struct muster_arrival *arrival, const struct body *body,
                 uint64_t audience) {
    const struct feed *feed = body->feed;
    if (audience == 0) {
        return false;
    }
    body->header->given |= audience;
    arrival->kind = MUSTER_ARRIVAL_SAMPLE;
    arrival->subscriptions = audience;
    arrival->sample = (struct muster_sample){.kind = body->kind,
                                             .id = feed->id,
                                             .boot = feed->boot,
                                             .topic = body->header->topic,
                                             .shard = feed->shard,
                                             .seq = body->seq,
                                             .is_late = note_newest(body, audience & core->subscriber.newest),
                                             .body = (const char *)body->bytes,
                                             .length = body->length};
    return true;
}

/* Nobody knows of which topic they were. */
static bool give_loss(struct muster_core *core, struct feed *feed, struct muster_arrival *arrival) {
    arrival->kind = MUSTER_ARRIVAL_LOSS;
    arrival->subscriptions = feed_table_audience_of_all(core, feed);
    return arrival->subscriptions != 0;
}

/* Those that follow what filled a gap, or was given up. */
static bool give_held(struct muster_core *core, struct feed *feed, struct held *held, uint64_t seq,
                      struct muster_arrival *arrival) {
    struct feed_table *table = &core->subscriber.feeds;
    const struct body body = {.feed = feed,
                              .header = held->header,
                              .seq = seq,
                              .bytes = held->body,
                              .length = held->length,
                              .kind = held->kind};
    held->header->held--;
    feed_table_count(table, feed);
    free(table->given);
    table->given = held;
    uint64_t audience = feed_header_audience(core, held->header);
    return give(core, arrival, &body, held->is_for_all ? audience : audience & core->subscriber.ordered);
}

static bool give_ready(struct muster_core *core, struct muster_arrival *arrival) {
    struct feed_table *table = &core->subscriber.feeds;
    while (table->ready != NULL) {
        struct feed *feed = table->ready;
        struct held *held;
        uint64_t seq;
        bool is_given = false;
        switch (feed_next(feed, &arrival->loss, &held, &seq)) {
        case FEED_WAITS: feed_table_settle(table, feed); break;
        case FEED_LOST: is_given = give_loss(core, feed, arrival); break;
        case FEED_HELD: is_given = give_held(core, feed, held, seq, arrival); break;
        }
        if (is_given) {
            return true;
        }
    }
    return false;
}

/* ---- data ---- */

static bool hold(const struct body *body) {
    if (!feed_hold(body->feed, body->seq, body->header, body->kind, body->bytes, body->length)) {
        return false;
    }
    body->header->held++;
    return true;
}

static void accept(struct muster_core *core, const struct body *body) {
    core->admission.counters.accepted++;
    body->feed->counters.bytes += body->datagram_bytes;
}

/* Who wants order gets it when it is its turn; others at once, even where there is no memory to hold it. */
static bool take_early(struct muster_core *core, const struct body *body, uint64_t audience,
                       struct muster_arrival *arrival) {
    const struct subscriber *subscriber = &core->subscriber;
    bool is_given = give(core, arrival, body, audience & subscriber->newest);
    if ((audience & subscriber->ordered) != 0 && !hold(body) && !is_given) {
        return drop(core, MUSTER_DROP_MEMORY);
    }
    accept(core, body);
    return is_given;
}

/* True when there is an arrival. */
static bool take_as(struct muster_core *core, const struct body *body, enum feed_result result,
                    uint64_t audience, struct muster_arrival *arrival, bool *is_taken) {
    switch (result) {
    case FEED_NEXT: accept(core, body); return give(core, arrival, body, audience);
    case FEED_EARLY: return take_early(core, body, audience, arrival);
    case FEED_KNOWN: core->admission.counters.copies++; return false;
    case FEED_FULL: *is_taken = false; return false;
    case FEED_LEAP: return drop(core, MUSTER_DROP_RANGE);
    case FEED_MEMORY: return drop(core, MUSTER_DROP_MEMORY);
    }
    return false;
}

/* False when something else must be given first, so that this one can be held. */
static bool has_room(struct muster_core *core, const struct body *body, uint64_t audience) {
    const struct feed *feed = body->feed;
    if (body->seq <= feed->due || feed_holds(feed, body->seq) || (audience & core->subscriber.ordered) == 0) {
        return true;
    }
    return feed_table_make_room(&core->subscriber.feeds, feed_hold_bytes(feed, body->length));
}

/* A feed of whose topics none is wanted is only watched, so that nothing of it is asked for. */
static bool is_wanted(struct feed *feed, uint64_t audience, uint64_t seq, uint64_t now_ms) {
    if (feed->is_muted && audience != 0) {
        feed_table_unmute(feed, seq, now_ms);
    }
    return !feed->is_muted;
}

/* True when there is an arrival; *is_taken false: the same is to be looked at again when what is ready was
 * given. */
static bool take_data(struct muster_core *core, struct body *body, struct muster_arrival *arrival,
                      bool *is_taken) {
    struct feed *feed = body->feed;
    uint64_t audience = feed_header_audience(core, body->header);
    if (!is_wanted(feed, audience, body->seq, core->now_ms)) {
        feed->heard_ms = core->now_ms;
        core->admission.counters.accepted++;
        return false;
    }
    if (!has_room(core, body, audience)) {
        *is_taken = false;
        return false;
    }
    struct feed_moment moment = feed_table_moment(core);
    feed_table_hear(core, feed);
    enum feed_result result = feed_take(feed, body->seq, &moment, &body->kind);
    bool is_given = take_as(core, body, result, audience, arrival, is_taken);
    if (feed->due < feed->top) {
        feed_table_touch(&core->subscriber.feeds, feed);
    }
    return is_given;
}

/* ---- what is read in full ---- */

/* A row's address, or one that it has answered from: who has two interfaces here sends from both. */
static bool is_at(const struct peer *peer, const struct muster_endpoint *source) {
    return endpoint_is_same(&peer->address, source) || (peer->is_verified && peer_is_proven_at(peer, source));
}

/* A row is asked no more often than one that does not answer: whoever forges data in its name makes no flood
 * of it. Where an unverified row is, what it says next moves it anyway. */
static bool is_worth_asking(const struct muster_core *core, const struct peer *peer, uint64_t boot) {
    if (!peer->is_provisional && !peer->is_verified && boot == peer->boot) {
        return false;
    }
    return peer->introduced_ms == 0 || core->now_ms - peer->introduced_ms >= MUSTER_INTRODUCTION_FORGET_MS;
}

static void introduce(struct muster_core *core, struct peer *peer, const uint8_t id[MUSTER_ID_BYTES]) {
    struct message stranger = {.kind = MESSAGE_ALIVE};
    memcpy(stranger.id, id, MUSTER_ID_BYTES);
    if (introduction_begin(core, &stranger, &core->subscriber.feeds.datagram) && peer != NULL) {
        peer->introduced_ms = core->now_ms;
    }
}

/* Who is unknown, or says to have restarted, is asked who it is: only a row vouches for its data. */
static struct peer *find_sender(struct muster_core *core, const struct signal *signal) {
    const struct muster_datagram *datagram = &core->subscriber.feeds.datagram;
    struct peer *peer = peer_table_find(&core->table, signal->id);
    if (peer != NULL && signal->boot < peer->boot) {
        drop(core, MUSTER_DROP_STALE);
        return NULL;
    }
    bool is_row = peer != NULL && signal->boot == peer->boot && !peer->is_provisional;
    if (is_row && is_at(peer, &datagram->source)) {
        return peer;
    }
    if (peer == NULL || is_worth_asking(core, peer, signal->boot)) {
        introduce(core, peer, signal->id);
    }
    drop(core, MUSTER_DROP_UNKNOWN);
    return NULL;
}

/* Data of who has two interfaces here comes from both of them: one is enough. Where it came from so far
 * counts until nothing comes from there, or its row is elsewhere. */
static bool has_moved(const struct muster_core *core, const struct peer *peer, const struct feed *feed) {
    const struct muster_endpoint address = feed_table_address(feed);
    if (feed_table_is_at(feed, &core->subscriber.feeds.datagram)) {
        return false;
    }
    return !feed->has_source || feed->source_ms == 0 ||
           core->now_ms - feed->source_ms >= MUSTER_FEED_MOVE_MS || !is_at(peer, &address);
}

/* The feed of a sender, where it is now. */
static struct feed *feed_of(struct muster_core *core, const struct peer *peer, unsigned shard, uint64_t due) {
    struct feed_table *table = &core->subscriber.feeds;
    struct feed *feed = feed_table_find(table, peer->id, shard);
    if (feed != NULL && feed->boot != peer->boot) {
        feed_table_end_other_boots(table, peer);
        feed = NULL;
    }
    feed = feed != NULL ? feed : feed_table_open(core, peer, shard, due);
    if (feed != NULL && has_moved(core, peer, feed) && !feed_table_move(table, feed, &table->datagram)) {
        return NULL;
    }
    note_source(core, feed);
    return feed;
}

static bool read_tail(struct muster_core *core, const struct signal *tail) {
    struct feed_table *table = &core->subscriber.feeds;
    struct peer *peer = find_sender(core, tail);
    if (peer == NULL) {
        return false;
    }
    core->admission.counters.accepted++;
    struct feed *feed = feed_table_find(table, tail->id, tail->shard);
    if (feed != NULL && !feed->is_muted) {
        struct feed_moment moment = feed_table_moment(core);
        if (feed->is_followed) { /* data did not come, whatever this did */
            return false;
        }
        feed_table_hear(core, feed);
        feed_reach(feed, tail->seq, &moment);
        feed_give_up_below(feed, tail->oldest);
        feed_table_touch(table, feed);
    }
    return false;
}

/* Something is held of all topics whose headers are known: what is waited for first is given up, so that
 * others can be. False when it is memory that lacks. */
static bool make_way(struct muster_core *core, struct feed *feed, bool *is_taken) {
    if (feed->header_count < MUSTER_HEADERS_MAX || feed->gap_count == 0) {
        return false;
    }
    feed_give_up_first(feed);
    feed_table_touch(&core->subscriber.feeds, feed);
    *is_taken = false;
    return true;
}

static bool read_data(struct muster_core *core, const struct piece *piece, const struct signal *data,
                      struct muster_arrival *arrival, bool *is_taken) {
    struct peer *peer = find_sender(core, data);
    struct feed *feed = peer == NULL ? NULL : feed_of(core, peer, data->shard, data->seq);
    if (feed == NULL) {
        return peer == NULL ? false : drop(core, MUSTER_DROP_TABLE_FULL);
    }
    struct feed_header *header = feed_header_learn(feed, data, piece->bytes);
    if (header == NULL) {
        return make_way(core, feed, is_taken) ? false : drop(core, MUSTER_DROP_MEMORY);
    }
    core->subscriber.feeds.current = feed;
    struct body body = {.feed = feed,
                        .header = header,
                        .seq = data->seq,
                        .bytes = data->body,
                        .length = data->body_length,
                        .datagram_bytes = piece->length};
    return take_data(core, &body, arrival, is_taken);
}

static bool read_nak(struct muster_core *core, const struct signal *nak) {
    const struct muster_datagram *datagram = &core->subscriber.feeds.datagram;
    core->admission.counters.accepted++;
    if (memcmp(nak->of, core->identity.id, MUSTER_ID_BYTES) != 0) {
        feed_table_note_nak(core, nak);
    } else if (nak->of_boot == core->identity.boot) {
        sender_take_nak(core, nak, datagram);
    }
    return false;
}

/* Anything but data whose header is known by heart. Naks are for one group, all else is for the shards'. */
static bool read_piece(struct muster_core *core, const struct piece *piece, struct muster_arrival *arrival,
                       bool *is_taken) {
    struct feed_table *table = &core->subscriber.feeds;
    struct signal signal;
    enum muster_drop reason;
    table->has_work = true;
    if (table->current == NULL &&
        !admission_allows_stranger(&core->admission, &table->datagram.source, core->now_ms)) {
        return drop(core, MUSTER_DROP_FLOOD);
    }
    if (!signal_decode(piece->bytes, piece->length, &signal, &reason)) {
        return drop(core, reason);
    }
    if (memcmp(signal.id, core->identity.id, MUSTER_ID_BYTES) == 0) {
        return drop(core, MUSTER_DROP_OWN);
    }
    if (table->shard != (signal.kind == SIGNAL_NAK ? MUSTER_SHARDS : signal.shard)) {
        return drop(core, MUSTER_DROP_PATH);
    }
    switch (signal.kind) {
    case SIGNAL_DATA: return read_data(core, piece, &signal, arrival, is_taken);
    case SIGNAL_TAIL: return read_tail(core, &signal);
    case SIGNAL_NAK: return read_nak(core, &signal);
    }
    return false;
}

/* ---- pieces ---- */

static bool take_piece(struct muster_core *core, const struct piece *piece, struct muster_arrival *arrival,
                       bool *is_taken) {
    struct feed *feed = core->subscriber.feeds.current;
    struct feed_header *header = feed == NULL ? NULL : feed_header_find(feed, piece->bytes, piece->length);
    if (piece->length > MUSTER_DATAGRAM_BYTES_MAX) {
        return drop(core, MUSTER_DROP_TOO_LONG);
    }
    if (header != NULL) {
        struct body body = {.feed = feed, .header = header, .datagram_bytes = piece->length};
        if (signal_read_data(piece->bytes, piece->length, header->length, &body.seq, &body.bytes,
                             &body.length)) {
            return take_data(core, &body, arrival, is_taken);
        }
    }
    return read_piece(core, piece, arrival, is_taken);
}

static struct piece next_piece(const struct feed_table *table) {
    const struct muster_datagram *datagram = &table->datagram;
    size_t left = datagram->length - table->offset;
    size_t length = datagram->segment > 0 && datagram->segment < left ? datagram->segment : left;
    return (struct piece){.bytes = datagram->bytes + table->offset, .length = length};
}

void arrival_begin(struct muster_core *core, const struct muster_datagram *datagram, unsigned shard) {
    struct feed_table *table = &core->subscriber.feeds;
    table->datagram = *datagram;
    table->offset = 0;
    table->shard = shard;
    table->current = feed_table_find_source(table, datagram, shard);
    note_source(core, table->current);
}

/* What was heard. */
static bool find_next(struct muster_core *core, struct muster_arrival *arrival) {
    struct feed_table *table = &core->subscriber.feeds;
    for (;;) {
        if (give_ready(core, arrival)) {
            return true;
        }
        if (table->offset >= table->datagram.length) {
            return false;
        }
        struct piece piece = next_piece(table);
        bool is_taken = true;
        bool is_given = take_piece(core, &piece, arrival, &is_taken);
        if (is_taken || table->ready == NULL) {
            table->offset += piece.length;
            core->admission.counters.received++;
        }
        if (is_given) {
            return true;
        }
    }
}

static bool next_heard(struct muster_core *core, struct muster_arrival *arrival) {
    struct feed_table *table = &core->subscriber.feeds;
    free(table->given);
    table->given = NULL;
    table->is_lent = find_next(core, arrival);
    return table->is_lent;
}

/* What comes live while last values are asked for makes them old. */
static void note_live(struct muster_core *core, const struct muster_arrival *arrival) {
    bool is_live = arrival->kind == MUSTER_ARRIVAL_SAMPLE && arrival->sample.kind != MUSTER_SAMPLE_LAST;
    uint64_t audience = arrival->subscriptions & core->subscriber.lasting;
    if (is_live && audience != 0 && catchup_is_busy(core)) {
        backlog_note_live(core, &arrival->sample, audience);
    }
}

/* What this node keeps for others is no arrival. */
static bool is_for_others(struct muster_core *core, struct muster_arrival *arrival) {
    uint64_t own = core->keeper.subscription;
    if ((arrival->subscriptions & own) != 0 && arrival->kind == MUSTER_ARRIVAL_SAMPLE) {
        keeper_take(core, &arrival->sample);
    }
    arrival->subscriptions &= ~own;
    return arrival->subscriptions != 0;
}

bool muster_core_next_arrival(muster_core_t *core, struct muster_arrival *arrival) {
    while (backlog_next(core, arrival) || next_heard(core, arrival)) {
        note_live(core, arrival);
        if (is_for_others(core, arrival)) {
            return true;
        }
    }
    return false;
}

/* One that is held as well has its turn yet. */
static void lose(struct muster_core *core, const struct muster_sample *sample) {
    struct feed *feed = feed_table_find(&core->subscriber.feeds, sample->id, sample->shard);
    if (feed != NULL && !feed_holds(feed, sample->seq) && !feed_has_lost(feed, sample->seq)) {
        feed->counters.received--;
        feed->counters.lost_program++;
    }
}

void arrival_drop_all(struct muster_core *core) {
    struct muster_arrival arrival;
    while (next_heard(core, &arrival)) {
        if (arrival.kind == MUSTER_ARRIVAL_SAMPLE) {
            lose(core, &arrival.sample);
        }
    }
}

void arrival_take_all(struct muster_core *core) {
    struct feed_table *table = &core->subscriber.feeds;
    struct muster_arrival arrival;
    while (table->offset < table->datagram.length) {
        struct piece piece = next_piece(table);
        bool is_taken;
        take_piece(core, &piece, &arrival, &is_taken);
        table->offset += piece.length;
        core->admission.counters.received++;
    }
    table->datagram = (struct muster_datagram){0};
    table->offset = 0;
    table->current = NULL;
}
