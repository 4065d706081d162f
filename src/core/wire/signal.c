/* SPDX-License-Identifier: MIT */
#include "signal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <muster/telemetry.h>

#include "document.h"
#include "member.h"
#include "name.h"

#define ORIGIN_BEGIN ",\"origin\":\""
#define ORIGIN_BEGIN_BYTES (sizeof ORIGIN_BEGIN - 1)

#define SEQ_DIGITS_MAX 16 /* of 2^53 - 1 */

static const char *const kind_names[] = {"data", "tail", "nak"};
static const struct name_table kinds = NAME_TABLE(kind_names);

/* ---- writing ---- */

/* Text between quotes, and a NUL (RFC 8259, 7). */
static void write_quoted(const char *text, char *at) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ') {
            at += sprintf(at, "\\u%04x", (unsigned char)*text);
            continue;
        }
        if (*text == '"' || *text == '\\') {
            *at++ = '\\';
        }
        *at++ = *text;
    }
    memcpy(at, "\"", 2);
}

/* It has no control characters: two of its bytes at most stand for one. */
const char *signal_origin_member(const char *origin, char text[SIGNAL_ORIGIN_BYTES]) {
    text[0] = '\0';
    if (origin[0] != '\0') {
        memcpy(text, ORIGIN_BEGIN, ORIGIN_BEGIN_BYTES);
        write_quoted(origin, text + ORIGIN_BEGIN_BYTES);
    }
    return text;
}

const char *signal_name_member(const char *name, char text[SIGNAL_NAME_BYTES]) {
    static const char begin[] = ",\"name\":\"";
    text[0] = '\0';
    if (name != NULL && name[0] != '\0') {
        memcpy(text, begin, sizeof begin - 1);
        write_quoted(name, text + sizeof begin - 1);
    }
    return text;
}

void signal_read_origin(const char *member, size_t length, char origin[MUSTER_ORIGIN_BYTES_MAX + 1]) {
    size_t used = 0;
    for (size_t i = ORIGIN_BEGIN_BYTES; i + 1 < length && used < MUSTER_ORIGIN_BYTES_MAX; i++) {
        i += member[i] == '\\' ? 1 : 0;
        origin[used++] = member[i];
    }
    origin[used] = '\0';
}

size_t signal_write_prefix(char text[SIGNAL_PREFIX_BYTES_MAX], const uint8_t id[MUSTER_ID_BYTES],
                           uint64_t boot, const char *topic, const char *origin, unsigned shard) {
    char id_text[MUSTER_ID_TEXT_BYTES];
    char member[SIGNAL_ORIGIN_BYTES];
    muster_id_text(id, id_text);
    int length = snprintf(text, SIGNAL_PREFIX_BYTES_MAX,
                          "{\"muster\":1,\"kind\":\"data\",\"id\":\"%s\",\"boot\":%" PRIu64
                          ",\"topic\":\"%s\"%s,\"shard\":%u,\"seq\":",
                          id_text, boot, topic, signal_origin_member(origin, member), shard);
    assert(length > 0 && length < SIGNAL_PREFIX_BYTES_MAX);
    return (size_t)length;
}

static size_t write_nak(const struct signal *nak, char *text, size_t size) {
    char of[MUSTER_ID_TEXT_BYTES];
    muster_id_text(nak->of, of);
    size_t length =
        (size_t)snprintf(text, size, ",\"of\":\"%s\",\"of_boot\":%" PRIu64 ",\"shard\":%u,\"missing\":[", of,
                         nak->of_boot, nak->shard);
    for (size_t i = 0; i < nak->missing_count; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s[%" PRIu64 ",%" PRIu64 "]",
                                   i == 0 ? "" : ",", nak->missing[i].first, nak->missing[i].last);
    }
    return length + (size_t)snprintf(text + length, size - length, "]}\n");
}

/* 32 ranges of two 16-digit numbers take 32 * 36 bytes, all else less than 200. */
size_t signal_write(const struct signal *signal, char text[MUSTER_DATAGRAM_BYTES_MAX]) {
    char id[MUSTER_ID_TEXT_BYTES];
    assert(signal->kind != SIGNAL_DATA && signal->missing_count <= MUSTER_NAK_RANGES_SENT);
    muster_id_text(signal->id, id);
    size_t length = (size_t)snprintf(text, MUSTER_DATAGRAM_BYTES_MAX,
                                     "{\"muster\":1,\"kind\":\"%s\",\"id\":\"%s\",\"boot\":%" PRIu64,
                                     kind_names[signal->kind], id, signal->boot);
    char *rest = text + length;
    size_t size = MUSTER_DATAGRAM_BYTES_MAX - length;
    length +=
        signal->kind == SIGNAL_NAK
            ? write_nak(signal, rest, size)
            : (size_t)snprintf(rest, size, ",\"shard\":%u,\"oldest\":%" PRIu64 ",\"seq\":%" PRIu64 "}\n",
                               signal->shard, signal->oldest, signal->seq);
    assert(length < MUSTER_DATAGRAM_BYTES_MAX);
    return length;
}

/* ---- reading ---- */

bool signal_read_data(const uint8_t *bytes, size_t length, size_t prefix_length, uint64_t *seq,
                      const uint8_t **body, size_t *body_length) {
    uint64_t number = 0;
    size_t at = prefix_length;
    while (at < length && at - prefix_length < SEQ_DIGITS_MAX && bytes[at] >= '0' && bytes[at] <= '9') {
        number = number * 10 + (uint64_t)(bytes[at++] - '0');
    }
    if (at == prefix_length || bytes[prefix_length] == '0' || number > MUSTER_INTEGER_MAX ||
        at + 3 > length || bytes[at] != '}' || bytes[at + 1] != '\n' || bytes[length - 1] != '\n') {
        return false;
    }
    *seq = number;
    *body = bytes + at + 2;
    *body_length = length - at - 3;
    return true;
}

static bool read_range(const document_node_t *pair, struct signal_range *range, enum muster_drop *reason) {
    const document_node_t *first = document_first(pair);
    if (!member_require(pair, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    bool is_pair = document_count(pair) == 2 && document_integer(first, &range->first) &&
                   document_integer(document_next(first), &range->last);
    return (is_pair && range->first >= 1 && range->first <= range->last) ||
           member_refuse(reason, MUSTER_DROP_RANGE);
}

/* One more than the last one when nothing is kept. */
static bool read_tail(const document_node_t *header, struct signal *tail, enum muster_drop *reason) {
    return member_integer(header, "oldest", 1, MUSTER_INTEGER_MAX, &tail->oldest, reason) &&
           member_integer(header, "seq", 0, MUSTER_INTEGER_MAX, &tail->seq, reason) &&
           (tail->oldest <= tail->seq + 1 || member_refuse(reason, MUSTER_DROP_RANGE));
}

static bool read_nak(const document_node_t *header, struct signal *nak, enum muster_drop *reason) {
    const document_node_t *missing = document_member(header, "missing");
    if (!member_hex(document_member(header, "of"), nak->of, sizeof nak->of, reason) ||
        !member_integer(header, "of_boot", 1, MUSTER_INTEGER_MAX, &nak->of_boot, reason) ||
        !member_require(missing, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(missing) == 0 || document_count(missing) > MUSTER_NAK_RANGES_MAX) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(missing); e != NULL; e = document_next(e)) {
        if (!read_range(e, &nak->missing[nak->missing_count++], reason)) {
            return false;
        }
    }
    return true;
}

static bool read_topic(const document_node_t *header, struct signal *data, enum muster_drop *reason) {
    const char *topic;
    const char *origin;
    if (!member_text(document_member(header, "topic"), 1, MUSTER_TOPIC_BYTES_MAX, &topic, reason) ||
        !member_optional_origin(document_member(header, "origin"), &origin, reason)) {
        return false;
    }
    if (muster_topic_fault(topic) != NULL || muster_topic_shard(topic) != data->shard) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    memcpy(data->topic, topic, strlen(topic) + 1);
    memcpy(data->origin, origin, strlen(origin) + 1);
    return true;
}

static bool read_header(const document_node_t *header, struct signal *signal, enum muster_drop *reason) {
    int kind;
    uint64_t shard;
    if (!member_header(header, &kinds, &kind, signal->id, &signal->boot, reason) ||
        !member_integer(header, "shard", 0, MUSTER_SHARDS - 1, &shard, reason)) {
        return false;
    }
    signal->kind = (enum signal_kind)kind;
    signal->shard = (unsigned)shard;
    switch (signal->kind) {
    case SIGNAL_DATA:
        return read_topic(header, signal, reason) &&
               member_integer(header, "seq", 1, MUSTER_INTEGER_MAX, &signal->seq, reason);
    case SIGNAL_TAIL: return read_tail(header, signal, reason);
    case SIGNAL_NAK: return read_nak(header, signal, reason);
    }
    return false;
}

/* How much of a data header is the same for all of its topic: all before the digits of its seq, if that is
 * how it ends. Behind a comma the quote begins a name: it is no escaped one within a longer name. */
static size_t prefix_of(const uint8_t *bytes, size_t header_length, const struct signal *data) {
    char ending[SEQ_DIGITS_MAX + 16];
    size_t length = (size_t)snprintf(ending, sizeof ending, ",\"seq\":%" PRIu64 "}", data->seq);
    if (length >= header_length || memcmp(bytes + header_length - length, ending, length) != 0) {
        return 0;
    }
    size_t prefix_length = header_length - length + strlen(",\"seq\":");
    return prefix_length <= SIGNAL_PREFIX_BYTES_MAX ? prefix_length : 0;
}

/* Data has a body line behind its header line, the others have none. */
static bool take_body(const uint8_t *bytes, size_t length, size_t header_length, struct signal *signal,
                      enum muster_drop *reason) {
    size_t begin = header_length + 1;
    if (signal->kind != SIGNAL_DATA) {
        return begin == length || member_refuse(reason, MUSTER_DROP_SYNTAX);
    }
    if (begin == length) {
        return member_refuse(reason, MUSTER_DROP_TRUNCATED);
    }
    signal->body = bytes + begin;
    signal->body_length = length - begin - 1;
    signal->prefix_length = prefix_of(bytes, header_length, signal);
    return true;
}

bool signal_decode(const uint8_t *bytes, size_t length, struct signal *signal, enum muster_drop *reason) {
    memset(signal, 0, sizeof *signal);
    if (length > MUSTER_DATAGRAM_BYTES_MAX) {
        return member_refuse(reason, MUSTER_DROP_TOO_LONG);
    }
    if (length == 0 || bytes[length - 1] != '\n') {
        return member_refuse(reason, MUSTER_DROP_TRUNCATED);
    }
    size_t header_length = (size_t)((const uint8_t *)memchr(bytes, '\n', length) - bytes);
    document_node_t *tree = member_parse((const char *)bytes, header_length, reason);
    if (tree == NULL) {
        return false;
    }
    bool is_valid =
        read_header(tree, signal, reason) && take_body(bytes, length, header_length, signal, reason);
    document_free(tree);
    return is_valid;
}
