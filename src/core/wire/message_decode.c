/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "endpoint.h"
#include "lists.h"
#include "member.h"

/* Of a nonce: the URL-safe alphabet of base64 (RFC 4648, 5). */
#define NONCE_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static const char *const kind_names[MESSAGE_KINDS] = {"announce", "alive", "bye", "query", "part"};
const struct name_table message_kinds = NAME_TABLE(kind_names);

static const char *const shard_names[MUSTER_SHARDS] = {"0", "1", "2",  "3",  "4",  "5",  "6",  "7",
                                                       "8", "9", "10", "11", "12", "13", "14", "15"};
const struct name_table message_shards = NAME_TABLE(shard_names);

/* Up to count nonces, one behind the other. */
static bool read_nonces(const document_node_t *node, size_t count, const char **text,
                        enum muster_drop *reason) {
    if (!member_text(node, MUSTER_NONCE_CHARS, count * MUSTER_NONCE_CHARS, text, reason)) {
        return false;
    }
    size_t length = strlen(*text);
    return (length % MUSTER_NONCE_CHARS == 0 && strspn(*text, NONCE_ALPHABET) == length) ||
           member_refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_nonce(const document_node_t *node, uint64_t *nonce, enum muster_drop *reason) {
    const char *text;
    if (!read_nonces(node, 1, &text, reason)) {
        return false;
    }
    memcpy(nonce, text, sizeof *nonce); /* a name of eight characters, which nobody counts with */
    return true;
}

/* Lists too long for the announce are described by size and hash, and then they are not in it. */
static bool read_body_description(const document_node_t *header, struct message *message,
                                  enum muster_drop *reason) {
    const document_node_t *hash = document_member(header, "hash");
    uint64_t size;
    if (document_member(header, "size") == NULL && hash == NULL) {
        return true;
    }
    if (!member_integer(header, "size", 1, MUSTER_DOCUMENT_BYTES_MAX, &size, reason) ||
        !member_hex(hash, message->hash, sizeof message->hash, reason)) {
        return false;
    }
    message->size = (size_t)size;
    bool has_lists = document_member(header, "services") != NULL ||
                     document_member(header, "attrs") != NULL || document_member(header, "topics") != NULL ||
                     document_member(header, "caches") != NULL;
    return !has_lists || member_refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_document(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    const document_node_t *name = document_member(header, "name");
    return member_text(name, 1, MUSTER_NAME_BYTES_MAX, &message->document.name, reason) &&
           read_body_description(header, message, reason) &&
           lists_read(header, LISTS_ALL, &message->document, &message->arrays, reason);
}

/* ---- the kinds ---- */

static bool read_seq_or_re(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    const document_node_t *seq = document_member(header, "seq");
    const document_node_t *re = document_member(header, "re");
    if (seq == NULL && re == NULL) {
        return member_refuse(reason, MUSTER_DROP_MISSING);
    }
    const document_node_t *nonce = document_member(header, "nonce");
    return member_optional_integer(header, "seq", 1, MUSTER_INTEGER_MAX, &message->seq, reason) &&
           (re == NULL || read_nonces(re, MUSTER_RE_MAX, &message->re, reason)) &&
           (nonce == NULL || read_nonce(nonce, &message->nonce, reason));
}

/* Its names are numbers of shards, so that one of another form is as wrong as one too large. */
static bool read_sent(const document_node_t *node, uint64_t sent[MUSTER_SHARDS], enum muster_drop *reason) {
    bool is_known = true;
    if (!member_allow(node, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        const char *name = document_name(e);
        int shard = name_find(&message_shards, name);
        is_known = is_known && shard >= 0;
        if (shard >= 0 && !member_integer(node, name, 1, MUSTER_INTEGER_MAX, &sent[shard], reason)) {
            return false;
        }
    }
    return is_known || member_refuse(reason, MUSTER_DROP_RANGE);
}

static bool read_at(const document_node_t *node, struct muster_endpoint *at, enum muster_drop *reason) {
    const char *text;
    if (node == NULL) {
        return true;
    }
    return member_text(node, 1, ENDPOINT_TEXT_BYTES - 1, &text, reason) &&
           (endpoint_parse(text, at) || member_refuse(reason, MUSTER_DROP_RANGE));
}

/* What announce and alive have in common. */
static bool read_life(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    message->tells_sent = document_member(header, "sent") != NULL;
    return read_seq_or_re(header, message, reason) &&
           read_at(document_member(header, "at"), &message->at, reason) &&
           member_integer(header, "rev", 1, MUSTER_INTEGER_MAX, &message->rev, reason) &&
           member_integer(header, "next_ms", MUSTER_NEXT_MS_MIN, MUSTER_NEXT_MS_MAX, &message->next_ms,
                          reason) &&
           member_integer(header, "peers", 0, MUSTER_PEERS_REPORTED_MAX, &message->peers, reason) &&
           read_sent(document_member(header, "sent"), message->sent, reason);
}

static bool read_paths(const document_node_t *node, unsigned *paths, enum muster_drop *reason) {
    if (!member_allow(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(node) > MUSTER_HEARD_MAX) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        const char *name;
        if (!member_text(e, 1, 15, &name, reason)) {
            return false;
        }
        int kind = name_find(&name_paths, name);
        *paths |= kind < 0 ? 0 : 1u << kind;
    }
    return true;
}

static bool read_addresses(const document_node_t *node, struct muster_endpoint *addresses, size_t *count,
                           enum muster_drop *reason) {
    if (!member_allow(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(node) > MUSTER_GONE_MAX) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        const char *text;
        if (!member_text(e, 1, ENDPOINT_TEXT_BYTES - 1, &text, reason)) {
            return false;
        }
        if (!endpoint_parse(text, &addresses[(*count)++])) {
            return member_refuse(reason, MUSTER_DROP_RANGE);
        }
    }
    return true;
}

static bool read_probe(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    uint64_t probe = 0;
    bool is_valid = member_optional_integer(header, "probe", 1, UINT16_MAX, &probe, reason);
    message->probe = (uint16_t)probe;
    return is_valid;
}

static bool read_alive(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    return read_life(header, message, reason) &&
           read_paths(document_member(header, "hears"), &message->hears, reason) &&
           read_addresses(document_member(header, "gone"), message->gone, &message->gone_count, reason);
}

static bool read_announce(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    uint64_t stream = 0;
    if (!read_life(header, message, reason) ||
        !member_optional_integer(header, "stream", 1, UINT16_MAX, &stream, reason) ||
        !read_paths(document_member(header, "heard"), &message->heard, reason) ||
        !read_probe(header, message, reason)) {
        return false;
    }
    message->stream = (uint16_t)stream;
    const document_node_t *key = document_member(header, "key");
    message->has_key = key != NULL;
    if (key != NULL && !member_base64(key, message->key, sizeof message->key, reason)) {
        return false;
    }
    return read_document(header, message, reason);
}

static bool read_bye(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    return member_integer(header, "seq", 1, MUSTER_INTEGER_MAX, &message->seq, reason);
}

static bool read_ids(const document_node_t *node, size_t min, uint8_t (*ids)[MUSTER_ID_BYTES], size_t *count,
                     enum muster_drop *reason) {
    if (!member_require(node, DOCUMENT_ARRAY, reason)) {
        return false;
    }
    if (document_count(node) < min || document_count(node) > MUSTER_QUERY_IDS_MAX) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    for (const document_node_t *e = document_first(node); e != NULL; e = document_next(e)) {
        if (!member_hex(e, ids[(*count)++], MUSTER_ID_BYTES, reason)) {
            return false;
        }
    }
    return true;
}

static bool read_want(const document_node_t *want, struct message *message, enum muster_drop *reason) {
    if (!member_require(want, DOCUMENT_OBJECT, reason)) {
        return false;
    }
    const document_node_t *type = document_member(want, "type");
    const document_node_t *name = document_member(want, "name");
    message->wants = true;
    return (type == NULL || member_service_type(type, &message->want_type, reason)) &&
           (name == NULL || member_text(name, 1, MUSTER_OFFERER_BYTES - 1, &message->want_name, reason));
}

/* Which part of which body; a part itself has both members, too. */
static bool read_part_number(const document_node_t *parent, struct message *message,
                             enum muster_drop *reason) {
    return member_hex(document_member(parent, "hash"), message->hash, sizeof message->hash, reason) &&
           member_integer(parent, "number", 1, MUSTER_PARTS_MAX, &message->part, reason);
}

static bool read_part(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    return read_part_number(header, message, reason) &&
           member_base64_text(document_member(header, "bytes"), MUSTER_PART_BYTES, &message->bytes, reason);
}

static bool read_query(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    const document_node_t *of = document_member(header, "of");
    const document_node_t *want = document_member(header, "want");
    const document_node_t *known = document_member(header, "known");
    const document_node_t *part = document_member(header, "part");
    if (!read_nonce(document_member(header, "nonce"), &message->nonce, reason)) {
        return false;
    }
    if (of == NULL && want == NULL) {
        return member_refuse(reason, MUSTER_DROP_MISSING);
    }
    const document_node_t *table = document_member(header, "table");
    if (!member_allow(table, DOCUMENT_BOOL, reason)) {
        return false;
    }
    message->asks_some = of != NULL;
    message->takes_table = document_bool(table);
    return read_probe(header, message, reason) &&
           member_optional_integer(header, "count", 1, MUSTER_INTEGER_MAX, &message->count, reason) &&
           member_optional_integer(header, "said", 1, MUSTER_INTEGER_MAX, &message->said, reason) &&
           (of == NULL || read_ids(of, 1, message->of, &message->of_count, reason)) &&
           (want == NULL || read_want(want, message, reason)) &&
           (known == NULL || read_ids(known, 0, message->known, &message->known_count, reason)) &&
           member_allow(part, DOCUMENT_OBJECT, reason) &&
           (part == NULL || read_part_number(part, message, reason));
}

static bool read_header(const document_node_t *header, struct message *message, enum muster_drop *reason) {
    int kind;
    if (!member_header(header, &message_kinds, &kind, message->id, &message->boot, reason)) {
        return false;
    }
    message->kind = (enum message_kind)kind;
    switch (message->kind) {
    case MESSAGE_ANNOUNCE: return read_announce(header, message, reason);
    case MESSAGE_ALIVE: return read_alive(header, message, reason);
    case MESSAGE_BYE: return read_bye(header, message, reason);
    case MESSAGE_QUERY: return read_query(header, message, reason);
    case MESSAGE_PART: return read_part(header, message, reason);
    }
    return member_refuse(reason, MUSTER_DROP_KIND);
}

/* ---- lines ---- */

static bool read_signature_line(const char *line, size_t length, struct message *message,
                                enum muster_drop *reason) {
    document_node_t *tree = member_parse(line, length, reason);
    if (tree == NULL) {
        return false;
    }
    message->is_signed = true;
    bool is_valid =
        member_base64(document_member(tree, "sig"), message->signature, sizeof message->signature, reason);
    if (!is_valid) {
        *reason = MUSTER_DROP_SYNTAX; /* whatever is wrong with it, it is no signature line */
    }
    document_free(tree);
    return is_valid;
}

static bool decode_lines(const char *text, size_t length, struct message *message, enum muster_drop *reason) {
    if (length == 0 || text[length - 1] != '\n') {
        return member_refuse(reason, MUSTER_DROP_TRUNCATED);
    }
    const char *line_end = memchr(text, '\n', length);
    size_t header_length = (size_t)(line_end - text);
    message->signed_length = header_length + 1;
    size_t rest = length - message->signed_length;
    if (rest > 0 && memchr(line_end + 1, '\n', rest) != text + length - 1) {
        return member_refuse(reason, MUSTER_DROP_SYNTAX);
    }
    message->tree = member_parse(text, header_length, reason);
    if (message->tree == NULL || !read_header(message->tree, message, reason)) {
        return false;
    }
    if (rest > 0 && !read_signature_line(line_end + 1, rest - 1, message, reason)) {
        return false;
    }
    if (message->kind == MESSAGE_ANNOUNCE) {
        size_t more = message->re == NULL ? 0 : (message_answer_count(message) - 1) * MUSTER_NONCE_CHARS;
        if (length > MUSTER_ANNOUNCE_BYTES_MAX + more) {
            return member_refuse(reason, MUSTER_DROP_TOO_LONG);
        }
        if (message->has_key != message->is_signed) {
            return member_refuse(reason, MUSTER_DROP_SIGNATURE);
        }
    }
    return true;
}

bool message_decode(const uint8_t *bytes, size_t length, struct message *message, enum muster_drop *reason) {
    memset(message, 0, sizeof *message);
    if (length > MUSTER_DATAGRAM_BYTES_MAX) {
        return member_refuse(reason, MUSTER_DROP_TOO_LONG);
    }
    if (!decode_lines((const char *)bytes, length, message, reason)) {
        message_deinit(message);
        return false;
    }
    return true;
}

void message_deinit(struct message *message) {
    document_free(message->tree);
    document_free(message->body);
    free(message->arrays);
    message->tree = NULL;
    message->body = NULL;
    message->arrays = NULL;
}

size_t message_answer_count(const struct message *message) {
    return message->re == NULL ? 0 : strlen(message->re) / MUSTER_NONCE_CHARS;
}

bool message_answers(const struct message *message, uint64_t nonce) {
    for (size_t i = 0; i < message_answer_count(message); i++) {
        if (memcmp(message->re + i * MUSTER_NONCE_CHARS, &nonce, sizeof nonce) == 0) {
            return true;
        }
    }
    return false;
}

bool message_is_everywhere(const struct message *message) {
    size_t answers = message_answer_count(message);
    bool is_news =
        message->kind != MESSAGE_ALIVE || message->seq % MUSTER_EVERYWHERE_EACH == MUSTER_EVERYWHERE_FIRST;
    return is_news && answers <= MUSTER_LIST_NONCES;
}

bool message_lists(const uint8_t (*ids)[MUSTER_ID_BYTES], size_t count, const uint8_t id[MUSTER_ID_BYTES]) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(ids[i], id, MUSTER_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}
