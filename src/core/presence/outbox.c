#include "outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "signal.h"

#define CAPACITY_MIN 16

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
    free(outbox->datagrams);
    free(outbox->events);
    memset(outbox, 0, sizeof *outbox);
}

/* Gives a ring of count items room for more items more, its first one at the begin then. MUSTER_EFULL when it
 * may hold no more than count_max, MUSTER_ENOMEM; then nothing changed. */
static int reserve(void **items, size_t size, struct outbox_ring *ring, size_t more, size_t count_max) {
    if (ring->count + more <= ring->capacity) {
        return 0;
    }
    if (ring->count + more > count_max) {
        return MUSTER_EFULL;
    }
    size_t capacity = ring->capacity == 0 ? CAPACITY_MIN : 2 * ring->capacity;
    assert(ring->count + more <= capacity);
    char *grown = calloc(capacity, size);
    if (grown == NULL) {
        return MUSTER_ENOMEM;
    }
    size_t behind = ring->capacity - ring->first; /* of the first one, up to the end */
    size_t straight = ring->count < behind ? ring->count : behind;
    if (ring->count > 0) {
        memcpy(grown, (char *)*items + ring->first * size, straight * size);
        memcpy(grown + straight * size, *items, (ring->count - straight) * size);
    }
    free(*items);
    *items = grown;
    ring->first = 0;
    ring->capacity = capacity;
    return 0;
}

static size_t ring_end(const struct outbox_ring *ring) {
    return (ring->first + ring->count) % ring->capacity;
}

static void ring_drop(struct outbox_ring *ring) {
    ring->first = (ring->first + 1) % ring->capacity;
    ring->count--;
}

bool outbox_put_datagram(struct outbox *outbox, struct packet *packet,
                         const struct muster_endpoint *destination, uint32_t interface) {
    struct outbox_ring *ring = &outbox->datagram_ring;
    void *items = outbox->datagrams;
    if (reserve(&items, sizeof *outbox->datagrams, ring, 1, MUSTER_DATAGRAMS_MAX) != 0) {
        return false;
    }
    outbox->datagrams = items;
    outbox->datagrams[ring_end(ring)] =
        (struct outbox_datagram){.packet = packet, .destination = *destination, .interface = interface};
    packet->references++;
    ring->count++;
    return true;
}

bool outbox_take_datagram(struct outbox *outbox, struct muster_datagram *datagram) {
    packet_release(outbox->pulled);
    outbox->pulled = NULL;
    if (outbox->datagram_ring.count == 0) {
        return false;
    }
    const struct outbox_datagram *first = &outbox->datagrams[outbox->datagram_ring.first];
    *datagram = (struct muster_datagram){.bytes = first->packet->bytes,
                                         .length = first->packet->length,
                                         .destination = first->destination,
                                         .interface = first->interface,
                                         .ttl = group_ttl(&first->destination)};
    outbox->pulled = first->packet;
    ring_drop(&outbox->datagram_ring);
    return true;
}

int outbox_reserve_events(struct outbox *outbox, size_t count) {
    void *items = outbox->events;
    int error = reserve(&items, sizeof *outbox->events, &outbox->event_ring, count, MUSTER_EVENTS_MAX);
    outbox->events = items;
    return error;
}

void outbox_put_event(struct outbox *outbox, enum muster_peer_event event, struct peer *peer,
                      enum outbox_audience audience) {
    struct outbox_ring *ring = &outbox->event_ring;
    assert(ring->count < ring->capacity);
    outbox->events[ring_end(ring)] =
        (struct outbox_event){.event = event, .audience = audience, .peer = peer};
    ring->count++;
}

const struct outbox_event *outbox_first_event(const struct outbox *outbox) {
    return outbox->event_ring.count == 0 ? NULL : &outbox->events[outbox->event_ring.first];
}

void outbox_drop_event(struct outbox *outbox) {
    assert(outbox->event_ring.count > 0);
    ring_drop(&outbox->event_ring);
}
