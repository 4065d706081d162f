/* SPDX-License-Identifier: MIT */
#include "outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "group.h"

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

bool outbox_put_datagram(struct outbox *outbox, const uint8_t *bytes, size_t length,
                         const struct muster_endpoint *source, const struct muster_endpoint *destination,
                         uint32_t interface) {
    bool is_full = outbox->datagram_count == MUSTER_DATAGRAMS_MAX;
    struct outbox_datagram *last = is_full ? NULL : malloc(sizeof *last + length);
    if (last == NULL) {
        return false;
    }
    last->source = source != NULL ? *source : (struct muster_endpoint){0};
    last->destination = *destination;
    last->interface = interface;
    last->length = length;
    memcpy(last->bytes, bytes, length);
    DL_APPEND(outbox->datagrams, last);
    outbox->datagram_count++;
    return true;
}

bool outbox_take_datagram(struct outbox *outbox, struct muster_datagram *datagram) {
    struct outbox_datagram *first = outbox->datagrams;
    free(outbox->pulled);
    outbox->pulled = first;
    if (first == NULL) {
        return false;
    }
    DL_DELETE(outbox->datagrams, first);
    outbox->datagram_count--;
    *datagram = (struct muster_datagram){.bytes = first->bytes,
                                         .source = first->source,
                                         .length = first->length,
                                         .destination = first->destination,
                                         .interface = first->interface};
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
