#include "send.h"

#include <string.h>

#include "group.h"
#include "node.h"

static struct packet *encode(struct muster_core *core, struct message *message, size_t pad_to) {
    uint8_t bytes[MUSTER_DATAGRAM_BYTES_MAX];
    memcpy(message->id, core->identity.id, MUSTER_ID_BYTES);
    message->boot = core->identity.boot;
    int length = message_encode(message, identity_signer(&core->identity), pad_to, bytes, sizeof bytes);
    struct packet *packet = length < 0 ? NULL : packet_new(bytes, (size_t)length);
    if (packet == NULL) {
        core->admission.counters.outputs_dropped++;
    }
    return packet;
}

static void put(struct muster_core *core, struct packet *packet, const struct muster_endpoint *destination,
                uint32_t interface) {
    if (outbox_put_datagram(&core->outbox, packet, destination, interface)) {
        core->admission.counters.sent++;
    } else {
        core->admission.counters.outputs_dropped++;
    }
}

size_t send_group(struct muster_core *core, struct message *message, enum send_paths which, size_t pad_to) {
    struct packet *packet = encode(core, message, pad_to);
    if (packet == NULL) {
        return 0;
    }
    for (size_t i = 0; i < core->paths.count; i++) {
        if (which == SEND_EVERYWHERE || paths_is_primary(&core->paths, i, core->now_ms)) {
            const struct muster_path *path = &core->paths.items[i];
            struct muster_endpoint destination = group_control(path->kind, core->port);
            put(core, packet, &destination, path->interface);
        }
    }
    size_t length = packet->length;
    packet_release(packet);
    return length;
}

void send_unicast(struct muster_core *core, struct message *message, size_t pad_to,
                  const struct muster_endpoint *destination, uint32_t interface) {
    struct packet *packet = encode(core, message, pad_to);
    if (packet != NULL) {
        put(core, packet, destination, interface);
        packet_release(packet);
    }
}
