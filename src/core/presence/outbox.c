#include "outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "group.h"

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
    struct outbox_event *event;
    struct outbox_event *next;
    while (outbox_take_datagram(outbox, &datagram)) {
    }
    DL_CONCAT(outbox->events, outbox->reserved);
    DL_FOREACH_SAFE(outbox->events, event, next) {
        free(event);
    }
    memset(outbox, 0, sizeof *outbox);
}

bool outbox_put_datagram(struct outbox *outbox, struct packet *packet,
                         const struct muster_endpoint *destination, uint32_t interface) {
    struct outbox_datagram *last =
        outbox->datagram_count == MUSTER_DATAGRAMS_MAX ? NULL : malloc(sizeof *last);
    if (last == NULL) {
        return false;
    }
    *last = (struct outbox_datagram){.packet = packet, .destination = *destination, .interface = interface};
    DL_APPEND(outbox->datagrams, last);
    outbox->datagram_count++;
    packet->references++;
    return true;
}

bool outbox_take_datagram(struct outbox *outbox, struct muster_datagram *datagram) {
    struct outbox_datagram *first = outbox->datagrams;
    packet_release(outbox->pulled);
    outbox->pulled = NULL;
    if (first == NULL) {
        return false;
    }
    *datagram = (struct muster_datagram){.bytes = first->packet->bytes,
                                         .length = first->packet->length,
                                         .destination = first->destination,
                                         .interface = first->interface,
                                         .ttl = group_ttl(&first->destination)};
    outbox->pulled = first->packet;
    DL_DELETE(outbox->datagrams, first);
    outbox->datagram_count--;
    free(first);
    return true;
}

int outbox_reserve_events(struct outbox *outbox, size_t count) {
    if (outbox->event_count + count > MUSTER_EVENTS_MAX) {
        return MUSTER_EFULL;
    }
    for (; outbox->reserved_count < count; outbox->reserved_count++) {
        struct outbox_event *event = malloc(sizeof *event);
        if (event == NULL) {
            return MUSTER_ENOMEM;
        }
        DL_APPEND(outbox->reserved, event);
    }
    return 0;
}

void outbox_put_event(struct outbox *outbox, enum muster_peer_event event, struct peer *peer,
                      enum outbox_audience audience) {
    struct outbox_event *last = outbox->reserved;
    assert(last != NULL);
    DL_DELETE(outbox->reserved, last);
    outbox->reserved_count--;
    *last = (struct outbox_event){.event = event, .audience = audience, .peer = peer};
    DL_APPEND(outbox->events, last);
    outbox->event_count++;
}

const struct outbox_event *outbox_first_event(const struct outbox *outbox) {
    return outbox->events;
}

void outbox_drop_event(struct outbox *outbox) {
    struct outbox_event *first = outbox->events;
    assert(first != NULL);
    DL_DELETE(outbox->events, first);
    outbox->event_count--;
    free(first);
}
