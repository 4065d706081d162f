/* SPDX-License-Identifier: MIT */
#include "send.h"

#include <string.h>

#include "context.h"
#include "group.h"
#include "peer_table.h"
#include "signal.h"

static void put(struct context *context, const uint8_t *bytes, size_t length,
                const struct muster_endpoint *source, const struct muster_endpoint *destination,
                uint32_t interface) {
    if (length == 0) {
        return; /* it was counted where it could not be encoded */
    }
    bool is_queued = outbox_put_datagram(&context->outbox, bytes, length, source, destination, interface);
    context->counters.sent += is_queued ? 1 : 0;
    context->counters.outputs_dropped += is_queued ? 0 : 1;
}

/* Returns 0 when the message can't be encoded. */
static size_t encode(struct context *context, struct message *message, size_t pad_to,
                     uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX]) {
    memcpy(message->id, context->identity.id, MUSTER_ID_BYTES);
    message->boot = context->identity.boot;
    int length = message_encode(message, identity_signer(&context->identity), pad_to, bytes,
                                MUSTER_DATAGRAM_BYTES_MAX);
    context->counters.outputs_dropped += length < 0 ? 1 : 0;
    return length < 0 ? 0 : (size_t)length;
}

/* Whether the message needs this path to reach all rows. */
static bool is_needed(const struct context *context, const struct peer_table *table, size_t index) {
    const struct muster_path *path = &context->paths.items[index];
    enum muster_path_kind primary = paths_primary(&context->paths, path->interface, context->now_ms);
    return path->kind == primary ||
           (peer_table_kinds(table, path->interface, primary) & 1u << path->kind) != 0;
}

/* Questions of the group about others are for those who hear it. */
static bool is_for_static_peers(const struct message *message) {
    return message->kind != MESSAGE_QUERY || message->wants;
}

static void put_static(struct context *context, const uint8_t *bytes, size_t length) {
    const struct static_peers *peers = &context->paths.static_peers;
    for (size_t i = 0; i < peers->count; i++) {
        if (static_peer_is_reached(&peers->items[i], context->now_ms)) {
            put(context, bytes, length, NULL, &peers->items[i].at.endpoint, peers->items[i].at.interface);
        }
    }
}

size_t send_group(struct context *context, struct message *message, const struct peer_table *table,
                  size_t pad_to) {
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    size_t length = encode(context, message, pad_to, bytes);
    for (size_t i = 0; i < context->paths.count; i++) {
        bool is_of_many = !group_is_unicast(context->paths.items[i].kind);
        if (is_of_many && (table == NULL || is_needed(context, table, i))) {
            const struct muster_path *path = &context->paths.items[i];
            struct muster_endpoint destination =
                group_control(path->kind, context_scope(context), context->port);
            put(context, bytes, length, NULL, &destination, path->interface);
        }
    }
    if (is_for_static_peers(message)) {
        put_static(context, bytes, length);
    }
    return length;
}

void send_unicast(struct context *context, struct message *message, size_t pad_to,
                  const struct muster_endpoint *destination, uint32_t interface) {
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    size_t length = encode(context, message, pad_to, bytes);
    put(context, bytes, length, &message->at, destination, interface);
}

void send_signal(struct context *context, const struct signal *signal, const struct muster_endpoint *group,
                 uint32_t interface) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    size_t length = signal_write(signal, text);
    put(context, (const uint8_t *)text, length, NULL, group, interface);
}
