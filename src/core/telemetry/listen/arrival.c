#include "arrival.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "admission.h"
#include "endpoint.h"
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

static bool drop(struct telemetry *telemetry, enum muster_drop reason) {
    telemetry->context->counters.drops[reason]++;
    return false;
}

/* The datagram may be from where the feed is. */
static void record_source(const struct telemetry *telemetry, struct feed *feed) {
    if (feed != NULL && feed_table_is_at(feed, &telemetry->feeds.datagram)) {
        feed->source_ms = telemetry->context->now_ms;
    }
}

/* ---- giving ---- */

/* Who wants order gets nothing late, and the newest is known of each topic. */
static bool record_newest(const struct body *body, uint64_t newest) {
    struct feed_header *header = body->header;
    if (newest == 0 || body->seq < header->newest_seq) {
        return newest != 0;
    }
    header->newest_seq = body->seq;
    return false;
}

static bool give(const struct telemetry *telemetry, struct muster_arrival *arrival, const struct body *body,
                 uint64_t audience) {
    const struct feed *feed = body->feed;
    if (audience == 0) {
        return false;
    }
    body->header->given |= audience;
    arrival->kind = MUSTER_ARRIVAL_SAMPLE;
    arrival->subscriptions = audience;
    arrival->sample =
        (struct muster_sample){.kind = body->kind,
                               .id = feed->id,
                               .boot = feed->boot,
                               .topic = body->header->topic,
                               .shard = feed->shard,
                               .seq = body->seq,
                               .is_late = record_newest(body, audience & telemetry->subscriptions.newest),
                               .body = (const char *)body->bytes,
                               .length = body->length};
    return true;
}

/* Nobody knows of which topic they were. */
static bool give_loss(struct telemetry *telemetry, struct feed *feed, struct muster_arrival *arrival) {
    arrival->kind = MUSTER_ARRIVAL_LOSS;
    arrival->subscriptions = feed_table_audience_of_all(telemetry, feed);
    return arrival->subscriptions != 0;
}

/* Those that follow what filled a gap, or was given up. */
static bool give_held(struct telemetry *telemetry, struct feed *feed, struct held *held, uint64_t seq,
                      struct muster_arrival *arrival) {
    struct feed_table *table = &telemetry->feeds;
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
    uint64_t audience = feed_header_audience(&telemetry->subscriptions, held->header);
    return give(telemetry, arrival, &body,
                held->kind == MUSTER_SAMPLE_STREAM ? audience : audience & telemetry->subscriptions.ordered);
}

static bool give_ready(struct telemetry *telemetry, struct muster_arrival *arrival) {
    struct feed_table *table = &telemetry->feeds;
    while (table->ready != NULL) {
        struct feed *feed = table->ready;
        struct held *held;
        uint64_t seq;
        bool is_given = false;
        switch (feed_next(feed, &arrival->loss, &held, &seq)) {
        case FEED_WAITS: feed_table_settle(table, feed); break;
        case FEED_LOST: is_given = give_loss(telemetry, feed, arrival); break;
        case FEED_HELD: is_given = give_held(telemetry, feed, held, seq, arrival); break;
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

static void accept(struct telemetry *telemetry, const struct body *body) {
    telemetry->context->counters.accepted++;
    body->feed->counters.bytes += body->datagram_bytes;
}

/* Who wants order gets it when it is its turn; others at once, even where there is no memory to hold it. */
static bool take_early(struct telemetry *telemetry, const struct body *body, uint64_t audience,
                       struct muster_arrival *arrival) {
    const struct subscription_set *subscriptions = &telemetry->subscriptions;
    bool is_given = give(telemetry, arrival, body, audience & subscriptions->newest);
    if ((audience & subscriptions->ordered) != 0 && !hold(body) && !is_given) {
        return drop(telemetry, MUSTER_DROP_MEMORY);
    }
    accept(telemetry, body);
    return is_given;
}

/* True when there is an arrival. */
static bool take_as(struct telemetry *telemetry, const struct body *body, enum feed_result result,
                    uint64_t audience, struct muster_arrival *arrival, bool *is_taken) {
    switch (result) {
    case FEED_NEXT: accept(telemetry, body); return give(telemetry, arrival, body, audience);
    case FEED_EARLY: return take_early(telemetry, body, audience, arrival);
    case FEED_KNOWN: telemetry->context->counters.copies++; return false;
    case FEED_FULL: *is_taken = false; return false;
    case FEED_LEAP: return drop(telemetry, MUSTER_DROP_RANGE);
    case FEED_MEMORY: return drop(telemetry, MUSTER_DROP_MEMORY);
    }
    return false;
}

/* False when something else must be given first, so that this one can be held. */
static bool has_room(struct telemetry *telemetry, const struct body *body, uint64_t audience) {
    const struct feed *feed = body->feed;
    if (body->seq <= feed->due || feed_holds(feed, body->seq) ||
        (audience & telemetry->subscriptions.ordered) == 0) {
        return true;
    }
    return feed_table_make_room(&telemetry->feeds, feed_hold_bytes(feed, body->length));
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
static bool take_data(struct telemetry *telemetry, struct body *body, struct muster_arrival *arrival,
                      bool *is_taken) {
    struct feed *feed = body->feed;
    uint64_t audience = feed_header_audience(&telemetry->subscriptions, body->header);
    if (!is_wanted(feed, audience, body->seq, telemetry->context->now_ms)) {
        feed->heard_ms = telemetry->context->now_ms;
        telemetry->context->counters.accepted++;
        return false;
    }
    if (!has_room(telemetry, body, audience)) {
        *is_taken = false;
        return false;
    }
    struct feed_moment moment = feed_table_moment(telemetry);
    feed_table_record_heard(telemetry, feed);
    enum feed_result result = feed_take(feed, body->seq, &moment, &body->kind);
    bool is_given = take_as(telemetry, body, result, audience, arrival, is_taken);
    if (feed->due < feed->top) {
        feed_table_touch(&telemetry->feeds, feed);
    }
    return is_given;
}

/* ---- what is read in full ---- */

/* A row's address, or one that it has answered from: who has two interfaces here sends from both. */
static bool is_at(const struct peer *peer, const struct muster_endpoint *source) {
    return endpoint_is_same(&peer->address, source) || (peer->is_verified && peer_is_proven_at(peer, source));
}

/* Who is unknown, or says to have restarted, is to be asked who it is: only a row vouches for its data. */
static struct peer *find_sender(struct telemetry *telemetry, const struct signal *signal) {
    const struct muster_datagram *datagram = &telemetry->feeds.datagram;
    struct peer *peer = peer_table_find(&telemetry->presence->table, signal->id);
    if (peer != NULL && signal->boot < peer->boot) {
        drop(telemetry, MUSTER_DROP_STALE);
        return NULL;
    }
    bool is_row = peer != NULL && signal->boot == peer->boot && !peer->is_provisional;
    if (is_row && is_at(peer, &datagram->source)) {
        return peer;
    }
    telemetry->note.is_stranger = true;
    memcpy(telemetry->note.stranger, signal->id, MUSTER_ID_BYTES);
    telemetry->note.stranger_boot = signal->boot;
    drop(telemetry, MUSTER_DROP_UNKNOWN);
    return NULL;
}

/* Data of who has two interfaces here comes from both of them: one is enough. Where it came from so far
 * counts until nothing comes from there, or its row is elsewhere. */
static bool has_moved(const struct telemetry *telemetry, const struct peer *peer, const struct feed *feed) {
    const struct muster_endpoint address = feed_table_address(feed);
    if (feed_table_is_at(feed, &telemetry->feeds.datagram)) {
        return false;
    }
    return !feed->has_source || feed->source_ms == 0 ||
           telemetry->context->now_ms - feed->source_ms >= MUSTER_FEED_MOVE_MS || !is_at(peer, &address);
}

/* The feed of a sender, where it is now. */
static struct feed *feed_of(struct telemetry *telemetry, const struct peer *peer, unsigned shard,
                            uint64_t due) {
    struct feed_table *table = &telemetry->feeds;
    struct feed *feed = feed_table_find(table, peer->id, shard);
    if (feed != NULL && feed->boot != peer->boot) {
        feed_table_end_other_boots(table, peer);
        feed = NULL;
    }
    feed = feed != NULL ? feed : feed_table_open(telemetry, peer, shard, due);
    if (feed != NULL && has_moved(telemetry, peer, feed) && !feed_table_move(table, feed, &table->datagram)) {
        return NULL;
    }
    record_source(telemetry, feed);
    return feed;
}

static bool read_tail(struct telemetry *telemetry, const struct signal *tail) {
    struct feed_table *table = &telemetry->feeds;
    struct peer *peer = find_sender(telemetry, tail);
    if (peer == NULL) {
        return false;
    }
    telemetry->context->counters.accepted++;
    struct feed *feed = feed_table_find(table, tail->id, tail->shard);
    if (feed != NULL && !feed->is_muted) {
        struct feed_moment moment = feed_table_moment(telemetry);
        if (feed->is_followed) { /* data did not come, whatever this did */
            return false;
        }
        feed_table_record_heard(telemetry, feed);
        feed_reach(feed, tail->seq, &moment);
        feed_give_up_before(feed, tail->oldest, MUSTER_LOSS_GONE);
        feed_table_touch(table, feed);
    }
    return false;
}

/* Something is held of all topics whose headers are known: what is waited for first is given up, so that
 * others can be. False when it is memory that lacks. */
static bool make_room_for_header(struct telemetry *telemetry, struct feed *feed, bool *is_taken) {
    if (feed->header_count < MUSTER_HEADERS_MAX || feed->gap_count == 0) {
        return false;
    }
    feed_give_up_first(feed);
    feed_table_touch(&telemetry->feeds, feed);
    *is_taken = false;
    return true;
}

static bool read_data(struct telemetry *telemetry, const struct piece *piece, const struct signal *data,
                      struct muster_arrival *arrival, bool *is_taken) {
    struct peer *peer = find_sender(telemetry, data);
    struct feed *feed = peer == NULL ? NULL : feed_of(telemetry, peer, data->shard, data->seq);
    if (feed == NULL) {
        return peer == NULL ? false : drop(telemetry, MUSTER_DROP_TABLE_FULL);
    }
    struct feed_header *header = feed_header_learn(feed, data, piece->bytes);
    if (header == NULL) {
        return make_room_for_header(telemetry, feed, is_taken) ? false : drop(telemetry, MUSTER_DROP_MEMORY);
    }
    telemetry->feeds.current = feed;
    struct body body = {.feed = feed,
                        .header = header,
                        .seq = data->seq,
                        .bytes = data->body,
                        .length = data->body_length,
                        .datagram_bytes = piece->length};
    return take_data(telemetry, &body, arrival, is_taken);
}

static bool read_nak(struct telemetry *telemetry, const struct signal *nak) {
    const struct muster_datagram *datagram = &telemetry->feeds.datagram;
    telemetry->context->counters.accepted++;
    if (memcmp(nak->of, telemetry->context->identity.id, MUSTER_ID_BYTES) != 0) {
        feed_table_record_nak(telemetry, nak);
    } else if (nak->of_boot == telemetry->context->identity.boot) {
        sender_take_nak(telemetry, nak, datagram);
    }
    return false;
}

/* Anything but data whose header is known by heart. Naks are for one group, all else is for the shards'. */
static bool read_piece(struct telemetry *telemetry, const struct piece *piece, struct muster_arrival *arrival,
                       bool *is_taken) {
    struct feed_table *table = &telemetry->feeds;
    struct signal signal;
    enum muster_drop reason;
    table->has_work = true;
    if (table->current == NULL &&
        !admission_allows_telemetry(&telemetry->context->rates, &table->datagram.source,
                                    telemetry->context->now_ms, &reason)) {
        return drop(telemetry, reason);
    }
    if (!signal_decode(piece->bytes, piece->length, &signal, &reason)) {
        return drop(telemetry, reason);
    }
    if (memcmp(signal.id, telemetry->context->identity.id, MUSTER_ID_BYTES) == 0) {
        return drop(telemetry, MUSTER_DROP_OWN);
    }
    if (table->shard != (signal.kind == SIGNAL_NAK ? MUSTER_SHARDS : signal.shard)) {
        return drop(telemetry, MUSTER_DROP_PATH);
    }
    switch (signal.kind) {
    case SIGNAL_DATA: return read_data(telemetry, piece, &signal, arrival, is_taken);
    case SIGNAL_TAIL: return read_tail(telemetry, &signal);
    case SIGNAL_NAK: return read_nak(telemetry, &signal);
    }
    return false;
}

/* ---- pieces ---- */

static bool take_piece(struct telemetry *telemetry, const struct piece *piece, struct muster_arrival *arrival,
                       bool *is_taken) {
    struct feed *feed = telemetry->feeds.current;
    struct feed_header *header = feed == NULL ? NULL : feed_header_find(feed, piece->bytes, piece->length);
    if (piece->length > MUSTER_DATAGRAM_BYTES_MAX) {
        return drop(telemetry, MUSTER_DROP_TOO_LONG);
    }
    if (header != NULL) {
        struct body body = {.feed = feed, .header = header, .datagram_bytes = piece->length};
        if (signal_read_data(piece->bytes, piece->length, header->length, &body.seq, &body.bytes,
                             &body.length)) {
            return take_data(telemetry, &body, arrival, is_taken);
        }
    }
    return read_piece(telemetry, piece, arrival, is_taken);
}

static struct piece next_piece(const struct feed_table *table) {
    const struct muster_datagram *datagram = &table->datagram;
    size_t left = datagram->length - table->offset;
    size_t length = datagram->segment > 0 && datagram->segment < left ? datagram->segment : left;
    return (struct piece){.bytes = datagram->bytes + table->offset, .length = length};
}

void arrival_begin(struct telemetry *telemetry, const struct muster_datagram *datagram, unsigned shard) {
    struct feed_table *table = &telemetry->feeds;
    table->datagram = *datagram;
    table->offset = 0;
    table->shard = shard;
    table->current = feed_table_find_source(table, datagram, shard);
    record_source(telemetry, table->current);
}

/* Stops where the node has a note to route before more is looked at. */
static bool find_next(struct telemetry *telemetry, struct muster_arrival *arrival) {
    struct feed_table *table = &telemetry->feeds;
    for (;;) {
        if (give_ready(telemetry, arrival)) {
            return true;
        }
        if (table->offset >= table->datagram.length) {
            return false;
        }
        struct piece piece = next_piece(table);
        bool is_taken = true;
        bool is_given = take_piece(telemetry, &piece, arrival, &is_taken);
        if (is_taken || table->ready == NULL) {
            table->offset += piece.length;
            telemetry->context->counters.received++;
        }
        if (is_given || telemetry->note.is_stranger) {
            return is_given;
        }
    }
}

bool arrival_next(struct telemetry *telemetry, struct muster_arrival *arrival) {
    struct feed_table *table = &telemetry->feeds;
    free(table->given);
    table->given = NULL;
    table->is_lent = find_next(telemetry, arrival);
    return table->is_lent;
}

/* One that is held as well has its turn yet. */
static void record_loss(struct telemetry *telemetry, const struct muster_sample *sample) {
    struct feed *feed = feed_table_find(&telemetry->feeds, sample->id, sample->shard);
    if (feed != NULL && !feed_holds(feed, sample->seq) && !feed_has_lost(feed, sample->seq)) {
        feed->counters.received--;
        feed->counters.lost_program++;
    }
}

void arrival_drop_all(struct telemetry *telemetry) {
    struct muster_arrival arrival;
    while (arrival_next(telemetry, &arrival)) {
        if (arrival.kind == MUSTER_ARRIVAL_SAMPLE) {
            record_loss(telemetry, &arrival.sample);
        }
    }
}

void arrival_take_all(struct telemetry *telemetry) {
    struct feed_table *table = &telemetry->feeds;
    struct muster_arrival arrival;
    while (table->offset < table->datagram.length) {
        struct piece piece = next_piece(table);
        bool is_taken;
        take_piece(telemetry, &piece, &arrival, &is_taken);
        table->offset += piece.length;
        telemetry->context->counters.received++;
    }
    table->datagram = (struct muster_datagram){0};
    table->offset = 0;
    table->current = NULL;
}
