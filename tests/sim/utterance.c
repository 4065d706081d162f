/* SPDX-License-Identifier: MIT */
#include "utterance.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "signature.h"

#define BASE64_BYTES(bytes) sodium_base64_ENCODED_LEN(bytes, sodium_base64_VARIANT_ORIGINAL)

__attribute__((format(printf, 2, 3))) static void append(struct utterance *utterance, const char *format,
                                                         ...) {
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
    append(utterance,
           ",\"name\":\"s%zu\",\"services\":[{\"type\":\"http\",\"proto\":\"tcp\",\"port\":8080,"
           "\"txt\":{\"path\":\"/\"}}],\"attrs\":{\"state\":\"%" PRIu64 "\"},\"key\":\"%s\"",
           parts->number, parts->rev, key);
}

static void sign(struct utterance *utterance, const struct utterance_parts *parts) {
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    char encoded[BASE64_BYTES(MUSTER_SIGNATURE_BYTES)];
    signature_make(parts->key, (const uint8_t *)utterance->text, utterance->length, signature);
    sodium_bin2base64(encoded, sizeof encoded, signature, sizeof signature, sodium_base64_VARIANT_ORIGINAL);
    append(utterance, "{\"sig\":\"%s\"}\n", encoded);
}

void utterance_make(struct utterance *utterance, const struct utterance_parts *parts) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(parts->id, id);
    utterance->length = 0;
    append(utterance, "{\"muster\":1,\"kind\":\"%s\",\"id\":\"%s\",\"boot\":%" PRIu64, parts->kind, id,
           parts->boot);
    if (parts->seq > 0) {
        append(utterance, ",\"seq\":%" PRIu64, parts->seq);
    }
    if (parts->re != NULL) {
        append(utterance, ",\"re\":\"%s\"", parts->re);
    }
    if (strcmp(parts->kind, "bye") != 0) {
        append(utterance, ",\"rev\":%" PRIu64 ",\"next_ms\":%" PRIu64 ",\"peers\":%" PRIu64, parts->rev,
               parts->next_ms, parts->peers);
    }
    if (strcmp(parts->kind, "announce") == 0) {
        append_document(utterance, parts);
    }
    append(utterance, "}\n");
    sign(utterance, parts);
}
