#include "reply.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "endpoint.h"
#include "member.h"
#include "reply_counters.h"

static void put_endpoint(struct document *document, document_node_t *object, const char *address_name,
                         const char *port_name, const struct muster_endpoint *endpoint) {
    if (endpoint->family == 0) {
        return;
    }
    char text[ENDPOINT_TEXT_BYTES];
    endpoint_text(endpoint, text);
    document_put_text(document, object, address_name, text);
    document_put_integer(document, object, port_name, endpoint->port);
}

static void put_interface(struct document *document, document_node_t *object, const char *name) {
    if (name[0] != '\0') {
        document_put_text(document, object, "interface", name);
    }
}

static void put_flag(struct document *document, document_node_t *object, const char *name, bool is_set) {
    if (is_set) {
        document_put_bool(document, object, name, true);
    }
}

static void put_tuples(struct document *document, document_node_t *object, const struct muster_peer *peer) {
    document_node_t *array = document_put_array(document, object, "tuples");
    for (size_t i = 0; i < peer->tuple_count; i++) {
        const struct muster_tuple *tuple = &peer->tuples[i];
        document_node_t *node = document_put_object(document, array, NULL);
        put_endpoint(document, node, "source_address", "source_port", &tuple->source);
        put_endpoint(document, node, "destination_address", "destination_port", &tuple->destination);
        put_interface(document, node, tuple->interface_name);
        document_put_text(document, node, "path", muster_path_name(tuple->path));
        document_put_integer(document, node, "count", (int64_t)tuple->count);
        document_put_integer(document, node, "age_ms", (int64_t)tuple->age_ms);
        document_put_number(document, node, "loss", tuple->loss);
    }
}

static void put_evidence(struct document *document, document_node_t *object, const struct muster_peer *peer) {
    put_interface(document, object, peer->interface_name);
    put_flag(document, object, "verified", peer->verified);
    put_flag(document, object, "provisional", peer->provisional);
    put_flag(document, object, "partial", peer->partial);
    put_flag(document, object, "self", peer->self);
    document_put_integer(document, object, "since_ms", (int64_t)peer->since_ms);
    document_put_number(document, object, "loss", peer->loss);
    document_put_integer(document, object, "received", (int64_t)peer->received);
    document_put_integer(document, object, "copies", (int64_t)peer->copies);
    member_put_paths(document, object, "paths", peer->paths);
    put_tuples(document, object, peer);
}

static void put_peer(struct document *document, const struct muster_peer *peer, bool has_evidence) {
    document_node_t *object = document_put_object(document, NULL, "peer");
    member_put_hex(document, object, "id", peer->id, sizeof peer->id);
    document_put_text(document, object, "state", muster_state_name(peer->state));
    put_endpoint(document, object, "address", "port", &peer->address);
    document_put_integer(document, object, "age_ms", (int64_t)peer->age_ms);
    document_put_integer(document, object, "next_ms", peer->next_ms);
    if (has_evidence) {
        put_evidence(document, object, peer);
    }
}

static size_t count_lines(const uint8_t *bytes, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += bytes[i] == '\n' ? 1 : 0;
    }
    return count;
}

/* Finishes a part: its line, of at most so many bytes, and what follows it as it came. On failure out is as
 * before. */
static int write_long_part(struct buffer *out, struct document *document, const struct reply_lines *lines,
                           size_t bytes_max) {
    size_t before = out->length;
    size_t count = count_lines(lines->announce, lines->announce_length) + (lines->body_length > 0 ? 1 : 0);
    member_put_count(document, NULL, "lines", count);
    char *room = buffer_reserve(out, bytes_max);
    int printed = room == NULL ? -1 : document_print(document, room, bytes_max);
    document_deinit(document);
    if (printed < 0) {
        return MUSTER_ENOMEM; /* no part of ours is longer */
    }
    room[printed] = '\n';
    out->length += (size_t)printed + 1;
    if (buffer_append(out, lines->announce, lines->announce_length) != 0 ||
        buffer_append(out, lines->body, lines->body_length) != 0) {
        out->length = before;
        return MUSTER_ENOMEM;
    }
    return 0;
}

static int write_part(struct buffer *out, struct document *document, const struct reply_lines *lines) {
    return write_long_part(out, document, lines, MUSTER_REPLY_BYTES_MAX);
}

int reply_write_peer(struct buffer *out, const struct muster_peer *peer, const struct reply_lines *lines,
                     bool has_evidence) {
    struct document document;
    document_init(&document);
    put_peer(&document, peer, has_evidence);
    return write_part(out, &document, lines);
}

int reply_write_event(struct buffer *out, enum muster_peer_event event, const struct muster_peer *peer,
                      const struct reply_lines *lines, bool has_evidence) {
    struct document document;
    document_init(&document);
    document_put_text(&document, NULL, "event", muster_peer_event_name(event));
    put_peer(&document, peer, has_evidence);
    return write_part(out, &document, lines);
}

int reply_write_document(struct buffer *out, const uint8_t id[MUSTER_ID_BYTES],
                         const struct reply_lines *lines) {
    struct document document;
    uint8_t hash[MUSTER_HASH_BYTES];
    message_hash_body(lines->body, lines->body_length, hash);
    document_init(&document);
    document_node_t *object = document_put_object(&document, NULL, "document");
    member_put_hex(&document, object, "id", id, MUSTER_ID_BYTES);
    member_put_hex(&document, object, "hash", hash, sizeof hash);
    return write_part(out, &document, lines);
}

/* ---- the node itself ---- */

static void put_rows(struct document *document, document_node_t *object, const struct reply_counter_row *rows,
                     size_t count, const void *counters) {
    for (size_t i = 0; i < count; i++) {
        const uint64_t *counter = reply_counter((void *)(uintptr_t)counters, &rows[i]);
        document_put_integer(document, object, rows[i].name, (int64_t)*counter);
    }
}

static void put_counters(struct document *document, document_node_t *parent, const char *name,
                         const struct muster_counters *counters) {
    document_node_t *object = document_put_object(document, parent, name);
    put_rows(document, object, reply_counters, REPLY_COUNTERS, counters);
    document_node_t *drops = document_put_object(document, object, "drops");
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        document_put_integer(document, drops, muster_drop_name((enum muster_drop)i),
                             (int64_t)counters->drops[i]);
    }
}

int reply_write_stats(struct buffer *out, const struct muster_counters *counters) {
    struct document document;
    document_init(&document);
    put_counters(&document, NULL, "stats", counters);
    return write_part(out, &document, &(struct reply_lines){0});
}

static void put_sockets(struct document *document, document_node_t *object, const struct muster_self *self) {
    document_node_t *array = document_put_array(document, object, "sockets");
    for (size_t i = 0; i < self->socket_count; i++) {
        const struct muster_socket *socket = &self->sockets[i];
        document_node_t *node = document_put_object(document, array, NULL);
        document_put_text(document, node, "protocol", socket->protocol);
        put_endpoint(document, node, "address", "port", &socket->address);
        put_interface(document, node, socket->interface_name);
        document_put_integer(document, node, "buffer_bytes", socket->buffer_bytes);
        document_put_integer(document, node, "kernel_drops", (int64_t)socket->kernel_drops);
        document_put_integer(document, node, "failed", (int64_t)socket->failed);
    }
}

static void put_own_paths(struct document *document, document_node_t *object,
                          const struct muster_self *self) {
    document_node_t *array = document_put_array(document, object, "paths");
    for (size_t i = 0; i < self->path_count; i++) {
        document_node_t *node = document_put_object(document, array, NULL);
        document_put_text(document, node, "interface", self->paths[i].name);
        document_put_text(document, node, "path", muster_path_name(self->paths[i].kind));
    }
}

static void put_feeds(struct document *document, document_node_t *object, const struct muster_self *self) {
    document_node_t *array = document_put_array(document, object, "feeds");
    for (size_t i = 0; i < self->feed_count; i++) {
        const struct muster_feed *feed = &self->feeds[i];
        document_node_t *node = document_put_object(document, array, NULL);
        member_put_hex(document, node, "id", feed->id, sizeof feed->id);
        document_put_integer(document, node, "shard", feed->shard);
        put_rows(document, node, reply_feed_counters, REPLY_FEED_COUNTERS, feed);
        put_flag(document, node, "by_stream", feed->is_by_stream);
    }
    document_put_integer(document, object, "feeds_known", (int64_t)self->feeds_known);
}

int reply_write_self(struct buffer *out, const struct muster_self *self, const struct reply_lines *lines) {
    struct document document;
    document_init(&document);
    document_node_t *object = document_put_object(&document, NULL, "self");
    document_put_text(&document, object, "version", self->version);
    document_put_integer(&document, object, "port", self->port);
    document_put_integer(&document, object, "interval_ms", (int64_t)self->interval_ms);
    document_put_integer(&document, object, "peers", (int64_t)self->peers);
    put_own_paths(&document, object, self);
    put_sockets(&document, object, self);
    put_counters(&document, object, "counters", &self->counters);
    put_rows(&document, document_put_object(&document, object, "sender"), reply_sender_counters,
             REPLY_SENDER_COUNTERS, &self->sender);
    put_feeds(&document, object, self);
    put_peer(&document, &self->peer, true);
    return write_long_part(out, &document, lines, MUSTER_REPLY_SELF_BYTES_MAX);
}

/* ---- samples ---- */

/* Bytes of a sample's own line, at most. */
#define SAMPLE_HEAD_BYTES 384

/* A member that is left out where it is 0. */
static int print_number(char *text, size_t size, const char *name, uint64_t number) {
    return number == 0 ? 0 : snprintf(text, size, ",\"%s\":%" PRIu64, name, number);
}

/* By hand, for who follows gets many: its members need no escapes. */
int reply_write_sample(struct buffer *out, const struct reply_sample *sample) {
    char id[MUSTER_ID_TEXT_BYTES];
    char *line = buffer_reserve(out, SAMPLE_HEAD_BYTES + sample->body_length + 1);
    if (line == NULL) {
        return MUSTER_ENOMEM;
    }
    muster_id_text(sample->id, id);
    int length =
        snprintf(line, SAMPLE_HEAD_BYTES, "{\"sample\":{\"id\":\"%s\",\"boot\":%" PRIu64 ",\"topic\":\"%s\"",
                 id, sample->boot, sample->topic);
    length += print_number(line + length, SAMPLE_HEAD_BYTES - (size_t)length, "seq", sample->seq);
    length += print_number(line + length, SAMPLE_HEAD_BYTES - (size_t)length, "passed", sample->passed);
    length += snprintf(line + length, SAMPLE_HEAD_BYTES - (size_t)length,
                       ",\"age_ms\":%" PRIu64 "},\"lines\":1}\n", sample->age_ms);
    assert(length < SAMPLE_HEAD_BYTES);
    memcpy(line + length, sample->body, sample->body_length);
    line[(size_t)length + sample->body_length] = '\n';
    out->length += (size_t)length + sample->body_length + 1;
    return 0;
}

int reply_write_end(struct buffer *out, enum request_end end, uint64_t count, const char *member) {
    struct document document;
    document_init(&document);
    document_put_text(&document, NULL, "end", name_get(&request_end_names, end));
    document_put_integer(&document, NULL, "count", (int64_t)count);
    if (end != REQUEST_END_DONE) {
        document_put_text(&document, NULL, "text", request_end_text(end));
    }
    if (member != NULL) {
        document_put_text(&document, NULL, "member", member);
    }
    return write_part(out, &document, &(struct reply_lines){0});
}
