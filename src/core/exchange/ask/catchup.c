#include "catchup.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <utlist.h>

#include "deadline.h"
#include "fetch.h"
#include "node.h"
#include "topic.h"
#include "view.h"

#define ASKS_INITIAL 16

void catchup_deinit(struct catchup *catchup) {
    free(catchup->asks);
    *catchup = (struct catchup){0};
}

/* ---- what there is ---- */

static uint64_t mix(const struct muster_core *core, uint64_t digest, const void *bytes, size_t length) {
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, bytes, length, core->subscriber.feeds.seed);
    return digest * 31 + hash;
}

/* Of what a peer can be asked for; never 0. */
static uint64_t digest_of(const struct muster_core *core, const struct peer *peer,
                          const struct muster_document *document) {
    uint64_t digest = mix(core, 0, &peer->boot, sizeof peer->boot);
    for (size_t i = 0; i < document->topic_count; i++) {
        digest = mix(core, digest, document->topics[i].name, strlen(document->topics[i].name));
    }
    for (size_t i = 0; i < document->keep_count; i++) {
        digest = mix(core, digest, document->keeps[i], strlen(document->keeps[i]) + 1);
    }
    return digest | 1;
}

static bool has_use_for(const struct muster_document *document, bool with_keeps, const char *pattern) {
    for (size_t i = 0; i < document->topic_count; i++) {
        if (muster_pattern_touches(pattern, document->topics[i].name)) {
            return true;
        }
    }
    for (size_t i = 0; with_keeps && i < document->keep_count; i++) {
        if (topic_patterns_meet(pattern, document->keeps[i])) {
            return true;
        }
    }
    return false;
}

size_t catchup_patterns(const struct muster_core *core, const struct muster_document *document,
                        uint64_t subscriptions, bool with_keeps, const char **patterns) {
    size_t count = 0;
    for (uint64_t left = subscriptions; left != 0; left &= left - 1) {
        const struct subscription *subscription = core->subscriber.subscriptions[__builtin_ctzll(left)];
        const char *pattern = subscription->patterns;
        for (size_t i = 0; i < subscription->pattern_count; i++, pattern += strlen(pattern) + 1) {
            if (!has_use_for(document, with_keeps, pattern)) {
                continue;
            }
            if (count == MUSTER_PATTERNS_MAX) {
                patterns[0] = "#";
                return 1;
            }
            patterns[count++] = pattern;
        }
    }
    return count;
}

/* The subscriptions, of these, that something of a document is for. */
static uint64_t audience_of(const struct muster_core *core, const struct muster_document *document,
                            uint64_t subscriptions) {
    uint64_t audience = 0;
    const char *patterns[MUSTER_PATTERNS_MAX];
    for (uint64_t left = subscriptions; left != 0; left &= left - 1) {
        uint64_t one = left & (~left + 1);
        audience |= catchup_patterns(core, document, one, true, patterns) > 0 ? one : 0;
    }
    return audience;
}

bool catchup_is_busy(const struct muster_core *core) {
    return core->catchup.count > 0 || fetch_takes_samples(core);
}

bool catchup_can_ask(const struct muster_core *core, const struct peer *peer) {
    bool is_present = peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
    return core->has_streams && peer->stream != 0 && is_present && !peer->is_provisional &&
           (peer->is_verified || peer_is_proven_at(peer, &peer->address));
}

/* ---- asks ---- */

static bool reserve(struct catchup *catchup) {
    if (catchup->count < catchup->capacity) {
        return true;
    }
    size_t capacity = catchup->capacity == 0 ? ASKS_INITIAL : 2 * catchup->capacity;
    struct ask *asks = capacity > MUSTER_ASKS_MAX ? NULL : realloc(catchup->asks, capacity * sizeof *asks);
    if (asks == NULL) {
        return false;
    }
    catchup->asks = asks;
    catchup->capacity = capacity;
    return true;
}

/* What was heard of a topic until now makes its last values old. */
static void note_given(struct feed *feed, uint64_t subscriptions) {
    struct feed_header *header;
    DL_FOREACH(feed->headers, header) {
        header->known |= header->given & subscriptions;
    }
}

static void fill_live(struct muster_core *core, struct ask *ask) {
    struct feed *feed;
    memset(ask->live, 0xFF, sizeof ask->live);
    DL_FOREACH(core->subscriber.feeds.all, feed) {
        if (memcmp(feed->id, ask->id, MUSTER_ID_BYTES) != 0) {
            continue;
        }
        note_given(feed, ask->subscriptions);
        if (!feed->is_muted && ask->since_ms > 0) {
            ask->live[feed->shard] = feed->due;
        }
    }
}

/* One that waits and says the same takes the subscriptions of another along. */
static struct ask *find_like(struct catchup *catchup, const struct ask *like) {
    for (size_t i = 0; i < catchup->count; i++) {
        struct ask *ask = &catchup->asks[i];
        if (memcmp(ask->id, like->id, MUSTER_ID_BYTES) == 0 && ask->tries == 0 &&
            ask->since_ms == like->since_ms && memcmp(ask->live, like->live, sizeof ask->live) == 0) {
            return ask;
        }
    }
    return NULL;
}

static void add_ask(struct muster_core *core, const struct ask *ask) {
    struct catchup *catchup = &core->catchup;
    struct ask *like = find_like(catchup, ask);
    if (like != NULL) {
        like->subscriptions |= ask->subscriptions;
        like->due_ms = deadline_earlier(like->due_ms, ask->due_ms);
    } else if (reserve(catchup)) {
        catchup->asks[catchup->count++] = *ask;
    } else {
        core->admission.counters.fetches_failed++;
    }
}

/* Those that look back equally far are asked for together. */
static void ask_for(struct muster_core *core, const struct peer *peer, uint64_t subscriptions,
                    uint64_t due_ms) {
    while (subscriptions != 0) {
        struct subscription *const *all = core->subscriber.subscriptions;
        struct ask ask = {.due_ms = due_ms, .since_ms = all[__builtin_ctzll(subscriptions)]->since_ms};
        for (uint64_t left = subscriptions; left != 0; left &= left - 1) {
            uint64_t one = left & (~left + 1);
            ask.subscriptions |= all[__builtin_ctzll(left)]->since_ms == ask.since_ms ? one : 0;
        }
        subscriptions &= ~ask.subscriptions;
        memcpy(ask.id, peer->id, sizeof ask.id);
        fill_live(core, &ask);
        add_ask(core, &ask);
    }
}

/* Listeners that hear of something at the same time don't all ask at the same time. */
static uint64_t spread_ms(struct muster_core *core) {
    uint64_t most_ms = MUSTER_ANSWER_MS_MIN + peer_table_present(&core->table);
    return random_ms(&core->random, most_ms < MUSTER_ANSWER_MS_MAX ? most_ms : MUSTER_ANSWER_MS_MAX);
}

void catchup_note_topics(struct muster_core *core, struct peer *peer,
                         const struct muster_document *document) {
    peer->is_ask_owed = false;
    if (core->subscriber.lasting == 0) {
        return;
    }
    uint64_t digest = digest_of(core, peer, document);
    if (digest == peer->asked_digest) {
        return;
    }
    uint64_t audience = audience_of(core, document, core->subscriber.lasting);
    peer->is_ask_owed = audience != 0 && !catchup_can_ask(core, peer);
    if (!peer->is_ask_owed) {
        peer->asked_digest = digest;
        ask_for(core, peer, audience, audience == 0 ? 0 : core->now_ms + spread_ms(core));
    }
}

void catchup_note_subscription(struct muster_core *core, struct peer *peer,
                               const struct muster_document *document, uint64_t subscription) {
    uint64_t audience = audience_of(core, document, subscription & core->subscriber.lasting);
    if (audience != 0 && !catchup_can_ask(core, peer)) {
        peer->is_ask_owed = true;
        peer->asked_digest = 0;
    } else if (audience != 0) {
        peer->asked_digest = peer->asked_digest == 0 ? digest_of(core, peer, document) : peer->asked_digest;
        ask_for(core, peer, audience, core->now_ms);
    }
}

void catchup_miss(struct peer *peer, uint64_t subscription) {
    if (peer != NULL && subscription != 0) {
        peer->is_ask_owed = true;
        peer->asked_digest = 0;
    }
}

void catchup_note_heard(struct muster_core *core, struct peer *peer) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct message message;
    struct muster_peer row;
    if (peer->is_ask_owed && catchup_can_ask(core, peer) &&
        view_fill(core, peer, &message, tuples, &row) == 0) {
        catchup_note_topics(core, peer, &row.document);
        message_deinit(&message);
    }
}

void catchup_forget(struct muster_core *core, uint64_t subscription) {
    struct catchup *catchup = &core->catchup;
    for (size_t i = catchup->count; i-- > 0;) {
        catchup->asks[i].subscriptions &= ~subscription;
        if (catchup->asks[i].subscriptions == 0) {
            catchup->asks[i] = catchup->asks[--catchup->count];
        }
    }
    fetch_forget(core, subscription);
}

/* ---- asking ---- */

static int start(struct muster_core *core, const struct ask *ask, const struct peer *peer,
                 const struct muster_document *document) {
    const char *patterns[MUSTER_PATTERNS_MAX];
    const char *all = "#";
    struct request request = {.kind = REQUEST_SAMPLES, .patterns = patterns};
    request.since_ms = ask->since_ms < MUSTER_SINCE_MS_MAX ? ask->since_ms : MUSTER_SINCE_MS_MAX;
    request.pattern_count = catchup_patterns(core, document, ask->subscriptions, true, patterns);
    if (request.pattern_count == 0) {
        return 0; /* it has nothing for them any more */
    }
    int error = fetch_samples(core, peer, &request, ask, document);
    if (error == MUSTER_ETOOBIG) { /* what is not wanted of it is left here */
        request.patterns = &all;
        request.pattern_count = 1;
        error = fetch_samples(core, peer, &request, ask, document);
    }
    return error;
}

/* 0, or why it could not be asked now. Who went away in the meantime is asked when it is heard again. */
static int begin(struct muster_core *core, const struct ask *ask) {
    struct peer *peer = peer_table_find(&core->table, ask->id);
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct message message;
    struct muster_peer row;
    if (peer == NULL || !catchup_can_ask(core, peer)) {
        catchup_miss(peer, ask->subscriptions);
        return 0;
    }
    int error = view_fill(core, peer, &message, tuples, &row);
    if (error == 0) {
        error = start(core, ask, peer, &row.document);
        message_deinit(&message);
    }
    return error;
}

/* Later, unless that was tried too often. */
static void retry(struct muster_core *core, struct ask *ask) {
    uint64_t pause_ms = (uint64_t)MUSTER_ASK_RETRY_MS << (ask->tries % MUSTER_ASK_TRIES);
    if (++ask->tries < MUSTER_ASK_TRIES && ask->subscriptions != 0) {
        ask->due_ms = core->now_ms + pause_ms / 2 + random_ms(&core->random, pause_ms);
        add_ask(core, ask);
    }
}

static struct ask *first_due(struct catchup *catchup, uint64_t now_ms) {
    struct ask *first = NULL;
    for (size_t i = 0; i < catchup->count; i++) {
        struct ask *ask = &catchup->asks[i];
        if (ask->due_ms <= now_ms && (first == NULL || ask->due_ms < first->due_ms)) {
            first = ask;
        }
    }
    return first;
}

void catchup_tick(struct muster_core *core) {
    struct catchup *catchup = &core->catchup;
    struct ask *due;
    while (fetch_has_room(core, FETCH_SAMPLES) && (due = first_due(catchup, core->now_ms)) != NULL) {
        struct ask ask = *due;
        *due = catchup->asks[--catchup->count];
        if (begin(core, &ask) != 0) {
            retry(core, &ask);
        }
    }
}

uint64_t catchup_deadline(const struct muster_core *core) {
    const struct catchup *catchup = &core->catchup;
    uint64_t deadline_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < catchup->count && fetch_has_room(core, FETCH_SAMPLES); i++) {
        deadline_ms = deadline_earlier(deadline_ms, catchup->asks[i].due_ms);
    }
    return deadline_ms;
}

void catchup_end(struct muster_core *core, struct fetch *fetch, bool is_good) {
    if (!is_good) {
        retry(core, &fetch->ask);
    }
}

/* ---- what comes ---- */

static bool is_kept(const struct fetch *fetch, const char *topic) {
    const char *keep = fetch->keeps;
    for (size_t i = 0; i < fetch->keep_count; i++) {
        if (muster_pattern_touches(keep, topic)) {
            return true;
        }
        keep += strlen(keep) + 1;
    }
    return false;
}

/* Whom something of this topic was given live; *known: before it was asked for. */
static uint64_t live_audience(const struct feed *feed, const struct muster_sample *sample, uint64_t *known) {
    uint64_t audience = 0;
    const struct feed_header *header;
    *known = 0;
    if (feed == NULL || feed->boot < sample->boot) {
        return 0;
    }
    DL_FOREACH(feed->headers, header) {
        bool is_same = strcmp(header->topic, sample->topic) == 0;
        audience |= is_same ? header->given : 0;
        *known |= is_same ? header->known : 0;
    }
    return audience;
}

/* Of a history, what was delivered already, or will be. */
static bool is_history(const struct feed *feed, struct ask *ask, const struct muster_sample *sample) {
    uint64_t live = ask->live[sample->shard];
    if (live == UINT64_MAX && feed != NULL && feed->boot == sample->boot && !feed->is_muted) {
        live = feed->first;
    }
    if (sample->seq >= live || sample->seq <= ask->done[sample->shard]) {
        return false;
    }
    ask->done[sample->shard] = sample->seq;
    return true;
}

static void deliver(struct muster_core *core, struct ask *ask, struct muster_sample *sample) {
    struct feed *feed = feed_table_find(&core->subscriber.feeds, sample->id, sample->shard);
    uint64_t audience = subscriber_audience(&core->subscriber, sample->topic) & ask->subscriptions;
    uint64_t known;
    uint64_t live = live_audience(feed, sample, &known);
    if (sample->seq > 0) {
        audience = is_history(feed, ask, sample) ? audience : 0;
    } else {
        audience &= ~known;
        audience = audience == 0 ? 0 : backlog_note_last(core, sample, audience);
    }
    sample->is_late = (live & audience) != 0;
    if (audience & core->keeper.subscription) {
        keeper_take(core, sample);
        audience &= ~core->keeper.subscription;
    }
    if (audience != 0) {
        backlog_put(core, sample, audience);
    }
}

bool catchup_take(struct muster_core *core, struct fetch *fetch, const struct reply_sample *told) {
    bool is_own = memcmp(told->id, fetch->ask.id, MUSTER_ID_BYTES) == 0;
    bool is_allowed =
        is_own ? told->seq == 0 || fetch->ask.since_ms > 0 : told->seq == 0 && is_kept(fetch, told->topic);
    if (!is_allowed) {
        core->admission.counters.samples_dropped++;
        return false;
    }
    if (memcmp(told->id, core->identity.id, MUSTER_ID_BYTES) == 0 || (is_own && told->boot != fetch->boot)) {
        return true; /* what this node said is known; and who has restarted since is asked anew */
    }
    struct muster_sample sample = {.kind = MUSTER_SAMPLE_LAST,
                                   .id = told->id,
                                   .boot = told->boot,
                                   .topic = told->topic,
                                   .shard = muster_topic_shard(told->topic),
                                   .seq = told->seq,
                                   .age_ms = told->age_ms,
                                   .body = (const char *)told->body,
                                   .length = told->body_length};
    deliver(core, &fetch->ask, &sample);
    return true;
}
