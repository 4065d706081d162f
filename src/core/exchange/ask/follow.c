#include "follow.h"

#include <string.h>

#include <utlist.h>

#include "catchup.h"
#include "deadline.h"
#include "fetch.h"
#include "node.h"
#include "view.h"

bool follow_is_possible(const struct muster_core *core, const struct peer *peer) {
    return catchup_can_ask(core, peer);
}

/* ---- its feeds ---- */

static bool is_of(const struct follow *follow, const struct feed *feed) {
    return feed->is_followed && feed->boot == follow->boot &&
           memcmp(feed->id, follow->id, MUSTER_ID_BYTES) == 0;
}

static bool has_feeds(const struct muster_core *core, const struct follow *follow) {
    const struct feed *feed;
    DL_FOREACH(core->subscriber.feeds.all, feed) {
        if (is_of(follow, feed)) {
            return true;
        }
    }
    return false;
}

/* While the stream is there nothing is asked for by nak, nor given up. */
static void set_by_stream(struct muster_core *core, const struct follow *follow, bool is_by_stream) {
    struct feed_moment moment = feed_table_moment(core);
    struct feed *feed;
    DL_FOREACH(core->subscriber.feeds.all, feed) {
        if (is_of(follow, feed)) {
            feed->is_patient = false;
            feed->counters.is_by_stream = is_by_stream;
            feed_resume(feed, &moment);
            feed_table_touch(&core->subscriber.feeds, feed);
        }
    }
}

/* How long ago the last of what its feeds miss most was heard. */
static uint64_t missed_ms(const struct muster_core *core, const struct follow *follow) {
    uint64_t longest_ms = 0;
    const struct feed *feed;
    DL_FOREACH(core->subscriber.feeds.all, feed) {
        uint64_t heard_ms = feed->heard_ms > feed->opened_ms ? feed->heard_ms : feed->opened_ms;
        if (is_of(follow, feed) && core->now_ms - heard_ms > longest_ms) {
            longest_ms = core->now_ms - heard_ms;
        }
    }
    return longest_ms;
}

/* ---- beginning and ending ---- */

static struct follow *find(struct follows *follows, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        if (follows->items[i].is_used && memcmp(follows->items[i].id, id, MUSTER_ID_BYTES) == 0) {
            return &follows->items[i];
        }
    }
    return NULL;
}

static struct follow *find_free(struct follows *follows) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        if (!follows->items[i].is_used) {
            return &follows->items[i];
        }
    }
    return NULL;
}

void follow_begin(struct muster_core *core, const struct peer *peer, struct feed *feed) {
    struct follow *follow = find(&core->follows, peer->id);
    if (follow == NULL) {
        follow = find_free(&core->follows);
    }
    if (follow == NULL) { /* then naks must do */
        struct feed_moment moment = feed_table_moment(core);
        feed->is_patient = false;
        feed_resume(feed, &moment);
        return;
    }
    if (!follow->is_used || follow->boot != peer->boot) {
        fetch_stop(core, follow->stream);
        *follow = (struct follow){.is_used = true, .boot = peer->boot, .due_ms = core->now_ms};
        memcpy(follow->id, peer->id, sizeof follow->id);
    }
    feed->is_followed = true;
    if (follow->stream != 0) { /* what it misses so far lies behind what the stream says */
        follow->generation = 0;
    }
}

static void drop(struct muster_core *core, struct follow *follow) {
    struct feed *feed;
    fetch_stop(core, follow->stream);
    set_by_stream(core, follow, false);
    DL_FOREACH(core->subscriber.feeds.all, feed) {
        feed->is_followed = feed->is_followed && !is_of(follow, feed);
    }
    *follow = (struct follow){0};
}

void follow_release(struct muster_core *core, struct feed *feed) {
    struct follow *follow = find(&core->follows, feed->id);
    struct feed_moment moment = feed_table_moment(core);
    feed->is_followed = false;
    feed->is_patient = false;
    feed->silent = 0;
    feed->counters.is_by_stream = false;
    feed_resume(feed, &moment);
    feed_table_touch(&core->subscriber.feeds, feed);
    if (follow != NULL && !has_feeds(core, follow)) {
        drop(core, follow);
    }
}

void follow_end(struct muster_core *core, const struct fetch *fetch) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        struct follow *follow = &core->follows.items[i];
        if (!follow->is_used || follow->stream != fetch->stream) {
            continue;
        }
        uint64_t pause_ms = MUSTER_FOLLOW_RETRY_MS;
        for (unsigned k = 0; k < follow->failures && pause_ms < MUSTER_FOLLOW_RETRY_MS_MAX; k++) {
            pause_ms *= 2;
        }
        pause_ms = pause_ms < MUSTER_FOLLOW_RETRY_MS_MAX ? pause_ms : MUSTER_FOLLOW_RETRY_MS_MAX;
        follow->failures++;
        follow->stream = 0;
        follow->due_ms = core->now_ms + pause_ms / 2 + random_ms(&core->random, pause_ms / 2);
        set_by_stream(core, follow, false);
    }
}

/* ---- asking ---- */

static int ask(struct muster_core *core, struct follow *follow, const struct peer *peer,
               const struct muster_document *document) {
    const struct subscriber *subscriber = &core->subscriber;
    const char *patterns[MUSTER_PATTERNS_MAX];
    const char *all = "#";
    struct request request = {.kind = REQUEST_SAMPLES, .patterns = patterns, .follows = true};
    uint64_t since_ms = missed_ms(core, follow) + MUSTER_FOLLOW_MARGIN_MS;
    request.since_ms = since_ms < MUSTER_SINCE_MS_MAX ? since_ms : MUSTER_SINCE_MS_MAX;
    request.pattern_count =
        catchup_patterns(core, document, subscriber->ordered | subscriber->newest, false, patterns);
    if (request.pattern_count == 0) {
        return MUSTER_ENOTFOUND;
    }
    int error = fetch_follow(core, peer, &request, &follow->stream);
    if (error == MUSTER_ETOOBIG) {
        request.patterns = &all;
        request.pattern_count = 1;
        error = fetch_follow(core, peer, &request, &follow->stream);
    }
    return error;
}

static void start(struct muster_core *core, struct follow *follow, const struct peer *peer) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct message message;
    struct muster_peer row;
    int error = view_fill(core, peer, &message, tuples, &row);
    if (error == 0) {
        error = ask(core, follow, peer, &row.document);
        message_deinit(&message);
    }
    if (error == 0) {
        follow->generation = core->subscriber.generation;
        set_by_stream(core, follow, true);
    } else {
        follow->due_ms = core->now_ms + MUSTER_FOLLOW_RETRY_MS;
        set_by_stream(core, follow, false);
    }
}

static void tick(struct muster_core *core, struct follow *follow) {
    const struct peer *peer = peer_table_find(&core->table, follow->id);
    if (peer == NULL || peer->boot != follow->boot || !follow_is_possible(core, peer) ||
        !has_feeds(core, follow)) {
        drop(core, follow);
        return;
    }
    if (follow->stream != 0 && follow->generation != core->subscriber.generation) {
        fetch_stop(core, follow->stream);
        follow->stream = 0;
        follow->due_ms = core->now_ms;
    }
    if (follow->stream == 0 && follow->due_ms <= core->now_ms && fetch_has_room(core, FETCH_FOLLOW)) {
        start(core, follow, peer);
    }
}

void follow_tick(struct muster_core *core) {
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        if (core->follows.items[i].is_used) {
            tick(core, &core->follows.items[i]);
        }
    }
}

uint64_t follow_deadline(const struct muster_core *core) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < MUSTER_FOLLOWS_MAX; i++) {
        const struct follow *follow = &core->follows.items[i];
        if (follow->is_used && follow->stream == 0 && fetch_has_room(core, FETCH_FOLLOW)) {
            deadline_ms = deadline_earlier(deadline_ms, follow->due_ms);
        }
    }
    return deadline_ms;
}

/* ---- what comes ---- */

/* Last values come first; they were asked for by who wanted them. */
bool follow_take(struct muster_core *core, const struct fetch *fetch, const struct reply_sample *sample) {
    struct feed_table *table = &core->subscriber.feeds;
    struct feed_moment moment = feed_table_moment(core);
    struct follow *follow = find(&core->follows, sample->id);
    struct signal data = {.kind = SIGNAL_DATA};
    if (follow == NULL || follow->stream != fetch->stream) {
        return sample->seq == 0; /* those it keeps for others */
    }
    struct feed *feed = feed_table_find(table, sample->id, muster_topic_shard(sample->topic));
    if (sample->seq == 0 || feed == NULL || !is_of(follow, feed) || sample->boot != follow->boot) {
        return true;
    }
    memcpy(data.topic, sample->topic, strlen(sample->topic) + 1);
    struct feed_header *header = feed_header_learn(feed, &data, sample->body);
    follow->failures = 0;
    if (header != NULL && feed_table_make_room(table, feed_hold_bytes(feed, sample->body_length)) &&
        feed_take_by_stream(feed, sample->seq, sample->passed, header, sample->body, sample->body_length,
                            &moment)) {
        header->held++;
        feed->counters.bytes += sample->body_length;
    }
    feed_table_touch(table, feed);
    return true;
}
