/* SPDX-License-Identifier: MIT */
#include "importer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "bridge.h"
#include "document.h"
#include "scan.h"
#include "session.h"

#define HELD_MAX 4096
#define HELD_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define MESSAGE_BYTES_MAX ((size_t)128 * 1024) /* of what a bridge says */
#define HELD_BUSY 64                           /* that make the link wait */
#define PEER_VALUES_MAX 8192
#define PEERS_MAX 4096

/* A topic of this LAN that was opened. */
struct importer_topic {
    UT_hash_handle hh;
    muster_publisher_t *publisher; /* NULL: it could not be opened */
    char name[MUSTER_TOPIC_BYTES_MAX + 1];
};

/* A peer of another site, by the topic that it is known by. */
struct importer_peer {
    UT_hash_handle hh;
    char site[sizeof(((struct mqtt_topic_parts *)0)->site)];
    document_node_t *said; /* what its bridge said of it, */
    size_t bytes;          /* and how long that was */
    char topic[];
};

/* A bridge of another site that is online. */
struct importer_bridge {
    UT_hash_handle hh;
    bool is_awaited;
    char said[128]; /* what it said of itself: it is another one with each connection */
    char site[sizeof(((struct mqtt_topic_parts *)0)->site)];
    char topic[];
};

struct importer_held {
    struct importer_held *prev;
    struct importer_held *next;
    bool has_begun;  /* it is known to be new, */
    unsigned record; /* and this is the first record that was not published */
    struct importer_message message;
    char texts[]; /* that it points to */
};

/* ---- what waits ---- */

static void free_held(struct importer *importer, struct importer_held *held) {
    DL_DELETE(importer->held, held);
    importer->held_count--;
    importer->held_bytes -= held->message.length;
    free(held);
}

static void tell_busy(struct importer *importer) {
    const bool is_busy = importer->is_active && importer->held_count >= HELD_BUSY;
    if (is_busy != importer->is_busy) {
        importer->is_busy = is_busy;
        importer->on_busy(is_busy, importer->context);
    }
}

static void hold(struct importer *importer, const struct importer_message *message, bool has_begun,
                 unsigned record) {
    const size_t topic_bytes = strlen(message->topic) + 1;
    const size_t unit_bytes = strlen(message->unit) + 1;
    struct importer_held *held = NULL;
    if (importer->held_count < HELD_MAX && importer->held_bytes + message->length <= HELD_BYTES_MAX) {
        held = malloc(sizeof(*held) + topic_bytes + unit_bytes + message->length);
    }
    if (held == NULL) {
        importer->on_refused(message->topic, "too many wait", importer->context);
        return;
    }
    held->has_begun = has_begun;
    held->record = record;
    held->message = *message;
    held->message.topic = memcpy(held->texts, message->topic, topic_bytes);
    held->message.unit = memcpy(held->texts + topic_bytes, message->unit, unit_bytes);
    held->message.payload = memcpy(held->texts + topic_bytes + unit_bytes, message->payload, message->length);
    DL_APPEND(importer->held, held);
    importer->held_count++;
    importer->held_bytes += message->length;
    tell_busy(importer);
}

/* ---- readings ---- */

/* The topic of this LAN, which is opened where it was not. NULL, with a reason, when it can't be. */
static muster_publisher_t *find_publisher(struct importer *importer, const char *name, const char *site,
                                          const char **fault) {
    struct importer_topic *topic;
    HASH_FIND_STR(importer->topics, name, topic);
    if (topic != NULL) {
        *fault = "its topic could not be opened";
        return topic->publisher;
    }
    if (HASH_COUNT(importer->topics) >= IMPORTER_TOPICS_MAX) {
        *fault = "too many topics of other sites are open here";
        return NULL;
    }
    topic = calloc(1, sizeof(*topic));
    if (topic == NULL) {
        *fault = muster_error_text(MUSTER_ENOMEM);
        return NULL;
    }
    strcpy(topic->name, name);
    HASH_ADD_STR(importer->topics, name, topic);
    const struct muster_topic described = {.name = name, .origin = site};
    *fault = muster_error_text(muster_publisher_open(importer->node, &described, &topic->publisher));
    return topic->publisher;
}

/* Publishes a record below a reading's name. False where it has to wait. */
static bool publish(struct importer *importer, const struct mqtt_topic_parts *parts,
                    struct muster_record *record) {
    char name[MQTT_TOPIC_BYTES_MAX + MUSTER_FULL_NAME_BYTES_MAX];
    char topic[MUSTER_TOPIC_BYTES_MAX + 1];
    char leaf[MUSTER_NAME_BYTES_MAX + 1];
    struct mqtt_topic_parts whole = *parts;
    snprintf(name, sizeof(name), "%s%s%s", parts->rest, record->name[0] != '\0' ? "/" : "", record->name);
    whole.rest = name;
    const char *fault = mqtt_topic_write_local(&whole, topic, leaf);
    muster_publisher_t *publisher =
        fault == NULL ? find_publisher(importer, topic, parts->site, &fault) : NULL;
    if (publisher != NULL) {
        record->name = leaf;
        const int error = muster_publisher_add(publisher, record);
        if (error == MUSTER_EAGAIN) {
            return false;
        }
        fault = error == 0               ? NULL
                : error == MUSTER_EINVAL ? muster_record_fault(record)
                                         : muster_error_text(error);
    }
    if (fault != NULL) {
        importer->on_refused(name, fault, importer->context);
    } else {
        importer->taken++;
    }
    return true;
}

/* Publishes the records from one on. Returns the number of the one that has to wait, or -1. */
static int publish_all(struct importer *importer, const struct mqtt_topic_parts *parts,
                       const struct importer_message *message, unsigned first) {
    struct muster_record record;
    const char *fault;
    int result;
    for (unsigned i = 0; (result = mqtt_payload_next(&importer->reader, &record, &fault)) == 1; i++) {
        record.unit = record.unit != NULL && record.unit[0] != '\0' ? record.unit : message->unit;
        record.time_s = record.time_s > 0 ? record.time_s : message->time_s;
        if (i >= first && !publish(importer, parts, &record)) {
            return (int)i;
        }
    }
    if (result < 0) {
        importer->on_refused(message->topic, fault, importer->context);
    }
    return -1;
}

static int take_reading(struct importer *importer, const struct mqtt_topic_parts *parts,
                        const struct importer_message *message, bool has_begun, unsigned first) {
    if (message->length == 0) {
        return -1; /* a last value was cleared, which is no reading */
    }
    mqtt_payload_open(&importer->reader, parts->rest, message->payload, message->length, session_wall_s());
    const struct reading_ref *ref = importer->reader.ref.seq != 0 ? &importer->reader.ref : &message->ref;
    const bool is_new =
        has_begun || (message->is_retained ? marks_take_last : marks_take)(importer->marks, parts->site, ref);
    if (!is_new) {
        importer->repeated++;
        return -1;
    }
    return publish_all(importer, parts, message, first);
}

/* ---- peers and bridges of other sites ---- */

static void forget_peer(struct importer *importer, struct importer_peer *peer) {
    HASH_DEL(importer->peers, peer);
    importer->peers_bytes -= peer->bytes;
    document_free(peer->said);
    free(peer);
}

static bool is_present(const document_node_t *said) {
    const char *state = document_text(document_member(said, "state"));
    return state != NULL && (strcmp(state, "alive") == 0 || strcmp(state, "suspect") == 0);
}

static void take_peer(struct importer *importer, const struct mqtt_topic_parts *parts,
                      const struct importer_message *message) {
    struct importer_peer *peer;
    document_node_t *said = scan_large(message->payload, message->length, PEER_VALUES_MAX, NULL) == SCAN_OK
                                ? document_parse(message->payload, message->length)
                                : NULL;
    importer->has_changed = true;
    HASH_FIND_STR(importer->peers, message->topic, peer);
    if (peer != NULL) {
        forget_peer(importer, peer);
    }
    const bool has_room = HASH_COUNT(importer->peers) < PEERS_MAX &&
                          importer->peers_bytes + message->length <= IMPORTER_PEERS_BYTES_MAX;
    if (is_present(said) && !has_room) {
        importer->on_refused(message->topic, "too many peers of other sites are kept", importer->context);
    } else if (is_present(said)) {
        peer = calloc(1, sizeof(*peer) + strlen(message->topic) + 1);
        if (peer != NULL) {
            strcpy(peer->topic, message->topic);
            strcpy(peer->site, parts->site);
            peer->said = said;
            peer->bytes = message->length;
            importer->peers_bytes += peer->bytes;
            HASH_ADD_STR(importer->peers, topic, peer);
            return;
        }
    }
    document_free(said);
}

static void hear_bridge(struct importer_bridge *bridge, const struct importer_message *message) {
    char said[sizeof(bridge->said)];
    snprintf(said, sizeof(said), "%.*s", (int)message->length, message->payload);
    if (strcmp(said, bridge->said) != 0) {
        strcpy(bridge->said, said);
        bridge->is_awaited = false;
    }
}

void importer_await(struct importer *importer) {
    for (struct importer_bridge *bridge = importer->bridges; bridge != NULL; bridge = bridge->hh.next) {
        bridge->is_awaited = true;
    }
}

bool importer_awaits(const struct importer *importer) {
    const struct importer_bridge *bridge = importer->bridges;
    while (bridge != NULL && !bridge->is_awaited) {
        bridge = bridge->hh.next;
    }
    return bridge != NULL;
}

static void take_bridge(struct importer *importer, const struct mqtt_topic_parts *parts,
                        const struct importer_message *message) {
    struct importer_bridge *bridge;
    const bool is_online =
        message->length > 0 && memmem(message->payload, message->length, "online", 6) != NULL;
    importer->has_changed = true;
    HASH_FIND_STR(importer->bridges, message->topic, bridge);
    if (!is_online && bridge != NULL) {
        HASH_DEL(importer->bridges, bridge);
        free(bridge);
    } else if (is_online && bridge != NULL) {
        hear_bridge(bridge, message);
    } else if (is_online && HASH_COUNT(importer->bridges) < PEERS_MAX) {
        bridge = calloc(1, sizeof(*bridge) + strlen(message->topic) + 1);
        if (bridge != NULL) {
            strcpy(bridge->topic, message->topic);
            strcpy(bridge->site, parts->site);
            hear_bridge(bridge, message);
            HASH_ADD_STR(importer->bridges, topic, bridge);
        }
    }
}

/* Without a bridge there, nobody would say that a peer of a site has gone. */
static bool is_online(const struct importer *importer, const char *site) {
    const struct importer_bridge *bridge = importer->bridges;
    while (bridge != NULL && strcmp(bridge->site, site) != 0) {
        bridge = bridge->hh.next;
    }
    return bridge != NULL;
}

/* ---- what they offer ---- */

/* What is to be announced, and what it points to. */
struct importer_offer {
    struct muster_service services[1 + IMPORTER_SERVICES_MAX];
    size_t count;
    struct {
        struct muster_endpoint addresses[MUSTER_SERVICE_ADDRESSES_MAX];
        struct muster_text *txt;
    } parts[1 + IMPORTER_SERVICES_MAX];
};

/* Addresses that are of a link mean nothing on another one. */
static size_t read_addresses(const document_node_t *list, struct muster_endpoint *addresses) {
    size_t count = 0;
    const document_node_t *node = document_first(list);
    for (; node != NULL && count < MUSTER_SERVICE_ADDRESSES_MAX; node = document_next(node)) {
        struct muster_endpoint endpoint = {.family = 0};
        const char *text = document_text(node);
        if (text != NULL && inet_pton(AF_INET, text, endpoint.ip) == 1) {
            endpoint.family = 4;
        } else if (text != NULL && inet_pton(AF_INET6, text, endpoint.ip) == 1) {
            endpoint.family = 6;
        }
        if (endpoint.family != 0 && !muster_endpoint_is_of_link(&endpoint)) {
            addresses[count++] = endpoint;
        }
    }
    return count;
}

static struct muster_text *read_txt(const document_node_t *object, size_t *count) {
    const document_node_t *node = document_first(object);
    struct muster_text *txt = calloc(document_count(object) + 1, sizeof(*txt));
    *count = 0;
    for (; node != NULL && txt != NULL; node = document_next(node)) {
        if (document_text(node) != NULL) {
            txt[(*count)++] = (struct muster_text){.name = document_name(node), .value = document_text(node)};
        }
    }
    return txt;
}

static const char *text_or_empty(const document_node_t *node) {
    return document_text(node) != NULL ? document_text(node) : "";
}

/* Adds a service, where it is one that can be announced. */
static void add_service(struct importer *importer, struct importer_offer *offer,
                        const struct importer_peer *peer, const document_node_t *node) {
    uint64_t port = 0;
    size_t txt_count;
    struct muster_service *service = &offer->services[offer->count];
    struct muster_endpoint *addresses = offer->parts[offer->count].addresses;
    struct muster_text *txt = read_txt(document_member(node, "txt"), &txt_count);
    document_integer(document_member(node, "port"), &port);
    *service = (struct muster_service){.name = text_or_empty(document_member(node, "name")),
                                       .type = text_or_empty(document_member(node, "type")),
                                       .proto = text_or_empty(document_member(node, "proto")),
                                       .port = port <= UINT16_MAX ? (uint16_t)port : 0,
                                       .txt = txt,
                                       .txt_count = txt_count,
                                       .origin = peer->site,
                                       .host = text_or_empty(document_member(peer->said, "name")),
                                       .addresses = addresses};
    service->address_count = read_addresses(document_member(peer->said, "addresses"), addresses);
    const struct muster_document alone = {
        .name = importer->document->name, .services = service, .service_count = 1};
    if (txt == NULL || service->address_count == 0 || muster_document_check(&alone, true, true, NULL) != 0) {
        importer->on_refused(service->host, "a service of it can't be announced here", importer->context);
        free(txt);
        return;
    }
    for (size_t i = 0; i < offer->count; i++) {
        if (muster_service_is_same(&offer->services[i], service)) {
            free(txt);
            return;
        }
    }
    offer->parts[offer->count++].txt = txt;
}

static void collect(struct importer *importer, struct importer_offer *offer) {
    struct importer_peer *peer;
    struct importer_peer *next;
    HASH_ITER(hh, importer->peers, peer, next) {
        const document_node_t *node = document_first(document_member(peer->said, "services"));
        for (; node != NULL && is_online(importer, peer->site); node = document_next(node)) {
            if (offer->count > IMPORTER_SERVICES_MAX) {
                importer->on_refused(peer->site, "it offers more than is announced here", importer->context);
                return;
            }
            add_service(importer, offer, peer, node);
        }
    }
}

void importer_announce(struct importer *importer) {
    struct importer_offer *offer =
        importer->is_active && importer->has_changed ? calloc(1, sizeof(*offer)) : NULL;
    if (offer == NULL) {
        return;
    }
    struct muster_document document = *importer->document;
    importer->has_changed = false;
    offer->services[0] = importer->document->services[0];
    offer->count = 1;
    collect(importer, offer);
    document.services = offer->services;
    document.service_count = offer->count;
    const size_t left_out = bridge_fit(&document);
    if (left_out > importer->left_out) {
        importer->on_refused("services of other sites", "there is no room for all of them",
                             importer->context);
    }
    importer->left_out = left_out;
    const int error = muster_update(importer->node, &document);
    if (error != 0) {
        importer->on_refused("services of other sites", muster_error_text(error), importer->context);
    }
    for (size_t i = 1; i < offer->count; i++) {
        free(offer->parts[i].txt);
    }
    free(offer);
}

/* ---- for the caller ---- */

/* Returns the record that has to wait, or -1. */
static int take(struct importer *importer, const struct importer_message *message, bool has_begun,
                unsigned first) {
    struct mqtt_topic_parts parts;
    const char *fault = mqtt_topic_read(importer->prefix, message->topic, &parts);
    if (fault != NULL) {
        importer->on_refused(message->topic, fault, importer->context);
        return -1;
    }
    if (parts.is_peer || parts.is_bridge) {
        (parts.is_peer ? take_peer : take_bridge)(importer, &parts, message);
        return -1;
    }
    return take_reading(importer, &parts, message, has_begun, first);
}

void importer_take(struct importer *importer, const struct importer_message *message) {
    if (message->length > MESSAGE_BYTES_MAX) {
        importer->on_refused(message->topic, "it is too long", importer->context);
        return;
    }
    if (!importer->is_active || importer->held != NULL) {
        hold(importer, message, false, 0);
        return;
    }
    const int waits = take(importer, message, false, 0);
    if (waits >= 0) {
        hold(importer, message, true, (unsigned)waits);
    }
}

void importer_go_on(struct importer *importer) {
    while (importer->is_active && importer->held != NULL) {
        struct importer_held *held = importer->held;
        const int waits = take(importer, &held->message, held->has_begun, held->record);
        if (waits >= 0) {
            held->has_begun = true;
            held->record = (unsigned)waits;
            return;
        }
        free_held(importer, held);
    }
    tell_busy(importer);
}

void importer_start(struct importer *importer) {
    importer->is_active = true;
    importer->has_changed = true;
    importer_go_on(importer);
}

void importer_stop(struct importer *importer) {
    struct importer_topic *topic;
    struct importer_topic *next;
    HASH_ITER(hh, importer->topics, topic, next) {
        muster_publisher_close(topic->publisher);
    }
    importer->has_changed = importer->peers != NULL;
    importer_deinit(importer);
    if (importer->has_changed) {
        importer_announce(importer);
    }
    importer->is_active = false;
    tell_busy(importer);
}

void importer_deinit(struct importer *importer) {
    struct importer_topic *topic;
    struct importer_topic *next_topic;
    struct importer_bridge *bridge;
    struct importer_bridge *next_bridge;
    while (importer->held != NULL) {
        free_held(importer, importer->held);
    }
    while (importer->peers != NULL) {
        forget_peer(importer, importer->peers);
    }
    HASH_ITER(hh, importer->topics, topic, next_topic) {
        HASH_DEL(importer->topics, topic);
        free(topic);
    }
    HASH_ITER(hh, importer->bridges, bridge, next_bridge) {
        HASH_DEL(importer->bridges, bridge);
        free(bridge);
    }
}
