/* SPDX-License-Identifier: MIT */
/* All streams of a node, by their numbers, and the listeners that they come from: what the loop brings
 * becomes struct muster_stream, and what the core wants is done by number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <muster/core.h>

#include "listener.h"
#include "log.h"
#include "stream.h"

#define STREAM_TABLE_LISTENERS 3  /* TCP, one a family, and a Unix socket */
#define STREAM_TABLE_LINGERING 64 /* streams that wait for their reader after their end; the oldest goes */
#define STREAM_TABLE_PAUSE_MS 100 /* nothing is accepted for so long when descriptors or memory are out, */
#define STREAM_TABLE_WARNING_MS 60000 /* which is logged once in so long */

struct stream_entry;
struct stream_table;

/* From the loop, never from inside a call. It may call anything, stream_table_end() included. Its pointers
 * are borrowed for the call. */
typedef void (*stream_table_event_cb)(const struct muster_stream *event, void *owner);

/* Decides by which interface a TCP connection counts as having come; 0: it is closed at once. */
typedef uint32_t (*stream_table_interface_cb)(const struct origin *origin, void *owner);

typedef void (*stream_table_ended_cb)(void *owner);

/* True for a host with which connections may pass routers. */
typedef bool (*stream_table_routed_cb)(const struct muster_endpoint *remote, void *owner);

struct stream_table_calls {
    stream_table_event_cb on_event;
    stream_table_interface_cb interface_of;
    stream_table_routed_cb may_be_routed; /* NULL: none is */
    stream_table_ended_cb on_ended;
    void *owner;
};

struct stream_table_port {
    struct stream_table *table;
    const struct listener *listener;
    uv_poll_t poll;
};

/* Its memory is the owner's and must last until on_ended. */
struct stream_table {
    uv_loop_t *loop;
    struct stream_table_calls calls;
    const struct log *log;
    struct stream_table_port ports[STREAM_TABLE_LISTENERS];
    size_t port_count;
    uv_timer_t pause; /* runs while nothing is accepted */
    bool has_warned;  /* that nothing is accepted, at warned_ms */
    uint64_t warned_ms;
    struct stream_entry *entries; /* the latest first */
    size_t lingering;             /* of them, finished by the core */
    uint64_t next_number;
    size_t handles; /* of the table itself and its entries */
    bool is_ended;
};

/* Puts an empty table on the loop. log is borrowed. */
void stream_table_start(struct stream_table *table, uv_loop_t *loop, const struct stream_table_calls *calls,
                        const struct log *log);

/* Accepts what comes to a listener, which is borrowed and must stay open until stream_table_end(). At most
 * STREAM_TABLE_LISTENERS. MUSTER_ENOMEM, MUSTER_ESYSTEM. */
int stream_table_listen(struct stream_table *table, const struct listener *listener);

/* Makes a stream of that even number of a socket that is being connected; takes the descriptor over, also on
 * failure. MUSTER_ENOMEM, MUSTER_ESYSTEM: no event comes. */
int stream_table_open(struct stream_table *table, uint64_t number, int fd);

/* What the core wants written and closed; nothing happens when there is no such number (any more). */
void stream_table_write(struct stream_table *table, uint64_t number, const uint8_t *bytes, size_t length);
void stream_table_close(struct stream_table *table, uint64_t number);

/* Ends all streams at once; no event comes any more. The listeners can be closed when it returns; on_ended
 * comes from the loop. */
void stream_table_end(struct stream_table *table);
