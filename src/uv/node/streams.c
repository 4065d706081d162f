#include "streams.h"

#include "inventory.h"
#include "tcp.h"

#define LOOPBACK_INTERFACE 1 /* the kernel's constant of that name, LOOPBACK_IFINDEX */

/* ---- into the core ---- */

/* Whoever asks may ask for them. */
static void step_sockets(struct streams *streams) {
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    size_t count = inventory_take(streams->network, sockets, MUSTER_SOCKETS_MAX);
    struct muster_event event = {
        .kind = MUSTER_EVENT_SOCKETS,
        .sockets = sockets,
        .socket_count = count < MUSTER_SOCKETS_MAX ? count : MUSTER_SOCKETS_MAX,
    };
    part_step(streams->context, &event);
}

/* A stream that the core has no memory for is closed. */
static void step(struct streams *streams, const struct muster_stream *stream) {
    struct muster_event event = {.kind = MUSTER_EVENT_STREAM, .stream = *stream};
    if (part_step(streams->context, &event) != 0) {
        stream_table_close(&streams->table, stream->number);
    }
}

static void on_event(const struct muster_stream *stream, void *owner) {
    struct streams *streams = owner;
    bool is_accepted = stream->number % 2 == 1;
    if (stream->event == MUSTER_STREAM_BYTES && is_accepted) {
        step_sockets(streams);
    }
    step(streams, stream);
    streams->calls.on_step(streams->calls.owner);
}

/* By one of ours, or, from this very machine, to an address of one of ours: that takes the way of the
 * loopback. What comes by another interface to such an address (Linux accepts it) is not let in. */
static uint32_t interface_of(const struct origin *origin, void *owner) {
    const struct network *network = ((const struct streams *)owner)->network;
    if (network_link(network, origin->interface) != NULL) {
        return origin->interface;
    }
    bool is_ours = origin->interface == LOOPBACK_INTERFACE || origin->interface == 0; /* 0: can't be told */
    const struct link *link = is_ours ? network_link_of_address(network, &origin->local) : NULL;
    return link == NULL ? 0 : link->interface.index;
}

/* ---- out of the core ---- */

static int try_open(struct streams *streams, const struct muster_output *output) {
    const struct link *link = network_link(streams->network, output->interface);
    if (link == NULL || output->endpoint.family != 4) {
        return MUSTER_ENOINTERFACE;
    }
    bool is_own = network_link_of_address(streams->network, &output->endpoint) != NULL; /* by the loopback */
    int fd = tcp_connect(&output->endpoint, is_own ? NULL : link->interface.name);
    return fd < 0 ? socket_error(fd) : stream_table_open(&streams->table, output->stream, fd);
}

void streams_do(struct streams *streams, const struct muster_output *output) {
    const struct muster_stream closed = {.number = output->stream, .event = MUSTER_STREAM_CLOSED};
    switch (output->kind) {
    case MUSTER_OUTPUT_STREAM_OPEN:
        if (try_open(streams, output) != 0) {
            step(streams, &closed);
        }
        break;
    case MUSTER_OUTPUT_STREAM_WRITE:
        stream_table_write(&streams->table, output->stream, output->bytes, output->length);
        break;
    case MUSTER_OUTPUT_STREAM_CLOSE: stream_table_close(&streams->table, output->stream); break;
    default: break;
    }
}

/* ---- start and end ---- */

static void on_table_ended(void *owner) {
    const struct streams *streams = owner;
    streams->calls.on_ended(streams->calls.owner);
}

int streams_start(struct streams *streams, const struct part_context *context, struct network *network,
                  uv_loop_t *loop, const struct streams_calls *calls) {
    struct stream_table_calls table_calls = {
        .on_event = on_event, .interface_of = interface_of, .on_ended = on_table_ended, .owner = streams};
    streams->context = context;
    streams->network = network;
    streams->calls = *calls;
    stream_table_start(&streams->table, loop, &table_calls, network->log);
    int error = network->tcp.open ? stream_table_listen(&streams->table, &network->tcp) : 0;
    if (error == 0 && network->local.open) {
        error = stream_table_listen(&streams->table, &network->local);
    }
    return error;
}

void streams_end(struct streams *streams) {
    stream_table_end(&streams->table);
    listener_close(&streams->network->tcp);
    listener_close(&streams->network->local);
}
