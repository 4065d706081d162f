#include "send.h"

#include <string.h>

#include "context.h"
#include "group.h"
#include "signal.h"

static struct packet *encode(struct context *context, struct message *message, size_t pad_to) {
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    memcpy(message->id, context->identity.id, MUSTER_ID_BYTES);
    message->boot = context->identity.boot;
    int length = message_encode(message, identity_signer(&context->identity), pad_to, bytes, sizeof bytes);
    struct packet *packet = length < 0 ? NULL : packet_new(bytes, (size_t)length);
    if (packet == NULL) {
        context->counters.outputs_dropped++;
    }
    return packet;
}

static void put(struct context *context, struct packet *packet, const struct muster_endpoint *destination,
                uint32_t interface) {
    if (outbox_put_datagram(&context->outbox, packet, destination, interface)) {
        context->counters.sent++;
    } else {
        context->counters.outputs_dropped++;
    }
}

size_t send_group(struct context *context, struct message *message, enum send_paths which, size_t pad_to) {
    struct packet *packet = encode(context, message, pad_to);
    if (packet == NULL) {
        return 0;
    }
    for (size_t i = 0; i < context->paths.count; i++) {
        if (which == SEND_EVERYWHERE || paths_is_primary(&context->paths, i, context->now_ms)) {
            const struct muster_path *path = &context->paths.items[i];
            struct muster_endpoint destination = group_control(path->kind, context->port);
            put(context, packet, &destination, path->interface);
        }
    }
    size_t length = packet->length;
    packet_release(packet);
    return length;
}

void send_unicast(struct context *context, struct message *message, size_t pad_to,
                  const struct muster_endpoint *destination, uint32_t interface) {
    struct packet *packet = encode(context, message, pad_to);
    if (packet != NULL) {
        put(context, packet, destination, interface);
        packet_release(packet);
    }
}

void send_signal(struct context *context, const struct signal *signal, const struct muster_endpoint *group,
                 uint32_t interface) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    struct packet *packet = packet_new((const uint8_t *)text, signal_write(signal, text));
    if (packet == NULL) {
        context->counters.outputs_dropped++;
        return;
    }
    put(context, packet, group, interface);
    packet_release(packet);
}
