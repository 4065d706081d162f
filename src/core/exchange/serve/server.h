/* SPDX-License-Identifier: MIT */
/* Answering requests on the streams that others opened (PROTOCOL.md, "Streams"). What is not taken is not
 * waited for: every connection has its time, its lines and its bytes, and there are so many of them and no
 * more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "connection.h"
#include "limit.h"

struct exchange;

struct server {
    struct connection *connections;
    size_t deflater_count;         /* of their answers that are deflated */
    struct muster_socket *sockets; /* of the node, for who asks it about itself */
    size_t socket_count;
};

/* A zeroed struct is allowed. */
void server_deinit(struct exchange *exchange);

/* Copies the node's sockets. MUSTER_EFULL, MUSTER_ENOMEM; then nothing changed. */
int server_set_sockets(struct server *server, const struct muster_socket *sockets, size_t count);

/* Something happened on a stream of an odd number. MUSTER_ENOMEM for one that was ACCEPTED: it is to be
 * closed. */
int server_step(struct exchange *exchange, const struct muster_stream *stream);

/* Tells those who watch of an event as it is pulled. */
struct outbox_event;
void server_record_event(struct exchange *exchange, const struct outbox_event *event);

/* The next output for a stream, if there is one. */
bool server_next(struct exchange *exchange, struct muster_output *output);

/* Connections by which a large value is being given. */
size_t server_count_values(const struct server *server);

/* Cuts off who is out of time. */
void server_tick(struct exchange *exchange);

uint64_t server_deadline(const struct exchange *exchange);
