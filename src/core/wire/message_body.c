/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "document.h"
#include "lists.h"
#include "member.h"

int message_encode_body(const struct muster_document *document, uint8_t **body, size_t *length) {
    struct document json;
    document_init(&json);
    lists_put(&json, NULL, document);
    return member_print(&json, MUSTER_DOCUMENT_BYTES_MAX - 1, body, length);
}

static document_node_t *parse(const char *text, size_t length, enum muster_drop *reason) {
    if (length == 0 || text[length - 1] != '\n' || memchr(text, '\n', length - 1) != NULL) {
        *reason = MUSTER_DROP_SYNTAX;
        return NULL;
    }
    return member_parse_large(text, length - 1, reason);
}

bool message_take_body(struct message *announce, const uint8_t *bytes, size_t length,
                       enum muster_drop *reason) {
    struct muster_document lists = {.name = announce->document.name};
    void *arrays = NULL;
    document_node_t *body = parse((const char *)bytes, length, reason);
    if (body == NULL || !member_require(body, DOCUMENT_OBJECT, reason) ||
        !lists_read(body, LISTS_ALL, &lists, &arrays, reason)) {
        document_free(body);
        free(arrays);
        return false;
    }
    document_free(announce->body);
    free(announce->arrays);
    announce->body = body;
    announce->arrays = arrays;
    announce->document = lists;
    return true;
}

static_assert(MUSTER_PARTS_MAX == (MUSTER_DOCUMENT_BYTES_MAX + MUSTER_PART_BYTES - 1) / MUSTER_PART_BYTES,
              "each body has as many parts at most");
static_assert(MUSTER_PART_BYTES % 3 == 0, "base64 of a whole part needs no padding");

size_t message_part_length(size_t size, uint64_t part, size_t *begin) {
    if (part == 0 || part > MUSTER_PARTS_MAX) {
        return 0;
    }
    *begin = (size_t)(part - 1) * MUSTER_PART_BYTES;
    size_t left = *begin < size ? size - *begin : 0;
    return left < MUSTER_PART_BYTES ? left : MUSTER_PART_BYTES;
}

void message_part_text(const uint8_t *bytes, size_t length, char text[MESSAGE_PART_TEXT_BYTES]) {
    sodium_bin2base64(text, MESSAGE_PART_TEXT_BYTES, bytes, length, sodium_base64_VARIANT_ORIGINAL);
}

size_t message_part_bytes(const struct message *message, uint8_t bytes[MUSTER_PART_BYTES]) {
    size_t length = 0;
    member_parse_base64(message->bytes, bytes, MUSTER_PART_BYTES, &length);
    return length;
}

void message_hash_body(const uint8_t *bytes, size_t length, uint8_t hash[MUSTER_HASH_BYTES]) {
    crypto_generichash(hash, MUSTER_HASH_BYTES, bytes, length, NULL, 0);
}
