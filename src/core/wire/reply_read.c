/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <muster/telemetry.h>

#include "document.h"
#include "inflater.h"
#include "limit.h"
#include "member.h"
#include "name.h"
#include "reply_walk.h"
#include "short_row.h"

/* Lines that may follow one part: an announce, its signature, a body. */
#define LINES_MAX 3

/* Length of so many lines, 0 when they are not all there. */
static size_t lines_length(const uint8_t *bytes, size_t length, size_t lines) {
    size_t used = 0;
    for (; lines > 0; lines--) {
        const uint8_t *end = used == length ? NULL : memchr(bytes + used, '\n', length - used);
        if (end == NULL) {
            return 0;
        }
        used = (size_t)(end - bytes) + 1;
    }
    return used;
}

/* ---- rows ---- */

/* The lines behind the part's own one. */
static const uint8_t *lines_of(const struct reply_reader *reader, size_t *length) {
    *length = reader->length - reader->head_length;
    return reader->buffer.bytes + reader->begin + reader->head_length;
}

/* Puts what a short row left out of its announce back. */
static bool restore(struct reply_reader *reader, struct reply *reply) {
    int error = short_row_restore(reply->announce_bytes, reply->announce_length, &reader->whole);
    reader->reason = error == MUSTER_ENOMEM ? MUSTER_DROP_MEMORY : MUSTER_DROP_SYNTAX;
    reply->announce_bytes = reader->whole.bytes;
    reply->announce_length = reader->whole.length;
    return error == 0;
}

/* Where the announce ends and the body begins: a large document is the line after a signature. */
static bool read_announce(struct reply_reader *reader, bool is_short, struct reply *reply) {
    size_t length;
    const uint8_t *bytes = lines_of(reader, &length);
    bool has_body = reader->lines == LINES_MAX;
    reply->announce_bytes = bytes;
    reply->announce_length = has_body ? lines_length(bytes, length, LINES_MAX - 1) : length;
    reply->body = has_body ? bytes + reply->announce_length : NULL;
    reply->body_length = length - reply->announce_length;
    if (is_short && !restore(reader, reply)) {
        return false;
    }
    if (!message_decode(reply->announce_bytes, reply->announce_length, &reader->announce, &reader->reason)) {
        return false;
    }
    reply->announce = &reader->announce;
    return reader->announce.kind == MESSAGE_ANNOUNCE &&
           (!has_body ||
            (reader->announce.size > 0 &&
             message_take_body(&reader->announce, reply->body, reply->body_length, &reader->reason)));
}

static bool read_peer(struct reply_reader *reader, const document_node_t *node, struct reply *reply) {
    struct reply_walk walk = {.source = node, .lists = &reader->lists, .reason = &reader->reason};
    struct muster_peer *peer = &reply->peer;
    reply_walk_row(&walk, peer);
    bool is_short = document_bool(document_member(node, "short"));
    if (walk.is_wrong || !read_announce(reader, is_short, reply)) {
        return false;
    }
    memcpy(peer->id, reader->announce.id, sizeof peer->id);
    peer->boot = reader->announce.boot;
    peer->rev = reader->announce.rev;
    peer->document = reader->announce.document;
    reply_walk_evidence(&walk, peer);
    return !walk.is_wrong;
}

/* A row, alone or with an event. */
static bool read_row(struct reply_reader *reader, const document_node_t *node, struct reply *reply) {
    const document_node_t *event = document_member(reader->head, "event");
    int kind = event == NULL ? 0 : name_find(&name_peer_events, document_text(event));
    if (kind < 0) {
        return false;
    }
    reply->has_event = event != NULL;
    reply->event = (enum muster_peer_event)kind;
    if (read_peer(reader, node, reply)) {
        return true;
    }
    reply->kind = REPLY_UNREADABLE;
    return reader->reason != MUSTER_DROP_MEMORY;
}

static bool read_self(struct reply_reader *reader, const document_node_t *node, struct reply *reply) {
    struct reply_walk walk = {.source = node, .lists = &reader->lists, .reason = &reader->reason};
    if (!read_peer(reader, document_member(reader->head, "peer"), reply)) {
        return false;
    }
    reply->self.peer = reply->peer;
    reply_walk_self(&walk, &reply->self);
    return !walk.is_wrong;
}

/* ---- the other parts ---- */

static bool read_document(struct reply_reader *reader, const document_node_t *node, struct reply *reply) {
    reply->body = lines_of(reader, &reply->body_length);
    return reader->lines == 1 &&
           member_hex(document_member(node, "id"), reply->id, sizeof reply->id, &reader->reason);
}

/* A number that may be left out: then it is 0. */
static bool read_number(struct reply_reader *reader, const document_node_t *node, const char *name,
                        uint64_t *value) {
    return member_optional_integer(node, name, 0, MUSTER_INTEGER_MAX, value, &reader->reason);
}

static bool read_name(struct reply_reader *reader, const document_node_t *node, struct reply_sample *sample) {
    sample->name = "";
    return node == NULL || member_text(node, 1, MUSTER_NAME_BYTES_MAX, &sample->name, &reader->reason);
}

static bool read_sample(struct reply_reader *reader, const document_node_t *node, struct reply *reply) {
    struct reply_sample *sample = &reply->sample;
    sample->id = reply->id;
    sample->topic = document_text(document_member(node, "topic"));
    sample->body = lines_of(reader, &sample->body_length);
    sample->body_length--; /* its LF */
    return reader->lines == 1 && sample->body_length <= MUSTER_DATAGRAM_BYTES_MAX &&
           member_hex(document_member(node, "id"), reply->id, sizeof reply->id, &reader->reason) &&
           member_integer(node, "boot", 1, MUSTER_INTEGER_MAX, &sample->boot, &reader->reason) &&
           read_number(reader, node, "seq", &sample->seq) &&
           read_number(reader, node, "passed", &sample->passed) &&
           (sample->passed == 0 || sample->passed < sample->seq) &&
           read_number(reader, node, "until", &sample->until) && (sample->until == 0 || sample->seq == 0) &&
           read_number(reader, node, "age_ms", &sample->age_ms) &&
           member_optional_origin(document_member(node, "origin"), &sample->origin, &reader->reason) &&
           read_name(reader, document_member(node, "name"), sample) && sample->topic != NULL &&
           muster_topic_fault(sample->topic) == NULL;
}

static bool read_end(struct reply_reader *reader, const document_node_t *node, struct reply *reply) {
    int end = name_find(&request_end_names, document_text(node));
    if (end < 0) {
        return false;
    }
    reply->end = (enum request_end)end;
    document_integer(document_member(reader->head, "count"), &reply->count);
    reply->text = document_text(document_member(reader->head, "text"));
    reply->member = document_text(document_member(reader->head, "member"));
    return true;
}

static bool read_stats(struct reply_reader *reader, const document_node_t *node, struct reply *reply) {
    struct reply_walk walk = {.source = node};
    (void)reader;
    reply_walk_counters(&walk, &reply->counters);
    return true;
}

/* Each kind is told by a member; the row of a node that says something of itself is beside `self`. */
static const struct part {
    const char *member;
    enum reply_kind kind;
    bool (*read)(struct reply_reader *reader, const document_node_t *node, struct reply *reply);
} parts[] = {
    {"end", REPLY_END, read_end},          {"self", REPLY_SELF, read_self},
    {"peer", REPLY_PEER, read_row},        {"document", REPLY_DOCUMENT, read_document},
    {"sample", REPLY_SAMPLE, read_sample}, {"stats", REPLY_STATS, read_stats},
};

/* Reads the part that the reader holds whole. False with the reason. */
static bool read_part(struct reply_reader *reader, struct reply *reply) {
    reader->reason = MUSTER_DROP_SYNTAX;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const document_node_t *node = document_member(reader->head, parts[i].member);
        if (node != NULL) {
            reply->kind = parts[i].kind;
            return parts[i].read(reader, node, reply);
        }
    }
    return false;
}

/* ---- cutting bytes into parts ---- */

void reply_reader_init(struct reply_reader *reader, size_t part_bytes_max) {
    *reader = (struct reply_reader){.part_bytes_max = part_bytes_max};
}

static void release_part(struct reply_reader *reader) {
    document_free(reader->head);
    message_deinit(&reader->announce);
    while (reader->lists.count > 0) {
        free(reader->lists.items[--reader->lists.count]);
    }
    reader->head = NULL;
    reader->begin += reader->length;
    reader->length = 0;
}

void reply_reader_deinit(struct reply_reader *reader) {
    release_part(reader);
    buffer_deinit(&reader->buffer);
    buffer_deinit(&reader->deflated);
    buffer_deinit(&reader->whole);
    inflater_free(reader->inflater);
}

static void drop_read(struct reply_reader *reader) {
    buffer_drop(&reader->buffer, reader->begin);
    reader->begin = 0;
}

int reply_reader_feed(struct reply_reader *reader, const uint8_t *bytes, size_t length) {
    if (reader->length > 0) {
        release_part(reader);
    }
    drop_read(reader);
    return buffer_append(reader->is_deflated ? &reader->deflated : &reader->buffer, bytes, length);
}

/* Length of so many lines from here on, 0 when they have not all come. */
static size_t find_lines(const struct reply_reader *reader, size_t lines) {
    size_t length = reader->buffer.length - reader->begin;
    return length == 0 ? 0 : lines_length(reader->buffer.bytes + reader->begin, length, lines);
}

static int error_of(const struct reply_reader *reader) {
    return reader->reason == MUSTER_DROP_MEMORY ? MUSTER_ENOMEM : MUSTER_EINVAL;
}

/* Reads the part's own line: 1, 0 when it has not come yet, or an error. */
static int read_head(struct reply_reader *reader) {
    reader->head_length = find_lines(reader, 1);
    if (reader->head_length == 0) {
        return 0;
    }
    const char *line = (const char *)reader->buffer.bytes + reader->begin;
    reader->head = member_parse_large(line, reader->head_length - 1, &reader->reason);
    if (reader->head == NULL) {
        return error_of(reader);
    }
    uint64_t lines = 0;
    document_integer(document_member(reader->head, "lines"), &lines);
    reader->lines = (size_t)lines;
    return document_type(reader->head) == DOCUMENT_OBJECT && lines <= LINES_MAX ? 1 : MUSTER_EINVAL;
}

/* ---- what is deflated ---- */

/* Takes what follows this line of an answer as deflated. A deflated one has no such line. */
static int begin_deflated(struct reply_reader *reader) {
    reader->length = reader->head_length;
    release_part(reader);
    drop_read(reader);
    if (reader->is_deflated) {
        return MUSTER_EINVAL;
    }
    if (reader->inflater == NULL) {
        reader->inflater = inflater_new();
    } else {
        inflater_restart(reader->inflater);
    }
    if (reader->inflater == NULL) {
        return MUSTER_ENOMEM;
    }
    struct buffer clear = reader->buffer;
    reader->buffer = reader->deflated;
    reader->deflated = clear;
    reader->is_deflated = true;
    return 0;
}

/* Behind the end of what is deflated all is in clear again. A part does not go on there. */
static int end_deflated(struct reply_reader *reader) {
    if (reader->buffer.length > 0) {
        return MUSTER_EINVAL;
    }
    struct buffer clear = reader->deflated;
    reader->deflated = reader->buffer;
    reader->buffer = clear;
    reader->is_deflated = false;
    return 1;
}

/* Makes the next piece clear, where no whole part is left of the last one: 1, 0 when more bytes are needed,
 * or an error. */
static int inflate_piece(struct reply_reader *reader) {
    size_t taken;
    if (!reader->is_deflated) {
        return 0;
    }
    drop_read(reader);
    if (inflater_has_ended(reader->inflater)) {
        return end_deflated(reader);
    }
    int result = inflater_read(reader->inflater, reader->deflated.bytes, reader->deflated.length, &taken,
                               &reader->buffer);
    buffer_drop(&reader->deflated, taken);
    return result;
}

/* ---- parts ---- */

/* The next part of what is clear: 1, 0 when more bytes are needed, or an error. */
static int next_part(struct reply_reader *reader, struct reply *reply) {
    int result = reader->head == NULL ? read_head(reader) : 1;
    if (result < 0) {
        return result;
    }
    if (result > 0 && document_bool(document_member(reader->head, "deflate"))) {
        return begin_deflated(reader);
    }
    size_t length = result == 0 ? 0 : find_lines(reader, 1 + reader->lines);
    size_t present = length > 0 ? length : reader->buffer.length - reader->begin;
    if (present > reader->part_bytes_max) {
        return MUSTER_EINVAL;
    }
    if (length == 0) {
        return 0;
    }
    reader->length = length;
    *reply = (struct reply){0};
    return read_part(reader, reply) ? 1 : error_of(reader);
}

int reply_reader_next(struct reply_reader *reader, struct reply *reply) {
    int result;
    if (reader->length > 0) {
        release_part(reader);
    }
    do {
        result = next_part(reader, reply);
    } while (result == 0 && (result = inflate_piece(reader)) == 1);
    return result;
}
