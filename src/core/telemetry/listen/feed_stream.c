/* SPDX-License-Identifier: MIT */
#include "feed_stream.h"

#include <string.h>

#include <utlist.h>

#include "deadline.h"
#include "message.h"
#include "telemetry.h"

static bool is_silent(const struct feed *feed, const struct peer *peer) {
    return !feed->is_muted && !feed->is_followed && feed->silent_alives >= MUSTER_FOLLOW_ALIVES &&
           feed->boot == peer->boot && memcmp(feed->id, peer->id, MUSTER_ID_BYTES) == 0;
}

static bool is_followed(const struct feed *feed, const struct feed_owner *owner) {
    return feed->is_followed && feed->boot == owner->boot &&
           memcmp(feed->id, owner->id, MUSTER_ID_BYTES) == 0;
}

/* What is missing is asked for by naks, unless it is already. */
static void resume(struct telemetry *telemetry, struct feed *feed) {
    struct gap_moment moment = feed_table_moment(telemetry);
    feed_resume(feed, &moment);
    feed_table_touch(telemetry, feed);
}

/* ---- silence ---- */

void feed_stream_record_heard(struct telemetry *telemetry, struct feed *feed) {
    feed->is_heard = true;
    feed->silent_alives = 0;
    if (feed->is_followed) {
        feed->is_followed = false;
        feed->is_paused = true;
        feed->counters.is_streamed = false;
        telemetry->note.is_heard_again = true;
        memcpy(telemetry->note.heard_again, feed->id, MUSTER_ID_BYTES);
    }
    if (feed->is_paused) {
        resume(telemetry, feed);
    }
}

/* What is said to be sent and can't be heard was filtered on its way. */
bool feed_stream_record_silence(struct telemetry *telemetry, const struct peer *peer, struct feed *feed,
                                const struct message *message) {
    uint64_t sent = message->sent[feed->shard];
    bool is_missed = !feed->is_heard && (sent > feed->announced_sent || feed->is_paused);
    if (message->kind == MESSAGE_ALIVE) {
        feed->silent_alives = feed->is_heard ? 0 : feed->silent_alives + (is_missed ? 1 : 0);
        feed->is_heard = false;
    }
    feed->announced_sent = sent;
    if ((feed->silent_alives == 0 && !is_missed) || feed->is_followed) {
        return false;
    }
    if (!telemetry->context->has_streams || !peer_answers_streams(peer)) {
        if (feed->is_paused) {
            resume(telemetry, feed);
        }
        return false;
    }
    feed->is_paused = true;
    return feed->silent_alives >= MUSTER_FOLLOW_ALIVES;
}

/* ---- streams ---- */

void feed_stream_begin(struct telemetry *telemetry, const struct peer *peer) {
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        feed->is_followed = feed->is_followed || is_silent(feed, peer);
    }
}

void feed_stream_refuse(struct telemetry *telemetry, const struct peer *peer) {
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if (is_silent(feed, peer) && feed->is_paused) {
            resume(telemetry, feed);
        }
    }
}

void feed_stream_set(struct telemetry *telemetry, const struct feed_owner *owner, bool is_streamed) {
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if (is_followed(feed, owner)) {
            feed->counters.is_streamed = is_streamed;
            resume(telemetry, feed);
        }
    }
}

void feed_stream_end(struct telemetry *telemetry, const struct feed_owner *owner) {
    struct feed *feed;
    feed_stream_set(telemetry, owner, false);
    DL_FOREACH(telemetry->feeds.all, feed) {
        feed->is_followed = feed->is_followed && !is_followed(feed, owner);
    }
}

bool feed_stream_is_needed(const struct telemetry *telemetry, const struct feed_owner *owner) {
    const struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if (is_followed(feed, owner)) {
            return true;
        }
    }
    return false;
}

uint64_t feed_stream_missed_ms(const struct telemetry *telemetry, const struct feed_owner *owner) {
    uint64_t earliest_ms = telemetry->context->now_ms;
    const struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        earliest_ms =
            is_followed(feed, owner) ? deadline_earlier(earliest_ms, feed_last_ms(feed)) : earliest_ms;
    }
    return telemetry->context->now_ms - earliest_ms;
}

void feed_stream_take(struct telemetry *telemetry, const struct feed_owner *owner,
                      const struct reply_sample *sample) {
    struct feed *feed = feed_table_find(&telemetry->feeds, sample->id, muster_topic_shard(sample->topic));
    struct gap_moment moment = feed_table_moment(telemetry);
    struct signal data = {.kind = SIGNAL_DATA};
    if (feed == NULL || !is_followed(feed, owner) || sample->boot != owner->boot) {
        return;
    }
    memcpy(data.topic, sample->topic, strlen(sample->topic) + 1);
    memcpy(data.origin, sample->origin, strlen(sample->origin) + 1);
    struct feed_header *header = feed_header_learn(feed, &data, sample->body);
    if (header != NULL && feed_table_make_room(telemetry, feed_hold_bytes(feed, sample->body_length)) &&
        feed_take_streamed(feed, sample->seq, sample->passed, header, sample->body, sample->body_length,
                           &moment)) {
        header->held++;
        feed->counters.bytes += sample->body_length;
    }
    feed_table_touch(telemetry, feed);
}
