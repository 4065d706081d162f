/* SPDX-License-Identifier: MIT */
#include "short_row.h"

#include <stdio.h>
#include <string.h>

#include <muster/core.h>
#include <muster/error.h>
#include <sodium.h>

static const char first[] = "{\"muster\":1,\"kind\":\"announce\",";
static const char before_key[] = ",\"key\":\"";
static const char after_key[] = "\"}\n";

#define FIRST_BYTES (sizeof first - 1)
#define KEY_BYTES 44                                               /* in base64 */
#define ID_BYTES (sizeof "\"id\":\"\"," - 1 + 2 * MUSTER_ID_BYTES) /* of the member, with its comma */
#define LAST_BYTES (sizeof before_key - 1 + KEY_BYTES + sizeof after_key - 1)

/* The member that the key of an announce tells, if the first line begins and ends as a node writes it. A
 * quote inside of a text has a backslash before it, so that these members are none. */
static bool tell_id(const uint8_t *announce, size_t length, char member[ID_BYTES + 1]) {
    const uint8_t *end = length == 0 ? NULL : memchr(announce, '\n', length);
    size_t line = end == NULL ? 0 : (size_t)(end - announce) + 1;
    if (line < FIRST_BYTES + LAST_BYTES || memcmp(announce, first, FIRST_BYTES) != 0) {
        return false;
    }
    const char *last = (const char *)announce + line - LAST_BYTES;
    const char *text = last + sizeof before_key - 1;
    uint8_t key[MUSTER_KEY_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    char id_text[MUSTER_ID_TEXT_BYTES];
    size_t key_length;
    if (memcmp(last, before_key, sizeof before_key - 1) != 0 ||
        memcmp(text + KEY_BYTES, after_key, sizeof after_key - 1) != 0 ||
        sodium_base642bin(key, sizeof key, text, KEY_BYTES, NULL, &key_length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        key_length != sizeof key) {
        return false;
    }
    muster_id_of_key(key, id);
    muster_id_text(id, id_text);
    snprintf(member, ID_BYTES + 1, "\"id\":\"%s\",", id_text);
    return true;
}

bool short_row_find_id(const uint8_t *announce, size_t length, size_t *at, size_t *id_length) {
    char member[ID_BYTES + 1];
    *at = FIRST_BYTES;
    *id_length = ID_BYTES;
    return tell_id(announce, length, member) && length > FIRST_BYTES + ID_BYTES &&
           memcmp(announce + FIRST_BYTES, member, ID_BYTES) == 0;
}

int short_row_restore(const uint8_t *announce, size_t length, struct buffer *whole) {
    char member[ID_BYTES + 1];
    if (!tell_id(announce, length, member)) {
        return MUSTER_EINVAL;
    }
    whole->length = 0;
    int error = buffer_append(whole, announce, FIRST_BYTES);
    error = error == 0 ? buffer_append(whole, member, ID_BYTES) : error;
    return error == 0 ? buffer_append(whole, announce + FIRST_BYTES, length - FIRST_BYTES) : error;
}
