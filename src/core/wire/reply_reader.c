#include <stdlib.h>

#include "document.h"
#include "member.h"
#include "reply_part.h"

void reply_reader_init(struct reply_reader *reader, size_t part_bytes_max) {
    *reader = (struct reply_reader){.part_bytes_max = part_bytes_max};
}

static void forget_part(struct reply_reader *reader) {
    document_free(reader->head);
    message_deinit(&reader->announce);
    free(reader->paths);
    free(reader->sockets);
    free(reader->feeds);
    reader->head = NULL;
    reader->paths = NULL;
    reader->sockets = NULL;
    reader->feeds = NULL;
    reader->begin += reader->length;
    reader->length = 0;
}

void reply_reader_deinit(struct reply_reader *reader) {
    forget_part(reader);
    buffer_deinit(&reader->buffer);
}

int reply_reader_feed(struct reply_reader *reader, const uint8_t *bytes, size_t length) {
    if (reader->length > 0) {
        forget_part(reader);
    }
    buffer_drop(&reader->buffer, reader->begin);
    reader->begin = 0;
    return buffer_append(&reader->buffer, bytes, length);
}

/* Length of so many lines from here on, 0 when they have not all come. */
static size_t find_lines(const struct reply_reader *reader, size_t lines) {
    size_t length = reader->buffer.length - reader->begin;
    return length == 0 ? 0 : reply_lines_length(reader->buffer.bytes + reader->begin, length, lines);
}

/* Reads the part's own line: 1, 0 when it has not come yet, or an error. */
static int read_head(struct reply_reader *reader) {
    reader->head_length = find_lines(reader, 1);
    if (reader->head_length == 0) {
        return 0;
    }
    enum muster_drop reason;
    const char *line = (const char *)reader->buffer.bytes + reader->begin;
    reader->head = member_parse_large(line, reader->head_length - 1, &reason);
    if (reader->head == NULL) {
        return reason == MUSTER_DROP_MEMORY ? MUSTER_ENOMEM : MUSTER_EINVAL;
    }
    uint64_t lines = 0;
    document_integer(document_member(reader->head, "lines"), &lines);
    reader->lines = (size_t)lines;
    return document_type(reader->head) == DOCUMENT_OBJECT && lines <= REPLY_LINES_MAX ? 1 : MUSTER_EINVAL;
}

int reply_reader_next(struct reply_reader *reader, struct reply *reply) {
    if (reader->length > 0) {
        forget_part(reader);
    }
    int result = reader->head == NULL ? read_head(reader) : 1;
    if (result < 0) {
        return result;
    }
    size_t length = result == 0 ? 0 : find_lines(reader, 1 + reader->lines);
    size_t present = length > 0 ? length : reader->buffer.length - reader->begin;
    if (present > reader->part_bytes_max) {
        return MUSTER_EINVAL;
    }
    if (length == 0) {
        return 0;
    }
    enum muster_drop reason;
    reader->length = length;
    *reply = (struct reply){0};
    if (reply_read_part(reader, reply, &reason)) {
        return 1;
    }
    return reason == MUSTER_DROP_MEMORY ? MUSTER_ENOMEM : MUSTER_EINVAL;
}
