#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "merge.h"
#include "node.h"
#include "telemetry.h"

/* Listeners that hear of a new document at the same time don't all ask for it at the same time. */
#define SPREAD_MS 20

/* ---- starting and ending ---- */

static struct fetch *find_free(struct fetches *fetches, enum fetch_kind kind) {
    static const struct {
        size_t begin;
        size_t count;
    } places[] = {[FETCH_TABLE] = {0, MUSTER_FETCHES_MAX},
                  [FETCH_DOCUMENT] = {0, MUSTER_FETCHES_MAX},
                  [FETCH_SAMPLES] = {MUSTER_FETCHES_MAX, MUSTER_CATCHUPS_MAX},
                  [FETCH_FOLLOW] = {MUSTER_FETCHES_MAX + MUSTER_CATCHUPS_MAX, MUSTER_FOLLOWS_MAX}};
    for (size_t i = 0; i < places[kind].count; i++) {
        struct fetch *fetch = &fetches->items[places[kind].begin + i];
        if (fetch->stream == 0) {
            return fetch;
        }
    }
    return NULL;
}

static void release(struct fetch *fetch) {
    reply_reader_deinit(&fetch->reader);
    free(fetch->request);
    free(fetch->keeps);
    *fetch = (struct fetch){0};
}

void fetch_deinit(struct fetches *fetches) {
    for (size_t i = 0; i < FETCH_PLACES; i++) {
        release(&fetches->items[i]);
    }
}

static size_t part_bytes_max(enum fetch_kind kind) {
    return kind == FETCH_SAMPLES || kind == FETCH_FOLLOW
               ? MUSTER_SAMPLE_PART_BYTES_MAX
               : MUSTER_REPLY_BYTES_MAX + MUSTER_DATAGRAM_BYTES_MAX + MUSTER_DOCUMENT_BYTES_MAX;
}

/* MUSTER_EFULL when too many are under way; then, or when the request can't be written, nothing is. */
static int start(struct muster_core *core, enum fetch_kind kind, const struct fetch_source *source,
                 const struct request *request, struct fetch **started) {
    struct fetches *fetches = &core->fetches;
    struct fetch *fetch = find_free(fetches, kind);
    *started = NULL;
    if (fetch == NULL) {
        return MUSTER_EFULL;
    }
    int error = request_encode(request, &fetch->request, &fetch->request_length);
    if (error != 0) {
        return error;
    }
    fetches->last_stream += 2;
    fetch->stream = fetches->last_stream;
    fetch->is_new = true;
    fetch->kind = kind;
    fetch->source = *source;
    fetch->began_ms = core->now_ms;
    fetch->moved_ms = core->now_ms;
    reply_reader_init(&fetch->reader, part_bytes_max(kind));
    *started = fetch;
    return 0;
}

bool fetch_has_room(const struct muster_core *core, enum fetch_kind kind) {
    return find_free((struct fetches *)&core->fetches, kind) != NULL;
}

static bool is_table_under_way(const struct fetches *fetches) {
    for (size_t i = 0; i < MUSTER_FETCHES_MAX; i++) {
        const struct fetch *fetch = &fetches->items[i];
        if (fetch->stream != 0 && fetch->kind == FETCH_TABLE && !fetch->is_over) {
            return true;
        }
    }
    return false;
}

/* ---- tables ---- */

bool fetch_takes_table(const struct muster_core *core) {
    bool is_first = core->query.asked == 0;
    return core->has_streams && !core->fetches.has_failed && (is_first || core->fetches.has_begun);
}

bool fetch_took_table(const struct muster_core *core) {
    return core->fetches.has_begun && !core->fetches.has_failed && !is_table_under_way(&core->fetches);
}

void fetch_begin_round(struct muster_core *core) {
    core->fetches.sources.count = 0;
    core->fetches.has_begun = false;
    core->fetches.has_failed = false;
}

/* The best source that is left; NULL when none says to hold more than is here. */
static struct fetch_source *next_source(struct muster_core *core) {
    return table_sources_next(&core->fetches.sources, peer_table_present(&core->table));
}

/* Takes the table of the best source that is left, as soon as there is a stream for it. */
static void take_table(struct muster_core *core) {
    struct fetches *fetches = &core->fetches;
    const struct request request = {.kind = REQUEST_TABLE};
    struct fetch_source *source;
    struct fetch *fetch;
    while (!is_table_under_way(fetches) && fetch_has_room(core, FETCH_TABLE) &&
           (source = next_source(core)) != NULL) {
        source->is_used = true;
        if (start(core, FETCH_TABLE, source, &request, &fetch) == 0) {
            fetches->has_begun = true;
        }
    }
}

void fetch_note_answer(struct muster_core *core, const struct message *message,
                       const struct muster_datagram *datagram) {
    if (!core->has_streams || message->stream == 0 || message->peers <= MUSTER_TABLE_ROWS) {
        return;
    }
    struct fetch_source source = {
        .endpoint = datagram->source, .interface = datagram->interface, .peers = message->peers};
    source.endpoint.port = message->stream;
    table_sources_add(&core->fetches.sources, &source);
    take_table(core);
}

static void take_row(struct muster_core *core, struct fetch *fetch, const struct reply *reply) {
    const struct muster_peer *peer = &reply->peer;
    const struct merge_told told = {.message = reply->announce,
                                    .bytes = reply->announce_bytes,
                                    .length = reply->announce_length,
                                    .address = peer->address,
                                    .interface = fetch->source.interface,
                                    .age_ms = peer->age_ms,
                                    .next_ms = peer->next_ms > 0 ? (uint64_t)peer->next_ms : 0};
    enum muster_drop reason;
    if (peer->state == MUSTER_LOST || peer->state == MUSTER_LEFT) {
        return;
    }
    if (!merge_told(core, &told, &reason) && reason == MUSTER_DROP_SIGNATURE) {
        fetch->bad++;
    }
}

/* ---- documents ---- */

/* Only what a key vouches for is fetched: else anybody could make us connect to anybody. */
static bool is_wanted(const struct peer *peer) {
    bool is_present = peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
    return peer_is_partial(peer) && peer->is_verified && is_present && !peer->large->is_fetched_now;
}

static bool has_room_for(const struct muster_core *core, const struct peer *peer) {
    return core->table.large_bytes - peer->large->body_length + peer->large->size <=
           MUSTER_DOCUMENTS_BYTES_MAX;
}

/* Any that may have fetched the peer's document before us; the peer itself when there is none. */
static const struct peer *choose_other(struct muster_core *core, const struct peer *peer) {
    const struct peer *chosen = peer;
    uint64_t others = 0;
    for (const struct peer *other = core->table.by_id; other != NULL; other = other->hh.next) {
        bool may_have_it = other != peer && other->stream != 0 && other->is_verified &&
                           !other->is_provisional && other->state == MUSTER_ALIVE;
        if (may_have_it && random_u64(&core->random) % ++others == 0) {
            chosen = other;
        }
    }
    return chosen;
}

/* The peer itself first, where its address is more than a hint; then, one try after the other, others. */
static bool choose_source(struct muster_core *core, const struct peer *peer, struct fetch_source *source) {
    bool is_turn = peer->large->tries % MUSTER_FETCH_TRIES == 0 && !peer->is_provisional;
    const struct peer *from = is_turn ? peer : choose_other(core, peer);
    *source = (struct fetch_source){.endpoint = from->address, .interface = from->interface};
    source->endpoint.port = from->stream;
    return from->stream != 0 && !from->is_provisional;
}

static uint64_t retry_ms(unsigned tries) {
    uint64_t pause_ms = MUSTER_FETCH_RETRY_MS;
    if (tries < MUSTER_FETCH_TRIES) {
        return 0;
    }
    for (unsigned i = MUSTER_FETCH_TRIES; i < tries && pause_ms < MUSTER_FETCH_RETRY_MS_MAX; i++) {
        pause_ms *= 2;
    }
    return pause_ms < MUSTER_FETCH_RETRY_MS_MAX ? pause_ms : MUSTER_FETCH_RETRY_MS_MAX;
}

static void note_failure(struct muster_core *core, struct peer *peer) {
    struct large_document *large = peer->large;
    large->tries++;
    large->due_ms = core->now_ms + retry_ms(large->tries);
    core->fetches.documents_ms = deadline_earlier(core->fetches.documents_ms, large->due_ms);
}

static bool start_document(struct muster_core *core, struct peer *peer) {
    struct request request = {.kind = REQUEST_DOCUMENT};
    struct fetch_source source;
    if (!choose_source(core, peer, &source)) {
        note_failure(core, peer);
        return true;
    }
    memcpy(request.id, peer->id, sizeof request.id);
    memcpy(request.hash, peer->large->hash, sizeof request.hash);
    struct fetch *fetch;
    if (start(core, FETCH_DOCUMENT, &source, &request, &fetch) != 0) {
        return false;
    }
    memcpy(fetch->id, peer->id, sizeof fetch->id);
    memcpy(fetch->hash, peer->large->hash, sizeof fetch->hash);
    peer->large->is_fetched_now = true;
    return true;
}

/* Starts to fetch what is due, one stream being left for a table. */
static void fetch_documents(struct muster_core *core) {
    struct fetches *fetches = &core->fetches;
    size_t room = 0;
    for (size_t i = 0; i < MUSTER_FETCHES_MAX; i++) {
        room += fetches->items[i].stream == 0 ? 1 : 0;
    }
    room -= room > 0 && !is_table_under_way(fetches) ? 1 : 0;
    fetches->documents_ms = DEADLINE_NEVER;
    size_t left = core->table.large_count;
    for (struct peer *peer = core->table.by_id; peer != NULL && left > 0; peer = peer->hh.next) {
        if (peer->large == NULL) {
            continue;
        }
        left--;
        if (!is_wanted(peer)) {
            continue;
        }
        if (peer->large->due_ms <= core->now_ms && !has_room_for(core, peer)) {
            note_failure(core, peer); /* there may be room later */
            continue;
        }
        bool is_started = room > 0 && peer->large->due_ms <= core->now_ms && start_document(core, peer);
        room -= is_started ? 1 : 0;
        if (!is_started && room > 0) {
            uint64_t due_ms =
                peer->large->due_ms > core->now_ms ? peer->large->due_ms : core->now_ms + SPREAD_MS;
            fetches->documents_ms = deadline_earlier(fetches->documents_ms, due_ms);
        }
    }
}

void fetch_note_large(struct muster_core *core) {
    if (core->has_streams) {
        uint64_t due_ms = core->now_ms + random_ms(&core->random, SPREAD_MS);
        core->fetches.documents_ms = deadline_earlier(core->fetches.documents_ms, due_ms);
    }
}

/* True when these are the bytes that the peer's announce described. */
static bool is_announced(const struct peer *peer, const struct fetch *fetch, const struct reply *reply) {
    uint8_t hash[MUSTER_HASH_BYTES];
    message_hash_body(reply->body, reply->body_length, hash);
    return reply->body_length == peer->large->size && memcmp(hash, fetch->hash, sizeof hash) == 0 &&
           memcmp(hash, peer->large->hash, sizeof hash) == 0;
}

/* Takes a body into its row: false when it is not what was announced, or there is no memory. */
static bool take_document(struct muster_core *core, const struct fetch *fetch, const struct reply *reply) {
    struct peer *peer = peer_table_find(&core->table, fetch->id);
    struct message lists = {.kind = MESSAGE_ANNOUNCE};
    enum muster_drop reason;
    if (peer == NULL || peer->large == NULL || !has_room_for(core, peer) ||
        !is_announced(peer, fetch, reply) || outbox_reserve_events(&core->outbox, 1) != 0 ||
        !message_take_body(&lists, reply->body, reply->body_length, &reason)) {
        return false;
    }
    uint8_t *body = malloc(reply->body_length);
    if (body != NULL) {
        memcpy(body, reply->body, reply->body_length);
        peer_table_set_body(&core->table, peer, body, reply->body_length);
        core->admission.counters.documents++;
        telemetry_note_document(core, peer, &lists.document);
        peer_tell(&core->outbox, peer, MUSTER_PEER_CHANGED);
    }
    message_deinit(&lists);
    return body != NULL;
}

/* ---- samples ---- */

static struct fetch_source source_of(const struct peer *peer) {
    struct fetch_source source = {.endpoint = peer->address, .interface = peer->interface};
    source.endpoint.port = peer->stream;
    return source;
}

/* The patterns of a document's keeps, one after the other; NULL without memory. */
static char *copy_keeps(const struct muster_document *document) {
    size_t bytes = 1;
    for (size_t i = 0; i < document->keep_count; i++) {
        bytes += strlen(document->keeps[i]) + 1;
    }
    char *keeps = malloc(bytes);
    char *at = keeps;
    for (size_t i = 0; keeps != NULL && i < document->keep_count; i++) {
        size_t length = strlen(document->keeps[i]) + 1;
        memcpy(at, document->keeps[i], length);
        at += length;
    }
    return keeps;
}

int fetch_samples(struct muster_core *core, const struct peer *peer, const struct request *request,
                  const struct ask *ask, const struct muster_document *document) {
    struct fetch_source source = source_of(peer);
    struct fetch *fetch;
    char *keeps = copy_keeps(document);
    int error = keeps == NULL ? MUSTER_ENOMEM : start(core, FETCH_SAMPLES, &source, request, &fetch);
    if (error != 0) {
        free(keeps);
        return error;
    }
    core->fetches.samples++;
    fetch->ask = *ask;
    fetch->boot = peer->boot;
    fetch->keeps = keeps;
    fetch->keep_count = document->keep_count;
    return 0;
}

int fetch_follow(struct muster_core *core, const struct peer *peer, const struct request *request,
                 uint64_t *stream) {
    struct fetch_source source = source_of(peer);
    struct fetch *fetch;
    int error = start(core, FETCH_FOLLOW, &source, request, &fetch);
    *stream = error == 0 ? fetch->stream : 0;
    return error;
}

bool fetch_takes_samples(const struct muster_core *core) {
    return core->fetches.samples > 0;
}

void fetch_stop(struct muster_core *core, uint64_t stream) {
    for (size_t i = 0; i < FETCH_PLACES && stream != 0; i++) {
        struct fetch *fetch = &core->fetches.items[i];
        fetch->is_over = fetch->is_over || fetch->stream == stream;
    }
}

void fetch_forget(struct muster_core *core, uint64_t subscription) {
    for (size_t i = 0; i < FETCH_PLACES; i++) {
        struct fetch *fetch = &core->fetches.items[i];
        if (fetch->stream != 0 && fetch->kind == FETCH_SAMPLES) {
            fetch->ask.subscriptions &= ~subscription;
            fetch->is_over = fetch->is_over || fetch->ask.subscriptions == 0;
        }
    }
}

/* An answer that has an end ends. */
static bool take_sample(struct muster_core *core, struct fetch *fetch, const struct reply *reply) {
    if (fetch->kind == FETCH_FOLLOW) {
        return follow_take(core, fetch, &reply->sample);
    }
    return fetch->kind == FETCH_SAMPLES && fetch->count <= MUSTER_SAMPLES_MAX &&
           catchup_take(core, fetch, &reply->sample);
}

/* ---- how one ends ---- */

static void end_document(struct muster_core *core, const struct fetch *fetch) {
    struct peer *peer = peer_table_find(&core->table, fetch->id);
    if (peer == NULL || peer->large == NULL) {
        return;
    }
    peer->large->is_fetched_now = false;
    bool is_wanted_still = memcmp(fetch->hash, peer->large->hash, sizeof fetch->hash) == 0;
    if (peer_is_partial(peer) && is_wanted_still) {
        note_failure(core, peer);
    }
}

static void end_table(struct muster_core *core, bool is_good) {
    core->admission.counters.tables += is_good ? 1 : 0;
    if (!is_good && next_source(core) == NULL) {
        core->fetches.has_failed = true; /* then everybody is asked to answer */
    }
}

static void end(struct muster_core *core, struct fetch *fetch, bool is_good) {
    fetch->is_over = true;
    core->admission.counters.fetches_failed += is_good ? 0 : 1;
    switch (fetch->kind) {
    case FETCH_TABLE: end_table(core, is_good); break;
    case FETCH_DOCUMENT: end_document(core, fetch); break;
    case FETCH_SAMPLES: catchup_end(core, fetch, is_good); break;
    case FETCH_FOLLOW: follow_end(core, fetch); break;
    }
}

/* Who knows no such request, or lies, is not asked again. */
static void take_end(struct muster_core *core, struct fetch *fetch, const struct reply *reply) {
    bool is_final = reply->end == REQUEST_END_UNKNOWN || reply->end == REQUEST_END_INVALID;
    fetch->ask.tries = is_final ? MUSTER_ASK_TRIES : fetch->ask.tries;
    end(core, fetch, reply->end == REQUEST_END_DONE && reply->count == fetch->count - 1);
}

static bool take_part(struct muster_core *core, struct fetch *fetch, const struct reply *reply) {
    fetch->count++;
    switch (reply->kind) {
    case REPLY_PEER:
        if (fetch->kind == FETCH_TABLE) {
            take_row(core, fetch, reply);
        }
        return fetch->bad < MUSTER_FETCH_BAD_MAX && fetch->count <= MUSTER_PEERS_CLAIM_MAX;
    case REPLY_DOCUMENT: return fetch->kind == FETCH_DOCUMENT && take_document(core, fetch, reply);
    case REPLY_SAMPLE: return take_sample(core, fetch, reply);
    case REPLY_END: take_end(core, fetch, reply); return true;
    case REPLY_UNREADABLE: return true;
    case REPLY_STATS:
    case REPLY_SELF: break;
    }
    return false;
}

static void take_bytes(struct muster_core *core, struct fetch *fetch, const struct muster_stream *stream) {
    struct reply reply;
    int result = reply_reader_feed(&fetch->reader, stream->bytes, stream->length);
    fetch->moved_ms = core->now_ms;
    while (result == 0 && !fetch->is_over) {
        result = reply_reader_next(&fetch->reader, &reply);
        if (result == 1) {
            result = take_part(core, fetch, &reply) ? 0 : MUSTER_EINVAL;
        } else if (result == 0) {
            return;
        }
    }
    if (result != 0 && !fetch->is_over) {
        fetch->ask.tries = result == MUSTER_EINVAL ? MUSTER_ASK_TRIES : fetch->ask.tries;
        end(core, fetch, false);
    }
}

/* Its stream is free for the next one. */
static void hand_on(struct muster_core *core, struct fetch *fetch) {
    core->fetches.samples -= fetch->kind == FETCH_SAMPLES ? 1 : 0;
    release(fetch);
    take_table(core);
    catchup_tick(core);
    if (core->table.large_count > 0) {
        fetch_note_large(core);
    }
}

static struct fetch *find(struct fetches *fetches, uint64_t number) {
    for (size_t i = 0; i < FETCH_PLACES; i++) {
        if (fetches->items[i].stream == number) {
            return &fetches->items[i];
        }
    }
    return NULL;
}

void fetch_step(struct muster_core *core, const struct muster_stream *stream) {
    struct fetch *fetch = stream->number == 0 ? NULL : find(&core->fetches, stream->number);
    if (fetch == NULL) {
        return;
    }
    switch (stream->event) {
    case MUSTER_STREAM_OPENED:
        fetch->is_open = true;
        fetch->moved_ms = core->now_ms;
        break;
    case MUSTER_STREAM_BYTES:
        if (!fetch->is_over) {
            take_bytes(core, fetch, stream);
        }
        break;
    case MUSTER_STREAM_ENDED: /* before its end line: it broke */
        if (!fetch->is_over) {
            end(core, fetch, false);
        }
        break;
    case MUSTER_STREAM_CLOSED:
        if (!fetch->is_over) {
            end(core, fetch, false);
        }
        hand_on(core, fetch);
        break;
    case MUSTER_STREAM_ACCEPTED:
    case MUSTER_STREAM_DRAINED: break;
    }
}

/* ---- outputs and time ---- */

static bool give(struct muster_core *core, struct fetch *fetch, struct muster_output *output) {
    output->stream = fetch->stream;
    if (fetch->is_over) {
        output->kind = MUSTER_OUTPUT_STREAM_CLOSE;
        bool was_opened = !fetch->is_new;
        hand_on(core, fetch);
        return was_opened;
    }
    if (fetch->is_new) {
        fetch->is_new = false;
        output->kind = MUSTER_OUTPUT_STREAM_OPEN;
        output->endpoint = fetch->source.endpoint;
        output->interface = fetch->source.interface;
        return true;
    }
    if (fetch->is_open && !fetch->is_asked) {
        fetch->is_asked = true;
        output->kind = MUSTER_OUTPUT_STREAM_WRITE;
        output->bytes = (const uint8_t *)fetch->request;
        output->length = fetch->request_length;
        return true;
    }
    return false;
}

bool fetch_next(struct muster_core *core, struct muster_output *output) {
    for (size_t i = 0; i < FETCH_PLACES; i++) {
        if (core->fetches.items[i].stream != 0 && give(core, &core->fetches.items[i], output)) {
            return true;
        }
    }
    return false;
}

static uint64_t end_ms(const struct fetch *fetch) {
    if (fetch->kind == FETCH_FOLLOW && fetch->is_open) {
        return DEADLINE_NEVER; /* its publisher may have nothing to say */
    }
    return deadline_earlier(fetch->moved_ms + MUSTER_FETCH_IDLE_MS, fetch->began_ms + MUSTER_FETCH_TOTAL_MS);
}

void fetch_tick(struct muster_core *core) {
    for (size_t i = 0; i < FETCH_PLACES; i++) {
        struct fetch *fetch = &core->fetches.items[i];
        if (fetch->stream != 0 && !fetch->is_over && end_ms(fetch) <= core->now_ms) {
            end(core, fetch, false);
        }
    }
    if (core->fetches.documents_ms <= core->now_ms && core->has_streams) {
        fetch_documents(core);
    }
}

uint64_t fetch_deadline(const struct muster_core *core) {
    uint64_t deadline_ms = core->has_streams ? core->fetches.documents_ms : DEADLINE_NEVER;
    for (size_t i = 0; i < FETCH_PLACES; i++) {
        const struct fetch *fetch = &core->fetches.items[i];
        if (fetch->stream != 0 && !fetch->is_over) {
            deadline_ms = deadline_earlier(deadline_ms, end_ms(fetch));
        }
    }
    return deadline_ms;
}

/* A document that is fetched later than this look lasts is no reason to wait. */
bool fetch_is_busy(const struct muster_core *core) {
    bool is_busy = core->fetches.documents_ms <= core->now_ms + SPREAD_MS && core->has_streams;
    for (size_t i = 0; i < MUSTER_FETCHES_MAX; i++) {
        is_busy = is_busy || core->fetches.items[i].stream != 0;
    }
    return is_busy;
}
