#include "server.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "change.h"
#include "deadline.h"
#include "node.h"
#include "reply.h"
#include "view.h"

/* ---- connections ---- */

static struct connection *find(const struct server *server, uint64_t number) {
    struct connection *connection = server->connections;
    while (connection != NULL && connection->number != number) {
        connection = connection->next;
    }
    return connection;
}

static void drop(struct server *server, struct connection *connection) {
    DL_DELETE(server->connections, connection);
    if (connection->is_local) {
        server->local_count--;
    } else {
        server->tcp_count--;
    }
    buffer_deinit(&connection->in);
    buffer_deinit(&connection->out);
    free(connection);
}

void server_deinit(struct server *server) {
    while (server->connections != NULL) {
        drop(server, server->connections);
    }
}

static void finish(struct connection *connection, enum request_end end, const char *member) {
    /* Without memory for the end line the connection ends without it, which says the same. */
    if (reply_write_end(&connection->out, end, connection->count, member) != 0) {
        connection->state = CONNECTION_CLOSING;
        return;
    }
    connection->state = CONNECTION_IDLE;
}

static void close_with(struct connection *connection, enum request_end end) {
    finish(connection, end, NULL);
    connection->state = CONNECTION_CLOSING;
}

static void cut(struct muster_core *core, struct connection *connection) {
    core->admission.counters.streams_cut++;
    buffer_deinit(&connection->out);
    connection->is_given = false;
    connection->is_taken = true;
    connection->state = CONNECTION_CLOSING;
}

static bool is_same_ip(const struct muster_endpoint *a, const struct muster_endpoint *b) {
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static bool has_room_locally(const struct server *server, const struct muster_stream *stream) {
    size_t strangers = 0;
    const struct connection *connection;
    DL_FOREACH(server->connections, connection) {
        strangers += connection->is_local && !connection->may_change ? 1 : 0;
    }
    return server->local_count < MUSTER_STREAMS_LOCAL_MAX &&
           (stream->may_change || strangers < MUSTER_STREAMS_STRANGERS_MAX);
}

static bool has_room(const struct server *server, const struct muster_stream *stream) {
    if (stream->is_local) {
        return has_room_locally(server, stream);
    }
    size_t of_address = 0;
    const struct connection *connection;
    DL_FOREACH(server->connections, connection) {
        of_address += !connection->is_local && is_same_ip(&connection->remote, &stream->remote) ? 1 : 0;
    }
    return server->tcp_count < MUSTER_STREAMS_MAX && of_address < MUSTER_STREAMS_PER_ADDRESS;
}

/* Whoever finds no room is told so. */
static int accept_stream(struct muster_core *core, const struct muster_stream *stream) {
    struct server *server = &core->server;
    bool is_refused = !has_room(server, stream);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL || core->is_observer) { /* who announces nothing has nothing to be asked */
        free(connection);
        return core->is_observer ? MUSTER_EINVAL : MUSTER_ENOMEM;
    }
    core->admission.counters.streams_accepted++;
    connection->number = stream->number;
    connection->remote = stream->remote;
    connection->interface = stream->interface;
    connection->is_local = stream->is_local;
    connection->may_change = stream->may_change;
    connection->is_taken = true;
    connection->began_ms = core->now_ms;
    connection->moved_ms = core->now_ms;
    DL_APPEND(server->connections, connection);
    if (stream->is_local) {
        server->local_count++;
    } else {
        server->tcp_count++;
    }
    if (is_refused) {
        core->admission.counters.streams_refused++;
        close_with(connection, REQUEST_END_BUSY);
    }
    return 0;
}

/* ---- answers ---- */

/* What was handed over before this call is gone. */
static void forget_given(struct connection *connection) {
    if (connection->is_given) {
        connection->is_given = false;
        connection->out.length = 0;
    }
}

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
    bool is_present = peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
    return connection->is_local ||
           (is_present && !peer->is_provisional && is_on_interface(peer, connection->interface));
}

static struct reply_lines lines_of(const struct connection *connection, const struct peer *peer) {
    struct reply_lines lines = {.announce = peer->announce, .announce_length = peer->announce_length};
    if (connection->is_local && peer->large != NULL && peer->large->body != NULL) {
        lines.body = peer->large->body;
        lines.body_length = peer->large->body_length;
    }
    return lines;
}

static int say_peer(struct connection *connection, const struct muster_peer *view,
                    const struct reply_lines *lines) {
    int error =
        connection->kind == REQUEST_WATCH
            ? reply_write_event(&connection->out, MUSTER_PEER_JOINED, view, lines, connection->is_local)
            : reply_write_peer(&connection->out, view, lines, connection->is_local);
    connection->count += error == 0 ? 1 : 0;
    return error;
}

static int say_row(const struct muster_core *core, struct connection *connection, const struct peer *peer) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct muster_peer view;
    struct reply_lines lines = lines_of(connection, peer);
    view_measure(core, peer, tuples, &view);
    return say_peer(connection, &view, &lines);
}

/* One's own row goes first, and only to programs of this machine: others hear it from us anyway. */
static int say_own_row(struct muster_core *core, struct connection *connection) {
    struct view_own own;
    int error = view_own(core, &own);
    return error != 0 ? error : say_peer(connection, &own.peer, &own.lines);
}

static bool has_said_enough(const struct connection *connection) {
    return connection->out.length >= MUSTER_STREAM_CHUNK_BYTES;
}

/* The next row to say. Rows are only searched from the first one on when one was removed meanwhile: else a
 * table of n rows would cost n * n steps. */
static const struct peer *next_row(const struct peer_table *table, const struct connection *connection) {
    return connection->last != NULL && connection->removed == table->removed
               ? connection->last->hh.next
               : peer_table_after(table, connection->cursor);
}

/* Rows, until there are enough of them for now. */
static int list_rows(struct muster_core *core, struct connection *connection) {
    if (connection->is_local && !connection->has_said_self) {
        int error = say_own_row(core, connection);
        if (error != 0) {
            return error;
        }
        connection->has_said_self = true;
    }
    const struct peer *peer = next_row(&core->table, connection);
    for (; peer != NULL && !has_said_enough(connection); peer = peer->hh.next) {
        int error = may_see(connection, peer) ? say_row(core, connection, peer) : 0;
        if (error != 0) {
            return error;
        }
        connection->cursor = peer->number;
        connection->last = peer;
    }
    connection->removed = core->table.removed;
    connection->is_listed = peer == NULL;
    return 0;
}

static void answer_rows(struct muster_core *core, struct connection *connection) {
    if (list_rows(core, connection) != 0) {
        finish(connection, REQUEST_END_MEMORY, NULL);
        connection->state = CONNECTION_CLOSING; /* a watch would miss what was not said */
    } else if (connection->is_listed && connection->kind == REQUEST_TABLE) {
        core->admission.counters.requests++;
        finish(connection, REQUEST_END_DONE, NULL);
    }
}

static enum request_end end_of(int error) {
    switch (error) {
    case 0: return REQUEST_END_DONE;
    case MUSTER_ENOMEM: return REQUEST_END_MEMORY;
    case MUSTER_ENOTFOUND: return REQUEST_END_NOT_FOUND;
    case MUSTER_ETOOBIG: return REQUEST_END_TOO_BIG;
    case MUSTER_ECLOSING: return REQUEST_END_LEAVING;
    default: return REQUEST_END_INVALID;
    }
}

static int say_self(struct muster_core *core, struct connection *connection) {
    struct view_own own;
    int error = view_own(core, &own);
    if (error != 0) {
        return error;
    }
    const struct muster_self self = {.peer = own.peer,
                                     .version = core->version,
                                     .port = core->port,
                                     .interval_ms = presence_interval_ms(core),
                                     .peers = peer_table_present(&core->table),
                                     .paths = core->paths.items,
                                     .path_count = core->paths.count,
                                     .sockets = core->server.sockets,
                                     .socket_count = core->server.socket_count,
                                     .counters = core->admission.counters};
    return reply_write_self(&connection->out, &self, &own.lines);
}

/* Bodies are asked for by hash: whoever has the bytes may give them. */
static int say_document(const struct muster_core *core, struct connection *connection,
                        const struct request *request) {
    const struct presence *own = &core->presence;
    const struct peer *peer = peer_table_find(&core->table, request->id);
    struct reply_lines lines = {0};
    if (memcmp(request->id, core->identity.id, MUSTER_ID_BYTES) == 0) {
        lines.body = own->body;
        lines.body_length = own->body_length;
    } else if (peer != NULL && peer->large != NULL) {
        lines.body = peer->large->body;
        lines.body_length = peer->large->body_length;
    }
    uint8_t hash[MUSTER_HASH_BYTES];
    if (lines.body == NULL) {
        return MUSTER_ENOTFOUND;
    }
    message_hash_body(lines.body, lines.body_length, hash);
    if (memcmp(hash, request->hash, sizeof hash) != 0) {
        return MUSTER_ENOTFOUND;
    }
    return reply_write_document(&connection->out, request->id, &lines);
}

/* ---- requests ---- */

static bool is_listed_name(const struct request *request, const char *name) {
    for (size_t i = 0; i < request->interface_count; i++) {
        if (strcmp(request->interfaces[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_interface(const struct paths *paths, const char *name) {
    for (size_t i = 0; i < paths->count; i++) {
        if (strcmp(paths->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What is not known is no other one. */
static bool is_other_network(const struct muster_core *core, const struct request *request) {
    return request->network != NULL && core->network[0] != '\0' &&
           strcmp(request->network, core->network) != 0;
}

/* The asker may want a muster on certain interfaces: on all of them, and on no other. */
static bool is_here(const struct muster_core *core, const struct request *request) {
    if ((request->port != 0 && request->port != core->port) || is_other_network(core, request)) {
        return false;
    }
    for (size_t i = 0; i < request->interface_count; i++) {
        if (!has_interface(&core->paths, request->interfaces[i])) {
            return false;
        }
    }
    for (size_t i = 0; request->interfaces != NULL && i < core->paths.count; i++) {
        if (!is_listed_name(request, core->paths.items[i].name)) {
            return false;
        }
    }
    return true;
}

/* Answers what takes one part. */
static int answer_at_once(struct muster_core *core, struct connection *connection,
                          const struct request *request) {
    switch (request->kind) {
    case REQUEST_DOCUMENT: return say_document(core, connection, request);
    case REQUEST_STATS: return reply_write_stats(&connection->out, &core->admission.counters);
    case REQUEST_SELF: return say_self(core, connection);
    case REQUEST_UPDATE:
        return core->presence.state >= PRESENCE_LEAVING ? MUSTER_ECLOSING
                                                        : change_apply(core, &request->change);
    case REQUEST_TABLE:
    case REQUEST_WATCH: break;
    }
    return 0;
}

static bool is_watching(const struct connection *connection) {
    return connection->state == CONNECTION_ANSWERING && connection->kind == REQUEST_WATCH;
}

/* Watchers have no end of their own: those of other hosts leave places for who only asks. */
static bool may_watch(const struct server *server, const struct connection *connection) {
    size_t watchers = 0;
    const struct connection *other;
    DL_FOREACH(server->connections, other) {
        watchers += !other->is_local && is_watching(other) ? 1 : 0;
    }
    return connection->is_local || watchers < MUSTER_STREAMS_WATCHERS_MAX;
}

/* Why it is not answered; DONE when it is. */
static enum request_end refusal_of(const struct muster_core *core, const struct connection *connection,
                                   const struct request *request) {
    if (!is_here(core, request)) {
        return REQUEST_END_ELSEWHERE;
    }
    if (request->kind == REQUEST_UPDATE && !connection->may_change) {
        return REQUEST_END_FORBIDDEN;
    }
    return request->kind == REQUEST_WATCH && !may_watch(&core->server, connection) ? REQUEST_END_BUSY
                                                                                   : REQUEST_END_DONE;
}

static void answer_request(struct muster_core *core, struct connection *connection,
                           const struct request *request) {
    enum request_end refusal = refusal_of(core, connection, request);
    connection->kind = request->kind;
    connection->count = 0;
    if (refusal != REQUEST_END_DONE) {
        finish(connection, refusal, NULL);
    } else if (request->kind == REQUEST_TABLE || request->kind == REQUEST_WATCH) {
        connection->state = CONNECTION_ANSWERING;
        connection->has_said_self = false;
        connection->is_listed = false;
        connection->cursor = 0;
        connection->last = NULL;
    } else {
        int error = answer_at_once(core, connection, request);
        connection->count = error == 0 && request->kind != REQUEST_UPDATE ? 1 : 0;
        core->admission.counters.requests += error == 0 ? 1 : 0;
        finish(connection, end_of(error), NULL);
    }
}

static size_t request_bytes_max(const struct connection *connection) {
    return connection->is_local ? MUSTER_REQUEST_LOCAL_BYTES_MAX : MUSTER_REQUEST_BYTES_MAX;
}

static void take_line(struct muster_core *core, struct connection *connection, size_t length) {
    struct request request;
    const char *member;
    enum request_end end = request_decode((const char *)connection->in.bytes, length, &request, &member);
    buffer_drop(&connection->in, length + 1);
    connection->moved_ms = core->now_ms;
    if (end == REQUEST_END_SYNTAX) {
        core->admission.counters.streams_cut++;
        close_with(connection, end);
    } else if (end != REQUEST_END_DONE) {
        connection->count = 0;
        finish(connection, end, member);
    } else {
        answer_request(core, connection, &request);
        request_deinit(&request);
    }
}

/* Takes the next request up when the last one was answered and that was taken. */
static void take_requests(struct muster_core *core, struct connection *connection) {
    while (connection->state == CONNECTION_IDLE && connection->out.length == 0 && connection->is_taken) {
        size_t length = connection->in.length;
        const uint8_t *end = length == 0 ? NULL : memchr(connection->in.bytes, '\n', length);
        size_t line_length = end == NULL ? length : (size_t)(end - connection->in.bytes);
        if (line_length > request_bytes_max(connection)) {
            core->admission.counters.streams_cut++;
            close_with(connection, REQUEST_END_TOO_LONG);
        } else if (end != NULL) {
            take_line(core, connection, line_length);
        } else {
            connection->state = connection->has_ended ? CONNECTION_CLOSING : CONNECTION_IDLE;
            return;
        }
    }
}

static void take_bytes(struct muster_core *core, struct connection *connection,
                       const struct muster_stream *stream) {
    if (connection->state == CONNECTION_CLOSING) {
        return;
    }
    /* Two requests may wait, not more: who asks without listening is cut off. */
    bool is_flood = connection->in.length > 2 * request_bytes_max(connection);
    if (is_flood || buffer_append(&connection->in, stream->bytes, stream->length) != 0) {
        cut(core, connection);
    }
}

int server_step(struct muster_core *core, const struct muster_stream *stream) {
    if (stream->event == MUSTER_STREAM_ACCEPTED) {
        return accept_stream(core, stream);
    }
    struct connection *connection = find(&core->server, stream->number);
    if (connection == NULL) {
        return 0;
    }
    forget_given(connection);
    switch (stream->event) {
    case MUSTER_STREAM_BYTES: take_bytes(core, connection, stream); break;
    case MUSTER_STREAM_DRAINED:
        connection->is_taken = true;
        connection->moved_ms = core->now_ms;
        break;
    case MUSTER_STREAM_ENDED: connection->has_ended = true; break;
    case MUSTER_STREAM_CLOSED: drop(&core->server, connection); return 0;
    case MUSTER_STREAM_ACCEPTED:
    case MUSTER_STREAM_OPENED: break;
    }
    take_requests(core, connection);
    return 0;
}

/* ---- watching ---- */

static void tell(struct muster_core *core, struct connection *connection, const struct outbox_event *event) {
    struct muster_tuple tuples[MUSTER_TUPLES_MAX];
    struct muster_peer view;
    struct reply_lines lines = lines_of(connection, event->peer);
    view_measure(core, event->peer, tuples, &view);
    forget_given(connection);
    if (connection->out.length > MUSTER_STREAM_QUEUE_BYTES_MAX ||
        reply_write_event(&connection->out, event->event, &view, &lines, connection->is_local) != 0) {
        cut(core, connection);
    }
}

static bool is_meant(const struct connection *connection, const struct outbox_event *event) {
    return connection->is_local
               ? event->audience != OUTBOX_OTHERS
               : event->audience != OUTBOX_PROGRAMS && is_on_interface(event->peer, connection->interface);
}

void server_tell(struct muster_core *core, const struct outbox_event *event) {
    struct connection *connection;
    DL_FOREACH(core->server.connections, connection) {
        /* Rows that are not listed yet will be, as they are then. */
        bool is_known = connection->is_listed || event->peer->number <= connection->cursor;
        if (is_watching(connection) && is_known && is_meant(connection, event)) {
            tell(core, connection, event);
        }
    }
}

/* ---- outputs ---- */

static bool give(struct muster_core *core, struct connection *connection, struct muster_output *output) {
    forget_given(connection);
    if (connection->state == CONNECTION_ANSWERING && !connection->is_listed && connection->out.length == 0) {
        answer_rows(core, connection);
    }
    output->stream = connection->number;
    if (connection->is_taken && connection->out.length > 0) {
        output->kind = MUSTER_OUTPUT_STREAM_WRITE;
        output->bytes = connection->out.bytes;
        output->length = connection->out.length;
        connection->bytes += connection->out.length;
        connection->is_given = true;
        connection->is_taken = false;
        connection->moved_ms = core->now_ms;
        return true;
    }
    if (connection->state == CONNECTION_CLOSING && connection->out.length == 0) {
        output->kind = MUSTER_OUTPUT_STREAM_CLOSE;
        drop(&core->server, connection);
        return true;
    }
    return false;
}

bool server_next(struct muster_core *core, struct muster_output *output) {
    struct connection *connection;
    struct connection *next;
    DL_FOREACH_SAFE(core->server.connections, connection, next) {
        if (give(core, connection, output)) {
            return true;
        }
    }
    return false;
}

/* ---- time ---- */

/* It waits for nothing but to be closed. */
static bool is_over(const struct connection *connection) {
    return connection->state == CONNECTION_CLOSING && (connection->is_taken || connection->out.length == 0);
}

/* What a reader takes, and a request, must come in time; and nobody from elsewhere but a watcher stays for
 * ever. */
static uint64_t end_ms(const struct connection *connection) {
    uint64_t idle_ms = connection->moved_ms + MUSTER_STREAM_IDLE_MS;
    uint64_t total_ms = connection->is_local ? DEADLINE_NEVER : connection->began_ms + MUSTER_STREAM_TOTAL_MS;
    if (is_over(connection)) {
        return DEADLINE_NEVER;
    }
    if (is_watching(connection)) {
        return connection->is_taken ? DEADLINE_NEVER : idle_ms;
    }
    return deadline_earlier(idle_ms, total_ms);
}

void server_tick(struct muster_core *core) {
    struct connection *connection;
    DL_FOREACH(core->server.connections, connection) {
        bool is_greedy = !is_watching(connection) && connection->bytes > MUSTER_STREAM_BYTES_MAX;
        if (!is_over(connection) && (is_greedy || end_ms(connection) <= core->now_ms)) {
            cut(core, connection);
        }
    }
}

uint64_t server_deadline(const struct muster_core *core) {
    uint64_t deadline_ms = DEADLINE_NEVER;
    const struct connection *connection;
    DL_FOREACH(core->server.connections, connection) {
        deadline_ms = deadline_earlier(deadline_ms, end_ms(connection));
    }
    return deadline_ms;
}
