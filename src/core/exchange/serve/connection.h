/* SPDX-License-Identifier: MIT */
/* One stream that somebody opened to ask on: what is answered, part by part, as it is taken. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "buffer.h"
#include "limit.h"
#include "request.h"

struct deflater;
struct exchange;
struct outbox_event;
struct peer;
struct samples;

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
    bool has_ended;          /* the other side asks nothing more */
    struct buffer in;        /* requests */
    struct buffer out;       /* answers */
    struct buffer in_flight; /* of them, what was handed over for writing and is not taken yet */

    /* The answer under way. */
    enum request_kind kind;
    bool may_shorten;                     /* the asker takes short rows, */
    bool may_deflate;                     /* and the answer deflated, of which nothing was written yet */
    struct deflater *deflater;            /* NULL: it is said in clear */
    char name[MUSTER_NAME_BYTES_MAX + 1]; /* of the rows that a table is to have; "": any */
    bool is_listed;                       /* the rows are said; a watch goes on with the events */
    uint64_t cursor;                      /* number of the last row that was said */
    const struct peer *last;              /* that row, as long as no row was removed since: */
    uint64_t removed;                     /* the table's count of them then */
    uint64_t count;                       /* of parts */
    struct samples *samples;              /* of who asked for them last; NULL: nobody did */
    bool follows;                         /* and wants to be told of new ones */
    bool gives_value;                     /* of this hash, of which so many bytes were said */
    uint8_t value_hash[MUSTER_HASH_BYTES];
    size_t value_said;

    uint64_t began_ms;
    uint64_t moved_ms; /* something was asked, or what was written was taken */
    uint64_t bytes;    /* written, counted in clear */
};

/* Begins to answer a request; what takes one part is answered at once. */
void connection_answer(struct exchange *exchange, struct connection *connection,
                       const struct request *request);

/* Says rows, or samples, until there are enough of them for now. */
void connection_list(struct exchange *exchange, struct connection *connection);

/* Writes an event, if the connection watches and the event is for it. */
void connection_write_event(struct exchange *exchange, struct connection *connection,
                            const struct outbox_event *event);

/* Writes what was sent, if the connection follows it. */
void connection_write_sent(struct exchange *exchange, struct connection *connection);

/* Hands what was said over for writing, deflated where the asker takes that. False when it was cut instead.
 */
bool connection_hand_over(struct exchange *exchange, struct connection *connection);

/* Forgets what deflates its answer, if there is one. */
void connection_end_deflating(struct exchange *exchange, struct connection *connection);

/* What is said waits to be taken before more is. */
static inline bool connection_has_said_enough(const struct connection *connection) {
    return connection->out.length >= MUSTER_STREAM_CHUNK_BYTES;
}

/* True while a large value is being given. */
bool connection_is_giving_value(const struct connection *connection);

/* True when its answer has no end: of who watches, or follows samples. */
bool connection_is_watching(const struct connection *connection);

/* Ends the answer, whose parts were counted; member: of the request, that is at fault, or NULL. */
void connection_finish(struct connection *connection, enum request_end end, const char *member);

/* The same, and then closes. */
void connection_close_with(struct connection *connection, enum request_end end);

/* Closes without a word, and counts that. */
void connection_cut(struct exchange *exchange, struct connection *connection);
