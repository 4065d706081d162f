/* SPDX-License-Identifier: MIT */
#include "message.h"

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

void message_hash_body(const uint8_t *bytes, size_t length, uint8_t hash[MUSTER_HASH_BYTES]) {
    crypto_generichash(hash, MUSTER_HASH_BYTES, bytes, length, NULL, 0);
}
