#include "reply_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "document.h"
#include "endpoint.h"
#include "limit.h"
#include "member.h"
#include "name.h"
#include "reply_counters.h"

/* ---- members, all of which may be left out ---- */

static uint64_t integer_of(const document_node_t *object, const char *name) {
    uint64_t value = 0;
    document_integer(document_member(object, name), &value);
    return value;
}

/* A number that may be negative. */
static int64_t signed_of(const document_node_t *object, const char *name) {
    double value = 0;
    document_number(document_member(object, name), &value);
    return fabs(value) <= (double)MUSTER_INTEGER_MAX ? (int64_t)value : 0;
}

static double share_of(const document_node_t *object, const char *name) {
    double value = 0;
    document_number(document_member(object, name), &value);
    return value >= 0 && value <= 1 ? value : 0;
}

static const char *text_of(const document_node_t *object, const char *name) {
    const char *text = document_text(document_member(object, name));
    return text == NULL ? "" : text;
}

static void read_name(const document_node_t *object, const char *member,
                      char name[MUSTER_INTERFACE_NAME_BYTES]) {
    strncpy(name, text_of(object, member), MUSTER_INTERFACE_NAME_BYTES - 1);
}

static void read_endpoint(const document_node_t *object, const char *address_name, const char *port_name,
                          struct muster_endpoint *endpoint) {
    uint64_t port = integer_of(object, port_name);
    if (endpoint_parse(text_of(object, address_name), endpoint) && port <= UINT16_MAX) {
        endpoint->port = (uint16_t)port;
    }
}

/* ---- rows ---- */

static void read_tuples(struct reply_reader *reader, const document_node_t *array, struct muster_peer *peer) {
    peer->tuples = reader->tuples;
    for (const document_node_t *e = document_first(array); e != NULL && peer->tuple_count < MUSTER_TUPLES_MAX;
         e = document_next(e)) {
        struct muster_tuple *tuple = &reader->tuples[peer->tuple_count];
        *tuple = (struct muster_tuple){
            .count = integer_of(e, "count"), .age_ms = integer_of(e, "age_ms"), .loss = share_of(e, "loss")};
        read_endpoint(e, "source_address", "source_port", &tuple->source);
        read_endpoint(e, "destination_address", "destination_port", &tuple->destination);
        read_name(e, "interface", tuple->interface_name);
        int path = name_find(&name_paths, text_of(e, "path"));
        if (path >= 0) {
            tuple->path = (enum muster_path_kind)path;
            peer->tuple_count++;
        }
    }
}

static unsigned read_paths(const document_node_t *array) {
    unsigned paths = 0;
    for (const document_node_t *e = document_first(array); e != NULL; e = document_next(e)) {
        int path = name_find(&name_paths, document_text(e));
        paths |= path < 0 ? 0 : 1u << path;
    }
    return paths;
}

/* The lines behind the part's own one. */
static const uint8_t *lines_of(const struct reply_reader *reader, size_t *length) {
    *length = reader->length - reader->head_length;
    return reader->buffer.bytes + reader->begin + reader->head_length;
}

/* Where the announce ends and the body begins: a large document is the line after a signature. */
static bool read_announce(struct reply_reader *reader, struct reply *reply, enum muster_drop *reason) {
    size_t length;
    const uint8_t *bytes = lines_of(reader, &length);
    bool has_body = reader->lines == REPLY_LINES_MAX;
    reply->announce_bytes = bytes;
    reply->announce_length = has_body ? reply_lines_length(bytes, length, REPLY_LINES_MAX - 1) : length;
    reply->body = has_body ? bytes + reply->announce_length : NULL;
    reply->body_length = length - reply->announce_length;
    if (!message_decode(bytes, reply->announce_length, &reader->announce, reason)) {
        return false;
    }
    reply->announce = &reader->announce;
    return reader->announce.kind == MESSAGE_ANNOUNCE &&
           (!has_body || (reader->announce.size > 0 &&
                          message_take_body(&reader->announce, reply->body, reply->body_length, reason)));
}

static bool read_peer(struct reply_reader *reader, struct reply *reply, enum muster_drop *reason) {
    const document_node_t *object = document_member(reader->head, "peer");
    struct muster_peer *peer = &reply->peer;
    int state = name_find(&name_states, text_of(object, "state"));
    if (state < 0 || !read_announce(reader, reply, reason)) {
        return false;
    }
    peer->state = (enum muster_state)state;
    memcpy(peer->id, reader->announce.id, sizeof peer->id);
    peer->boot = reader->announce.boot;
    peer->rev = reader->announce.rev;
    peer->document = reader->announce.document;
    peer->verified = document_bool(document_member(object, "verified"));
    peer->provisional = document_bool(document_member(object, "provisional"));
    peer->partial = document_bool(document_member(object, "partial"));
    peer->self = document_bool(document_member(object, "self"));
    read_endpoint(object, "address", "port", &peer->address);
    read_name(object, "interface", peer->interface_name);
    peer->paths = read_paths(document_member(object, "paths"));
    peer->age_ms = integer_of(object, "age_ms");
    peer->next_ms = signed_of(object, "next_ms");
    peer->since_ms = integer_of(object, "since_ms");
    peer->loss = share_of(object, "loss");
    peer->received = integer_of(object, "received");
    peer->copies = integer_of(object, "copies");
    read_tuples(reader, document_member(object, "tuples"), peer);
    return true;
}

/* ---- the node itself ---- */

static void read_rows(const document_node_t *object, const struct reply_counter_row *rows, size_t count,
                      void *counters) {
    for (size_t i = 0; i < count; i++) {
        *reply_counter(counters, &rows[i]) = integer_of(object, rows[i].name);
    }
}

static void read_counters(const document_node_t *object, struct muster_counters *counters) {
    const document_node_t *drops = document_member(object, "drops");
    read_rows(object, reply_counters, REPLY_COUNTERS, counters);
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        counters->drops[i] = integer_of(drops, muster_drop_name((enum muster_drop)i));
    }
}

static const char *protocol_of(const char *name) {
    static const char *const names[] = {"udp", "tcp", "unix"};
    static const struct name_table protocols = NAME_TABLE(names);
    int protocol = name_find(&protocols, name);
    return protocol < 0 ? "" : names[protocol];
}

/* Room for the elements of an array, for count_max of them at most. */
static void *reserve(const document_node_t *array, size_t count_max, size_t size, size_t *count) {
    *count = document_count(array) < count_max ? document_count(array) : count_max;
    return calloc(*count + 1, size);
}

static bool read_sockets(struct reply_reader *reader, const document_node_t *array,
                         struct muster_self *self) {
    size_t count;
    reader->sockets = reserve(array, MUSTER_SOCKETS_MAX, sizeof *reader->sockets, &count);
    if (reader->sockets == NULL) {
        return false;
    }
    const document_node_t *e = document_first(array);
    for (; self->socket_count < count; e = document_next(e)) {
        struct muster_socket *socket = &reader->sockets[self->socket_count++];
        socket->protocol = protocol_of(text_of(e, "protocol"));
        read_endpoint(e, "address", "port", &socket->address);
        read_name(e, "interface", socket->interface_name);
        socket->buffer_bytes = (uint32_t)integer_of(e, "buffer_bytes");
        socket->kernel_drops = integer_of(e, "kernel_drops");
        socket->failed = integer_of(e, "failed");
    }
    self->sockets = reader->sockets;
    return true;
}

static bool read_own_paths(struct reply_reader *reader, const document_node_t *array,
                           struct muster_self *self) {
    size_t count;
    reader->paths = reserve(array, MUSTER_PATHS_MAX, sizeof *reader->paths, &count);
    if (reader->paths == NULL) {
        return false;
    }
    const document_node_t *e = document_first(array);
    for (size_t i = 0; i < count; i++, e = document_next(e)) {
        struct muster_path *path = &reader->paths[self->path_count];
        read_name(e, "interface", path->name);
        int kind = name_find(&name_paths, text_of(e, "path"));
        if (kind >= 0) {
            path->kind = (enum muster_path_kind)kind;
            self->path_count++;
        }
    }
    self->paths = reader->paths;
    return true;
}

static bool read_feed(const document_node_t *object, struct muster_feed *feed) {
    uint64_t shard = integer_of(object, "shard");
    *feed = (struct muster_feed){.shard = (unsigned)shard,
                                 .is_by_stream = document_bool(document_member(object, "by_stream"))};
    read_rows(object, reply_feed_counters, REPLY_FEED_COUNTERS, feed);
    return shard < MUSTER_SHARDS && member_parse_hex(text_of(object, "id"), feed->id, sizeof feed->id);
}

/* What is no feed is left out. */
static bool read_feeds(struct reply_reader *reader, const document_node_t *array, struct muster_self *self) {
    size_t count;
    reader->feeds = reserve(array, MUSTER_FEEDS_SHOWN_MAX, sizeof *reader->feeds, &count);
    if (reader->feeds == NULL) {
        return false;
    }
    const document_node_t *e = document_first(array);
    for (size_t i = 0; i < count; i++, e = document_next(e)) {
        self->feed_count += read_feed(e, &reader->feeds[self->feed_count]) ? 1 : 0;
    }
    self->feeds = reader->feeds;
    return true;
}

static bool read_self(struct reply_reader *reader, struct reply *reply, enum muster_drop *reason) {
    const document_node_t *object = document_member(reader->head, "self");
    struct muster_self *self = &reply->self;
    if (!read_peer(reader, reply, reason)) {
        return false;
    }
    self->peer = reply->peer;
    self->version = text_of(object, "version");
    self->port = (uint16_t)integer_of(object, "port");
    self->interval_ms = integer_of(object, "interval_ms");
    self->peers = (size_t)integer_of(object, "peers");
    self->feeds_known = (size_t)integer_of(object, "feeds_known");
    read_counters(document_member(object, "counters"), &self->counters);
    read_rows(document_member(object, "sender"), reply_sender_counters, REPLY_SENDER_COUNTERS, &self->sender);
    *reason = MUSTER_DROP_MEMORY;
    return read_sockets(reader, document_member(object, "sockets"), self) &&
           read_own_paths(reader, document_member(object, "paths"), self) &&
           read_feeds(reader, document_member(object, "feeds"), self);
}

/* ---- the other parts ---- */

static bool read_document(struct reply_reader *reader, struct reply *reply, enum muster_drop *reason) {
    const document_node_t *object = document_member(reader->head, "document");
    reply->body = lines_of(reader, &reply->body_length);
    return reader->lines == 1 &&
           member_hex(document_member(object, "id"), reply->id, sizeof reply->id, reason);
}

/* A number that may be left out: then it is 0. */
static bool read_number(const document_node_t *object, const char *name, uint64_t *value,
                        enum muster_drop *reason) {
    return member_optional_integer(object, name, 0, MUSTER_INTEGER_MAX, value, reason);
}

static bool read_sample(struct reply_reader *reader, struct reply *reply, enum muster_drop *reason) {
    const document_node_t *object = document_member(reader->head, "sample");
    struct reply_sample *sample = &reply->sample;
    sample->id = reply->id;
    sample->topic = text_of(object, "topic");
    sample->body = lines_of(reader, &sample->body_length);
    sample->body_length--; /* its LF */
    return reader->lines == 1 && sample->body_length <= MUSTER_DATAGRAM_BYTES_MAX &&
           member_hex(document_member(object, "id"), reply->id, sizeof reply->id, reason) &&
           member_integer(object, "boot", 1, MUSTER_INTEGER_MAX, &sample->boot, reason) &&
           read_number(object, "seq", &sample->seq, reason) &&
           read_number(object, "passed", &sample->passed, reason) &&
           (sample->passed == 0 || sample->passed < sample->seq) &&
           read_number(object, "age_ms", &sample->age_ms, reason) &&
           muster_topic_fault(sample->topic) == NULL;
}

static bool read_end(const document_node_t *head, struct reply *reply) {
    int end = name_find(&request_end_names, text_of(head, "end"));
    if (end < 0) {
        return false;
    }
    reply->end = (enum request_end)end;
    reply->count = integer_of(head, "count");
    reply->text = document_text(document_member(head, "text"));
    reply->member = document_text(document_member(head, "member"));
    return true;
}

bool reply_read_part(struct reply_reader *reader, struct reply *reply, enum muster_drop *reason) {
    const document_node_t *head = reader->head;
    *reason = MUSTER_DROP_SYNTAX;
    if (document_member(head, "end") != NULL) {
        reply->kind = REPLY_END;
        return read_end(head, reply);
    }
    if (document_member(head, "self") != NULL) {
        reply->kind = REPLY_SELF;
        return read_self(reader, reply, reason);
    }
    if (document_member(head, "peer") != NULL) {
        reply->kind = REPLY_PEER;
        reply->has_event = document_member(head, "event") != NULL;
        int event = reply->has_event ? name_find(&name_peer_events, text_of(head, "event")) : 0;
        if (event < 0) {
            return false;
        }
        reply->event = (enum muster_peer_event)event;
        if (read_peer(reader, reply, reason)) {
            return true;
        }
        reply->kind = REPLY_UNREADABLE;
        return *reason != MUSTER_DROP_MEMORY;
    }
    if (document_member(head, "document") != NULL) {
        reply->kind = REPLY_DOCUMENT;
        return read_document(reader, reply, reason);
    }
    if (document_member(head, "sample") != NULL) {
        reply->kind = REPLY_SAMPLE;
        return read_sample(reader, reply, reason);
    }
    reply->kind = REPLY_STATS;
    read_counters(document_member(head, "stats"), &reply->counters);
    return document_member(head, "stats") != NULL;
}
