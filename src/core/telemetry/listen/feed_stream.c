#include "feed_stream.h"

#include <string.h>

#include <utlist.h>

#include "telemetry.h"

static bool is_silent(const struct feed *feed, const struct peer *peer) {
    return !feed->is_muted && !feed->is_followed && feed->silent >= MUSTER_FOLLOW_ALIVES &&
           feed->boot == peer->boot && memcmp(feed->id, peer->id, MUSTER_ID_BYTES) == 0;
}

static bool is_followed(const struct feed *feed, const struct feed_owner *owner) {
    return feed->is_followed && feed->boot == owner->boot &&
           memcmp(feed->id, owner->id, MUSTER_ID_BYTES) == 0;
}

void feed_stream_begin(struct telemetry *telemetry, const struct peer *peer) {
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        feed->is_followed = feed->is_followed || is_silent(feed, peer);
    }
}

void feed_stream_refuse(struct telemetry *telemetry, const struct peer *peer) {
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if (is_silent(feed, peer)) {
            feed_table_ask_again(telemetry, feed);
        }
    }
}

void feed_stream_set(struct telemetry *telemetry, const struct feed_owner *owner, bool is_by_stream) {
    struct feed_moment moment = feed_table_moment(telemetry);
    struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        if (is_followed(feed, owner)) {
            feed->counters.is_by_stream = is_by_stream;
            feed_resume(feed, &moment);
            feed_table_touch(&telemetry->feeds, feed);
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
    uint64_t now_ms = telemetry->context->now_ms;
    uint64_t longest_ms = 0;
    const struct feed *feed;
    DL_FOREACH(telemetry->feeds.all, feed) {
        uint64_t heard_ms = feed->heard_ms > feed->opened_ms ? feed->heard_ms : feed->opened_ms;
        if (is_followed(feed, owner) && now_ms - heard_ms > longest_ms) {
            longest_ms = now_ms - heard_ms;
        }
    }
    return longest_ms;
}

void feed_stream_take(struct telemetry *telemetry, const struct feed_owner *owner,
                      const struct reply_sample *sample) {
    struct feed_table *table = &telemetry->feeds;
    struct feed_moment moment = feed_table_moment(telemetry);
    struct signal data = {.kind = SIGNAL_DATA};
    struct feed *feed = feed_table_find(table, sample->id, muster_topic_shard(sample->topic));
    if (feed == NULL || !is_followed(feed, owner) || sample->boot != owner->boot) {
        return;
    }
    memcpy(data.topic, sample->topic, strlen(sample->topic) + 1);
    struct feed_header *header = feed_header_learn(feed, &data, sample->body);
    if (header != NULL && feed_table_make_room(table, feed_hold_bytes(feed, sample->body_length)) &&
        feed_take_by_stream(feed, sample->seq, sample->passed, header, sample->body, sample->body_length,
                            &moment)) {
        header->held++;
        feed->counters.bytes += sample->body_length;
    }
    feed_table_touch(table, feed);
}
