/* Answering requests on the streams that others opened (PROTOCOL.md, "Streams"). What is not taken is not
 * waited for: every connection has its time, its lines and its bytes, and there are so many of them and no
 * more. */
#ifndef CORE_SERVER_H
#define CORE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "buffer.h"
#include "limit.h"
#include "request.h"

struct muster_core;

enum connection_state {
    CONNECTION_IDLE,      /* waits for a request */
    CONNECTION_ANSWERING, /* has more to say */
    CONNECTION_CLOSING,   /* says what it has, and closes */
};

struct connection {
    struct connection *prev;
    struct connection *next;
    uint64_t number;
    struct muster_endpoint remote;
    uint32_t interface;
    bool is_local;
    bool may_change;

    enum connection_state state;
    bool has_ended;    /* the other side asks nothing more */
    bool is_taken;     /* nothing that was written waits to be taken */
    bool is_given;     /* out was handed over, and is to be forgotten */
    struct buffer in;  /* requests */
    struct buffer out; /* answers */

    /* The answer under way. */
    enum request_kind kind;
    bool has_said_self;
    bool is_listed;          /* the rows are said; a watch goes on with the events */
    uint64_t cursor;         /* number of the last row that was said */
    const struct peer *last; /* that row, as long as no row was removed since: */
    uint64_t removed;        /* the table's count of them then */
    uint64_t count;          /* of parts */

    uint64_t began_ms;
    uint64_t moved_ms; /* something was asked, or what was written was taken */
    uint64_t bytes;    /* written */
};

struct server {
    struct connection *connections;
    size_t tcp_count;
    size_t local_count;
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    size_t socket_count;
};

void server_deinit(struct server *server);

/* Something happened on a stream of an odd number. MUSTER_ENOMEM for one that was ACCEPTED: it is to be
 * closed. */
int server_step(struct muster_core *core, const struct muster_stream *stream);

/* Tells those who watch of an event as it is pulled. */
struct outbox_event;
void server_tell(struct muster_core *core, const struct outbox_event *event);

/* The next output for a stream, if there is one. */
bool server_next(struct muster_core *core, struct muster_output *output);

/* Cuts off who is out of time. */
void server_tick(struct muster_core *core);

uint64_t server_deadline(const struct muster_core *core);

#endif
