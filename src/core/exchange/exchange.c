/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

#include <utlist.h>

#include "deadline.h"

void exchange_init(struct exchange *exchange, struct context *context, struct presence *presence,
                   struct telemetry *telemetry, const struct exchange_calls *calls,
                   const struct muster_core_options *options) {
    *exchange = (struct exchange){.context = context,
                                  .presence = presence,
                                  .telemetry = telemetry,
                                  .calls = *calls,
                                  .version = options->version == NULL ? "" : options->version,
                                  .without_retained = options->without_retained,
                                  .documents_due_ms = DEADLINE_NEVER};
    strncpy(exchange->network, options->network == NULL ? "" : options->network,
            sizeof exchange->network - 1);
}

static bool is_figure_name(const char *name) {
    const size_t length = strlen(name);
    return length >= 1 && length <= MUSTER_NAME_BYTES_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

int exchange_set_figures(struct exchange *exchange, const struct muster_figure *figures, size_t count) {
    bool is_valid = count <= MUSTER_FIGURES_MAX;
    for (size_t i = 0; is_valid && i < count; i++) {
        is_valid = is_figure_name(figures[i].name);
    }
    if (!is_valid) {
        return MUSTER_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        strcpy(exchange->figure_names[i], figures[i].name);
        exchange->figures[i] = (struct muster_figure){exchange->figure_names[i], figures[i].value};
    }
    exchange->figure_count = count;
    return 0;
}

void exchange_deinit(struct exchange *exchange) {
    server_deinit(exchange);
    fetches_deinit(&exchange->fetches);
    backlog_deinit(&exchange->backlog);
    joins_deinit(&exchange->joins);
    parts_deinit(&exchange->parts);
    values_deinit(&exchange->values);
    catchup_deinit(&exchange->catchup);
}

/* ---- answers of others ---- */

static void end_fetch(struct exchange *exchange, struct fetch *fetch, bool is_good) {
    fetch->is_over = true;
    exchange->context->counters.fetches_failed += is_good ? 0 : 1;
    switch (fetch->kind) {
    case FETCH_TABLE: tables_end(exchange, is_good); break;
    case FETCH_DOCUMENT: documents_end(exchange, fetch->id, fetch->hash); break;
    case FETCH_SAMPLES: catchup_end(exchange, fetch, is_good); break;
    case FETCH_FOLLOW: follow_end(exchange, fetch); break;
    case FETCH_VALUE: values_end(exchange, fetch); break;
    }
}

static bool take_body(struct exchange *exchange, const uint8_t id[MUSTER_ID_BYTES], const uint8_t *body,
                      size_t length) {
    struct peer *peer = documents_take(exchange, id, body, length);
    if (peer != NULL) {
        groups_record_topics(exchange->telemetry, peer);
        catchup_record_topics(exchange, peer);
    }
    return peer != NULL;
}

/* The announce may describe another body by now. */
static bool take_document(struct exchange *exchange, const struct fetch *fetch, const struct reply *reply) {
    uint8_t hash[MUSTER_HASH_BYTES];
    message_hash_body(reply->body, reply->body_length, hash);
    return fetch->kind == FETCH_DOCUMENT && memcmp(hash, fetch->hash, sizeof hash) == 0 &&
           take_body(exchange, fetch->id, reply->body, reply->body_length);
}

static bool take_sample(struct exchange *exchange, struct fetch *fetch, const struct reply *reply) {
    if (fetch->kind == FETCH_FOLLOW) {
        return follow_take(exchange, fetch, &reply->sample);
    }
    return fetch->kind == FETCH_SAMPLES && fetch->count <= MUSTER_SAMPLES_MAX &&
           catchup_take(exchange, fetch, &reply->sample);
}

/* Who knows no such request, or lies, is not asked again. */
static void take_end(struct exchange *exchange, struct fetch *fetch, const struct reply *reply) {
    bool is_final = reply->end == REQUEST_END_UNKNOWN || reply->end == REQUEST_END_INVALID;
    fetch->ask.tries = is_final ? MUSTER_ASK_TRIES : fetch->ask.tries;
    fetch->end = reply->end;
    end_fetch(exchange, fetch, reply->end == REQUEST_END_DONE && reply->count == fetch->count - 1);
}

/* False when a part is no answer to what was asked. */
static bool take_part(struct exchange *exchange, struct fetch *fetch, const struct reply *reply) {
    switch (reply->kind) {
    case REPLY_PEER: return fetch->kind != FETCH_TABLE || tables_take_row(exchange, fetch, reply);
    case REPLY_DOCUMENT:
        return (fetch->kind == FETCH_DOCUMENT && take_document(exchange, fetch, reply)) ||
               (fetch->kind == FETCH_VALUE && values_take(exchange, fetch, reply));
    case REPLY_SAMPLE: return take_sample(exchange, fetch, reply);
    case REPLY_END: take_end(exchange, fetch, reply); return true;
    case REPLY_UNREADABLE: return true;
    case REPLY_STATS:
    case REPLY_SELF: break;
    }
    return false;
}

static void take_bytes(struct exchange *exchange, struct fetch *fetch, const struct muster_stream *stream) {
    struct reply reply;
    int result = reply_reader_feed(&fetch->reader, stream->bytes, stream->length);
    fetch->moved_ms = exchange->context->now_ms;
    while (result >= 0 && !fetch->is_over && (result = reply_reader_next(&fetch->reader, &reply)) == 1) {
        fetch->count++;
        result = take_part(exchange, fetch, &reply) ? 1 : MUSTER_EINVAL;
    }
    if (result < 0 && !fetch->is_over) {
        fetch->ask.tries = result == MUSTER_EINVAL ? MUSTER_ASK_TRIES : fetch->ask.tries;
        end_fetch(exchange, fetch, false);
    }
}

/* Its place is free for the next one. */
static void release_fetch(struct exchange *exchange, struct fetch *fetch) {
    fetch_release(&exchange->fetches, fetch);
    tables_tick(exchange);
    catchup_tick(exchange);
    values_tick(exchange);
    documents_want(exchange);
}

static void step_fetch(struct exchange *exchange, struct fetch *fetch, const struct muster_stream *stream) {
    bool is_end = stream->event == MUSTER_STREAM_ENDED || stream->event == MUSTER_STREAM_CLOSED;
    if (is_end && !fetch->is_over) { /* before its end line: it broke */
        end_fetch(exchange, fetch, false);
    }
    switch (stream->event) {
    case MUSTER_STREAM_OPENED:
        fetch->is_open = true;
        fetch->moved_ms = exchange->context->now_ms;
        break;
    case MUSTER_STREAM_BYTES:
        if (!fetch->is_over) {
            take_bytes(exchange, fetch, stream);
        }
        break;
    case MUSTER_STREAM_CLOSED: release_fetch(exchange, fetch); break;
    case MUSTER_STREAM_ENDED:
    case MUSTER_STREAM_ACCEPTED:
    case MUSTER_STREAM_DRAINED: break;
    }
}

int exchange_step(struct exchange *exchange, const struct muster_stream *stream) {
    if (stream->number % 2 != 0) {
        return server_step(exchange, stream);
    }
    struct fetch *fetch = fetch_find(&exchange->fetches, stream->number);
    if (fetch != NULL) {
        step_fetch(exchange, fetch, stream);
    }
    return 0;
}

/* ---- a body in parts ---- */

static void end_parts(struct exchange *exchange, bool is_good) {
    const struct awaited_part awaited = exchange->presence->awaited_part;
    exchange->context->counters.fetches_failed += is_good ? 0 : 1;
    parts_end(exchange);
    documents_end(exchange, awaited.id, awaited.hash);
    documents_want(exchange);
}

static void step_parts(struct exchange *exchange, enum parts_result result) {
    const struct parts *parts = &exchange->parts;
    switch (result) {
    case PARTS_GO_ON: break;
    case PARTS_COMPLETE:
        end_parts(exchange,
                  take_body(exchange, exchange->presence->awaited_part.id, parts->bytes, parts->size));
        break;
    case PARTS_FAILED: end_parts(exchange, false); break;
    }
}

/* ---- what the engines below note ---- */

void exchange_take_note(struct exchange *exchange, const struct merge_note *note,
                        const struct message *message, const struct muster_datagram *datagram) {
    if (note->wants_body) {
        documents_want(exchange);
    }
    if (note->is_part) {
        step_parts(exchange, parts_take(exchange, message));
    }
    if (note->heard != NULL && message->kind == MESSAGE_ANNOUNCE && note->heard->large == NULL) {
        catchup_record_topics(exchange, note->heard);
    }
    if (note->heard != NULL) {
        catchup_record_heard(exchange, note->heard);
    }
    if (note->is_answer && message->seq == 0) { /* what the group hears is no offer */
        tables_record_answer(exchange, message, datagram);
    }
}

void exchange_unsubscribe(struct exchange *exchange, uint64_t subscription) {
    catchup_unsubscribe(exchange, subscription);
    backlog_forget(&exchange->backlog, subscription);
    join_forget(exchange, subscription);
    values_forget(exchange, subscription);
}

void exchange_record_live(struct exchange *exchange, const struct muster_arrival *arrival) {
    bool is_live = arrival->kind == MUSTER_ARRIVAL_SAMPLE && arrival->sample.kind != MUSTER_SAMPLE_LAST;
    uint64_t audience = arrival->subscriptions & exchange->telemetry->subscriptions.lasting;
    if (is_live && audience != 0 && catchup_is_busy(exchange)) {
        backlog_record_live(exchange, &arrival->sample, audience);
    }
}

/* A document that is fetched later than a look lasts is no reason to wait. */
struct query_tables exchange_query_tables(const struct exchange *exchange) {
    const struct fetches *fetches = &exchange->fetches;
    const struct tables *tables = &exchange->tables;
    uint64_t documents_ms = exchange->documents_due_ms;
    bool is_busy = fetches->counts[FETCH_TABLE] + fetches->counts[FETCH_DOCUMENT] > 0 ||
                   parts_are_asked_for(&exchange->parts);
    return (struct query_tables){.has_begun = tables->has_begun,
                                 .has_failed = tables->has_failed,
                                 .is_under_way = fetch_has_table(fetches),
                                 .busy_from_ms = is_busy || documents_ms < DOCUMENTS_SPREAD_MS ? 0
                                                 : documents_ms == DEADLINE_NEVER
                                                     ? DEADLINE_NEVER
                                                     : documents_ms - DOCUMENTS_SPREAD_MS};
}

/* ---- time and outputs ---- */

void exchange_tick(struct exchange *exchange) {
    struct fetch *fetch;
    tables_set_round(&exchange->tables, exchange->presence->query.round);
    DL_FOREACH(exchange->fetches.items, fetch) {
        if (fetch_end_ms(fetch) <= exchange->context->now_ms) {
            end_fetch(exchange, fetch, false);
        }
    }
    step_parts(exchange, parts_tick(exchange));
    documents_tick(exchange);
    server_tick(exchange);
    follow_tick(exchange);
    catchup_tick(exchange);
    values_tick(exchange);
}

static bool next_of_fetches(struct exchange *exchange, struct muster_output *output) {
    struct fetch *fetch;
    while ((fetch = fetch_first_waiting(&exchange->fetches)) != NULL) {
        bool is_given = fetch_next_output(fetch, output);
        if (fetch->is_over) { /* what waits for its place may begin, and is looked at next */
            release_fetch(exchange, fetch);
        }
        if (is_given) {
            return true;
        }
    }
    return false;
}

bool exchange_next(struct exchange *exchange, struct muster_output *output) {
    return server_next(exchange, output) || next_of_fetches(exchange, output);
}

uint64_t exchange_deadline(const struct exchange *exchange) {
    uint64_t deadline_ms = deadline_earlier(fetch_deadline(&exchange->fetches), exchange->documents_due_ms);
    deadline_ms = deadline_earlier(deadline_ms, parts_deadline(&exchange->parts));
    return deadline_earlier(deadline_ms, server_deadline(exchange));
}

uint64_t exchange_samples_deadline(const struct exchange *exchange) {
    const uint64_t waiting_ms = deadline_earlier(join_deadline(exchange), values_deadline(exchange));
    return deadline_earlier(waiting_ms,
                            deadline_earlier(follow_deadline(exchange), catchup_deadline(exchange)));
}
