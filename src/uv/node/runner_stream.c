#include "runner_stream.h"

#include <string.h>
#include <unistd.h>

#include "inventory.h"
#include "tcp.h"

#define LOOPBACK_INTERFACE 1 /* the kernel's constant of that name, LOOPBACK_IFINDEX */

/* ---- into the core ---- */

/* What the core has no memory for is over. */
static void step_event(muster_t *node, const struct muster_stream *stream) {
    struct muster_event event = {.kind = MUSTER_EVENT_STREAM, .stream = *stream};
    if (runner_step(node, &event) != 0) {
        stream_table_close(&node->streams, stream->number);
    }
}

/* Whoever asks may ask for them. */
static void step_sockets(muster_t *node) {
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    size_t count = inventory_take(node, sockets, MUSTER_SOCKETS_MAX);
    struct muster_event event = {
        .kind = MUSTER_EVENT_SOCKETS,
        .sockets = sockets,
        .socket_count = count < MUSTER_SOCKETS_MAX ? count : MUSTER_SOCKETS_MAX,
    };
    runner_step(node, &event);
}

static void on_event(const struct muster_stream *stream, void *owner) {
    muster_t *node = owner;
    bool is_accepted = stream->number % 2 == 1;
    if (stream->event == MUSTER_STREAM_BYTES && is_accepted) {
        step_sockets(node);
    }
    step_event(node, stream);
    runner_tell(node);
}

static const struct link *link_of_address(const muster_t *node, const struct muster_endpoint *address) {
    for (size_t i = 0; i < node->link_count; i++) {
        const struct muster_endpoint *own = &node->links[i]->interface.address;
        if (own->family == address->family && memcmp(own->ip, address->ip, sizeof own->ip) == 0) {
            return node->links[i];
        }
    }
    return NULL;
}

/* By one of ours, or, from this very machine, to an address of one of ours: that takes the way of the
 * loopback. What comes by another interface to such an address (Linux accepts it) is not let in. */
static uint32_t interface_of(const struct arrival *arrival, void *owner) {
    const muster_t *node = owner;
    if (runner_link(node, arrival->interface) != NULL) {
        return arrival->interface;
    }
    bool is_ours = arrival->interface == LOOPBACK_INTERFACE || arrival->interface == 0; /* 0: can't be told */
    const struct link *link = is_ours ? link_of_address(node, &arrival->local) : NULL;
    return link == NULL ? 0 : link->interface.index;
}

/* ---- out of the core ---- */

static int try_open(muster_t *node, const struct muster_output *output) {
    const struct link *link = runner_link(node, output->interface);
    if (link == NULL || output->endpoint.family != 4) {
        return MUSTER_ENOINTERFACE;
    }
    bool is_own = link_of_address(node, &output->endpoint) != NULL; /* reached by the loopback alone */
    int fd = tcp_connect(&output->endpoint, is_own ? NULL : link->interface.name);
    return fd < 0 ? socket_error(fd) : stream_table_open(&node->streams, output->stream, fd);
}

void runner_stream_output(muster_t *node, const struct muster_output *output) {
    switch (output->kind) {
    case MUSTER_OUTPUT_STREAM_OPEN:
        if (try_open(node, output) != 0) {
            step_event(node,
                       &(struct muster_stream){.number = output->stream, .event = MUSTER_STREAM_CLOSED});
        }
        break;
    case MUSTER_OUTPUT_STREAM_WRITE:
        stream_table_write(&node->streams, output->stream, output->bytes, output->length);
        break;
    case MUSTER_OUTPUT_STREAM_CLOSE: stream_table_close(&node->streams, output->stream); break;
    default: break;
    }
}

/* ---- start and end ---- */

int runner_stream_start(muster_t *node, uv_loop_t *loop, stream_table_ended_cb on_ended) {
    struct stream_table_calls calls = {
        .on_event = on_event, .interface_of = interface_of, .on_ended = on_ended, .owner = node};
    stream_table_start(&node->streams, loop, &calls, &node->log);
    int error = node->tcp.open ? stream_table_listen(&node->streams, &node->tcp) : 0;
    if (error == 0 && node->local.open) {
        error = stream_table_listen(&node->streams, &node->local);
    }
    return error;
}

void runner_stream_end(muster_t *node) {
    stream_table_end(&node->streams);
    listener_close(&node->tcp);
    listener_close(&node->local);
}
