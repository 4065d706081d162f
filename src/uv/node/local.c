/* SPDX-License-Identifier: MIT */
#include <muster/muster.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "change.h"
#include "group.h"
#include "interface.h"
#include "limit.h"
#include "local_paths.h"
#include "options.h"
#include "reply.h"
#include "request.h"
#include "socket.h"
#include "stream.h"
#include "unix_address.h"
#include "utf8.h"

#define PROGRESS_MS 2000 /* without a part of what was asked for, a watch excepted: then it is stuck */
#define CALLS_MAX 64     /* that wait */
#define TEXT_BYTES 256
#define PART_BYTES_MAX \
    (MUSTER_REPLY_SELF_BYTES_MAX + 2 * MUSTER_DATAGRAM_BYTES_MAX + MUSTER_DOCUMENT_BYTES_MAX)

struct call {
    struct call *prev;
    struct call *next;
    enum request_kind kind;
    char *line; /* the request */
    size_t length;
    muster_local_row_cb on_row;
    muster_local_self_cb on_self;
    muster_local_end_cb on_end;
    void *context;
};

/* A connection to a node. Its memory stays until the loop has closed its handles. */
struct node_connection {
    struct stream stream; /* its owner is the connection */
    muster_local_t *local;
};

struct muster_local {
    uv_loop_t *loop;
    struct local_paths paths;
    size_t next_path;                   /* to be tried when this one, the one before, turns out to be wrong */
    struct node_connection *connection; /* NULL: it is lost, or ended while nothing was asked */
    size_t handles;                     /* the timer, and connections whose handles are not closed yet */
    uv_timer_t timer;  /* until the node is taken for stuck; at once when the calls that wait can only fail */
    bool is_confirmed; /* the node: it answered something */
    size_t skip;       /* so many nodes that would do are to be skipped */
    bool has_stuck;    /* a node before it did not answer */
    bool has_begun;    /* it answers the first call */
    struct reply_reader reader;
    struct call *first; /* is being answered; the others wait */
    size_t call_count;
    int error;             /* why it is lost; 0: it isn't */
    char text[TEXT_BYTES]; /* the same for people */

    uint16_t port; /* conditions that each request names */
    char network[MUSTER_NETWORK_NAME_BYTES];
    char **interfaces;
    size_t interface_count;

    bool is_closing;
    muster_close_cb on_closed;
    void *closed_context;
};

/* ---- memory ---- */

static void call_free(struct call *call) {
    free(call->line);
    free(call);
}

static struct call *call_take(muster_local_t *local) {
    struct call *call = local->first;
    DL_DELETE(local->first, call);
    local->call_count--;
    return call;
}

static void local_free(muster_local_t *local) {
    while (local->first != NULL) {
        call_free(call_take(local));
    }
    for (size_t i = 0; i < local->interface_count; i++) {
        free(local->interfaces[i]);
    }
    free(local->interfaces);
    local_paths_deinit(&local->paths);
    reply_reader_deinit(&local->reader);
    free(local);
}

/* ---- the way to a node ---- */

static void handle_closed(muster_local_t *local) {
    local->handles--;
    if (local->handles > 0) {
        return;
    }
    muster_close_cb on_closed = local->on_closed;
    void *context = local->closed_context;
    local_free(local);
    if (on_closed != NULL) {
        on_closed(context);
    }
}

static void on_released(struct stream *stream) {
    struct node_connection *connection = stream->owner;
    muster_local_t *local = connection->local;
    free(connection);
    handle_closed(local);
}

static void on_event(struct stream *stream, enum muster_stream_event event, const uint8_t *bytes,
                     size_t length);

static int connection_open(muster_local_t *local, int fd) {
    struct node_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        close(fd);
        return MUSTER_ENOMEM;
    }
    connection->local = local;
    connection->stream.owner = connection;
    connection->stream.on_event = on_event;
    connection->stream.on_released = on_released;
    int error = stream_start(&connection->stream, local->loop, fd, false);
    if (error != 0) {
        free(connection);
        return error;
    }
    local->connection = connection;
    local->handles++;
    reply_reader_deinit(&local->reader);
    reply_reader_init(&local->reader, PART_BYTES_MAX);
    return 0;
}

static void connection_drop(muster_local_t *local) {
    if (local->connection != NULL) {
        stream_release(&local->connection->stream);
        local->connection = NULL;
    }
}

static int connect_error(int number) {
    bool is_absent = number == -ENOENT || number == -ECONNREFUSED || number == -ENOTDIR;
    return is_absent ? MUSTER_ENOTFOUND : socket_error(number);
}

/* Where everybody may write, anybody can listen: who was found, not named, is asked only if he is this user,
 * root, or the one whose directory it is. */
static bool is_trusted(const muster_local_t *local, const struct local_path *path, int fd) {
    uid_t uid;
    return local->paths.is_named ||
           (unix_peer(fd, &uid) == 0 && (uid == 0 || uid == geteuid() || uid == path->owner));
}

static int connect_path(muster_local_t *local, const struct local_path *path) {
    int fd = unix_connect(path->path);
    if (fd < 0) {
        return connect_error(fd);
    }
    if (!is_trusted(local, path, fd)) {
        close(fd);
        return MUSTER_EPERM;
    }
    return connection_open(local, fd);
}

/* Connects to the next path where somebody listens. Else why not, of the one path that was named; where
 * several are possible it is no matter why one is not. */
static int connect_next(muster_local_t *local) {
    int error = MUSTER_ENOTFOUND;
    while (local->next_path < local->paths.count) {
        error = connect_path(local, &local->paths.items[local->next_path++]);
        if (error == 0 || error == MUSTER_ENOMEM) {
            return error;
        }
    }
    return local->paths.is_named ? error : MUSTER_ENOTFOUND;
}

/* ---- asking ---- */

static void on_timer(uv_timer_t *timer);

static void timer_set(muster_local_t *local, uint64_t ms) {
    uv_update_time(local->loop); /* a timeout counts from the loop's idea of now */
    uv_timer_start(&local->timer, on_timer, ms, 0);
}

/* A watch may be silent, once it has begun. */
static void set_deadline(muster_local_t *local) {
    if (local->first == NULL || (local->has_begun && local->first->kind == REQUEST_WATCH)) {
        uv_timer_stop(&local->timer);
    } else {
        timer_set(local, PROGRESS_MS);
    }
}

static void ask(muster_local_t *local) {
    local->has_begun = false;
    if (local->first != NULL) {
        stream_write(&local->connection->stream, (const uint8_t *)local->first->line, local->first->length);
    }
    set_deadline(local);
}

/* The calls that wait, and those from now on, end with this. */
static void set_error(muster_local_t *local, int error, const char *text) {
    local->error = error;
    snprintf(local->text, sizeof local->text, "%s", text);
}

static void call_end(muster_local_t *local, struct call *call, int error, const char *text) {
    if (call->on_end != NULL && !local->is_closing) {
        call->on_end(error, text, call->context);
    }
    call_free(call);
}

/* Of those that wait now: what their callbacks ask is ended from the loop. */
static void calls_end(muster_local_t *local) {
    for (size_t left = local->call_count; left > 0 && !local->is_closing; left--) {
        call_end(local, call_take(local), local->error, local->text);
    }
}

/* The lost node may have made the change, or published the record: another node must not do it too. */
static bool may_have_changed(const muster_local_t *local, int error) {
    bool was_refused = error == MUSTER_ENOTFOUND || error == MUSTER_EREFUSED;
    return !was_refused && local->first != NULL &&
           (local->first->kind == REQUEST_UPDATE || local->first->kind == REQUEST_PUBLISH);
}

static const char no_answer[] = "it does not answer";

/* This node is of no use: another one is asked, if there is one, and unless this one has already answered. */
static void fail(muster_local_t *local, int error, const char *text) {
    connection_drop(local);
    if (!local->is_confirmed && !may_have_changed(local, error) && connect_next(local) == 0) {
        ask(local);
        return;
    }
    if (error == MUSTER_ENOTFOUND && local->has_stuck) { /* that one may be meant */
        error = MUSTER_ELOST;
        text = no_answer;
    }
    uv_timer_stop(&local->timer);
    set_error(local, error, text);
    calls_end(local);
}

static void on_timer(uv_timer_t *timer) {
    muster_local_t *local = timer->data;
    if (local->error != 0) {
        calls_end(local);
    } else {
        local->has_stuck = true;
        fail(local, MUSTER_ELOST, no_answer);
    }
}

/* ---- answers ---- */

/* The next call is asked before this one's callback, which may add to them. */
static void take_end(muster_local_t *local, const struct reply *reply) {
    bool is_done = reply->end == REQUEST_END_DONE;
    const char *text = reply->text != NULL ? reply->text : request_end_text(reply->end);
    struct call *call = call_take(local);
    local->is_confirmed = true;
    ask(local);
    call_end(local, call, is_done ? 0 : MUSTER_EREFUSED, is_done ? NULL : text);
}

static bool has_rows(const struct call *call) {
    return call->kind == REQUEST_TABLE || call->kind == REQUEST_WATCH;
}

/* False when it is not what the call, which may be NULL, asked for. */
static bool take_answer(muster_local_t *local, const struct call *call, const struct reply *reply) {
    bool is_row = call != NULL && has_rows(call) && reply->kind == REPLY_PEER;
    bool is_self = call != NULL && call->kind == REQUEST_SELF && reply->kind == REPLY_SELF;
    if (is_row || is_self) {
        local->is_confirmed = local->has_begun = true;
    }
    if (is_row && call->on_row != NULL) {
        call->on_row(reply->has_event ? reply->event : MUSTER_PEER_JOINED, &reply->peer, call->context);
    } else if (is_self && call->on_self != NULL) {
        call->on_self(&reply->self, call->context);
    }
    return is_row || is_self || (call != NULL && has_rows(call) && reply->kind == REPLY_UNREADABLE);
}

static void take_part(muster_local_t *local, const struct reply *reply) {
    bool is_refusal = reply->kind == REPLY_END && !local->is_confirmed &&
                      (reply->end == REQUEST_END_ELSEWHERE || reply->end == REQUEST_END_BUSY);
    if (is_refusal) { /* it is not the node that is meant, or has no place for us */
        fail(local, reply->end == REQUEST_END_ELSEWHERE ? MUSTER_ENOTFOUND : MUSTER_EREFUSED,
             request_end_text(reply->end));
    } else if (!local->is_confirmed && local->skip > 0) {
        local->skip--;
        fail(local, MUSTER_ENOTFOUND, NULL);
    } else if (local->first != NULL && reply->kind == REPLY_END) {
        take_end(local, reply);
    } else if (!take_answer(local, local->first, reply)) {
        fail(local, MUSTER_ELOST, "it answers what was not asked");
    }
}

/* Any part may end in a callback that closes, and in another connection. */
static void take_bytes(muster_local_t *local, const uint8_t *bytes, size_t length) {
    const struct node_connection *connection = local->connection;
    bool has_part = false;
    struct reply reply;
    int result = reply_reader_feed(&local->reader, bytes, length);
    while (result >= 0 && (result = reply_reader_next(&local->reader, &reply)) == 1) {
        has_part = true;
        take_part(local, &reply);
        if (local->is_closing || local->connection != connection) {
            return;
        }
    }
    if (result < 0) {
        bool is_ours = result == MUSTER_ENOMEM;
        fail(local, is_ours ? result : MUSTER_ELOST,
             is_ours ? muster_error_text(result) : "what it answers makes no sense");
    } else if (has_part) {
        set_deadline(local);
    }
}

static void on_event(struct stream *stream, enum muster_stream_event event, const uint8_t *bytes,
                     size_t length) {
    muster_local_t *local = ((struct node_connection *)stream->owner)->local;
    if (event == MUSTER_STREAM_BYTES) {
        take_bytes(local, bytes, length);
    } else if (event != MUSTER_STREAM_ENDED && event != MUSTER_STREAM_CLOSED) {
        return;
    } else if (local->first == NULL) {
        connection_drop(local); /* a node does not wait long for a question */
    } else {
        fail(local, MUSTER_ELOST, "it went away");
    }
}

/* ---- calls ---- */

/* To the same node: no other one is to be asked, or changed, unseen. */
static void connect_again(muster_local_t *local) {
    int error = connect_path(local, &local->paths.items[local->next_path - 1]);
    if (error == MUSTER_ENOMEM) {
        set_error(local, error, muster_error_text(error));
    } else if (error != 0) {
        set_error(local, MUSTER_ELOST, "it went away");
    }
}

/* wanted has what this kind of request asks for. */
static int call_new(const muster_local_t *local, const struct call *template, const struct request *wanted,
                    struct call **made) {
    struct request request = *wanted;
    request.kind = template->kind;
    request.port = local->port;
    request.network = local->network[0] != '\0' ? local->network : NULL;
    request.interfaces = (const char *const *)local->interfaces;
    request.interface_count = local->interface_count;
    struct call *call = malloc(sizeof *call);
    if (call == NULL) {
        return MUSTER_ENOMEM;
    }
    *call = *template;
    int error = request_encode(&request, &call->line, &call->length);
    if (error != 0) {
        free(call);
        return error;
    }
    *made = call;
    return 0;
}

static int call_add(muster_local_t *local, const struct call *template, const struct request *wanted) {
    if (local->is_closing || local->call_count == CALLS_MAX) {
        return local->is_closing ? MUSTER_ECLOSING : MUSTER_EFULL;
    }
    struct call *call;
    int error = call_new(local, template, wanted, &call);
    if (error != 0) {
        return error;
    }
    DL_APPEND(local->first, call);
    local->call_count++;
    if (local->error == 0 && local->connection == NULL) {
        connect_again(local);
    }
    if (local->error != 0) {
        timer_set(local, 0);
    } else if (local->first == call) {
        ask(local);
    }
    return 0;
}

int muster_local_table(muster_local_t *local, muster_local_row_cb on_row, muster_local_end_cb on_end,
                       void *context) {
    struct call call = {.kind = REQUEST_TABLE, .on_row = on_row, .on_end = on_end, .context = context};
    return call_add(local, &call, &(struct request){0});
}

int muster_local_watch(muster_local_t *local, muster_local_row_cb on_row, muster_local_end_cb on_end,
                       void *context) {
    struct call call = {.kind = REQUEST_WATCH, .on_row = on_row, .on_end = on_end, .context = context};
    return call_add(local, &call, &(struct request){0});
}

int muster_local_self(muster_local_t *local, muster_local_self_cb on_self, muster_local_end_cb on_end,
                      void *context) {
    struct call call = {.kind = REQUEST_SELF, .on_self = on_self, .on_end = on_end, .context = context};
    return call_add(local, &call, &(struct request){0});
}

int muster_local_change(muster_local_t *local, const struct muster_change *change, muster_local_end_cb on_end,
                        void *context) {
    struct call call = {.kind = REQUEST_UPDATE, .on_end = on_end, .context = context};
    return change == NULL || !change_is_valid(change)
               ? MUSTER_EINVAL
               : call_add(local, &call, &(struct request){.change = *change});
}

static int publish(muster_local_t *local, const char *topic, const struct muster_record *record, bool retains,
                   muster_local_end_cb on_end, void *context) {
    struct call call = {.kind = REQUEST_PUBLISH, .on_end = on_end, .context = context};
    if (topic == NULL || record == NULL || muster_topic_fault(topic) != NULL ||
        muster_record_fault(record) != NULL) {
        return MUSTER_EINVAL;
    }
    return call_add(local, &call, &(struct request){.topic = topic, .record = *record, .retains = retains});
}

int muster_local_publish(muster_local_t *local, const char *topic, const struct muster_record *record,
                         muster_local_end_cb on_end, void *context) {
    return publish(local, topic, record, false, on_end, context);
}

int muster_local_retain(muster_local_t *local, const char *topic, const struct muster_record *record,
                        muster_local_end_cb on_end, void *context) {
    return publish(local, topic, record, true, on_end, context);
}

/* ---- open and close ---- */

static bool are_options_valid(const struct muster_local_options *options) {
    const char *const texts[] = {options->socket, options->state_dir, options->instance};
    bool are_valid = options->interface_count == 0 || options->interfaces != NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        are_valid = are_valid && (texts[i] == NULL || texts[i][0] != '\0');
    }
    for (size_t i = 0; are_valid && i < options->interface_count; i++) {
        are_valid = options->interfaces[i] != NULL;
    }
    return are_valid;
}

static int interfaces_add(muster_local_t *local, const char *name) {
    char *copy = strndup(name, MUSTER_INTERFACE_NAME_BYTES - 1); /* as long as a request may say it */
    if (copy == NULL) {
        return MUSTER_ENOMEM;
    }
    utf8_repair(copy); /* as the muster that is asked knows it */
    local->interfaces[local->interface_count++] = copy;
    return 0;
}

/* The muster that is asked has to use exactly those that the same names would choose here. A name that no
 * interface has here may be one of a network that it is in. */
static int interfaces_take(muster_local_t *local, const struct muster_local_options *options) {
    const struct log silence = {.write = NULL};
    struct interface_list chosen;
    int error = interface_list_read(&chosen, options->interfaces, options->interface_count, GROUP_KINDS_ALL,
                                    &silence);
    if (error == 0 && chosen.count == 0) { /* those of a muster that has static peers alone */
        interface_list_deinit(&chosen);
        error = interface_list_read(&chosen, options->interfaces, options->interface_count,
                                    (1u << MUSTER_PATH_KINDS) - 1, &silence);
    }
    if (error != 0) {
        return error;
    }
    local->interfaces = calloc(chosen.count + chosen.left_out_count + 1, sizeof *local->interfaces);
    error = local->interfaces == NULL ? MUSTER_ENOMEM : 0;
    for (size_t i = 0; i < chosen.count && error == 0; i++) {
        error = interfaces_add(local, chosen.items[i].name);
    }
    for (size_t i = 0; i < chosen.left_out_count && error == 0; i++) {
        if (chosen.left_out[i].is_missing) {
            error = interfaces_add(local, chosen.left_out[i].name);
        }
    }
    interface_list_deinit(&chosen);
    return error;
}

static int options_copy(muster_local_t *local, const struct muster_local_options *options) {
    local->port = options->port;
    local->skip = options->skip;
    if (options->socket == NULL) { /* who names a socket means it, wherever that node is */
        unix_network_name(local->network);
    }
    if (options->interface_count == 0) {
        return 0;
    }
    return interfaces_take(local, options);
}

static int local_open(uv_loop_t *loop, const struct muster_local_options *options, muster_local_t **local) {
    muster_local_t *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return MUSTER_ENOMEM;
    }
    opened->loop = loop;
    int error = options_copy(opened, options);
    if (error == 0) {
        error = local_paths_find(&opened->paths, options);
    }
    if (error == 0) {
        error = connect_next(opened);
    }
    if (error != 0) {
        local_free(opened);
        return error;
    }
    uv_timer_init(loop, &opened->timer);
    opened->timer.data = opened;
    opened->handles++;
    *local = opened;
    return 0;
}

int muster_local_open(uv_loop_t *loop, const struct muster_local_options *options, muster_local_t **local) {
    struct muster_local_options known = {0};
    if (local == NULL) {
        return MUSTER_EINVAL;
    }
    *local = NULL;
    if (loop == NULL || options == NULL || options_take(&known, sizeof known, options) != 0 ||
        !are_options_valid(&known)) {
        return MUSTER_EINVAL;
    }
    return local_open(loop, &known, local);
}

const char *muster_local_socket(const muster_local_t *local) {
    return local->paths.items[local->next_path - 1].path; /* the last one that was tried */
}

static void on_timer_closed(uv_handle_t *handle) {
    handle_closed(handle->data);
}

void muster_local_close(muster_local_t *local, muster_close_cb on_closed, void *context) {
    if (local->is_closing) {
        return;
    }
    local->is_closing = true;
    local->on_closed = on_closed;
    local->closed_context = context;
    connection_drop(local);
    uv_close((uv_handle_t *)&local->timer, on_timer_closed);
}
