/* SPDX-License-Identifier: MIT */
#include "arrival.h"

#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "endpoint.h"
#include "feed_repair.h"
#include "feed_stream.h"
#include "seal.h"
#include "telemetry.h"

/* What became of a datagram. */
enum outcome {
    TAKEN,
    DELIVERED, /* there is an arrival */
    AGAIN,     /* it is to be looked at again when what is ready was delivered */
};

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

void arrivals_deinit(struct arrivals *arrivals) {
    free(arrivals->delivered);
    arrivals->delivered = NULL;
}

static enum outcome drop(struct telemetry *telemetry, enum muster_drop reason) {
    telemetry->context->counters.drops[reason]++;
    return TAKEN;
}

/* The datagram may be from where the feed is. */
static void record_source(const struct telemetry *telemetry, struct feed *feed) {
    if (feed != NULL && feed_is_at(feed, &telemetry->arrivals.source)) {
        feed->source_ms = telemetry->context->now_ms;
    }
}

/* ---- delivering ---- */

/* Who wants order gets nothing late, and the newest is known of each topic. */
static bool record_newest(const struct body *body, uint64_t newest) {
    struct feed_header *header = body->header;
    if (newest == 0 || body->seq < header->newest_seq) {
        return newest != 0;
    }
    header->newest_seq = body->seq;
    return false;
}

static enum outcome deliver(const struct telemetry *telemetry, struct muster_arrival *arrival,
                            const struct body *body, uint64_t audience) {
    const struct feed *feed = body->feed;
    if (audience == 0) {
        return TAKEN;
    }
    body->header->given |= audience;
    arrival->kind = MUSTER_ARRIVAL_SAMPLE;
    arrival->subscriptions = audience;
    arrival->sample =
        (struct muster_sample){.kind = body->kind,
                               .id = feed->id,
                               .boot = feed->boot,
                               .topic = body->header->topic,
                               .origin = body->header->origin,
                               .name = "",
                               .shard = feed->shard,
                               .seq = body->seq,
                               .is_late = record_newest(body, audience & telemetry->subscriptions.newest),
                               .body = (const char *)body->bytes,
                               .length = body->length};
    return DELIVERED;
}

/* The topics of what is lost are unknown. */
static enum outcome deliver_loss(const struct telemetry *telemetry, struct feed *feed,
                                 struct muster_arrival *arrival) {
    arrival->kind = MUSTER_ARRIVAL_LOSS;
    arrival->subscriptions = feed_table_audience(telemetry, feed);
    return arrival->subscriptions != 0 ? DELIVERED : TAKEN;
}

/* Those that follow what filled a gap, or was given up. What a stream brought was not delivered before. */
static enum outcome deliver_held(struct telemetry *telemetry, struct feed *feed, struct held *held,
                                 uint64_t seq, struct muster_arrival *arrival) {
    const struct body body = {.feed = feed,
                              .header = held->header,
                              .seq = seq,
                              .bytes = held->body,
                              .length = held->length,
                              .kind = held->kind};
    uint64_t audience = feed_header_audience(&telemetry->subscriptions, held->header);
    held->header->held--;
    feed_table_touch(telemetry, feed);
    arrivals_deinit(&telemetry->arrivals);
    telemetry->arrivals.delivered = held;
    return deliver(telemetry, arrival, &body,
                   held->kind == MUSTER_SAMPLE_STREAM ? audience
                                                      : audience & telemetry->subscriptions.ordered);
}

static bool deliver_ready(struct telemetry *telemetry, struct muster_arrival *arrival) {
    struct feed_table *table = &telemetry->feeds;
    enum outcome outcome = TAKEN;
    while (table->ready != NULL && outcome != DELIVERED) {
        struct feed *feed = table->ready;
        struct held *held;
        uint64_t seq;
        switch (feed_next(feed, &arrival->loss, &held, &seq)) {
        case FEED_WAITS: feed_table_settle(table, feed); break;
        case FEED_LOST: outcome = deliver_loss(telemetry, feed, arrival); break;
        case FEED_HELD: outcome = deliver_held(telemetry, feed, held, seq, arrival); break;
        }
    }
    return outcome == DELIVERED;
}

/* ---- data ---- */

static void accept(struct telemetry *telemetry, const struct body *body) {
    telemetry->context->counters.accepted++;
    body->feed->counters.bytes += body->datagram_bytes;
}

/* Who wants order gets it when it is its turn; others at once, even where there is no memory to hold it. */
static enum outcome take_early(struct telemetry *telemetry, const struct body *body, uint64_t audience,
                               struct muster_arrival *arrival) {
    const struct subscription_set *subscriptions = &telemetry->subscriptions;
    enum outcome outcome = deliver(telemetry, arrival, body, audience & subscriptions->newest);
    if ((audience & subscriptions->ordered) != 0) {
        if (feed_hold(body->feed, body->seq, body->header, body->kind, body->bytes, body->length)) {
            body->header->held++;
        } else if (outcome != DELIVERED) {
            return drop(telemetry, MUSTER_DROP_MEMORY);
        }
    }
    accept(telemetry, body);
    return outcome;
}

static enum outcome take_as(struct telemetry *telemetry, const struct body *body, enum feed_result result,
                            uint64_t audience, struct muster_arrival *arrival) {
    switch (result) {
    case FEED_NEXT: accept(telemetry, body); return deliver(telemetry, arrival, body, audience);
    case FEED_EARLY: return take_early(telemetry, body, audience, arrival);
    case FEED_KNOWN: telemetry->context->counters.copies++; return TAKEN;
    case FEED_FULL: return AGAIN;
    case FEED_LEAP: return drop(telemetry, MUSTER_DROP_RANGE);
    case FEED_MEMORY: return drop(telemetry, MUSTER_DROP_MEMORY);
    }
    return TAKEN;
}

/* False when something else must be delivered first, so that this one can be held. */
static bool has_room(struct telemetry *telemetry, const struct body *body, uint64_t audience) {
    const struct feed *feed = body->feed;
    if (body->seq <= feed->due || feed_holds(feed, body->seq) ||
        (audience & telemetry->subscriptions.ordered) == 0) {
        return true;
    }
    return feed_table_make_room(telemetry, feed_hold_bytes(feed, body->length));
}

/* A feed of whose topics none is wanted is only watched, so that nothing of it is asked for. */
static enum outcome take_data(struct telemetry *telemetry, struct body *body,
                              struct muster_arrival *arrival) {
    struct feed *feed = body->feed;
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t audience = feed_header_audience(&telemetry->subscriptions, body->header);
    if (feed->is_muted && audience == 0) {
        feed->heard_ms = now_ms;
        telemetry->context->counters.accepted++;
        return TAKEN;
    }
    if (feed->is_muted) {
        feed_table_unmute(feed, body->seq, now_ms);
    }
    if (!has_room(telemetry, body, audience)) {
        return AGAIN;
    }
    struct gap_moment moment = feed_table_moment(telemetry);
    feed_stream_record_heard(telemetry, feed);
    enum feed_result result = feed_take(feed, body->seq, &moment, &body->kind);
    enum outcome outcome = take_as(telemetry, body, result, audience, arrival);
    if (feed->due < feed->top) {
        feed_table_touch(telemetry, feed);
    }
    return outcome;
}

/* ---- what is read in full ---- */

/* A row's address, or one that it has answered from: who has two interfaces here sends from both. */
static bool is_at(const struct peer *peer, const struct muster_endpoint *source) {
    return endpoint_is_same(&peer->address, source) || (peer->is_verified && peer_is_proven_at(peer, source));
}

/* Who is unknown, or says to have restarted, is to be asked who it is: only a row vouches for its data. */
static struct peer *find_sender(struct telemetry *telemetry, const struct signal *signal) {
    struct telemetry_note *note = &telemetry->note;
    struct peer *peer = peer_table_find(&telemetry->presence->table, signal->id);
    if (peer != NULL && signal->boot < peer->boot) {
        drop(telemetry, MUSTER_DROP_STALE);
        return NULL;
    }
    bool is_row = peer != NULL && signal->boot == peer->boot && !peer->is_provisional;
    if (is_row && is_at(peer, &telemetry->arrivals.datagram.source)) {
        return peer;
    }
    note->is_stranger = true;
    memcpy(note->stranger, signal->id, MUSTER_ID_BYTES);
    note->stranger_boot = signal->boot;
    drop(telemetry, MUSTER_DROP_UNKNOWN);
    return NULL;
}

/* Data of who has two interfaces here comes from both of them: one is enough. Where it came from so far
 * counts until nothing comes from there, or its row is elsewhere. */
static bool has_moved(const struct telemetry *telemetry, const struct peer *peer, const struct feed *feed) {
    struct muster_endpoint address = {.family = feed->source.family, .port = feed->source.port};
    memcpy(address.ip, feed->source.ip, sizeof address.ip);
    if (feed_is_at(feed, &telemetry->arrivals.source)) {
        return false;
    }
    return !feed->has_source || feed->source_ms == 0 ||
           telemetry->context->now_ms - feed->source_ms >= MUSTER_FEED_MOVE_MS || !is_at(peer, &address);
}

/* The feed of a sender, where it is now. */
static struct feed *feed_of(struct telemetry *telemetry, const struct peer *peer, unsigned shard,
                            uint64_t due) {
    struct feed *feed = feed_table_find(&telemetry->feeds, peer->id, shard);
    if (feed != NULL && feed->boot != peer->boot) {
        feed_table_end_other_boots(telemetry, peer);
        feed = NULL;
    }
    feed = feed != NULL ? feed : feed_table_open(telemetry, peer, shard, due);
    if (feed != NULL && has_moved(telemetry, peer, feed) &&
        !feed_table_move(telemetry, feed, &telemetry->arrivals.source)) {
        return NULL;
    }
    record_source(telemetry, feed);
    return feed;
}

/* A tail shows nothing of a feed that comes by stream: its data did not come. */
static enum outcome read_tail(struct telemetry *telemetry, const struct signal *tail) {
    if (find_sender(telemetry, tail) == NULL) {
        return TAKEN;
    }
    telemetry->context->counters.accepted++;
    struct feed *feed = feed_table_find(&telemetry->feeds, tail->id, tail->shard);
    if (feed != NULL && !feed->is_muted && !feed->is_followed) {
        struct gap_moment moment = feed_table_moment(telemetry);
        feed_stream_record_heard(telemetry, feed);
        feed_reach(feed, tail->seq, &moment);
        feed_give_up_before(feed, tail->oldest, MUSTER_LOSS_GONE);
        feed_table_touch(telemetry, feed);
    }
    return TAKEN;
}

/* Something is held of all topics whose headers are known: what is waited for first is given up, so that
 * others can be. */
static enum outcome make_room_for_header(struct telemetry *telemetry, struct feed *feed) {
    if (feed->header_count < MUSTER_HEADERS_MAX || feed->gaps.count == 0) {
        return drop(telemetry, MUSTER_DROP_MEMORY);
    }
    feed_give_up_first(feed);
    feed_table_touch(telemetry, feed);
    return AGAIN;
}

static enum outcome read_data(struct telemetry *telemetry, const struct piece *piece,
                              const struct signal *data, struct muster_arrival *arrival) {
    struct peer *peer = find_sender(telemetry, data);
    struct feed *feed = peer == NULL ? NULL : feed_of(telemetry, peer, data->shard, data->seq);
    if (feed == NULL) {
        return peer == NULL ? TAKEN : drop(telemetry, MUSTER_DROP_TABLE_FULL);
    }
    struct feed_header *header = feed_header_learn(feed, data, piece->bytes);
    if (header == NULL) {
        return make_room_for_header(telemetry, feed);
    }
    telemetry->feeds.current = feed;
    struct body body = {.feed = feed,
                        .header = header,
                        .seq = data->seq,
                        .bytes = data->body,
                        .length = data->body_length,
                        .datagram_bytes = piece->length};
    return take_data(telemetry, &body, arrival);
}

static enum outcome read_nak(struct telemetry *telemetry, const struct signal *nak) {
    const struct identity *identity = &telemetry->context->identity;
    telemetry->context->counters.accepted++;
    if (memcmp(nak->of, identity->id, MUSTER_ID_BYTES) != 0) {
        feed_repair_record_nak(telemetry, nak);
    } else if (nak->of_boot == identity->boot) {
        sender_take_nak(telemetry, nak, &telemetry->arrivals.datagram);
    }
    return TAKEN;
}

/* Anything but data whose header is known by heart. Naks are for one group, all else is for the shards'. */
static enum outcome read_piece(struct telemetry *telemetry, const struct piece *piece,
                               struct muster_arrival *arrival) {
    struct context *context = telemetry->context;
    struct signal signal;
    enum muster_drop reason;
    telemetry->feeds.has_work = true;
    if ((telemetry->feeds.current == NULL &&
         !admission_allows_telemetry(&context->rates, &telemetry->arrivals.datagram.source, context->now_ms,
                                     &reason)) ||
        !signal_decode(piece->bytes, piece->length, &signal, &reason)) {
        return drop(telemetry, reason);
    }
    if (memcmp(signal.id, context->identity.id, MUSTER_ID_BYTES) == 0) {
        return drop(telemetry, MUSTER_DROP_OWN);
    }
    if (telemetry->arrivals.shard != (signal.kind == SIGNAL_NAK ? MUSTER_SHARDS : signal.shard)) {
        return drop(telemetry, MUSTER_DROP_PATH);
    }
    switch (signal.kind) {
    case SIGNAL_DATA: return read_data(telemetry, piece, &signal, arrival);
    case SIGNAL_TAIL: return read_tail(telemetry, &signal);
    case SIGNAL_NAK: return read_nak(telemetry, &signal);
    }
    return TAKEN;
}

/* ---- pieces ---- */

static enum outcome take_piece(struct telemetry *telemetry, const struct piece *piece,
                               struct muster_arrival *arrival) {
    struct feed *feed = telemetry->feeds.current;
    struct feed_header *header = feed == NULL ? NULL : feed_header_find(feed, piece->bytes, piece->length);
    if (piece->length > MUSTER_DATAGRAM_BYTES_MAX) {
        return drop(telemetry, MUSTER_DROP_TOO_LONG);
    }
    if (piece->length > 0 && piece->bytes[0] == SEAL_FIRST_BYTE) { /* there is no key here */
        return drop(telemetry, MUSTER_DROP_SEALED);
    }
    if (header != NULL) {
        struct body body = {.feed = feed, .header = header, .datagram_bytes = piece->length};
        if (signal_read_data(piece->bytes, piece->length, header->length, &body.seq, &body.bytes,
                             &body.length)) {
            return take_data(telemetry, &body, arrival);
        }
    }
    return read_piece(telemetry, piece, arrival);
}

static struct piece next_piece(const struct arrivals *arrivals) {
    const struct muster_datagram *datagram = &arrivals->datagram;
    size_t left = datagram->length - arrivals->offset;
    size_t length = datagram->segment > 0 && datagram->segment < left ? datagram->segment : left;
    return (struct piece){.bytes = datagram->bytes + arrivals->offset, .length = length};
}

static void advance(struct telemetry *telemetry, const struct piece *piece) {
    telemetry->arrivals.offset += piece->length;
    telemetry->context->counters.received++;
}

/* Stops where the node has a note to route before more is looked at. */
static bool find_next(struct telemetry *telemetry, struct muster_arrival *arrival) {
    while (!deliver_ready(telemetry, arrival)) {
        if (telemetry->arrivals.offset >= telemetry->arrivals.datagram.length) {
            return false;
        }
        struct piece piece = next_piece(&telemetry->arrivals);
        enum outcome outcome = take_piece(telemetry, &piece, arrival);
        if (outcome != AGAIN || telemetry->feeds.ready == NULL) {
            advance(telemetry, &piece);
        }
        if (outcome == DELIVERED || telemetry->note.is_stranger) {
            return outcome == DELIVERED;
        }
    }
    return true;
}

bool arrival_next(struct telemetry *telemetry, struct muster_arrival *arrival) {
    arrivals_deinit(&telemetry->arrivals);
    telemetry->arrivals.is_borrowed = find_next(telemetry, arrival);
    return telemetry->arrivals.is_borrowed;
}

/* One that is held as well has its turn yet. */
static void record_loss(struct telemetry *telemetry, const struct muster_sample *sample) {
    struct feed *feed = feed_table_find(&telemetry->feeds, sample->id, sample->shard);
    if (feed != NULL && !feed_holds(feed, sample->seq) && !feed_has_lost(feed, sample->seq)) {
        feed->counters.received--;
        feed->counters.lost_program++;
    }
}

static void drop_all(struct telemetry *telemetry) {
    struct muster_arrival arrival;
    while (arrival_next(telemetry, &arrival)) {
        if (arrival.kind == MUSTER_ARRIVAL_SAMPLE) {
            record_loss(telemetry, &arrival.sample);
        }
    }
}

/* Nothing in it is for a subscriber, so its bytes are not needed any longer. */
static void take_all(struct telemetry *telemetry) {
    struct muster_arrival arrival;
    while (telemetry->arrivals.offset < telemetry->arrivals.datagram.length) {
        struct piece piece = next_piece(&telemetry->arrivals);
        take_piece(telemetry, &piece, &arrival);
        advance(telemetry, &piece);
    }
    telemetry->arrivals.datagram = (struct muster_datagram){0};
    telemetry->arrivals.offset = 0;
    telemetry->feeds.current = NULL;
}

void arrival_begin(struct telemetry *telemetry, const struct muster_datagram *datagram, unsigned shard) {
    struct context *context = telemetry->context;
    struct arrivals *arrivals = &telemetry->arrivals;
    drop_all(telemetry);
    bool is_v6 = datagram->destination.family == 6;
    if (paths_find(&context->paths, datagram->interface, is_v6 ? MUSTER_PATH_M6 : MUSTER_PATH_M4) == NULL) {
        context->counters.received++;
        drop(telemetry, MUSTER_DROP_PATH);
        return;
    }
    if (!paths_is_source(&context->paths, &datagram->source, datagram->interface)) {
        context->counters.received++;
        drop(telemetry, MUSTER_DROP_SOURCE);
        return;
    }
    feed_table_record_drops(telemetry, datagram);
    arrivals->datagram = *datagram;
    arrivals->offset = 0;
    arrivals->shard = shard;
    arrivals->source = feed_source_of(&datagram->source, datagram->interface, shard);
    telemetry->feeds.current = feed_table_find_source(telemetry, &arrivals->source);
    record_source(telemetry, telemetry->feeds.current);
    if (shard == MUSTER_SHARDS || subscription_set_all(&telemetry->subscriptions) == 0) {
        take_all(telemetry);
    }
}
