#include "runner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "group.h"
#include "runner_stream.h"
#include "socket.h"

#define LOSS_RETRY_MS 100 /* before it is tried again to say that events were lost */

/* ---- time ---- */

/* Not uv_now(), which is as old as the loop's iteration. */
uint64_t runner_now_ms(void) {
    return uv_hrtime() / 1000000;
}

uint64_t runner_wall_ms(void) {
    struct timespec now = {.tv_sec = 0};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_timer(uv_timer_t *timer);

/* The core's, or that of something that the node itself has to do before. */
static uint64_t deadline_of(const muster_t *node, uint64_t now) {
    uint64_t deadline = muster_core_deadline(node->core);
    if (node->is_closing && deadline > node->close_ms) {
        deadline = node->close_ms;
    }
    if (node->deliveries.lost > 0 && deadline > now + LOSS_RETRY_MS) {
        deadline = now + LOSS_RETRY_MS;
    }
    uint64_t browses_ms = browses_due_ms(node);
    return browses_ms < deadline ? browses_ms : deadline;
}

/* At least 1 ms for a deadline: a core that wants its timer at once must not spin the loop. */
static void timer_set(muster_t *node) {
    if (node->is_ended) {
        return;
    }
    uint64_t now = runner_now_ms();
    uint64_t deadline = deadline_of(node, now);
    uint64_t timeout = deadline > now ? deadline - now : 1;
    if (node->deliveries.count > 0) {
        timeout = 0;
    }
    if (timeout > 0 && deadline == UINT64_MAX) {
        uv_timer_stop(&node->timer);
        return;
    }
    uv_update_time(node->timer.loop); /* a timeout counts from the loop's idea of now */
    uv_timer_start(&node->timer, on_timer, timeout, 0);
}

/* ---- sending ---- */

struct link *runner_link(const muster_t *node, uint32_t interface) {
    for (size_t i = 0; i < node->link_count; i++) {
        if (node->links[i]->interface.index == interface) {
            return node->links[i];
        }
    }
    return NULL;
}

/* False when the socket is full. A datagram that fails for another reason is over: the next announcement,
 * or another path, says it again. */
static bool datagram_send(muster_t *node, struct muster_datagram *datagram) {
    struct link *link = runner_link(node, datagram->interface);
    bool is_telemetry = datagram->ttl == MUSTER_TELEMETRY_TTL;
    enum muster_path_kind kind = is_telemetry ? MUSTER_PATH_M4 : group_path_kind(&datagram->destination);
    if (link != NULL && kind != MUSTER_PATH_U4) {
        datagram->source = link->interface.source;
    } else {
        datagram->source.family = 0;
    }
    bool without_gso = link == NULL || link->without_gso;
    int error = socket_send(&node->unicast.socket, datagram, &without_gso);
    if (link != NULL) {
        link->without_gso = without_gso;
    }
    if (error == -EAGAIN) {
        return false;
    }
    if (link != NULL) {
        link_sent(link, kind, error, &node->log);
    }
    return true;
}

static void on_unicast_ready(uv_poll_t *poll, int status, int events);

/* After every change of is_blocked or is_closing. A node that closes still sends, but hears no more. */
static void unicast_watch(muster_t *node) {
    int events = (node->is_closing ? 0 : UV_READABLE) | (node->is_blocked ? UV_WRITABLE : 0);
    if (node->is_ended) {
        return;
    }
    if (events == 0) {
        uv_poll_stop(&node->unicast.poll);
    } else {
        uv_poll_start(&node->unicast.poll, events, on_unicast_ready);
    }
}

static void datagram_hold(muster_t *node, const struct muster_datagram *datagram) {
    assert(datagram->length <= sizeof node->held_bytes);
    memmove(node->held_bytes, datagram->bytes, datagram->length);
    node->held = *datagram;
    node->held.bytes = node->held_bytes;
    node->is_blocked = true;
    unicast_watch(node);
}

static void held_send(muster_t *node) {
    if (node->is_blocked && datagram_send(node, &node->held)) {
        node->is_blocked = false;
        unicast_watch(node);
    }
}

/* ---- pulling ---- */

static void peer_tell(muster_t *node, const struct muster_output *output) {
    /* Of two holders of one key the later start gives it up; of two equal ones both do. */
    if (output->peer_event == MUSTER_PEER_CONFLICT && muster_core_boot(node->core) >= output->peer.boot) {
        node->is_rekey_due = true;
    }
    bool is_heard = node->on_event != NULL || node->browses.first != NULL;
    if (is_heard && !node->is_closing) {
        delivery_queue_add_peer(&node->deliveries, output->peer_event, &output->peer);
    }
}

static void settled_tell(muster_t *node) {
    struct delivery *question = delivery_queue_take(&node->questions);
    if (question != NULL) { /* none is left once the node closes */
        delivery_queue_put(&node->deliveries, question);
    }
}

/* A link that is too slow for our datagrams holds up nothing else. */
static bool output_pull(muster_t *node, struct muster_output *output) {
    return node->is_blocked ? muster_core_next_blocked(node->core, output)
                            : muster_core_next(node->core, output);
}

static void outputs_pull(muster_t *node) {
    struct muster_output output;
    while (!node->is_ended && output_pull(node, &output)) {
        switch (output.kind) {
        case MUSTER_OUTPUT_DATAGRAM:
            if (!datagram_send(node, &output.datagram)) {
                datagram_hold(node, &output.datagram);
            }
            break;
        case MUSTER_OUTPUT_PEER: peer_tell(node, &output); break;
        case MUSTER_OUTPUT_SETTLED: settled_tell(node); break;
        case MUSTER_OUTPUT_LEFT: runner_end(node); break;
        case MUSTER_OUTPUT_STREAM_OPEN:
        case MUSTER_OUTPUT_STREAM_WRITE:
        case MUSTER_OUTPUT_STREAM_CLOSE: runner_stream_output(node, &output); break;
        case MUSTER_OUTPUT_GROUPS: subscriptions_hear(node, output.groups); break;
        }
    }
}

/* On failure the node goes on under the key that it has; the conflict will show again. */
static void rekey(muster_t *node) {
    unsigned next = 1 - node->identity;
    struct identity *identity = &node->identities[next];
    if (node->state.slot.path == NULL || node->is_closing ||
        state_rekey(&node->state, muster_core_boot(node->core), runner_wall_ms(), identity, &node->log) !=
            0) {
        return;
    }
    struct muster_event event = {
        .kind = MUSTER_EVENT_COMMAND,
        .command = {.kind = MUSTER_COMMAND_REKEY, .key = identity->key, .boot = identity->boot}};
    int error = muster_crypto_ed25519(&event.command.crypto, identity->secret);
    if (error == 0) {
        error = runner_step(node, &event);
    }
    if (error != 0) {
        log_line(&node->log, MUSTER_LOG_ERROR, "the new key is used from the next start on: %s",
                 muster_error_text(error));
        identity_wipe(identity);
        return;
    }
    identity_wipe(&node->identities[node->identity]);
    node->identity = next;
}

int runner_step(muster_t *node, struct muster_event *event) {
    event->now_ms = runner_now_ms();
    return muster_core_step(node->core, event);
}

int runner_ask(muster_t *node, const char *type, const char *name, struct delivery *question) {
    struct muster_event event = {
        .kind = MUSTER_EVENT_COMMAND,
        .command = {
            .kind = MUSTER_COMMAND_QUERY, .type = type, .name = name, .is_unawaited = question == NULL}};
    int error = runner_step(node, &event);
    if (error == 0 && question != NULL) {
        delivery_queue_put(&node->questions, question);
    }
    return error;
}

void runner_send(muster_t *node) {
    outputs_pull(node);
}

void runner_refresh(muster_t *node) {
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    runner_step(node, &event);
    runner_work(node);
}

void runner_work(muster_t *node) {
    outputs_pull(node);
    if (node->is_rekey_due) {
        node->is_rekey_due = false;
        rekey(node);
        outputs_pull(node);
    }
    timer_set(node);
}

/* ---- telling the application ---- */

static void deliver_peer(muster_t *node, const struct delivery *delivery) {
    if (node->on_event != NULL) {
        node->on_event(node, delivery->event, delivery->peer, node->context);
    }
    if (!node->is_closing) {
        browses_note(node, delivery->peer->id);
    }
}

static void deliver(muster_t *node, const struct delivery *delivery) {
    switch (delivery->kind) {
    case DELIVERY_PEER: deliver_peer(node, delivery); break;
    case DELIVERY_SETTLED:
        if (delivery->on_settled != NULL) {
            delivery->on_settled(node, delivery->context);
        }
        break;
    case DELIVERY_LOG: node->on_log(delivery->level, delivery->line, node->context); break;
    }
}

/* When the queue was drained there is room for the line. Should it be lost itself, the count stays for the
 * next round. */
static void losses_tell(muster_t *node) {
    uint64_t lost = node->deliveries.lost;
    if (lost == 0) {
        return;
    }
    browses_distrust(node);
    node->deliveries.lost = 0;
    log_line(&node->log, MUSTER_LOG_ERROR, "%llu events were lost: %s", (unsigned long long)lost,
             muster_error_text(MUSTER_ENOMEM));
    if (node->deliveries.lost > 0) {
        node->deliveries.lost = lost;
    }
}

/* Delivers what is queued now; what the callbacks bring about comes in the next round, so that they can't
 * keep the loop here. Any of them may close the node, which stays in memory until the loop closed its
 * handles. */
static void deliver_all(muster_t *node) {
    for (size_t left = node->deliveries.count; left > 0 && !node->is_closing; left--) {
        struct delivery *delivery = delivery_queue_take(&node->deliveries);
        deliver(node, delivery);
        delivery_free(delivery);
    }
    losses_tell(node);
    browses_work(node);
    runner_work(node);
}

void runner_tell(muster_t *node) {
    subscriptions_tell(node);
    runner_work(node);
    deliver_all(node);
    publication_tell(node);
}

void runner_turn(muster_t *node) {
    struct muster_event event = {.kind = MUSTER_EVENT_TIMER};
    runner_step(node, &event);
    runner_tell(node);
}

static void queue_line(enum muster_log_level level, const char *line, void *context) {
    muster_t *node = context;
    if (node->on_log != NULL && !node->is_closing) {
        delivery_queue_add_log(&node->deliveries, level, line);
    }
}

/* ---- from the loop ---- */

static void on_timer(uv_timer_t *timer) {
    muster_t *node = timer->data;
    if (node->is_closing && runner_now_ms() >= node->close_ms) {
        runner_end(node);
        return;
    }
    runner_turn(node);
}

/* ---- from the sockets ---- */

static void on_datagram(const struct muster_datagram *datagram, void *context) {
    muster_t *node = context;
    struct muster_event event = {.kind = MUSTER_EVENT_DATAGRAM, .datagram = *datagram};
    runner_step(node, &event); /* a bad datagram is counted, never an error */
    outputs_pull(node);
}

/* An error that hangs on a socket makes libuv stop watching it; taken off, it is watched again. */
static void on_unicast_ready(uv_poll_t *poll, int status, int events) {
    muster_t *node = poll->data;
    if (status < 0) {
        socket_take_error(&node->unicast.socket);
        unicast_watch(node);
        return;
    }
    if (events & UV_WRITABLE) {
        held_send(node);
    }
    if (node->is_closing) {
        unicast_watch(node);
    } else if (events & UV_READABLE) {
        socket_read(&node->unicast.socket, on_datagram, node);
    }
    runner_tell(node);
}

static void on_link_ready(uv_poll_t *poll, int status, int events) {
    muster_t *node = poll->data;
    struct watch *watch = watch_of(poll);
    (void)events;
    if (status < 0) {
        socket_take_error(&watch->socket);
        uv_poll_start(poll, UV_READABLE, on_link_ready);
    } else if (node->is_closing) {
        uv_poll_stop(poll);
    } else {
        socket_read(&watch->socket, on_datagram, node);
        runner_tell(node);
    }
}

/* ---- start and end ---- */

static void handle_closed(muster_t *node) {
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

static void on_streams_ended(void *owner) {
    handle_closed(owner);
}

int runner_start(muster_t *node, uv_loop_t *loop) {
    node->log = (struct log){.write = queue_line, .context = node};
    uv_timer_init(loop, &node->timer);
    node->timer.data = node;
    publication_start(node, loop);
    node->handles = 3; /* the timer, the preparation and the streams */
    int error = runner_stream_start(node, loop, on_streams_ended);
    if (error == 0) {
        error = watch_start(&node->unicast, loop, on_unicast_ready, node);
    }
    for (size_t i = 0; i < node->link_count && error == 0; i++) {
        error = link_start(node->links[i], loop, on_link_ready, node);
    }
    if (error == 0) {
        uv_timer_start(&node->timer, on_timer, 0, 0); /* the first outputs are pulled by the loop */
    }
    return error;
}

void runner_free(muster_t *node) {
    for (size_t i = 0; i < node->link_count; i++) {
        link_free(node->links[i]);
    }
    socket_close(&node->unicast.socket);
    listener_close(&node->tcp);
    listener_close(&node->local);
    delivery_queue_deinit(&node->deliveries);
    delivery_queue_deinit(&node->questions);
    browses_deinit(node);
    publication_deinit(node);
    subscriptions_deinit(node);
    muster_core_free(node->core);
    identity_wipe(&node->identities[0]);
    identity_wipe(&node->identities[1]);
    state_close(&node->state);
    free(node->socket);
    free(node);
}

static void on_handle_closed(uv_handle_t *handle) {
    handle_closed(handle->data);
}

static void on_link_closed(struct link *link, void *owner) {
    (void)link; /* freed with the node */
    handle_closed(owner);
}

/* The timer was started first and is closed last, so that no count reaches zero inside this call. */
void runner_end(muster_t *node) {
    if (node->is_ended) {
        return;
    }
    node->is_ended = true;
    runner_stream_end(node);
    for (size_t i = 0; i < node->link_count; i++) {
        node->handles++;
        link_end(node->links[i], on_link_closed, node);
    }
    if (watch_end(&node->unicast, on_handle_closed)) {
        node->handles++;
    }
    uv_close((uv_handle_t *)&node->publication.prepare, on_handle_closed);
    uv_close((uv_handle_t *)&node->timer, on_handle_closed);
}
