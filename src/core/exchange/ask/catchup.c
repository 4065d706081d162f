/* SPDX-License-Identifier: MIT */
#include "catchup.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <utlist.h>

#include "array.h"
#include "backoff.h"
#include "deadline.h"
#include "exchange.h"
#include "topic.h"

static const struct backoff backoff = {MUSTER_ASK_RETRY_MS, MUSTER_ASK_RETRY_MS << MUSTER_ASK_TRIES};

void catchup_deinit(struct catchup *catchup) {
    free(catchup->asks);
    *catchup = (struct catchup){0};
}

/* ---- what there is ---- */

/* Of what a peer can be asked for; never 0. */
static uint64_t digest_of(const struct exchange *exchange, const struct peer *peer) {
    const struct peer_topics *topics = peer->topics;
    const char *text = topics == NULL ? NULL : peer_topics_first(topics);
    const uint8_t *seed = exchange->context->hash_seed;
    uint64_t digest;
    crypto_shorthash((uint8_t *)&digest, (const uint8_t *)&peer->boot, sizeof peer->boot, seed);
    for (size_t i = 0; topics != NULL && i < topics->topic_count + topics->cache_count; i++) {
        uint64_t hash;
        bool is_cache = i >= topics->topic_count; /* its NUL tells it from a topic of the same name */
        crypto_shorthash((uint8_t *)&hash, (const uint8_t *)text, strlen(text) + (is_cache ? 1 : 0), seed);
        digest = digest * 31 + hash;
        text = peer_topics_next(text);
    }
    return digest | 1;
}

static bool has_use_for(const struct peer_topics *topics, bool with_caches, const char *pattern) {
    const char *text = peer_topics_first(topics);
    size_t count = topics->topic_count + (with_caches ? topics->cache_count : 0);
    for (size_t i = 0; i < count; i++, text = peer_topics_next(text)) {
        if (i < topics->topic_count ? muster_pattern_touches(pattern, text)
                                    : topic_patterns_meet(pattern, text)) {
            return true;
        }
    }
    return false;
}

size_t catchup_patterns(const struct exchange *exchange, const struct peer_topics *topics,
                        uint64_t subscriptions, bool with_caches, const char **patterns) {
    size_t count = 0;
    for (uint64_t left = topics == NULL ? 0 : subscriptions; left != 0; left &= left - 1) {
        const struct pattern_set *set =
            &exchange->telemetry->subscriptions.items[__builtin_ctzll(left)]->patterns;
        for (size_t i = 0; i < set->count; i++) {
            if (!has_use_for(topics, with_caches, set->items[i])) {
                continue;
            }
            if (count == MUSTER_PATTERNS_MAX) {
                patterns[0] = "#";
                return 1;
            }
            patterns[count++] = set->items[i];
        }
    }
    return count;
}

/* The subscriptions, of these, that something of a row is for. */
static uint64_t audience_of(const struct exchange *exchange, const struct peer *peer,
                            uint64_t subscriptions) {
    uint64_t audience = 0;
    const char *patterns[MUSTER_PATTERNS_MAX];
    for (uint64_t left = subscriptions; left != 0; left &= left - 1) {
        uint64_t one = left & (~left + 1);
        audience |= catchup_patterns(exchange, peer->topics, one, true, patterns) > 0 ? one : 0;
    }
    return audience;
}

bool catchup_is_busy(const struct exchange *exchange) {
    return exchange->catchup.count > 0 || exchange->fetches.counts[FETCH_SAMPLES] > 0;
}

/* True when a peer may be connected to. */
static bool can_ask(const struct exchange *exchange, const struct peer *peer) {
    return exchange->context->has_streams && peer_answers_streams(peer);
}

/* ---- asks ---- */

/* What was heard of a topic until now makes its last values old. */
static void record_given(struct feed *feed, uint64_t subscriptions) {
    struct feed_header *header;
    DL_FOREACH(feed->headers, header) {
        header->known |= header->given & subscriptions;
    }
}

static void fill_live(struct exchange *exchange, struct ask *ask) {
    struct feed *feed;
    memset(ask->live, 0xFF, sizeof ask->live);
    DL_FOREACH(exchange->telemetry->feeds.all, feed) {
        if (memcmp(feed->id, ask->id, MUSTER_ID_BYTES) != 0) {
            continue;
        }
        record_given(feed, ask->subscriptions);
        if (!feed->is_muted && ask->since_ms > 0) {
            ask->live[feed->shard] = feed->due;
        }
    }
}

/* One that waits and says the same takes the subscriptions of another along. */
static struct ask *find_like(struct catchup *catchup, const struct ask *like) {
    for (size_t i = 0; i < catchup->count; i++) {
        struct ask *ask = &catchup->asks[i];
        if (memcmp(ask->id, like->id, MUSTER_ID_BYTES) == 0 && ask->boot == like->boot && ask->tries == 0 &&
            ask->since_ms == like->since_ms && memcmp(ask->live, like->live, sizeof ask->live) == 0) {
            return ask;
        }
    }
    return NULL;
}

static void add_ask(struct exchange *exchange, const struct ask *ask) {
    struct catchup *catchup = &exchange->catchup;
    struct ask *like = find_like(catchup, ask);
    if (like != NULL) {
        like->subscriptions |= ask->subscriptions;
        like->due_ms = deadline_earlier(like->due_ms, ask->due_ms);
        return;
    }
    struct ask *asks =
        array_reserve(catchup->asks, sizeof *asks, &catchup->capacity, catchup->count, MUSTER_ASKS_MAX);
    if (asks == NULL) {
        exchange->context->counters.fetches_failed++;
        join_end(exchange, ask);
        return;
    }
    catchup->asks = asks;
    catchup->asks[catchup->count++] = *ask;
}

/* Of a start, what was sent is asked for once: what comes to be announced later is heard live. */
static uint64_t since_ms_of(const struct exchange *exchange, struct peer *peer, uint64_t subscription) {
    const struct subscription_entry *entry =
        exchange->telemetry->subscriptions.items[__builtin_ctzll(subscription)];
    peer->asked_for = peer->asked_boot == peer->boot ? peer->asked_for : 0;
    peer->asked_boot = peer->boot;
    bool is_asked = (peer->asked_for & subscription) != 0;
    peer->asked_for |= subscription;
    return is_asked ? 0 : entry->since_ms;
}

/* Those that look back equally far are asked for together: add_ask() joins them. */
static void ask_for(struct exchange *exchange, struct peer *peer, uint64_t subscriptions, uint64_t due_ms) {
    for (uint64_t left = subscriptions; left != 0; left &= left - 1) {
        uint64_t subscription = left & (~left + 1);
        struct ask ask = {.boot = peer->boot,
                          .subscriptions = subscription,
                          .due_ms = due_ms,
                          .since_ms = since_ms_of(exchange, peer, subscription)};
        memcpy(ask.id, peer->id, sizeof ask.id);
        fill_live(exchange, &ask);
        join_begin(exchange, peer, &ask);
        add_ask(exchange, &ask);
    }
}

/* It is asked when it is heard: it is away, or where it is was not proven yet. */
static void owe(struct peer *peer) {
    peer->is_ask_owed = true;
    peer->asked_digest = 0;
}

void catchup_record_topics(struct exchange *exchange, struct peer *peer) {
    uint64_t lasting = exchange->telemetry->subscriptions.lasting;
    peer->is_ask_owed = false;
    if (lasting == 0) {
        return;
    }
    uint64_t digest = digest_of(exchange, peer);
    if (digest == peer->asked_digest) {
        return;
    }
    uint64_t audience = audience_of(exchange, peer, lasting);
    peer->is_ask_owed = audience != 0 && !can_ask(exchange, peer);
    if (!peer->is_ask_owed) {
        peer->asked_digest = digest;
        /* Listeners that hear of it at the same time don't all ask at the same time. */
        uint64_t spread_ms =
            audience == 0 ? 0 : random_ms(&exchange->context->random, answer_window_ms(exchange->presence));
        ask_for(exchange, peer, audience, exchange->context->now_ms + spread_ms);
    }
}

void catchup_subscribe(struct exchange *exchange, uint64_t subscription) {
    uint64_t lasting = subscription & exchange->telemetry->subscriptions.lasting;
    struct peer *peer = lasting == 0 ? NULL : exchange->presence->table.by_id;
    for (; peer != NULL; peer = peer->hh.next) {
        uint64_t audience = audience_of(exchange, peer, lasting);
        if (audience != 0 && !can_ask(exchange, peer)) {
            owe(peer);
        } else if (audience != 0) {
            peer->asked_digest = peer->asked_digest == 0 ? digest_of(exchange, peer) : peer->asked_digest;
            ask_for(exchange, peer, audience, exchange->context->now_ms);
        }
    }
}

void catchup_record_heard(struct exchange *exchange, struct peer *peer) {
    if (peer->is_ask_owed && can_ask(exchange, peer)) {
        catchup_record_topics(exchange, peer);
    }
}

/* The fetches under way for it end, where it was the last one. */
static void stop_fetches(struct exchange *exchange, uint64_t subscription) {
    struct fetch *fetch;
    DL_FOREACH(exchange->fetches.items, fetch) {
        if (fetch->kind == FETCH_SAMPLES) {
            fetch->ask.subscriptions &= ~subscription;
            fetch->is_over = fetch->is_over || fetch->ask.subscriptions == 0;
        }
    }
}

void catchup_unsubscribe(struct exchange *exchange, uint64_t subscription) {
    struct catchup *catchup = &exchange->catchup;
    for (size_t i = catchup->count; i-- > 0;) {
        catchup->asks[i].subscriptions &= ~subscription;
        if (catchup->asks[i].subscriptions == 0) {
            catchup->asks[i] = catchup->asks[--catchup->count];
        }
    }
    stop_fetches(exchange, subscription);
}

/* ---- asking ---- */

int catchup_request(struct exchange *exchange, enum fetch_kind kind, const struct peer *peer,
                    struct request *request, struct fetch **fetch) {
    static const char *const all = "#";
    struct fetch_source source = fetch_source_of(peer);
    request->since_ms = request->since_ms < MUSTER_SINCE_MS_MAX ? request->since_ms : MUSTER_SINCE_MS_MAX;
    int error = fetch_begin(&exchange->fetches, exchange->context, kind, &source, request, fetch);
    if (error == MUSTER_ETOOBIG) { /* what is not wanted of it is left here */
        request->patterns = &all;
        request->pattern_count = 1;
        error = fetch_begin(&exchange->fetches, exchange->context, kind, &source, request, fetch);
    }
    return error;
}

/* The patterns of a row's cached patterns. */
static int copy_caches(const struct peer_topics *topics, struct pattern_set *caches) {
    const char *patterns[MUSTER_CACHES_MAX];
    const char *text = peer_topics_first(topics);
    for (size_t i = 0; i < topics->topic_count + topics->cache_count; i++, text = peer_topics_next(text)) {
        if (i >= topics->topic_count) {
            patterns[i - topics->topic_count] = text;
        }
    }
    return pattern_set_init(caches, patterns, topics->cache_count);
}

/* Who went away in the meantime is asked when it is heard again. A history is asked for once: its ask waits,
 * for it knows where live data began. */
static void ask_when_heard(struct exchange *exchange, struct peer *peer, const struct ask *ask) {
    struct ask later = *ask;
    if (ask->since_ms == 0) {
        owe(peer);
        return;
    }
    later.due_ms = exchange->context->now_ms + (MUSTER_ASK_RETRY_MS << MUSTER_ASK_TRIES);
    add_ask(exchange, &later);
}

/* 0, or why it could not be asked now. */
static int begin(struct exchange *exchange, const struct ask *ask) {
    struct peer *peer = peer_table_find(&exchange->presence->table, ask->id);
    const char *patterns[MUSTER_PATTERNS_MAX];
    struct request request = {.kind = REQUEST_SAMPLES, .patterns = patterns, .since_ms = ask->since_ms};
    struct pattern_set caches;
    struct fetch *fetch;
    if (peer != NULL && !can_ask(exchange, peer)) {
        ask_when_heard(exchange, peer, ask);
        join_end(exchange, ask);
        return 0;
    }
    bool is_gone = peer == NULL || peer->boot != ask->boot;
    request.pattern_count =
        is_gone ? 0 : catchup_patterns(exchange, peer->topics, ask->subscriptions, true, patterns);
    if (request.pattern_count == 0) {
        join_end(exchange, ask);
        return 0; /* it has nothing for them any more */
    }
    int error = copy_caches(peer->topics, &caches);
    if (error == 0) {
        error = catchup_request(exchange, FETCH_SAMPLES, peer, &request, &fetch);
    }
    if (error != 0) {
        pattern_set_deinit(&caches);
        return error;
    }
    fetch->ask = *ask;
    fetch->boot = peer->boot;
    fetch->caches = caches;
    return 0;
}

/* Asks later for what could not be had, unless that was tried too often. */
static void retry(struct exchange *exchange, const struct ask *failed) {
    struct context *context = exchange->context;
    struct ask ask = *failed;
    if (++ask.tries < MUSTER_ASK_TRIES && ask.subscriptions != 0) {
        ask.due_ms = context->now_ms + backoff_pause_ms(&backoff, failed->tries, &context->random);
        add_ask(exchange, &ask);
    } else if (ask.subscriptions != 0) {
        context->counters.histories_failed++;
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

void catchup_tick(struct exchange *exchange) {
    struct catchup *catchup = &exchange->catchup;
    struct ask *due;
    while (fetch_has_room(&exchange->fetches, FETCH_SAMPLES) &&
           (due = first_due(catchup, exchange->context->now_ms)) != NULL) {
        struct ask ask = *due;
        *due = catchup->asks[--catchup->count];
        if (begin(exchange, &ask) != 0) {
            join_end(exchange, &ask);
            retry(exchange, &ask);
        }
    }
}

uint64_t catchup_deadline(const struct exchange *exchange) {
    const struct catchup *catchup = &exchange->catchup;
    uint64_t deadline_ms = DEADLINE_NEVER;
    for (size_t i = 0; i < catchup->count && fetch_has_room(&exchange->fetches, FETCH_SAMPLES); i++) {
        deadline_ms = deadline_earlier(deadline_ms, catchup->asks[i].due_ms);
    }
    return deadline_ms;
}

/* ---- what comes ---- */

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

/* Where nothing of the topic's shard was heard yet, live data begin behind this seq. */
static void begin_feed(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES], uint64_t boot,
                       unsigned shard, uint64_t until) {
    struct telemetry *telemetry = exchange->telemetry;
    const struct peer *peer = peer_table_find(&exchange->presence->table, id);
    struct feed *feed = feed_table_find(&telemetry->feeds, id, shard);
    if (feed == NULL && peer != NULL && peer->boot == boot) {
        feed = feed_table_open(telemetry, peer, shard, until + 1);
    } else if (feed != NULL && feed->boot == boot && feed->is_muted) {
        feed_table_unmute(feed, until + 1, telemetry->context->now_ms);
    } else {
        return;
    }
    if (feed != NULL) {
        feed->announced_sent = until;
    }
}

/* until: of last values, the last seq that they cover; 0: not known. */
static void deliver(struct exchange *exchange, struct ask *ask, struct muster_sample *sample,
                    uint64_t until) {
    struct feed *feed = feed_table_find(&exchange->telemetry->feeds, sample->id, sample->shard);
    uint64_t audience =
        subscription_set_audience(&exchange->telemetry->subscriptions, sample->topic) & ask->subscriptions;
    uint64_t known;
    uint64_t live = live_audience(feed, sample, &known);
    if (sample->seq > 0) {
        audience = is_history(feed, ask, sample) ? audience : 0;
        if (audience != 0) { /* these are known values from now on */
            backlog_record_last(exchange, sample, audience);
        }
    } else {
        audience &= ~known;
        if (audience != 0 && until > 0) {
            begin_feed(exchange, sample->id, sample->boot, sample->shard, until);
            audience = join_take_covering(exchange, sample, audience, until) ? 0 : audience;
        }
        audience = audience == 0 ? 0 : backlog_record_last(exchange, sample, audience);
    }
    sample->is_late = (live & audience & ~join_waiting(exchange, sample->id)) != 0;
    uint64_t kept = audience & exchange->telemetry->value_cache.subscription;
    if (kept != 0) {
        value_cache_take(exchange->telemetry, sample);
        audience &= ~kept;
    }
    if (audience != 0) {
        backlog_put(exchange, sample, audience);
    }
}

void catchup_end(struct exchange *exchange, const struct fetch *fetch, bool is_good) {
    const struct ask *ask = &fetch->ask;
    for (unsigned shard = 0; is_good && shard < MUSTER_SHARDS; shard++) {
        if (ask->done[shard] > 0) {
            begin_feed(exchange, ask->id, fetch->boot, shard, ask->done[shard]);
        }
    }
    join_end(exchange, ask);
    if (!is_good) {
        retry(exchange, ask);
    }
}

bool catchup_take(struct exchange *exchange, struct fetch *fetch, const struct reply_sample *part) {
    bool is_own = memcmp(part->id, fetch->ask.id, MUSTER_ID_BYTES) == 0;
    bool is_allowed = is_own ? part->seq == 0 || fetch->ask.since_ms > 0
                             : part->seq == 0 && pattern_set_touches(&fetch->caches, part->topic);
    if (!is_allowed) {
        exchange->context->counters.samples_dropped++;
        return false;
    }
    if (memcmp(part->id, exchange->context->identity.id, MUSTER_ID_BYTES) == 0 ||
        (is_own && part->boot != fetch->boot)) {
        return true; /* what this node said is known; and who has restarted since is asked anew */
    }
    struct muster_sample sample = {.kind = MUSTER_SAMPLE_LAST,
                                   .id = part->id,
                                   .boot = part->boot,
                                   .topic = part->topic,
                                   .origin = part->origin,
                                   .name = part->name,
                                   .shard = muster_topic_shard(part->topic),
                                   .seq = part->seq,
                                   .age_ms = part->age_ms,
                                   .body = (const char *)part->body,
                                   .length = part->body_length};
    deliver(exchange, &fetch->ask, &sample, is_own ? part->until : 0);
    return true;
}
