/* Answering requests on the streams that others opened (PROTOCOL.md, "Streams"). What is not taken is not
 * waited for: every connection has its time, its lines and its bytes, and there are so many of them and no
 * more. */
#ifndef CORE_SERVER_H
#define CORE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "connection.h"
#include "limit.h"

struct muster_core;

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
