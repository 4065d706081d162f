/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "deflater.h"
#include "exchange.h"
#include "reply.h"
#include "samples.h"
#include "view.h"

void connection_finish(struct connection *connection, enum request_end end, const char *member) {
    /* Without memory for the end line the connection ends without it, which says the same. */
    if (reply_write_end(&connection->out, end, connection->count, member) != 0) {
        connection->state = CONNECTION_CLOSING;
        return;
    }
    connection->state = CONNECTION_IDLE;
}

void connection_close_with(struct connection *connection, enum request_end end) {
    connection_finish(connection, end, NULL);
    connection->state = CONNECTION_CLOSING;
}

void connection_cut(struct exchange *exchange, struct connection *connection) {
    exchange->context->counters.streams_cut++;
    buffer_deinit(&connection->out);
    buffer_deinit(&connection->in_flight);
    connection->state = CONNECTION_CLOSING;
}

/* ---- rows ---- */

static bool is_on_interface(const struct peer *peer, uint32_t interface) {
    for (unsigned i = 0; i < peer->tuple_count; i++) {
        if (peer->tuples[i].interface == interface) {
            return true;
        }
    }
    return peer->interface == interface;
}

/* Another host is told of who lives on the link that it shares with us, and whom we heard ourselves. */
static bool may_see(const struct connection *connection, const struct peer *peer) {
    return connection->is_local ||
           (peer_is_present(peer) && !peer->is_provisional && is_on_interface(peer, connection->interface));
}

static struct reply_lines lines_of(const struct connection *connection, const struct peer *peer) {
    struct reply_lines lines = {.announce = peer->announce, .announce_length = peer->announce_length};
    if (connection->is_local && peer->large != NULL && peer->large->body != NULL) {
        lines.body = peer->large->body;
        lines.body_length = peer->large->body_length;
    }
    return lines;
}

static int say_peer(struct connection *connection, const char *event, const struct muster_peer *view,
                    const struct reply_lines *lines) {
    enum reply_row row = connection->is_local      ? REPLY_ROW_WITH_EVIDENCE
                         : connection->may_shorten ? REPLY_ROW_SHORT
                                                   : REPLY_ROW_WHOLE;
    int error = reply_write_peer(&connection->out, event, view, lines, row);
    connection->count += error == 0 ? 1 : 0;
    return error;
}

static int say_row(const struct exchange *exchange, struct connection *connection, const char *event,
                   const struct peer *peer) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct muster_peer view;
    struct reply_lines lines = lines_of(connection, peer);
    view_measure(exchange->presence, peer, tuples, &view);
    if (!connection->is_local && view.other_address.family == connection->remote.family) {
        view.address = view.other_address; /* who asks by one family may have no other */
    }
    return say_peer(connection, event, &view, &lines);
}

static char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool is_wanted(const struct connection *connection, const char *name) {
    size_t i = 0;
    while (name[i] != '\0' && lower(name[i]) == lower(connection->name[i])) {
        i++;
    }
    return connection->name[0] == '\0' || name[i] == connection->name[i];
}

/* Says a row if its name is the one that was asked for. */
static int say_wanted_row(const struct exchange *exchange, struct connection *connection, const char *event,
                          const struct peer *peer) {
    if (connection->name[0] == '\0') {
        return say_row(exchange, connection, event, peer);
    }
    struct message message;
    enum muster_drop reason;
    /* What is stored was decoded once: nothing can be wrong with it but a lack of memory. */
    if (!message_decode(peer->announce, peer->announce_length, &message, &reason)) {
        return MUSTER_ENOMEM;
    }
    bool is_said = is_wanted(connection, message.document.name);
    message_deinit(&message);
    return is_said ? say_row(exchange, connection, event, peer) : 0;
}

/* One's own row goes first, and only to programs of this machine: others hear it from us anyway. */
static int say_own_row(struct exchange *exchange, struct connection *connection, const char *event) {
    struct view_own own;
    if (!connection->is_local || connection->count > 0 ||
        !is_wanted(connection, announcer_announce(exchange->presence).document.name)) {
        return 0;
    }
    int error = view_own(exchange->presence, &own);
    return error != 0 ? error : say_peer(connection, event, &own.peer, &own.lines);
}

/* The next row to say. Rows are only searched from the first one on when one was removed meanwhile: else a
 * table of n rows would cost n * n steps. */
static const struct peer *next_row(const struct peer_table *table, const struct connection *connection) {
    return connection->last != NULL && connection->removed == table->removed
               ? connection->last->hh.next
               : peer_table_after(table, connection->cursor);
}

/* Rows, until there are enough of them for now. */
static int list_rows(struct exchange *exchange, struct connection *connection) {
    const char *event = connection->kind == REQUEST_WATCH ? muster_peer_event_name(MUSTER_PEER_JOINED) : NULL;
    int error = say_own_row(exchange, connection, event);
    const struct peer *peer = next_row(&exchange->presence->table, connection);
    for (; peer != NULL && error == 0 && !connection_has_said_enough(connection); peer = peer->hh.next) {
        error = may_see(connection, peer) ? say_wanted_row(exchange, connection, event, peer) : 0;
        connection->cursor = peer->number;
        connection->last = peer;
    }
    connection->removed = exchange->presence->table.removed;
    connection->is_listed = peer == NULL;
    return error;
}

/* A value that is kept no longer breaks off: who asked finds out when it asks again. */
static int list_value(struct exchange *exchange, struct connection *connection) {
    const struct own_value *value =
        own_values_find(&exchange->telemetry->publisher.values, connection->value_hash);
    if (value == NULL) {
        return MUSTER_ENOTFOUND;
    }
    size_t left = value->length - connection->value_said;
    size_t length = left < MUSTER_STREAM_CHUNK_BYTES ? left : MUSTER_STREAM_CHUNK_BYTES;
    int error = buffer_append(&connection->out, value->line + connection->value_said, length);
    connection->value_said += error == 0 ? length : 0;
    connection->is_listed = connection->value_said == value->length;
    return error;
}

bool connection_is_giving_value(const struct connection *connection) {
    return connection->gives_value && (connection->state == CONNECTION_ANSWERING ||
                                       connection->out.length > 0 || connection->in_flight.length > 0);
}

static int list_more(struct exchange *exchange, struct connection *connection) {
    switch (connection->kind) {
    case REQUEST_SAMPLES: return samples_list(exchange, connection);
    case REQUEST_DOCUMENT: return list_value(exchange, connection);
    default: return list_rows(exchange, connection);
    }
}

void connection_list(struct exchange *exchange, struct connection *connection) {
    int error = list_more(exchange, connection);
    if (error == MUSTER_ENOTFOUND) {
        connection_cut(exchange, connection);
    } else if (error != 0) {
        connection_close_with(connection, REQUEST_END_MEMORY); /* a watch would miss what was not said */
    } else if (connection->is_listed && !connection_is_watching(connection)) {
        exchange->context->counters.requests++;
        connection_finish(connection, REQUEST_END_DONE, NULL);
    }
}

static enum request_end end_of(int error) {
    switch (error) {
    case 0: return REQUEST_END_DONE;
    case MUSTER_ENOMEM: return REQUEST_END_MEMORY;
    case MUSTER_ENOTFOUND: return REQUEST_END_NOT_FOUND;
    case MUSTER_ETOOBIG: return REQUEST_END_TOO_BIG;
    case MUSTER_ECLOSING: return REQUEST_END_LEAVING;
    case MUSTER_EFULL:
    case MUSTER_EAGAIN: return REQUEST_END_FULL;
    default: return REQUEST_END_INVALID;
    }
}

static int say_self(struct exchange *exchange, struct connection *connection) {
    struct view_own own;
    int error = view_own(exchange->presence, &own);
    struct muster_feed *feeds = error == 0 ? calloc(MUSTER_FEEDS_SHOWN_MAX, sizeof *feeds) : NULL;
    if (feeds == NULL) {
        return error == 0 ? MUSTER_ENOMEM : error;
    }
    size_t feed_count = feed_table_list(&exchange->telemetry->feeds, feeds, MUSTER_FEEDS_SHOWN_MAX);
    struct muster_self self = {.peer = own.peer,
                               .version = exchange->version,
                               .key_id = exchange->context->key_id,
                               .port = exchange->context->port,
                               .interval_ms = announcer_interval_ms(exchange->presence),
                               .peers = peer_table_present(&exchange->presence->table),
                               .paths = exchange->context->paths.items,
                               .path_count = exchange->context->paths.count,
                               .sockets = exchange->server.sockets,
                               .socket_count = exchange->server.socket_count,
                               .counters = exchange->context->counters,
                               .sender = exchange->telemetry->sender.counters,
                               .feeds = feeds,
                               .feed_count =
                                   feed_count < MUSTER_FEEDS_SHOWN_MAX ? feed_count : MUSTER_FEEDS_SHOWN_MAX,
                               .feeds_known = feed_count,
                               .figures = exchange->figures,
                               .figure_count = exchange->figure_count};
    error = reply_write_self(&connection->out, &self, &own.lines);
    free(feeds);
    return error;
}

static bool is_own_value(const struct exchange *exchange, const struct request *request) {
    return memcmp(request->id, exchange->context->identity.id, MUSTER_ID_BYTES) == 0 &&
           own_values_find(&exchange->telemetry->publisher.values, request->hash) != NULL;
}

/* It is said piece by piece, as it is taken. */
static int begin_value(struct connection *connection, const struct request *request) {
    int error = reply_write_value_head(&connection->out, request->id, request->hash);
    if (error == 0) {
        memcpy(connection->value_hash, request->hash, sizeof connection->value_hash);
        connection->value_said = 0;
        connection->gives_value = true;
        connection->count = 1;
        connection->is_listed = false;
        connection->state = CONNECTION_ANSWERING;
    }
    return error;
}

/* Bodies are asked for by hash: whoever has the bytes may give them. */
static int say_document(const struct exchange *exchange, struct connection *connection,
                        const struct request *request) {
    const struct announcement *own = &exchange->presence->own.announcement;
    const struct peer *peer = peer_table_find(&exchange->presence->table, request->id);
    struct reply_lines lines = {0};
    if (memcmp(request->id, exchange->context->identity.id, MUSTER_ID_BYTES) == 0) {
        lines.body = own->body;
        lines.body_length = own->message.size;
    } else if (peer != NULL && peer->large != NULL) {
        lines.body = peer->large->body;
        lines.body_length = peer->large->body_length;
    }
    uint8_t hash[MUSTER_HASH_BYTES];
    if (lines.body != NULL) {
        message_hash_body(lines.body, lines.body_length, hash);
    }
    return lines.body != NULL && memcmp(hash, request->hash, sizeof hash) == 0
               ? reply_write_document(&connection->out, request->id, &lines)
               : MUSTER_ENOTFOUND;
}

/* ---- answers ---- */

/* Begins an answer of many parts. */
static void begin_list(struct exchange *exchange, struct connection *connection,
                       const struct request *request) {
    if (request->kind == REQUEST_SAMPLES && samples_begin(exchange, connection, request) != 0) {
        connection_finish(connection, REQUEST_END_MEMORY, NULL);
        return;
    }
    snprintf(connection->name, sizeof connection->name, "%s", request->name != NULL ? request->name : "");
    connection->state = CONNECTION_ANSWERING;
    connection->is_listed = false;
    connection->cursor = 0;
    connection->last = NULL;
}

void connection_answer(struct exchange *exchange, struct connection *connection,
                       const struct request *request) {
    struct context *context = exchange->context;
    int error = 0;
    connection->kind = request->kind;
    connection->may_shorten = request->deflates;
    connection->may_deflate = request->deflates;
    connection->gives_value = false;
    switch (request->kind) {
    case REQUEST_DOCUMENT:
        if (is_own_value(exchange, request)) {
            error = begin_value(connection, request);
            if (error == 0) {
                return;
            }
            break;
        }
        error = say_document(exchange, connection, request);
        break;
    case REQUEST_STATS: error = reply_write_stats(&connection->out, &context->counters); break;
    case REQUEST_SELF: error = say_self(exchange, connection); break;
    case REQUEST_UPDATE:
        error = presence_is_leaving(exchange->presence)
                    ? MUSTER_ECLOSING
                    : own_document_change(exchange->presence, &request->change);
        break;
    case REQUEST_PUBLISH:
        error = exchange->calls.publish(exchange->calls.owner, request->topic, &request->record,
                                        request->retains);
        break;
    case REQUEST_TABLE:
    case REQUEST_WATCH:
    case REQUEST_SAMPLES: begin_list(exchange, connection, request); return;
    }
    bool has_parts = request->kind != REQUEST_UPDATE && request->kind != REQUEST_PUBLISH;
    connection->count = error == 0 && has_parts ? 1 : 0;
    context->counters.requests += error == 0 ? 1 : 0;
    connection_finish(connection, end_of(error), NULL);
}

/* ---- writing ---- */

/* A program of this machine saves nothing by it. An answer without an end would hold its memory for good. */
static bool deflates(const struct exchange *exchange, const struct connection *connection) {
    bool is_long =
        connection->state == CONNECTION_ANSWERING || connection->out.length >= MUSTER_DEFLATE_BYTES_MIN;
    return connection->may_deflate && is_long && !connection->is_local &&
           !connection_is_watching(connection) && exchange->server.deflater_count < MUSTER_DEFLATERS_MAX;
}

/* Where there is no memory for it the answer is said in clear. */
static int begin_deflating(struct exchange *exchange, struct connection *connection) {
    if (!deflates(exchange, connection) || (connection->deflater = deflater_new()) == NULL) {
        return 0;
    }
    exchange->server.deflater_count++;
    return reply_write_deflate(&connection->in_flight);
}

void connection_end_deflating(struct exchange *exchange, struct connection *connection) {
    exchange->server.deflater_count -= connection->deflater != NULL ? 1 : 0;
    deflater_free(connection->deflater);
    connection->deflater = NULL;
}

static int deflate_out(struct exchange *exchange, struct connection *connection) {
    bool is_last = connection->state != CONNECTION_ANSWERING;
    int error = deflater_write(connection->deflater, connection->out.bytes, connection->out.length, is_last,
                               &connection->in_flight);
    connection->out.length = 0;
    if (is_last) {
        connection_end_deflating(exchange, connection);
    }
    return error;
}

bool connection_hand_over(struct exchange *exchange, struct connection *connection) {
    connection->bytes += connection->out.length;
    int error = begin_deflating(exchange, connection);
    connection->may_deflate = false;
    if (connection->deflater == NULL) {
        const struct buffer spare = connection->in_flight;
        connection->in_flight = connection->out;
        connection->out = spare;
    } else if (error != 0 || deflate_out(exchange, connection) != 0) {
        connection_cut(exchange, connection);
        return false;
    }
    return true;
}

/* ---- watching ---- */

bool connection_is_watching(const struct connection *connection) {
    bool has_no_end =
        connection->kind == REQUEST_WATCH || (connection->kind == REQUEST_SAMPLES && connection->follows);
    return connection->state == CONNECTION_ANSWERING && has_no_end;
}

static bool is_following(const struct connection *connection) {
    return connection_is_watching(connection) && connection->kind == REQUEST_SAMPLES;
}

static bool is_meant(const struct connection *connection, const struct outbox_event *event) {
    return connection->is_local
               ? event->audience != OUTBOX_OTHERS
               : event->audience != OUTBOX_PROGRAMS && is_on_interface(event->peer, connection->interface);
}

/* Rows that are not listed yet will be, as they are then. */
static bool is_known(const struct connection *connection, const struct peer *peer) {
    return connection->is_listed || peer->number <= connection->cursor;
}

void connection_write_event(struct exchange *exchange, struct connection *connection,
                            const struct outbox_event *event) {
    if (!connection_is_watching(connection) || is_following(connection) ||
        !is_known(connection, event->peer) || !is_meant(connection, event)) {
        return;
    }
    if (connection->out.length > MUSTER_STREAM_QUEUE_BYTES_MAX ||
        say_row(exchange, connection, muster_peer_event_name(event->event), event->peer) != 0) {
        connection_cut(exchange, connection);
    }
}

void connection_write_sent(struct exchange *exchange, struct connection *connection) {
    if (is_following(connection) && connection->is_listed && samples_follow(exchange, connection) != 0) {
        connection_cut(exchange, connection);
    }
}
