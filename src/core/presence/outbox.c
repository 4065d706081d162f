#include "outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "signal.h"

#define EVENTS_INITIAL 16

struct packet *packet_new(const uint8_t *bytes, size_t length) {
    struct packet *packet = malloc(sizeof *packet + length);
    if (packet != NULL) {
        packet->references = 1;
        packet->length = length;
        memcpy(packet->bytes, bytes, length);
    }
    return packet;
}

void packet_release(struct packet *packet) {
    if (packet != NULL && --packet->references == 0) {
        free(packet);
    }
}

void outbox_deinit(struct outbox *outbox) {
    struct muster_datagram datagram;
    while (outbox_take_datagram(outbox, &datagram)) {
    }
    free(outbox->events);
    memset(outbox, 0, sizeof *outbox);
}

bool outbox_put_datagram(struct outbox *outbox, struct packet *packet,
                         const struct muster_endpoint *destination, uint32_t interface) {
    if (outbox->datagram_count == MUSTER_DATAGRAMS_MAX) {
        return false;
    }
    size_t i = (outbox->datagram_first + outbox->datagram_count) % MUSTER_DATAGRAMS_MAX;
    outbox->datagrams[i] =
        (struct outbox_datagram){.packet = packet, .destination = *destination, .interface = interface};
    packet->references++;
    outbox->datagram_count++;
    return true;
}

bool outbox_take_datagram(struct outbox *outbox, struct muster_datagram *datagram) {
    packet_release(outbox->pulled);
    outbox->pulled = NULL;
    if (outbox->datagram_count == 0) {
        return false;
    }
    const struct outbox_datagram *first = &outbox->datagrams[outbox->datagram_first];
    *datagram = (struct muster_datagram){.bytes = first->packet->bytes,
                                         .length = first->packet->length,
                                         .destination = first->destination,
                                         .interface = first->interface,
                                         .ttl = group_ttl(&first->destination)};
    outbox->pulled = first->packet;
    outbox->datagram_first = (outbox->datagram_first + 1) % MUSTER_DATAGRAMS_MAX;
    outbox->datagram_count--;
    return true;
}

int outbox_reserve_events(struct outbox *outbox, size_t count) {
    if (outbox->event_count + count <= outbox->event_capacity) {
        return 0;
    }
    if (outbox->event_count + count > MUSTER_EVENTS_MAX) {
        return MUSTER_EFULL;
    }
    size_t capacity = outbox->event_capacity == 0 ? EVENTS_INITIAL : 2 * outbox->event_capacity;
    assert(outbox->event_count + count <= capacity);
    struct outbox_event *events = calloc(capacity, sizeof *events);
    if (events == NULL) {
        return MUSTER_ENOMEM;
    }
    for (size_t i = 0; i < outbox->event_count; i++) {
        events[i] = outbox->events[(outbox->event_first + i) % outbox->event_capacity];
    }
    free(outbox->events);
    outbox->events = events;
    outbox->event_first = 0;
    outbox->event_capacity = capacity;
    return 0;
}

void outbox_put_event(struct outbox *outbox, enum muster_peer_event event, struct peer *peer,
                      enum outbox_audience audience) {
    assert(outbox->event_count < outbox->event_capacity);
    size_t i = (outbox->event_first + outbox->event_count) % outbox->event_capacity;
    outbox->events[i] = (struct outbox_event){.event = event, .audience = audience, .peer = peer};
    outbox->event_count++;
}

const struct outbox_event *outbox_first_event(const struct outbox *outbox) {
    return outbox->event_count == 0 ? NULL : &outbox->events[outbox->event_first];
}

void outbox_drop_event(struct outbox *outbox) {
    assert(outbox->event_count > 0);
    outbox->event_first = (outbox->event_first + 1) % outbox->event_capacity;
    outbox->event_count--;
}
