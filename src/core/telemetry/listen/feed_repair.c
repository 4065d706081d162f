/* SPDX-License-Identifier: MIT */
#include "feed_repair.h"

#include <string.h>

#include <utlist.h>

#include "deadline.h"
#include "feed_stream.h"
#include "group.h"
#include "message.h"
#include "send.h"
#include "telemetry.h"

/* ---- what publishers say ---- */

/* What was said to the group comes in the order of its seq, so the next one was said after all that was heard
 * before the last one. */
static void reach(struct telemetry *telemetry, struct feed *feed, const struct message *message,
                  uint64_t sent) {
    struct gap_moment moment = feed_table_moment(telemetry);
    if (message->seq != 0 && !feed_check_sent(feed, sent, moment.now_ms)) {
        feed_table_release(telemetry, feed);
        feed_begin(feed, sent + 1);
    }
    feed_reach(feed, sent, &moment);
    feed_table_touch(telemetry, feed);
}

/* Whoever hears that nothing was sent in a shard yet misses nothing of it, not its first datagram either. A
 * message may say nothing of what was sent. */
static void open_feed(struct telemetry *telemetry, const struct peer *peer, const struct message *message,
                      unsigned shard) {
    uint64_t sent = message->sent[shard];
    struct feed *feed =
        sent == 0 && !message->tells_sent ? NULL : feed_table_open(telemetry, peer, shard, sent + 1);
    if (feed != NULL) {
        feed->announced_sent = sent;
    }
}

bool feed_repair_record_sent(struct telemetry *telemetry, const struct peer *peer,
                             const struct message *message) {
    bool is_silent = false;
    feed_table_end_other_boots(telemetry, peer);
    for (unsigned left = peer->shards_wanted; left != 0; left &= left - 1) {
        unsigned shard = (unsigned)__builtin_ctz(left);
        struct feed *feed = feed_table_find(&telemetry->feeds, peer->id, shard);
        uint64_t sent = message->sent[shard];
        if (feed == NULL) {
            open_feed(telemetry, peer, message, shard);
        } else if (feed->is_muted && (sent > 0 || message->tells_sent)) {
            feed->announced_sent = sent;
            feed_table_unmute(feed, sent + 1, telemetry->context->now_ms);
        } else if (sent > 0) {
            is_silent = feed_stream_record_silence(telemetry, peer, feed, message) || is_silent;
            if (!feed->counters.is_streamed) { /* what is for nobody here would be missed for ever */
                reach(telemetry, feed, message, sent);
            }
        }
    }
    return is_silent;
}

/* ---- naks ---- */

/* No more of them than the publisher would send: else one stranger's nak for all numbers keeps everybody from
 * asking. */
void feed_repair_record_nak(struct telemetry *telemetry, const struct signal *nak) {
    struct feed *feed = feed_table_find(&telemetry->feeds, nak->of, nak->shard);
    uint64_t left = MUSTER_NAK_SEQS_MAX;
    if (feed == NULL || feed->boot != nak->of_boot) {
        return;
    }
    struct gap_moment moment = feed_table_moment(telemetry);
    for (size_t i = 0; i < nak->missing_count && left > 0; i++) {
        struct signal_range range = nak->missing[i];
        if (range.last - range.first >= left) {
            range.last = range.first + left - 1;
        }
        left -= range.last - range.first + 1;
        gap_list_suppress(&feed->gaps, &range, &moment);
    }
    feed_table_touch(telemetry, feed);
}

/* When too many naks left, it is left to chance who asks next. */
static void ask(struct telemetry *telemetry, struct feed *feed, const struct gap_moment *moment) {
    struct context *context = telemetry->context;
    struct bucket *bucket = &telemetry->feeds.naks;
    struct signal nak = {
        .kind = SIGNAL_NAK, .boot = context->identity.boot, .shard = feed->shard, .of_boot = feed->boot};
    if (bucket_left(bucket, MUSTER_NAK_RATE, MUSTER_NAK_BURST, moment->now_ms) < 1) {
        feed->gaps.asks_ms = moment->now_ms + 1 + random_ms(moment->random, MUSTER_NAK_T_MS);
        return;
    }
    size_t ranges_max = paths_fitting(&context->paths, MUSTER_NAK_RANGES_SENT, MUSTER_NAK_RANGE_BYTES);
    nak.missing_count = feed_ask(feed, nak.missing, ranges_max, moment);
    if (nak.missing_count > 0) {
        struct muster_endpoint group =
            group_telemetry(feed->source.family, MUSTER_SHARDS, context_scope(context), context->port);
        bucket_spend(bucket, 1, MUSTER_NAK_RATE, moment->now_ms);
        memcpy(nak.id, context->identity.id, MUSTER_ID_BYTES);
        memcpy(nak.of, feed->id, MUSTER_ID_BYTES);
        send_signal(context, &nak, &group, feed->source.interface);
    }
}

void feed_repair_tick(struct telemetry *telemetry) {
    struct gap_moment moment = feed_table_moment(telemetry);
    struct feed *feed;
    telemetry->due_ms[DUE_FEEDS] = DEADLINE_NEVER;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if (feed_deadline(feed) <= moment.now_ms) {
            feed_expire(feed, moment.now_ms);
            ask(telemetry, feed, &moment);
        }
        feed_table_touch(telemetry, feed);
    }
}
