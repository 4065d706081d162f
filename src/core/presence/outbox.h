/* SPDX-License-Identifier: MIT */
/* What waits to be pulled from a core: datagrams, and events for the application. Bounded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"

struct peer;

struct outbox_datagram {
    struct muster_endpoint source; /* family 0: any of this host */
    struct muster_endpoint destination;
    uint32_t interface;
    struct outbox_datagram *prev;
    struct outbox_datagram *next;
    size_t length;
    uint8_t bytes[];
};

/* Who is told of an event. */
enum outbox_audience {
    OUTBOX_ALL,      /* the application and whoever watches */
    OUTBOX_PROGRAMS, /* hearsay: only those of this machine */
    OUTBOX_OTHERS,   /* what was hearsay so far: only those of other machines */
};

struct outbox_event {
    enum muster_peer_event event;
    enum outbox_audience audience;
    struct peer *peer; /* stays in the table until this is pulled */
    struct outbox_event *prev;
    struct outbox_event *next;
};

struct outbox {
    struct outbox_datagram *datagrams; /* at most MUSTER_DATAGRAMS_MAX */
    size_t datagram_count;
    struct outbox_datagram *pulled; /* borrowed by the last output */

    struct outbox_event *events; /* at most MUSTER_EVENTS_MAX */
    size_t event_count;
    struct outbox_event *reserved; /* memory for the next ones */
    size_t reserved_count;

    size_t settled_count; /* SETTLED outputs to give */
};

/* Frees all that waits. A zeroed struct is allowed. */
void outbox_deinit(struct outbox *outbox);

/* Queues a copy of these bytes; source NULL: any of this host. False when the queue is full, or without
 * memory. */
bool outbox_put_datagram(struct outbox *outbox, const uint8_t *bytes, size_t length,
                         const struct muster_endpoint *source, const struct muster_endpoint *destination,
                         uint32_t interface);

/* Takes the first datagram out; its bytes are valid until the next call. False when there is none. */
bool outbox_take_datagram(struct outbox *outbox, struct muster_datagram *datagram);

/* Makes room for count more events, so that as many outbox_put_event() can't fail. MUSTER_ENOMEM, and
 * MUSTER_EFULL when MUSTER_EVENTS_MAX wait. */
int outbox_reserve_events(struct outbox *outbox, size_t count);
void outbox_put_event(struct outbox *outbox, enum muster_peer_event event, struct peer *peer,
                      enum outbox_audience audience);

/* The first event, which stays until it is dropped; NULL when there is none. */
const struct outbox_event *outbox_first_event(const struct outbox *outbox);
void outbox_drop_event(struct outbox *outbox);
