/* SPDX-License-Identifier: MIT */
#include "exporter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "bridge.h"
#include "document.h"
#include "home_assistant.h"
#include "mqtt_topic.h"
#include "rivals.h"

#define PEER_BYTES_MAX ((size_t)128 * 1024) /* of a message about one */

/* A peer by its id: its name, and whether the broker was told of it. */
struct exporter_publisher {
    UT_hash_handle hh;
    uint8_t id[MUSTER_ID_BYTES];
    char name[MUSTER_NAME_BYTES_MAX + 1];
    bool is_told;
};

/* What Home Assistant was told of a topic. */
struct exporter_entity {
    UT_hash_handle hh;
    enum muster_value_kind kind;
    char unit[MUSTER_NAME_BYTES_MAX + 1];
    char topic[];
};

/* ---- peers ---- */

static struct exporter_publisher *find_publisher(struct exporter *exporter,
                                                 const uint8_t id[MUSTER_ID_BYTES]) {
    struct exporter_publisher *publisher;
    HASH_FIND(hh, exporter->publishers, id, MUSTER_ID_BYTES, publisher);
    return publisher;
}

static struct exporter_publisher *learn(struct exporter *exporter, const struct muster_peer *peer) {
    struct exporter_publisher *publisher = find_publisher(exporter, peer->id);
    if (publisher == NULL) {
        publisher = calloc(1, sizeof(*publisher));
        if (publisher == NULL) {
            return NULL;
        }
        memcpy(publisher->id, peer->id, sizeof(publisher->id));
        HASH_ADD(hh, exporter->publishers, id, sizeof(publisher->id), publisher);
    }
    snprintf(publisher->name, sizeof(publisher->name), "%s", peer->document.name);
    return publisher;
}

/* The name of a publisher, or its id where nothing is known of it yet. */
static const char *name_of(struct exporter *exporter, const muster_t *node, const uint8_t id[MUSTER_ID_BYTES],
                           char text[BRIDGE_ID_TEXT_BYTES]) {
    struct exporter_publisher *publisher = find_publisher(exporter, id);
    struct muster_peer_list list;
    if (publisher == NULL && muster_peer_find(node, id, &list) == 0) {
        publisher = learn(exporter, &list.peers[0]);
        muster_peer_list_free(&list);
    }
    return publisher != NULL && publisher->name[0] != '\0' ? publisher->name : bridge_id_text(id, text);
}

static void write_peer_topic(const struct exporter *exporter, const uint8_t id[MUSTER_ID_BYTES],
                             char topic[MQTT_TOPIC_BYTES_MAX]) {
    char text[BRIDGE_ID_TEXT_BYTES];
    snprintf(topic, MQTT_TOPIC_BYTES_MAX, "%s/%s/" MQTT_TOPIC_PEERS "/%s", exporter->options.prefix,
             exporter->options.site, bridge_id_text(id, text));
}

static void put_texts(struct document *document, document_node_t *parent, const char *name,
                      const struct muster_text *texts, size_t count) {
    document_node_t *object = count > 0 ? document_put_object(document, parent, name) : NULL;
    for (size_t i = 0; i < count && object != NULL; i++) {
        document_put_text(document, object, texts[i].name, texts[i].value);
    }
}

static void put_address(struct document *document, document_node_t *list,
                        const struct muster_endpoint *endpoint) {
    char text[INET6_ADDRSTRLEN];
    if (endpoint->family != 0 &&
        inet_ntop(endpoint->family == 4 ? AF_INET : AF_INET6, endpoint->ip, text, sizeof(text)) != NULL) {
        document_put_text(document, list, NULL, text);
    }
}

static void put_service(struct document *document, document_node_t *list,
                        const struct muster_service *service) {
    document_node_t *object = document_put_object(document, list, NULL);
    document_put_text(document, object, "type", service->type);
    document_put_text(document, object, "proto", service->proto);
    document_put_integer(document, object, "port", service->port);
    if (service->name != NULL && service->name[0] != '\0') {
        document_put_text(document, object, "name", service->name);
    }
    put_texts(document, object, "txt", service->txt, service->txt_count);
}

/* What came from another site is not carried on, and a bridge means nothing on another LAN. */
static bool is_carried(const struct muster_service *service) {
    return (service->origin == NULL || service->origin[0] == '\0') &&
           strcmp(service->type, RIVALS_SERVICE_TYPE) != 0;
}

static void put_peer(struct document *document, const struct muster_peer *peer) {
    document_put_text(document, NULL, "state", muster_state_name(peer->state));
    document_put_text(document, NULL, "name", peer->document.name);
    document_node_t *addresses = document_put_array(document, NULL, "addresses");
    put_address(document, addresses, &peer->address);
    put_address(document, addresses, &peer->other_address);
    document_node_t *services = document_put_array(document, NULL, "services");
    for (size_t i = 0; i < peer->document.service_count; i++) {
        if (is_carried(&peer->document.services[i])) {
            put_service(document, services, &peer->document.services[i]);
        }
    }
    put_texts(document, NULL, "attrs", peer->document.attrs, peer->document.attr_count);
}

static void carry_peer(struct exporter *exporter, const struct muster_peer *peer,
                       struct exporter_publisher *publisher) {
    struct document document;
    char topic[MQTT_TOPIC_BYTES_MAX];
    char *text = malloc(PEER_BYTES_MAX);
    document_init(&document);
    put_peer(&document, peer);
    if (text != NULL && document_print(&document, text, PEER_BYTES_MAX) >= 0) {
        write_peer_topic(exporter, peer->id, topic);
        dispatch_set(exporter->dispatch, topic, text);
        publisher->is_told = true;
    }
    document_deinit(&document);
    free(text);
}

void exporter_take_peer(struct exporter *exporter, const struct muster_peer *peer) {
    struct exporter_publisher *publisher = learn(exporter, peer);
    if (publisher != NULL && exporter->options.with_peers) {
        carry_peer(exporter, peer, publisher);
    }
}

static bool is_in(const struct muster_peer_list *list, const uint8_t id[MUSTER_ID_BYTES]) {
    size_t i = 0;
    while (i < list->count && memcmp(list->peers[i].id, id, MUSTER_ID_BYTES) != 0) {
        i++;
    }
    return i < list->count;
}

void exporter_take_peers(struct exporter *exporter, const muster_t *node) {
    struct muster_peer_list list;
    struct exporter_publisher *publisher;
    struct exporter_publisher *next;
    if (muster_peers(node, &list) != 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        exporter_take_peer(exporter, &list.peers[i]);
    }
    HASH_ITER(hh, exporter->publishers, publisher, next) {
        if (!is_in(&list, publisher->id)) {
            if (publisher->is_told) {
                exporter_forget_peer(exporter, publisher->id);
            }
            HASH_DEL(exporter->publishers, publisher);
            free(publisher);
        }
    }
    muster_peer_list_free(&list);
}

void exporter_forget_peer(struct exporter *exporter, const uint8_t id[MUSTER_ID_BYTES]) {
    char topic[MQTT_TOPIC_BYTES_MAX];
    write_peer_topic(exporter, id, topic);
    dispatch_set(exporter->dispatch, topic, "");
}

/* ---- readings ---- */

/* True when Home Assistant is to be told of a topic, or told otherwise than it was. */
static bool is_new_entity(struct exporter *exporter, const char *topic, const struct muster_record *record,
                          const char *unit) {
    struct exporter_entity *entity;
    const size_t length = strlen(topic);
    HASH_FIND(hh, exporter->entities, topic, length, entity);
    if (entity != NULL && entity->kind == record->kind && strcmp(entity->unit, unit) == 0) {
        return false;
    }
    if (entity == NULL && HASH_COUNT(exporter->entities) < DISPATCH_TOPICS_MAX) {
        entity = calloc(1, sizeof(*entity) + length + 1);
        if (entity != NULL) {
            memcpy(entity->topic, topic, length + 1);
            HASH_ADD(hh, exporter->entities, topic, length, entity);
        }
    }
    if (entity != NULL) {
        entity->kind = record->kind;
        snprintf(entity->unit, sizeof(entity->unit), "%s", unit);
    }
    return entity != NULL;
}

static void tell_home_assistant(struct exporter *exporter, const struct dispatch_message *message,
                                const struct muster_record *record, const char *peer) {
    char topic[MQTT_TOPIC_BYTES_MAX];
    char peer_topic[MQTT_TOPIC_BYTES_MAX];
    char text[HOME_ASSISTANT_BYTES_MAX];
    char id[BRIDGE_ID_TEXT_BYTES];
    write_peer_topic(exporter, message->ref->peer, peer_topic);
    const struct home_assistant_entity entity = {.prefix = exporter->options.discovery,
                                                 .peer = peer,
                                                 .peer_id = bridge_id_text(message->ref->peer, id),
                                                 .name = record->name,
                                                 .topic = message->topic,
                                                 .payload = exporter->options.payload,
                                                 .peer_topic =
                                                     exporter->options.with_peers ? peer_topic : NULL,
                                                 .bridge_topic = exporter->options.bridge_topic,
                                                 .unit = message->unit,
                                                 .kind = record->kind};
    const char *fault = home_assistant_write(&entity, topic, text);
    if (fault == NULL) {
        dispatch_set(exporter->dispatch, topic, text);
    } else {
        exporter->on_refused(record->name, fault, exporter->context);
    }
}

static bool is_wanted(const struct exporter *exporter, const char *name) {
    const struct value_texts *patterns = exporter->options.patterns;
    size_t i = 0;
    while (i < patterns->count && !muster_pattern_matches(patterns->texts[i], name)) {
        i++;
    }
    return i < patterns->count;
}

/* Values that were put together for this node are the last ones of their topics. */
static void carry(struct exporter *exporter, const struct muster_record *record,
                  const struct reading_ref *ref, const char *peer, double now_s) {
    char topic[MQTT_TOPIC_BYTES_MAX];
    const size_t size = MQTT_PAYLOAD_BYTES_MAX + MQTT_PAYLOAD_ESCAPE_BYTES * record->text_length;
    char *payload = malloc(size);
    size_t length = 0;
    const char *fault =
        mqtt_topic_write(exporter->options.prefix, exporter->options.site, peer, record->name, topic);
    fault = fault != NULL ? fault
            : payload == NULL
                ? muster_error_text(MUSTER_ENOMEM)
                : mqtt_payload_write(exporter->options.payload, record, ref, payload, size, &length);
    if (fault != NULL) {
        exporter->on_refused(record->name, fault, exporter->context);
        free(payload);
        return;
    }
    const struct dispatch_message message = {.topic = topic,
                                             .payload = payload,
                                             .length = length,
                                             .unit = record->unit != NULL ? record->unit : "",
                                             .time_s = record->time_s,
                                             .ref = ref};
    if (exporter->options.discovery != NULL && is_new_entity(exporter, topic, record, message.unit)) {
        tell_home_assistant(exporter, &message, record, peer);
    }
    if (ref->seq == 0) {
        dispatch_set_value(exporter->dispatch, &message);
    } else {
        dispatch_add(exporter->dispatch, &message, (uint64_t)(now_s * 1000));
    }
    free(payload);
}

void exporter_take(struct exporter *exporter, const muster_t *node, const struct muster_sample *sample,
                   double now_s) {
    char id[BRIDGE_ID_TEXT_BYTES];
    struct muster_record record;
    struct reading_ref ref = {.boot = sample->boot, .shard = sample->shard, .seq = sample->seq};
    int result;
    memcpy(ref.peer, sample->id, sizeof(ref.peer));
    const char *peer = name_of(exporter, node, sample->id, id);
    const bool is_last = sample->kind == MUSTER_SAMPLE_LAST;
    muster_pack_open_sample(&exporter->pack, sample, is_last ? now_s - (double)sample->age_ms / 1000 : now_s);
    for (; (result = muster_pack_next(&exporter->pack, &record)) == 1; ref.record++) {
        if (is_wanted(exporter, record.name) && marks_take(exporter->marks, "", &ref)) {
            carry(exporter, &record, &ref, peer, now_s);
        }
    }
    exporter->malformed += result < 0;
}

void exporter_deinit(struct exporter *exporter) {
    struct exporter_publisher *publisher;
    struct exporter_publisher *next;
    struct exporter_entity *entity;
    struct exporter_entity *next_entity;
    HASH_ITER(hh, exporter->publishers, publisher, next) {
        HASH_DEL(exporter->publishers, publisher);
        free(publisher);
    }
    HASH_ITER(hh, exporter->entities, entity, next_entity) {
        HASH_DEL(exporter->entities, entity);
        free(entity);
    }
}
