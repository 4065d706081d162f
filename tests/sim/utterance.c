/* SPDX-License-Identifier: MIT */
#include "utterance.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "signature.h"

#define BASE64_BYTES(bytes) sodium_base64_ENCODED_LEN(bytes, sodium_base64_VARIANT_ORIGINAL)

void utterance_append(struct utterance *utterance, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(utterance->text + utterance->length, sizeof utterance->text - utterance->length,
                           format, arguments);
    va_end(arguments);
    utterance->length += (size_t)length;
}

static void append_document(struct utterance *utterance, const struct utterance_parts *parts) {
    char key[BASE64_BYTES(MUSTER_KEY_BYTES)];
    sodium_bin2base64(key, sizeof key, parts->key, MUSTER_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
    if (parts->stream > 0) {
        utterance_append(utterance, ",\"stream\":%u", parts->stream);
    }
    utterance_append(utterance,
                     ",\"name\":\"s%zu\",\"services\":[{\"type\":\"http\",\"proto\":\"tcp\",\"port\":8080,"
                     "\"txt\":{\"path\":\"/\"}}],\"attrs\":{\"state\":\"%" PRIu64 "\"},\"key\":\"%s\"",
                     parts->number, parts->rev, key);
}

void utterance_sign(struct utterance *utterance, const uint8_t key[MUSTER_KEY_BYTES]) {
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    char encoded[BASE64_BYTES(MUSTER_SIGNATURE_BYTES)];
    signature_make(key, (const uint8_t *)utterance->text, utterance->length, signature);
    sodium_bin2base64(encoded, sizeof encoded, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
    utterance_append(utterance, "{\"sig\":\"%s\"}\n", encoded);
}

void utterance_make(struct utterance *utterance, const struct utterance_parts *parts) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(parts->id, id);
    utterance->length = 0;
    utterance_append(utterance, "{\"muster\":1,\"kind\":\"%s\",\"id\":\"%s\",\"boot\":%" PRIu64, parts->kind,
                     id, parts->boot);
    if (parts->seq > 0) {
        utterance_append(utterance, ",\"seq\":%" PRIu64, parts->seq);
    }
    if (parts->re != NULL) {
        utterance_append(utterance, ",\"re\":\"%s\"", parts->re);
    }
    if (strcmp(parts->kind, "bye") != 0) {
        utterance_append(utterance, ",\"rev\":%" PRIu64 ",\"next_ms\":%" PRIu64 ",\"peers\":%" PRIu64,
                         parts->rev, parts->next_ms, parts->peers);
    }
    if (strcmp(parts->kind, "announce") == 0) {
        append_document(utterance, parts);
    }
    utterance_append(utterance, "}\n");
    utterance_sign(utterance, parts->key);
}
