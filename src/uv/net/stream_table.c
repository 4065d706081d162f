/* SPDX-License-Identifier: MIT */
#include "stream_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "limit.h"
#include "tcp.h"

#define ACCEPT_BATCH 16 /* connections at a time, so that a crowd does not starve the loop */

struct stream_entry {
    struct stream stream; /* its owner is the table */
    struct stream_entry *prev;
    struct stream_entry *next;
    uint64_t number;
    bool is_lingering;
};

/* ---- entries ---- */

static struct stream_entry *entry_of(struct stream *stream) {
    return (struct stream_entry *)((char *)stream - offsetof(struct stream_entry, stream));
}

static struct stream_entry *entry_find(const struct stream_table *table, uint64_t number) {
    struct stream_entry *entry;
    DL_SEARCH_SCALAR(table->entries, entry, number, number);
    return entry;
}

static void handle_closed(struct stream_table *table) {
    table->handles--;
    if (table->handles == 0) {
        table->calls.on_ended(table->calls.owner);
    }
}

static void on_released(struct stream *stream) {
    struct stream_entry *entry = entry_of(stream);
    struct stream_table *table = stream->owner;
    DL_DELETE(table->entries, entry);
    table->lingering -= entry->is_lingering ? 1 : 0;
    free(entry);
    handle_closed(table);
}

static bool may_be_routed(const struct stream_table *table, const struct muster_endpoint *remote) {
    return table->calls.may_be_routed != NULL && table->calls.may_be_routed(remote, table->calls.owner);
}

static void take_connected(const struct stream_table *table, int fd) {
    const struct muster_endpoint remote = tcp_remote(fd);
    if (!may_be_routed(table, &remote)) {
        tcp_connected(fd);
    }
}

static void on_event(struct stream *stream, enum muster_stream_event kind, const uint8_t *bytes,
                     size_t length) {
    struct stream_table *table = stream->owner;
    if (kind == MUSTER_STREAM_OPENED) {
        take_connected(table, stream->fd);
    }
    struct muster_stream event = {
        .number = entry_of(stream)->number, .event = kind, .bytes = bytes, .length = length};
    table->calls.on_event(&event, table->calls.owner);
}

/* Takes the descriptor over. */
static int entry_add(struct stream_table *table, uint64_t number, int fd, bool is_connecting) {
    struct stream_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        close(fd);
        return MUSTER_ENOMEM;
    }
    entry->number = number;
    entry->stream.owner = table;
    entry->stream.on_event = on_event;
    entry->stream.on_released = on_released;
    int error = stream_start(&entry->stream, table->loop, fd, is_connecting);
    if (error != 0) {
        free(entry);
        return error;
    }
    DL_PREPEND(table->entries, entry);
    table->handles++;
    return 0;
}

/* ---- accepting ---- */

static void accept_one(struct stream_table *table, int fd, const struct origin *origin) {
    struct muster_stream event = {
        .event = MUSTER_STREAM_ACCEPTED,
        .remote = origin->remote,
        .is_local = origin->is_local,
        .may_change = origin->may_change,
    };
    if (!origin->is_local) {
        bool is_far = origin->ttl != 0 && origin->ttl != MUSTER_TTL;
        event.interface = table->calls.interface_of(origin, table->calls.owner);
        if (event.interface == 0 || (is_far && !may_be_routed(table, &origin->remote))) {
            close(fd);
            return;
        }
    }
    event.number = table->next_number;
    if (entry_add(table, event.number, fd, false) == 0) {
        table->next_number += 2;
        table->calls.on_event(&event, table->calls.owner);
    }
}

static void on_port_ready(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer) {
    struct stream_table *table = timer->data;
    for (size_t i = 0; i < table->port_count; i++) {
        uv_poll_start(&table->ports[i].poll, UV_READABLE, on_port_ready);
    }
}

/* Whoever connects waits meanwhile, and the loop sleeps. */
static void pause_accepting(struct stream_table *table, int number) {
    uint64_t now_ms = uv_now(table->loop);
    for (size_t i = 0; i < table->port_count; i++) {
        uv_poll_stop(&table->ports[i].poll);
    }
    uv_timer_start(&table->pause, on_pause_over, STREAM_TABLE_PAUSE_MS, 0);
    if (!table->has_warned || now_ms - table->warned_ms >= STREAM_TABLE_WARNING_MS) {
        table->has_warned = true;
        table->warned_ms = now_ms;
        log_line(table->log, MUSTER_LOG_WARNING, "connections have to wait: %s", strerror(number));
    }
}

/* These are about the one connection. Of any other, first of all that descriptors are out, the next call
 * would return the same. */
static bool is_transient(int number) {
    return number == ECONNABORTED || number == EINTR || number == EPROTO || number == EPERM;
}

static void on_port_ready(uv_poll_t *poll, int status, int events) {
    struct stream_table_port *port = poll->data;
    struct stream_table *table = port->table;
    (void)events;
    if (status < 0) {
        pause_accepting(table, -status);
        return;
    }
    for (unsigned left = ACCEPT_BATCH; left > 0 && !table->is_ended; left--) {
        struct origin origin;
        int fd = listener_accept(port->listener, &origin);
        if (fd >= 0) {
            accept_one(table, fd, &origin);
        } else if (fd == -EAGAIN || fd == -EWOULDBLOCK) {
            return;
        } else if (!is_transient(-fd)) {
            pause_accepting(table, -fd);
            return;
        }
    }
}

/* ---- start and end ---- */

void stream_table_start(struct stream_table *table, uv_loop_t *loop, const struct stream_table_calls *calls,
                        const struct log *log) {
    *table = (struct stream_table){.loop = loop, .calls = *calls, .log = log, .next_number = 1, .handles = 1};
    uv_timer_init(loop, &table->pause);
    table->pause.data = table;
}

int stream_table_listen(struct stream_table *table, const struct listener *listener) {
    assert(table->port_count < STREAM_TABLE_LISTENERS);
    struct stream_table_port *port = &table->ports[table->port_count];
    int error = uv_poll_init(table->loop, &port->poll, listener->fd);
    if (error != 0) {
        return error == UV_ENOMEM ? MUSTER_ENOMEM : MUSTER_ESYSTEM;
    }
    port->table = table;
    port->listener = listener;
    port->poll.data = port;
    table->port_count++;
    table->handles++;
    error = uv_poll_start(&port->poll, UV_READABLE, on_port_ready);
    return error == 0 ? 0 : MUSTER_ESYSTEM;
}

static void on_port_closed(uv_handle_t *handle) {
    struct stream_table_port *port = handle->data;
    handle_closed(port->table);
}

static void on_pause_closed(uv_handle_t *handle) {
    handle_closed(handle->data);
}

void stream_table_end(struct stream_table *table) {
    if (table->is_ended) {
        return;
    }
    table->is_ended = true;
    for (size_t i = 0; i < table->port_count; i++) {
        uv_close((uv_handle_t *)&table->ports[i].poll, on_port_closed);
    }
    struct stream_entry *entry;
    DL_FOREACH(table->entries, entry) {
        stream_release(&entry->stream);
    }
    uv_close((uv_handle_t *)&table->pause, on_pause_closed);
}

/* ---- what the core wants ---- */

int stream_table_open(struct stream_table *table, uint64_t number, int fd) {
    return entry_add(table, number, fd, true);
}

void stream_table_write(struct stream_table *table, uint64_t number, const uint8_t *bytes, size_t length) {
    struct stream_entry *entry = entry_find(table, number);
    if (entry != NULL) {
        stream_write(&entry->stream, bytes, length);
    }
}

static void release_oldest(struct stream_table *table) {
    struct stream_entry *oldest = NULL;
    struct stream_entry *entry;
    DL_FOREACH(table->entries, entry) {
        oldest = entry->is_lingering && !entry->stream.is_released ? entry : oldest;
    }
    if (oldest != NULL) {
        stream_release(&oldest->stream);
    }
}

void stream_table_close(struct stream_table *table, uint64_t number) {
    struct stream_entry *entry = entry_find(table, number);
    if (entry == NULL || entry->is_lingering) {
        return;
    }
    entry->is_lingering = true;
    table->lingering++;
    stream_finish(&entry->stream);
    if (table->lingering > STREAM_TABLE_LINGERING) {
        release_oldest(table);
    }
}
