/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "document.h"
#include "endpoint.h"
#include "lists.h"
#include "member.h"
#include "utf8.h"

#define SIGNATURE_LINE_BYTES (sizeof "{\"sig\":\"\"}\n" - 1 + 88) /* 88: base64 of 64 bytes */

static void put_nonce(struct document *document, uint64_t nonce) {
    char text[MUSTER_NONCE_CHARS + 1] = "";
    memcpy(text, &nonce, sizeof nonce);
    document_put_text(document, NULL, "nonce", text);
}

static void put_ids(struct document *document, const char *name, const uint8_t (*ids)[MUSTER_ID_BYTES],
                    size_t count) {
    document_node_t *array = document_put_array(document, NULL, name);
    for (size_t i = 0; i < count; i++) {
        member_put_hex(document, array, NULL, ids[i], MUSTER_ID_BYTES);
    }
}

static void put_address(struct document *document, document_node_t *parent, const char *name,
                        const struct muster_endpoint *address) {
    char text[ENDPOINT_TEXT_BYTES];
    endpoint_text(address, text);
    document_put_text(document, parent, name, text);
}

static void put_addresses(struct document *document, const char *name,
                          const struct muster_endpoint *addresses, size_t count) {
    document_node_t *array = document_put_array(document, NULL, name);
    for (size_t i = 0; i < count; i++) {
        put_address(document, array, NULL, &addresses[i]);
    }
}

/* Only the shards that anything was sent in; none says that it was not. */
static void put_sent(struct document *document, const uint64_t sent[MUSTER_SHARDS]) {
    document_node_t *object = document_put_object(document, NULL, "sent");
    for (unsigned shard = 0; shard < MUSTER_SHARDS; shard++) {
        member_put_count(document, object, name_get(&message_shards, shard), sent[shard]);
    }
}

static void put_alive(struct document *document, const struct message *message) {
    member_put_count(document, NULL, "seq", message->seq);
    if (message->re != NULL) {
        document_put_text(document, NULL, "re", message->re);
    }
    if (message->nonce != 0) {
        put_nonce(document, message->nonce);
    }
    if (message->at.family != 0) {
        put_address(document, NULL, "at", &message->at);
    }
    document_put_integer(document, NULL, "rev", (int64_t)message->rev);
    document_put_integer(document, NULL, "next_ms", (int64_t)message->next_ms);
    document_put_integer(document, NULL, "peers", (int64_t)message->peers);
    if (message->tells_sent) {
        put_sent(document, message->sent);
    }
    if (message->hears != 0) {
        member_put_paths(document, NULL, "hears", message->hears);
    }
    if (message->gone_count > 0) {
        put_addresses(document, "gone", message->gone, message->gone_count);
    }
}

static void put_announce(struct document *document, const struct message *message) {
    put_alive(document, message);
    document_put_text(document, NULL, "name", message->document.name);
    if (message->size > 0) { /* what is too big is only described */
        document_put_integer(document, NULL, "size", (int64_t)message->size);
        member_put_hex(document, NULL, "hash", message->hash, sizeof message->hash);
    } else {
        lists_put(document, NULL, &message->document);
    }
    member_put_count(document, NULL, "stream", message->stream);
    if (message->heard != 0) {
        member_put_paths(document, NULL, "heard", message->heard);
    }
    member_put_count(document, NULL, "probe", message->probe);
    if (message->has_key) {
        char text[sodium_base64_ENCODED_LEN(MUSTER_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL)];
        sodium_bin2base64(text, sizeof text, message->key, sizeof message->key,
                          sodium_base64_VARIANT_ORIGINAL);
        document_put_text(document, NULL, "key", text);
    }
}

static bool is_name(const char *text) {
    return text[0] != '\0' && strlen(text) < MUSTER_OFFERER_BYTES && utf8_is_valid(text);
}

bool message_can_want(const char *type, const char *name) {
    return (type == NULL || member_is_service_type(type)) && (name == NULL || is_name(name));
}

static void put_part_number(struct document *document, document_node_t *parent,
                            const struct message *message) {
    member_put_hex(document, parent, "hash", message->hash, sizeof message->hash);
    document_put_integer(document, parent, "number", (int64_t)message->part);
}

static void put_part(struct document *document, const struct message *message) {
    put_part_number(document, NULL, message);
    document_put_text(document, NULL, "bytes", message->bytes);
}

static void put_query(struct document *document, const struct message *message) {
    put_nonce(document, message->nonce);
    member_put_count(document, NULL, "count", message->count);
    member_put_count(document, NULL, "said", message->said);
    if (message->asks_some) {
        put_ids(document, "of", message->of, message->of_count);
    }
    if (message->wants) {
        document_node_t *want = document_put_object(document, NULL, "want");
        if (message->want_type != NULL) {
            document_put_text(document, want, "type", message->want_type);
        }
        if (message->want_name != NULL) {
            document_put_text(document, want, "name", message->want_name);
        }
    }
    if (message->known_count > 0) {
        put_ids(document, "known", message->known, message->known_count);
    }
    member_put_count(document, NULL, "probe", message->probe);
    if (message->takes_table) {
        document_put_bool(document, NULL, "table", true);
    }
    if (message->part != 0) {
        put_part_number(document, document_put_object(document, NULL, "part"), message);
    }
}

static void put_header(struct document *document, const struct message *message) {
    document_put_integer(document, NULL, "muster", 1);
    document_put_text(document, NULL, "kind", name_get(&message_kinds, message->kind));
    member_put_hex(document, NULL, "id", message->id, MUSTER_ID_BYTES);
    document_put_integer(document, NULL, "boot", (int64_t)message->boot);
    switch (message->kind) {
    case MESSAGE_ANNOUNCE: put_announce(document, message); break;
    case MESSAGE_ALIVE: put_alive(document, message); break;
    case MESSAGE_BYE: document_put_integer(document, NULL, "seq", (int64_t)message->seq); break;
    case MESSAGE_QUERY: put_query(document, message); break;
    case MESSAGE_PART: put_part(document, message); break;
    }
}

static int print_header(const struct message *message, char *text, size_t size) {
    struct document document;
    document_init(&document);
    put_header(&document, message);
    int length = document_print(&document, text, size);
    document_deinit(&document);
    if (length < 0) {
        return length == -1 ? MUSTER_ENOMEM : MUSTER_ETOOBIG;
    }
    return length;
}

static int append_signature(const struct muster_crypto *crypto, uint8_t *bytes, size_t length) {
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    int error = crypto->sign(crypto->context, bytes, length, signature);
    if (error != 0) {
        return error;
    }
    char *line = (char *)bytes + length;
    memcpy(line, "{\"sig\":\"", 8);
    /* The text's NUL lands where the closing quote is written next. */
    sodium_bin2base64(line + 8, 89, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
    memcpy(line + 96, "\"}\n", 3);
    return (int)(length + SIGNATURE_LINE_BYTES);
}

int message_encode(const struct message *message, const struct muster_crypto *crypto, size_t pad_to,
                   uint8_t *bytes, size_t size) {
    assert(size <= MUSTER_DATAGRAM_BYTES_MAX + 1);
    size_t tail = 1 + (crypto == NULL ? 0 : SIGNATURE_LINE_BYTES);
    char text[MUSTER_DATAGRAM_BYTES_MAX + DOCUMENT_PRINT_SPARE];
    int printed = print_header(message, text, sizeof text);
    if (printed < 0) {
        return printed;
    }
    size_t length = (size_t)printed;
    if (length + tail > size) {
        return MUSTER_ETOOBIG;
    }
    memcpy(bytes, text, length);
    if (length + tail < pad_to && pad_to <= size) {
        memset(bytes + length, ' ', pad_to - tail - length);
        length = pad_to - tail;
    }
    bytes[length++] = '\n';
    return crypto == NULL ? (int)length : append_signature(crypto, bytes, length);
}
