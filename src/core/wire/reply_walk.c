/* SPDX-License-Identifier: MIT */
#include "reply_walk.h"

#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "endpoint.h"
#include "limit.h"
#include "member.h"
#include "utf8.h"

/* ---- members: each returns what it was given when it wrote that, else what it read ---- */

static uint64_t walk_integer(struct reply_walk *walk, const char *name, uint64_t value) {
    if (walk->document != NULL) {
        document_put_integer(walk->document, walk->target, name, (int64_t)value);
        return value;
    }
    uint64_t read = 0;
    document_integer(document_member(walk->source, name), &read);
    return read;
}

/* A double, 0 where it is out of range. */
static double walk_number(struct reply_walk *walk, const char *name, double min, double max, double value) {
    if (walk->document != NULL) {
        document_put_number(walk->document, walk->target, name, value);
        return value;
    }
    double read = 0;
    document_number(document_member(walk->source, name), &read);
    return read >= min && read <= max ? read : 0;
}

/* It is left out where it is false. */
static bool walk_flag(struct reply_walk *walk, const char *name, bool value) {
    if (walk->document == NULL) {
        return document_bool(document_member(walk->source, name));
    }
    if (value) {
        document_put_bool(walk->document, walk->target, name, true);
    }
    return value;
}

static const char *walk_text(struct reply_walk *walk, const char *name, const char *value) {
    if (walk->document != NULL) {
        document_put_text(walk->document, walk->target, name, value);
        return value;
    }
    const char *read = document_text(document_member(walk->source, name));
    return read == NULL ? "" : read;
}

/* An object without one that is known is none. */
static size_t walk_name(struct reply_walk *walk, const char *name, const struct name_table *names,
                        size_t value) {
    if (walk->document != NULL) {
        document_put_text(walk->document, walk->target, name, name_get(names, value));
        return value;
    }
    int read = name_find(names, document_text(document_member(walk->source, name)));
    walk->is_wrong = walk->is_wrong || read < 0;
    return read < 0 ? 0 : (size_t)read;
}

/* It is left out where it is "". */
static void walk_interface(struct reply_walk *walk, char name[MUSTER_INTERFACE_NAME_BYTES]) {
    if (walk->document == NULL) {
        strncpy(name, walk_text(walk, "interface", NULL), MUSTER_INTERFACE_NAME_BYTES - 1);
    } else if (name[0] != '\0') {
        utf8_repair(name); /* of a socket: the kernel takes any bytes for a name */
        document_put_text(walk->document, walk->target, "interface", name);
    }
}

static void walk_endpoint(struct reply_walk *walk, const char *address_name, const char *port_name,
                          struct muster_endpoint *endpoint) {
    if (walk->document == NULL) {
        uint64_t port = walk_integer(walk, port_name, 0);
        if (endpoint_parse(walk_text(walk, address_name, NULL), endpoint) && port <= UINT16_MAX) {
            endpoint->port = (uint16_t)port;
        }
    } else if (endpoint->family != 0) {
        char text[ENDPOINT_TEXT_BYTES];
        endpoint_text(endpoint, text);
        walk_text(walk, address_name, text);
        walk_integer(walk, port_name, endpoint->port);
    }
}

static unsigned walk_paths(struct reply_walk *walk, const char *name, unsigned value) {
    if (walk->document != NULL) {
        member_put_paths(walk->document, walk->target, name, value);
        return value;
    }
    unsigned read = 0;
    const document_node_t *e = document_first(document_member(walk->source, name));
    for (; e != NULL; e = document_next(e)) {
        int path = name_find(&name_paths, document_text(e));
        read |= path < 0 ? 0 : 1u << path;
    }
    return read;
}

struct reply_walk reply_walk_enter(struct reply_walk *walk, const char *name) {
    struct reply_walk inner = *walk;
    if (walk->document != NULL) {
        inner.target = document_put_object(walk->document, walk->target, name);
    } else {
        inner.source = document_member(walk->source, name);
    }
    return inner;
}

/* ---- lists ---- */

union item {
    struct muster_tuple tuple;
    struct muster_path path;
    struct muster_socket socket;
    struct muster_feed feed;
    struct muster_figure figure;
};

struct list {
    const char *name;
    size_t item_bytes;
    size_t count_max; /* what is behind them is not read */
    void (*walk)(struct reply_walk *walk, union item *item);
};

static void put_list(struct reply_walk *walk, const struct list *list, const char *items, size_t count) {
    struct reply_walk inner = *walk;
    document_node_t *array = document_put_array(walk->document, walk->target, list->name);
    for (size_t i = 0; i < count; i++) {
        union item item;
        memcpy(&item, items + i * list->item_bytes, list->item_bytes);
        inner.target = document_put_object(walk->document, array, NULL);
        list->walk(&inner, &item);
    }
}

/* Items that are none are left out. */
static const void *walk_list(struct reply_walk *walk, const struct list *list, const void *items,
                             size_t *count) {
    if (walk->document != NULL) {
        put_list(walk, list, items, *count);
        return items;
    }
    const document_node_t *array = document_member(walk->source, list->name);
    size_t left = document_count(array) < list->count_max ? document_count(array) : list->count_max;
    *count = 0;
    if (left == 0) {
        return NULL;
    }
    char *read = malloc(left * list->item_bytes);
    if (read == NULL) {
        *walk->reason = MUSTER_DROP_MEMORY;
        walk->is_wrong = true;
        return NULL;
    }
    walk->lists->items[walk->lists->count++] = read;
    for (const document_node_t *e = document_first(array); left > 0; e = document_next(e), left--) {
        struct reply_walk inner = {.source = e};
        union item item = {0};
        list->walk(&inner, &item);
        memcpy(read + *count * list->item_bytes, &item, list->item_bytes);
        *count += inner.is_wrong ? 0 : 1;
    }
    return read;
}

static void walk_tuple(struct reply_walk *walk, union item *item) {
    struct muster_tuple *tuple = &item->tuple;
    walk_endpoint(walk, "source_address", "source_port", &tuple->source);
    walk_endpoint(walk, "destination_address", "destination_port", &tuple->destination);
    walk_interface(walk, tuple->interface_name);
    tuple->path = (enum muster_path_kind)walk_name(walk, "path", &name_paths, tuple->path);
    tuple->count = walk_integer(walk, "count", tuple->count);
    tuple->age_ms = walk_integer(walk, "age_ms", tuple->age_ms);
    tuple->loss = walk_number(walk, "loss", 0, 1, tuple->loss);
}

static void walk_path(struct reply_walk *walk, union item *item) {
    walk_interface(walk, item->path.name);
    item->path.kind = (enum muster_path_kind)walk_name(walk, "path", &name_paths, item->path.kind);
}

/* The text in static storage. */
static const char *protocol_of(const char *name) {
    static const char *const names[] = {"udp", "tcp", "unix"};
    static const struct name_table protocols = NAME_TABLE(names);
    int protocol = name_find(&protocols, name);
    return protocol < 0 ? "" : names[protocol];
}

static void walk_socket(struct reply_walk *walk, union item *item) {
    struct muster_socket *socket = &item->socket;
    socket->protocol = protocol_of(walk_text(walk, "protocol", socket->protocol));
    walk_endpoint(walk, "address", "port", &socket->address);
    walk_interface(walk, socket->interface_name);
    socket->buffer_bytes = (uint32_t)walk_integer(walk, "buffer_bytes", socket->buffer_bytes);
    socket->kernel_drops = walk_integer(walk, "kernel_drops", socket->kernel_drops);
    socket->failed = walk_integer(walk, "failed", socket->failed);
    socket->queue_drops = walk_integer(walk, "queue_drops", socket->queue_drops);
    socket->unicast_drops = walk_integer(walk, "unicast_drops", socket->unicast_drops);
    socket->unreached = walk_integer(walk, "unreached", socket->unreached);
}

static void walk_figure(struct reply_walk *walk, union item *item) {
    struct muster_figure *figure = &item->figure;
    figure->name = walk_text(walk, "name", figure->name);
    figure->value = walk_integer(walk, "value", figure->value);
}

/* ---- counters ---- */

#define COUNTER(member) \
    { #member, offsetof(struct muster_counters, member) }
#define SENDER(member) \
    { #member, offsetof(struct muster_sender, member) }
#define SENDER_COUNTERS 6
#define FEED(member) \
    { #member, offsetof(struct muster_feed, member) }
const struct reply_counter reply_counters[REPLY_COUNTERS] = {
    COUNTER(received),         COUNTER(accepted),         COUNTER(copies),          COUNTER(sent),
    COUNTER(questions),        COUNTER(answers),          COUNTER(evicted),         COUNTER(verifications),
    COUNTER(outputs_dropped),  COUNTER(streams_accepted), COUNTER(streams_refused), COUNTER(streams_cut),
    COUNTER(requests),         COUNTER(tables),           COUNTER(documents),       COUNTER(fetches_failed),
    COUNTER(histories_failed), COUNTER(samples_dropped),  COUNTER(cache_evicted),   COUNTER(feeds_evicted),
};
static const struct reply_counter sender_counters[SENDER_COUNTERS] = {
    SENDER(datagrams),    SENDER(bytes), SENDER(repairs),
    SENDER(repair_bytes), SENDER(naks),  SENDER(naks_refused),
};
const struct reply_counter reply_feed_counters[REPLY_FEED_COUNTERS] = {
    FEED(boot),       FEED(since),       FEED(sent),         FEED(received), FEED(bytes),
    FEED(duplicates), FEED(reordered),   FEED(repaired),     FEED(pending),  FEED(lost_wire),
    FEED(lost_gone),  FEED(lost_kernel), FEED(lost_program), FEED(naks),
};

static void walk_rows(struct reply_walk *walk, const struct reply_counter *rows, size_t count,
                      void *counters) {
    for (size_t i = 0; i < count; i++) {
        uint64_t *counter = (void *)((char *)counters + rows[i].offset);
        *counter = walk_integer(walk, rows[i].name, *counter);
    }
}

void reply_walk_counters(struct reply_walk *walk, struct muster_counters *counters) {
    walk_rows(walk, reply_counters, REPLY_COUNTERS, counters);
    struct reply_walk drops = reply_walk_enter(walk, "drops");
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        counters->drops[i] = walk_integer(&drops, muster_drop_name((enum muster_drop)i), counters->drops[i]);
    }
}

static void walk_feed(struct reply_walk *walk, union item *item) {
    struct muster_feed *feed = &item->feed;
    char text[MUSTER_ID_TEXT_BYTES];
    muster_id_text(feed->id, text);
    const char *id = walk_text(walk, "id", text);
    uint64_t shard = walk_integer(walk, "shard", feed->shard);
    walk->is_wrong = !member_parse_hex(id, feed->id, sizeof feed->id) || shard >= MUSTER_SHARDS;
    feed->shard = (unsigned)shard;
    walk_rows(walk, reply_feed_counters, REPLY_FEED_COUNTERS, feed);
    feed->is_streamed = walk_flag(walk, "streamed", feed->is_streamed);
}

/* ---- objects ---- */

void reply_walk_row(struct reply_walk *walk, struct muster_peer *peer) {
    peer->state = (enum muster_state)walk_name(walk, "state", &name_states, peer->state);
    walk_endpoint(walk, "address", "port", &peer->address);
    peer->age_ms = walk_integer(walk, "age_ms", peer->age_ms);
    peer->next_ms = (int64_t)walk_number(walk, "next_ms", -(double)MUSTER_INTEGER_MAX,
                                         (double)MUSTER_INTEGER_MAX, (double)peer->next_ms);
}

void reply_walk_evidence(struct reply_walk *walk, struct muster_peer *peer) {
    static const struct list tuples = {"tuples", sizeof(struct muster_tuple), MUSTER_TUPLES_MAX, walk_tuple};
    walk_interface(walk, peer->interface_name);
    walk_endpoint(walk, "other_address", "other_port", &peer->other_address);
    peer->verified = walk_flag(walk, "verified", peer->verified);
    peer->provisional = walk_flag(walk, "provisional", peer->provisional);
    peer->partial = walk_flag(walk, "partial", peer->partial);
    peer->self = walk_flag(walk, "self", peer->self);
    peer->since_ms = walk_integer(walk, "since_ms", peer->since_ms);
    peer->loss = walk_number(walk, "loss", 0, 1, peer->loss);
    peer->received = walk_integer(walk, "received", peer->received);
    peer->copies = walk_integer(walk, "copies", peer->copies);
    peer->paths = walk_paths(walk, "paths", peer->paths);
    peer->tuples = walk_list(walk, &tuples, peer->tuples, &peer->tuple_count);
}

void reply_walk_self(struct reply_walk *walk, struct muster_self *self) {
    static const struct list paths = {"paths", sizeof(struct muster_path), MUSTER_PATHS_MAX, walk_path};
    static const struct list sockets = {"sockets", sizeof(struct muster_socket), MUSTER_SOCKETS_MAX,
                                        walk_socket};
    static const struct list feeds = {"feeds", sizeof(struct muster_feed), MUSTER_FEEDS_SHOWN_MAX, walk_feed};
    static const struct list figures = {"figures", sizeof(struct muster_figure), MUSTER_FIGURES_MAX,
                                        walk_figure};
    self->version = walk_text(walk, "version", self->version);
    self->key_id = walk_text(walk, "key_id", self->key_id);
    self->port = (uint16_t)walk_integer(walk, "port", self->port);
    self->interval_ms = walk_integer(walk, "interval_ms", self->interval_ms);
    self->peers = (size_t)walk_integer(walk, "peers", self->peers);
    self->paths = walk_list(walk, &paths, self->paths, &self->path_count);
    self->sockets = walk_list(walk, &sockets, self->sockets, &self->socket_count);
    struct reply_walk counters = reply_walk_enter(walk, "counters");
    reply_walk_counters(&counters, &self->counters);
    struct reply_walk sender = reply_walk_enter(walk, "sender");
    walk_rows(&sender, sender_counters, SENDER_COUNTERS, &self->sender);
    self->feeds = walk_list(walk, &feeds, self->feeds, &self->feed_count);
    self->feeds_known = (size_t)walk_integer(walk, "feeds_known", self->feeds_known);
    if (walk->document == NULL || self->figure_count > 0) { /* most programs have none */
        self->figures = walk_list(walk, &figures, self->figures, &self->figure_count);
    }
}
