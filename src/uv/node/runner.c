/* SPDX-License-Identifier: MIT */
#include "runner.h"

#include <stdlib.h>

#include <sodium.h>

#include "deadline.h"

/* A bye takes some 200 ms. A node whose socket stays full longer than this closes without. */
#define CLOSE_MS 1000

/* ---- time ---- */

static void on_timer(uv_timer_t *timer);

/* The core's, or that of something that the node itself has to do before; 0: at once. */
static uint64_t deadline_of(const muster_t *node) {
    uint64_t deadline = muster_core_deadline(node->core);
    deadline = deadline == 0 ? 1 : deadline;
    if (node->context.is_closing) {
        deadline = deadline_earlier(deadline, node->close_ms);
    }
    deadline = deadline_earlier(deadline, static_names_due_ms(&node->static_names));
    deadline = deadline_earlier(deadline, deliveries_due_ms(&node->deliveries));
    deadline = deadline_earlier(deadline, cached_file_due_ms(&node->cached_file));
    return deadline_earlier(deadline, browses_due_ms(&node->browses));
}

/* At least 1 ms for a deadline: a core that wants its timer at once must not spin the loop. */
static void timer_set(muster_t *node) {
    uint64_t deadline = deadline_of(node);
    uint64_t now = part_now_ms();
    if (node->is_ended) {
        return;
    }
    if (deadline == DEADLINE_NEVER) {
        uv_timer_stop(&node->timer);
        return;
    }
    uv_update_time(node->timer.loop); /* a timeout counts from the loop's idea of now */
    uv_timer_start(&node->timer, on_timer, deadline == 0 ? 0 : deadline > now ? deadline - now : 1, 0);
}

/* ---- pulling ---- */

/* Another conflict is about a pinned name. */
static bool is_of_own_id(const muster_t *node, const struct muster_peer *peer) {
    uint8_t id[MUSTER_ID_BYTES];
    muster_core_id(node->core, id);
    return memcmp(id, peer->id, sizeof id) == 0;
}

static void keep_peer(muster_t *node, const struct muster_output *output) {
    /* Of two holders of one key the later start gives it up; of two equal ones both do. */
    if (output->peer_event == MUSTER_PEER_CONFLICT && is_of_own_id(node, &output->peer) &&
        muster_core_boot(node->core) >= output->peer.boot) {
        node->is_rekey_due = true;
    }
    bool is_wanted = node->deliveries.on_event != NULL || node->browses.first != NULL;
    if (is_wanted && !node->context.is_closing) {
        deliveries_add_peer(&node->deliveries, output->peer_event, &output->peer);
    }
}

/* A link that is too slow for our datagrams holds up nothing else. */
static bool output_pull(muster_t *node, struct muster_output *output) {
    return node->network.is_blocked ? muster_core_next_blocked(node->core, output)
                                    : muster_core_next(node->core, output);
}

/* A stream that the core has no memory for is closed. */
static void step_stream(muster_t *node, const struct muster_stream *stream) {
    struct muster_event event = {.kind = MUSTER_EVENT_STREAM, .stream = *stream};
    if (part_step(&node->context, &event) != 0) {
        stream_table_close(&node->streams, stream->number);
    }
}

static void open_stream(muster_t *node, const struct muster_output *output) {
    int fd = network_connect(&node->network, &output->endpoint, output->interface);
    if (fd < 0 || stream_table_open(&node->streams, output->stream, fd) != 0) {
        step_stream(node, &(struct muster_stream){.number = output->stream, .event = MUSTER_STREAM_CLOSED});
    }
}

static void send_datagram(muster_t *node, struct muster_datagram *datagram) {
    if (!network_send(&node->network, datagram)) {
        muster_core_record_unsent(node->core, datagram);
    }
}

static void settle(muster_t *node) {
    bool is_observer = node->slot.path == NULL; /* it looks once, and goes */
    if (is_observer) {
        static_names_tell_silent(&node->static_names);
    }
    deliveries_settle(&node->deliveries);
}

static void send_all(muster_t *node) {
    struct muster_output output;
    while (!node->is_ended && output_pull(node, &output)) {
        switch (output.kind) {
        case MUSTER_OUTPUT_DATAGRAM: send_datagram(node, &output.datagram); break;
        case MUSTER_OUTPUT_PEER: keep_peer(node, &output); break;
        case MUSTER_OUTPUT_SETTLED: settle(node); break;
        case MUSTER_OUTPUT_LEFT: runner_end(node); break;
        case MUSTER_OUTPUT_STREAM_OPEN: open_stream(node, &output); break;
        case MUSTER_OUTPUT_STREAM_WRITE:
            stream_table_write(&node->streams, output.stream, output.bytes, output.length);
            break;
        case MUSTER_OUTPUT_STREAM_CLOSE: stream_table_close(&node->streams, output.stream); break;
        case MUSTER_OUTPUT_GROUPS: network_hear(&node->network, output.groups, output.groups6); break;
        }
    }
}

static int rekey_core(muster_t *node, const struct node_identity *identity) {
    struct muster_event event = {
        .kind = MUSTER_EVENT_COMMAND,
        .command = {.kind = MUSTER_COMMAND_REKEY, .key = identity->key, .boot = identity->boot}};
    int error = muster_crypto_ed25519(&event.command.crypto, identity->secret);
    return error != 0 ? error : part_step(&node->context, &event);
}

/* On failure the node goes on under the key that it has; the conflict will show again. */
static void rekey(muster_t *node) {
    unsigned next = 1 - node->identity;
    struct node_identity *identity = &node->identities[next];
    if (node->slot.path == NULL || node->context.is_closing ||
        state_rekey(&node->slot, muster_core_boot(node->core), part_wall_ms(), identity, &node->log) != 0) {
        return;
    }
    int error = rekey_core(node, identity);
    if (error != 0) {
        log_line(&node->log, MUSTER_LOG_ERROR, "the new key is used from the next start on: %s",
                 muster_error_text(error));
        node_identity_wipe(identity);
        return;
    }
    node_identity_wipe(&node->identities[node->identity]);
    node->identity = next;
}

static void pull(muster_t *node) {
    send_all(node);
    if (node->is_rekey_due) {
        node->is_rekey_due = false;
        rekey(node);
        send_all(node);
    }
}

void runner_work(muster_t *node) {
    pull(node);
    timer_set(node);
}

void runner_refresh(muster_t *node) {
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    part_step(&node->context, &event);
    runner_work(node);
}

void runner_publish(muster_t *node, bool is_flush) {
    node->is_dirty = true;
    if (muster_core_has_batch(node->core)) {
        node->publications.has_clock = false; /* sending took its time */
        send_all(node);
    } else if (is_flush && !node->has_flushed) {
        node->has_flushed = true;
        send_all(node);
    }
}

/* ---- from the loop ---- */

/* What a callback of one part brings about, the next ones may deliver. A callback may close the node, which
 * stays in memory until the loop closed its handles. */
static void turn(void *owner) {
    muster_t *node = owner;
    pull(node);
    subscriptions_turn(&node->subscriptions);
    deliveries_turn(&node->deliveries);
    browses_turn(&node->browses);
    publications_turn(&node->publications);
    static_names_turn(&node->static_names);
    cached_file_turn(&node->cached_file);
    runner_work(node);
}

static void step_and_turn(void *owner) {
    muster_t *node = owner;
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    part_step(&node->context, &event);
    turn(node);
}

static void on_timer(uv_timer_t *timer) {
    muster_t *node = timer->data;
    if (node->context.is_closing && part_now_ms() >= node->close_ms) {
        runner_end(node);
    } else {
        step_and_turn(node);
    }
}

static void on_prepare(uv_prepare_t *prepare) {
    muster_t *node = prepare->data;
    if (node->is_dirty) {
        node->is_dirty = node->has_flushed = false;
        runner_refresh(node);
        publications_turn(&node->publications);
    }
}

static void on_datagram(const struct muster_datagram *datagram, void *owner) {
    muster_t *node = owner;
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM, .datagram = *datagram};
    part_step(&node->context, &event); /* a bad datagram is counted, never an error */
    send_all(node);
}

static void on_paths(void *owner) {
    muster_t *node = owner;
    struct muster_event event = {
        .kind = MUSTER_EVENT_PATHS, .paths = node->network.paths, .path_count = node->network.path_count};
    part_step(&node->context, &event); /* the network keeps to what the core takes */
}

static void on_telemetry(const struct muster_datagram *datagram, void *owner) {
    muster_t *node = owner;
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM, .datagram = *datagram};
    if (!node->context.is_closing) {
        part_step(&node->context, &event);
        subscriptions_turn(&node->subscriptions);
    }
}

/* Samples alone leave the core nothing to do. Else it has its turn at once: as long as data comes the timer
 * would wait, and nobody would ask for what is missing. */
static void on_telemetry_read(void *owner) {
    muster_t *node = owner;
    if (muster_core_has_work(node->core) || node->deliveries.queue.count > 0) {
        step_and_turn(node);
    }
}

/* Whoever asks by a stream may ask for the sockets. */
static void step_sockets(muster_t *node) {
    struct muster_socket sockets[MUSTER_SOCKETS_MAX];
    size_t count = network_sockets(&node->network, sockets, MUSTER_SOCKETS_MAX);
    struct muster_event event = {
        .kind = MUSTER_EVENT_SOCKETS,
        .sockets = sockets,
        .socket_count = count < MUSTER_SOCKETS_MAX ? count : MUSTER_SOCKETS_MAX,
    };
    part_step(&node->context, &event);
}

static void on_stream(const struct muster_stream *stream, void *owner) {
    muster_t *node = owner;
    bool is_accepted = stream->number % 2 == 1;
    if (stream->event == MUSTER_STREAM_BYTES && is_accepted) {
        step_sockets(node);
    }
    step_stream(node, stream);
    turn(node);
}

static uint32_t interface_of(const struct origin *origin, void *owner) {
    const muster_t *node = owner;
    return network_interface_of(&node->network, origin);
}

static bool may_be_routed(const struct muster_endpoint *remote, void *owner) {
    const muster_t *node = owner;
    return node->network.links.scope == GROUP_SITE || static_names_have_host(&node->static_names, remote);
}

/* ---- start and end ---- */

static void on_handle_ended(void *owner) {
    muster_t *node = owner;
    node->handles--;
    if (node->handles > 0) {
        return;
    }
    muster_close_cb on_closed = node->on_closed;
    void *context = node->closed_context;
    runner_free(node);
    if (on_closed != NULL) {
        on_closed(context);
    }
}

static void on_handle_closed(uv_handle_t *handle) {
    on_handle_ended(handle->data);
}

void runner_init(muster_t *node, const struct muster_options *options) {
    node->context = (struct part_context){.node = node, .core = node->core, .deliveries = &node->deliveries};
    node->log = (struct log){.write = deliveries_add_line, .context = &node->deliveries};
    node->deliveries.context = node->browses.context = &node->context;
    node->subscriptions.context = node->publications.context = &node->context;
    node->static_names.context = &node->context;
    node->static_names.log = &node->log;
    node->cached_file =
        (struct cached_file){.context = &node->context, .slot = &node->slot, .log = &node->log};
    node->deliveries.on_event = options->on_event;
    node->deliveries.on_log = options->on_log;
    node->deliveries.application = options->context;
    node->deliveries.follower = (struct peer_follower){browses_read_peer, browses_read_all, &node->browses};
    if (options->document != NULL) {
        cached_file_load(&node->cached_file);
    }
}

/* The preparation does not keep the loop alive. The first outputs are pulled by the loop. */
int runner_start(muster_t *node, uv_loop_t *loop) {
    const struct network_calls network_calls = {.on_datagram = on_datagram,
                                                .on_datagrams_read = turn,
                                                .on_telemetry = on_telemetry,
                                                .on_telemetry_read = on_telemetry_read,
                                                .on_paths = on_paths,
                                                .owner = node};
    const struct stream_table_calls stream_calls = {.on_event = on_stream,
                                                    .interface_of = interface_of,
                                                    .may_be_routed = may_be_routed,
                                                    .on_ended = on_handle_ended,
                                                    .owner = node};
    uv_timer_init(loop, &node->timer);
    uv_prepare_init(loop, &node->prepare);
    uv_unref((uv_handle_t *)&node->prepare);
    node->timer.data = node->prepare.data = node;
    node->handles = 3; /* the timer, the preparation and the streams */
    int error = network_start(&node->network, loop, &network_calls, &node->log);
    stream_table_start(&node->streams, loop, &stream_calls, &node->log);
    for (size_t i = 0; i < SOCKET_FAMILIES && error == 0; i++) {
        struct listener *listener = &node->network.unicast.listeners[i];
        error = listener->open ? stream_table_listen(&node->streams, listener) : 0;
    }
    if (error == 0 && node->network.local.open) {
        error = stream_table_listen(&node->streams, &node->network.local);
    }
    static_names_start(&node->static_names, loop, turn, node);
    wake_start(&node->wake, loop, step_and_turn, node);
    node->handles += node->wake.is_watched ? 1 : 0;
    uv_timer_start(&node->timer, on_timer, 0, 0);
    uv_prepare_start(&node->prepare, on_prepare);
    return error;
}

void runner_close(muster_t *node) {
    struct muster_event leave = {.kind = MUSTER_EVENT_COMMAND, .command = {.kind = MUSTER_COMMAND_LEAVE}};
    bool is_observer = node->slot.path == NULL; /* nobody knows of it: no bye is due */
    node->context.is_closing = true;
    node->close_ms = part_now_ms() + CLOSE_MS;
    network_stop_receiving(&node->network);
    cached_file_close(&node->cached_file);
    deliveries_deinit(&node->deliveries);
    if (is_observer || part_step(&node->context, &leave) != 0) {
        runner_end(node);
    } else {
        runner_work(node);
    }
}

/* The timer was started first and is closed last, so that no count reaches zero inside of this call. */
void runner_end(muster_t *node) {
    if (node->is_ended) {
        return;
    }
    node->is_ended = true;
    node->handles += network_end(&node->network, on_handle_closed);
    wake_end(&node->wake, on_handle_closed, node);
    static_names_deinit(&node->static_names);
    stream_table_end(&node->streams);
    unicast_close(&node->network.unicast);
    listener_close(&node->network.local);
    uv_close((uv_handle_t *)&node->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&node->timer, on_handle_closed);
}

void runner_free(muster_t *node) {
    subscriptions_deinit(&node->subscriptions);
    deliveries_deinit(&node->deliveries);
    browses_deinit(&node->browses);
    publications_deinit(&node->publications);
    static_names_deinit(&node->static_names);
    network_close(&node->network);
    muster_core_free(node->core);
    sodium_free(node->identities);
    slot_release(&node->slot);
    free(node->socket);
    free(node);
}
