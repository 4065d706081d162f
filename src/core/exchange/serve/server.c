/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "deadline.h"
#include "endpoint.h"
#include "exchange.h"
#include "request.h"
#include "samples.h"

/* ---- connections ---- */

static void drop(struct exchange *exchange, struct connection *connection) {
    DL_DELETE(exchange->server.connections, connection);
    connection_end_deflating(exchange, connection);
    buffer_deinit(&connection->in);
    buffer_deinit(&connection->out);
    buffer_deinit(&connection->in_flight);
    samples_free(connection->samples);
    free(connection);
}

void server_deinit(struct exchange *exchange) {
    struct server *server = &exchange->server;
    while (server->connections != NULL) {
        drop(exchange, server->connections);
    }
    free(server->sockets);
    server->sockets = NULL;
}

int server_set_sockets(struct server *server, const struct muster_socket *sockets, size_t count) {
    if (count > MUSTER_SOCKETS_MAX) {
        return MUSTER_EFULL;
    }
    struct muster_socket *copies = calloc(count + 1, sizeof *copies);
    if (copies == NULL) {
        return MUSTER_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        copies[i] = sockets[i];
    }
    free(server->sockets);
    server->sockets = copies;
    server->socket_count = count;
    return 0;
}

/* Programs of this machine and other hosts have places of their own. Of the programs, strangers may take
 * some, and of the hosts each address. */
static bool has_room(const struct server *server, const struct muster_stream *stream) {
    size_t count = 0;
    size_t strangers = 0;
    size_t of_address = 0;
    const struct connection *connection;
    DL_FOREACH(server->connections, connection) {
        count += connection->is_local == stream->is_local ? 1 : 0;
        strangers += connection->is_local && !connection->may_change ? 1 : 0;
        of_address +=
            !connection->is_local && endpoint_is_same_host(&connection->remote, &stream->remote) ? 1 : 0;
    }
    return stream->is_local ? count < MUSTER_STREAMS_LOCAL_MAX &&
                                  (stream->may_change || strangers < MUSTER_STREAMS_STRANGERS_MAX)
                            : count < MUSTER_STREAMS_MAX && of_address < MUSTER_STREAMS_PER_ADDRESS;
}

/* Whoever finds no room is told so. Who announces nothing has nothing to be asked. */
static int accept_stream(struct exchange *exchange, const struct muster_stream *stream) {
    struct server *server = &exchange->server;
    struct context *context = exchange->context;
    bool is_refused = !has_room(server, stream);
    struct connection *connection = context->is_observer ? NULL : malloc(sizeof *connection);
    if (connection == NULL) {
        return context->is_observer ? MUSTER_EINVAL : MUSTER_ENOMEM;
    }
    *connection = (struct connection){.number = stream->number,
                                      .remote = stream->remote,
                                      .interface = stream->interface,
                                      .is_local = stream->is_local,
                                      .may_change = stream->may_change,
                                      .began_ms = context->now_ms,
                                      .moved_ms = context->now_ms};
    DL_APPEND(server->connections, connection);
    context->counters.streams_accepted++;
    if (is_refused) {
        context->counters.streams_refused++;
        connection_close_with(connection, REQUEST_END_BUSY);
    }
    return 0;
}

/* ---- requests ---- */

/* True when each of these names is among the others. */
static bool are_among(const char *const *names, size_t count, const char *const *others, size_t other_count) {
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < other_count && strcmp(names[i], others[at]) != 0) {
            at++;
        }
        if (at == other_count) {
            return false;
        }
    }
    return true;
}

/* What is not known is no other one. */
static bool is_other_network(const struct exchange *exchange, const struct request *request) {
    return request->network != NULL && exchange->network[0] != '\0' &&
           strcmp(request->network, exchange->network) != 0;
}

/* The asker may want a muster on certain interfaces: on all of them, and on no other. */
static bool is_here(const struct exchange *exchange, const struct request *request) {
    const struct paths *paths = &exchange->context->paths;
    const char *names[MUSTER_PATHS_MAX];
    for (size_t i = 0; i < paths->count; i++) {
        names[i] = paths->items[i].name;
    }
    bool is_on_them = request->interfaces == NULL ||
                      (are_among(request->interfaces, request->interface_count, names, paths->count) &&
                       are_among(names, paths->count, request->interfaces, request->interface_count));
    return is_on_them && !is_other_network(exchange, request) &&
           (request->port == 0 || request->port == exchange->context->port);
}

/* Watchers have no end of their own: those of other hosts leave places for who only asks. */
static bool may_watch(const struct server *server, const struct connection *connection) {
    size_t watchers = 0;
    const struct connection *other;
    DL_FOREACH(server->connections, other) {
        watchers += !other->is_local && connection_is_watching(other) ? 1 : 0;
    }
    return connection->is_local || watchers < MUSTER_STREAMS_WATCHERS_MAX;
}

/* Why it is not answered; DONE when it is. */
static enum request_end refusal_of(const struct exchange *exchange, const struct connection *connection,
                                   const struct request *request) {
    if (!is_here(exchange, request) || (request->retains && exchange->without_retained)) {
        return REQUEST_END_ELSEWHERE;
    }
    bool is_change = request->kind == REQUEST_UPDATE || request->kind == REQUEST_PUBLISH;
    if (is_change && !connection->may_change) {
        return REQUEST_END_FORBIDDEN;
    }
    bool stays = request->kind == REQUEST_WATCH || request->follows;
    return stays && !may_watch(&exchange->server, connection) ? REQUEST_END_BUSY : REQUEST_END_DONE;
}

static size_t request_bytes_max(const struct connection *connection) {
    return !connection->is_local    ? MUSTER_REQUEST_BYTES_MAX
           : connection->may_change ? MUSTER_REQUEST_OWN_BYTES_MAX
                                    : MUSTER_REQUEST_LOCAL_BYTES_MAX;
}

static void take_line(struct exchange *exchange, struct connection *connection, size_t length) {
    struct request request;
    const char *member;
    enum request_end end = request_decode((const char *)connection->in.bytes, length, &request, &member);
    buffer_drop(&connection->in, length + 1);
    connection->moved_ms = exchange->context->now_ms;
    connection->count = 0;
    if (end == REQUEST_END_SYNTAX) {
        exchange->context->counters.streams_cut++;
        connection_close_with(connection, end);
        return;
    }
    end = end == REQUEST_END_DONE ? refusal_of(exchange, connection, &request) : end;
    if (end == REQUEST_END_DONE) {
        connection_answer(exchange, connection, &request);
    } else {
        connection_finish(connection, end, member);
    }
    request_deinit(&request);
}

/* Takes the next request up when the last one was answered and that was taken. */
static void take_requests(struct exchange *exchange, struct connection *connection) {
    while (connection->state == CONNECTION_IDLE && connection->out.length == 0 &&
           connection->in_flight.length == 0) {
        size_t length = connection->in.length;
        const uint8_t *end = length == 0 ? NULL : memchr(connection->in.bytes, '\n', length);
        size_t line_length = end == NULL ? length : (size_t)(end - connection->in.bytes);
        if (line_length > request_bytes_max(connection)) {
            exchange->context->counters.streams_cut++;
            connection_close_with(connection, REQUEST_END_TOO_LONG);
        } else if (end != NULL) {
            take_line(exchange, connection, line_length);
        } else {
            connection->state = connection->has_ended ? CONNECTION_CLOSING : CONNECTION_IDLE;
            return;
        }
    }
}

static void take_bytes(struct exchange *exchange, struct connection *connection,
                       const struct muster_stream *stream) {
    if (connection->state == CONNECTION_CLOSING) {
        return;
    }
    /* Two requests may wait, not more: who asks without listening is cut off. */
    bool is_flood = connection->in.length > 2 * request_bytes_max(connection);
    if (is_flood || buffer_append(&connection->in, stream->bytes, stream->length) != 0) {
        connection_cut(exchange, connection);
    }
}

/* Another host that has closed its connection can't be told from one that only asks nothing more: so that its
 * place is free, a watch ends with either. A program of this machine that is gone shows at once. */
static void end_requests(struct connection *connection) {
    connection->has_ended = true;
    if (!connection->is_local && connection_is_watching(connection)) {
        connection->state = CONNECTION_CLOSING;
    }
}

int server_step(struct exchange *exchange, const struct muster_stream *stream) {
    if (stream->event == MUSTER_STREAM_ACCEPTED) {
        return accept_stream(exchange, stream);
    }
    struct connection *connection;
    DL_SEARCH_SCALAR(exchange->server.connections, connection, number, stream->number);
    if (connection == NULL) {
        return 0;
    }
    switch (stream->event) {
    case MUSTER_STREAM_BYTES: take_bytes(exchange, connection, stream); break;
    case MUSTER_STREAM_DRAINED:
        connection->in_flight.length = 0;
        connection->moved_ms = exchange->context->now_ms;
        break;
    case MUSTER_STREAM_ENDED: end_requests(connection); break;
    case MUSTER_STREAM_CLOSED: drop(exchange, connection); return 0;
    case MUSTER_STREAM_ACCEPTED:
    case MUSTER_STREAM_OPENED: break;
    }
    take_requests(exchange, connection);
    return 0;
}

void server_record_event(struct exchange *exchange, const struct outbox_event *event) {
    struct connection *connection;
    DL_FOREACH(exchange->server.connections, connection) {
        connection_write_event(exchange, connection, event);
    }
}

/* ---- outputs ---- */

static bool next_of(struct exchange *exchange, struct connection *connection, struct muster_output *output) {
    if (connection->state == CONNECTION_ANSWERING && !connection->is_listed && connection->out.length == 0) {
        connection_list(exchange, connection);
    }
    connection_write_sent(exchange, connection);
    output->stream = connection->number;
    if (connection->in_flight.length == 0 && connection->out.length > 0 &&
        connection_hand_over(exchange, connection)) {
        output->kind = MUSTER_OUTPUT_STREAM_WRITE;
        output->bytes = connection->in_flight.bytes;
        output->length = connection->in_flight.length;
        connection->moved_ms = exchange->context->now_ms;
        return true;
    }
    if (connection->state == CONNECTION_CLOSING && connection->out.length == 0) {
        output->kind = MUSTER_OUTPUT_STREAM_CLOSE;
        drop(exchange, connection);
        return true;
    }
    return false;
}

bool server_next(struct exchange *exchange, struct muster_output *output) {
    struct connection *connection;
    struct connection *next;
    DL_FOREACH_SAFE(exchange->server.connections, connection, next) {
        if (next_of(exchange, connection, output)) {
            return true;
        }
    }
    return false;
}

size_t server_count_values(const struct server *server) {
    size_t count = 0;
    const struct connection *connection;
    DL_FOREACH(server->connections, connection) {
        count += connection_is_giving_value(connection) ? 1 : 0;
    }
    return count;
}

/* ---- time ---- */

/* It waits for nothing but to be closed. */
static bool is_over(const struct connection *connection) {
    return connection->state == CONNECTION_CLOSING &&
           (connection->in_flight.length == 0 || connection->out.length == 0);
}

/* What a reader takes, and a request, must come in time; and nobody from elsewhere but a watcher stays for
 * ever. */
static uint64_t end_ms(const struct connection *connection) {
    uint64_t idle_ms = connection->moved_ms + MUSTER_STREAM_IDLE_MS;
    uint64_t total_ms = connection->is_local ? DEADLINE_NEVER : connection->began_ms + MUSTER_STREAM_TOTAL_MS;
    if (is_over(connection)) {
        return DEADLINE_NEVER;
    }
    if (connection_is_watching(connection)) {
        return connection->in_flight.length == 0 ? DEADLINE_NEVER : idle_ms;
    }
    return deadline_earlier(idle_ms, total_ms);
}

void server_tick(struct exchange *exchange) {
    struct connection *connection;
    DL_FOREACH(exchange->server.connections, connection) {
        bool is_greedy = !connection_is_watching(connection) && connection->bytes > MUSTER_STREAM_BYTES_MAX;
        if (!is_over(connection) && (is_greedy || end_ms(connection) <= exchange->context->now_ms)) {
            connection_cut(exchange, connection);
        }
    }
}

uint64_t server_deadline(const struct exchange *exchange) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    const struct connection *connection;
    DL_FOREACH(exchange->server.connections, connection) {
        deadline_ms = deadline_earlier(deadline_ms, end_ms(connection));
    }
    return deadline_ms;
}
