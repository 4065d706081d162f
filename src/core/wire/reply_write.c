/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "document.h"
#include "member.h"
#include "reply_walk.h"
#include "short_row.h"
#include "signal.h"

static void put_peer(struct document *document, const struct muster_peer *peer, enum reply_row row) {
    struct reply_walk top = {.document = document};
    struct reply_walk walk = reply_walk_enter(&top, "peer");
    struct muster_peer copy = *peer;
    if (row == REPLY_ROW_SHORT) {
        document_put_bool(document, walk.target, "short", true);
    } else {
        member_put_hex(document, walk.target, "id", peer->id, sizeof peer->id);
    }
    reply_walk_row(&walk, &copy);
    if (row == REPLY_ROW_WITH_EVIDENCE) {
        reply_walk_evidence(&walk, &copy);
    }
}

static size_t count_lines(const uint8_t *bytes, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += bytes[i] == '\n' ? 1 : 0;
    }
    return count;
}

/* Finishes the line of a part, of at most so many bytes. On failure out is as before. */
static int write_head(struct buffer *out, struct document *document, size_t line_count, size_t bytes_max) {
    member_put_count(document, NULL, "lines", line_count);
    char *room = buffer_reserve(out, bytes_max);
    int printed = room == NULL ? -1 : document_print(document, room, bytes_max);
    document_deinit(document);
    if (printed < 0) {
        return MUSTER_ENOMEM; /* no part of ours is longer */
    }
    room[printed] = '\n';
    out->length += (size_t)printed + 1;
    return 0;
}

/* The announce, if there is one, without what is left out. */
static int write_announce(struct buffer *out, const struct reply_lines *lines) {
    if (lines->announce_length == 0) {
        return 0;
    }
    size_t rest = lines->gap_at + lines->gap_length;
    int error = buffer_append(out, lines->announce, lines->gap_at);
    return error != 0 ? error : buffer_append(out, lines->announce + rest, lines->announce_length - rest);
}

/* The same with what follows it as it came. */
static int write_long_part(struct buffer *out, struct document *document, const struct reply_lines *lines,
                           size_t bytes_max) {
    size_t before = out->length;
    size_t count = count_lines(lines->announce, lines->announce_length) + (lines->body_length > 0 ? 1 : 0);
    int error = write_head(out, document, count, bytes_max);
    if (error != 0) {
        return error;
    }
    if (write_announce(out, lines) != 0 || buffer_append(out, lines->body, lines->body_length) != 0) {
        out->length = before;
        return MUSTER_ENOMEM;
    }
    return 0;
}

static int write_part(struct buffer *out, struct document *document, const struct reply_lines *lines) {
    return write_long_part(out, document, lines, MUSTER_REPLY_BYTES_MAX);
}

int reply_write_peer(struct buffer *out, const char *event, const struct muster_peer *peer,
                     const struct reply_lines *lines, enum reply_row row) {
    struct document document;
    struct reply_lines said = *lines;
    if (row == REPLY_ROW_SHORT &&
        !short_row_find_id(lines->announce, lines->announce_length, &said.gap_at, &said.gap_length)) {
        row = REPLY_ROW_WHOLE;
        said = *lines;
    }
    document_init(&document);
    if (event != NULL) {
        document_put_text(&document, NULL, "event", event);
    }
    put_peer(&document, peer, row);
    return write_part(out, &document, &said);
}

static void put_document(struct document *document, const uint8_t id[MUSTER_ID_BYTES],
                         const uint8_t hash[MUSTER_HASH_BYTES]) {
    document_init(document);
    document_node_t *object = document_put_object(document, NULL, "document");
    member_put_hex(document, object, "id", id, MUSTER_ID_BYTES);
    member_put_hex(document, object, "hash", hash, MUSTER_HASH_BYTES);
}

int reply_write_document(struct buffer *out, const uint8_t id[MUSTER_ID_BYTES],
                         const struct reply_lines *lines) {
    struct document document;
    uint8_t hash[MUSTER_HASH_BYTES];
    message_hash_body(lines->body, lines->body_length, hash);
    put_document(&document, id, hash);
    return write_part(out, &document, lines);
}

int reply_write_value_head(struct buffer *out, const uint8_t id[MUSTER_ID_BYTES],
                           const uint8_t hash[MUSTER_HASH_BYTES]) {
    struct document document;
    put_document(&document, id, hash);
    return write_head(out, &document, 1, MUSTER_REPLY_BYTES_MAX);
}

int reply_write_stats(struct buffer *out, const struct muster_counters *counters) {
    struct document document;
    document_init(&document);
    struct reply_walk top = {.document = &document};
    struct reply_walk walk = reply_walk_enter(&top, "stats");
    struct muster_counters copy = *counters;
    reply_walk_counters(&walk, &copy);
    return write_part(out, &document, &(struct reply_lines){0});
}

int reply_write_self(struct buffer *out, const struct muster_self *self, const struct reply_lines *lines) {
    struct document document;
    document_init(&document);
    struct reply_walk top = {.document = &document};
    struct reply_walk walk = reply_walk_enter(&top, "self");
    struct muster_self copy = *self;
    reply_walk_self(&walk, &copy);
    put_peer(&document, &self->peer, REPLY_ROW_WITH_EVIDENCE);
    return write_long_part(out, &document, lines, MUSTER_REPLY_SELF_BYTES_MAX);
}

/* ---- samples ---- */

/* Bytes of a sample's own line, at most. */
#define SAMPLE_HEAD_BYTES 1024

/* A member that is left out where it is 0. */
static int print_number(char *text, size_t size, const char *name, uint64_t number) {
    return number == 0 ? 0 : snprintf(text, size, ",\"%s\":%" PRIu64, name, number);
}

/* By hand, for who follows gets many. */
int reply_write_sample(struct buffer *out, const struct reply_sample *sample) {
    char id[MUSTER_ID_TEXT_BYTES];
    char origin[SIGNAL_ORIGIN_BYTES];
    char name[SIGNAL_NAME_BYTES];
    char *line = buffer_reserve(out, SAMPLE_HEAD_BYTES + sample->body_length + 1);
    if (line == NULL) {
        return MUSTER_ENOMEM;
    }
    muster_id_text(sample->id, id);
    int length = snprintf(line, SAMPLE_HEAD_BYTES,
                          "{\"sample\":{\"id\":\"%s\",\"boot\":%" PRIu64 ",\"topic\":\"%s\"%s%s", id,
                          sample->boot, sample->topic, signal_origin_member(sample->origin, origin),
                          signal_name_member(sample->name, name));
    length += print_number(line + length, SAMPLE_HEAD_BYTES - (size_t)length, "seq", sample->seq);
    length += print_number(line + length, SAMPLE_HEAD_BYTES - (size_t)length, "passed", sample->passed);
    length += print_number(line + length, SAMPLE_HEAD_BYTES - (size_t)length, "until", sample->until);
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

int reply_write_deflate(struct buffer *out) {
    struct document document;
    document_init(&document);
    document_put_bool(&document, NULL, "deflate", true);
    return write_part(out, &document, &(struct reply_lines){0});
}
