/* SPDX-License-Identifier: MIT */
#include "txt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

#define STRING_BYTES_MAX 255 /* RFC 6763, 6.1 */
#define NO_VALUE "true"

/* ---- writing ---- */

/* RFC 6763, 6.4. */
static bool is_key(const char *name) {
    const char *at = name;
    while (*at >= ' ' && *at <= '~' && *at != '=') {
        at++;
    }
    return at != name && *at == '\0';
}

/* The longest beginning of at most `room` bytes that ends with a whole character. */
static size_t whole(const char *text, size_t room) {
    size_t length = strlen(text);
    if (length <= room) {
        return length;
    }
    length = room;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
        length--;
    }
    return length;
}

/* Adds in front, as Avahi's lists grow. Returns the bytes that the string takes in the record, 0 for no
 * memory. */
static size_t add(AvahiStringList **list, const char *key, const char *value, size_t length) {
    char string[STRING_BYTES_MAX + 1];
    const int size = value == NULL ? snprintf(string, sizeof(string), "%s", key)
                                   : snprintf(string, sizeof(string), "%s=%.*s", key, (int)length, value);
    AvahiStringList *longer = avahi_string_list_add(*list, string);
    if (longer == NULL) {
        avahi_string_list_free(*list);
        *list = NULL;
        return 0;
    }
    *list = longer;
    return (size_t)size + 1;
}

AvahiStringList *txt_write(const uint8_t id[MUSTER_ID_BYTES], const struct muster_text *items, size_t count,
                           bool *is_cut) {
    const size_t room = TXT_BYTES_MAX - sizeof(TXT_CUT);
    char text[MUSTER_ID_TEXT_BYTES];
    AvahiStringList *list = NULL;
    muster_id_text(id, text);
    size_t bytes = add(&list, TXT_ID, text, strlen(text));
    *is_cut = false;
    for (size_t i = 0; i < count && list != NULL; i++) {
        const size_t key_bytes = strlen(items[i].name) + strlen("=");
        if (!is_key(items[i].name) || strcasecmp(items[i].name, TXT_ID) == 0) {
            *is_cut = true;
            continue;
        }
        const size_t length = whole(items[i].value, STRING_BYTES_MAX - key_bytes);
        *is_cut = *is_cut || length < strlen(items[i].value);
        if (bytes + 1 + key_bytes + length > room) {
            *is_cut = true;
        } else {
            bytes += add(&list, items[i].name, items[i].value, length);
        }
    }
    if (*is_cut && list != NULL) {
        add(&list, TXT_CUT, NULL, 0);
    }
    return list; /* which Avahi sends from its end */
}

/* ---- reading ---- */

static bool is_known(const struct txt *txt, const char *name) {
    for (size_t i = 0; i < txt->count; i++) {
        if (strcasecmp(txt->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A string, copied to text with a NUL, becomes an item; a NUL inside has made it shorter than it was. */
static void take(struct txt *txt, char *text, size_t length) {
    char *value = strchr(text, '=');
    if (strlen(text) != length || value == text || length == 0 || !utf8_is_valid(text)) {
        txt->left_out += length == 0 ? 0 : 1; /* an empty string says nothing: RFC 6763, 6.1 */
        return;
    }
    if (value != NULL) {
        *value++ = '\0';
    }
    if (is_known(txt, text)) {
        return;
    }
    txt->has_id = txt->has_id || strcasecmp(text, TXT_ID) == 0;
    if (txt->count == TXT_ITEMS_MAX || strlen(text) > MUSTER_NAME_BYTES_MAX) {
        txt->left_out++;
        return;
    }
    txt->items[txt->count++] = (struct muster_text){.name = text, .value = value != NULL ? value : NO_VALUE};
}

int txt_read(const AvahiStringList *record, struct txt *txt) {
    size_t bytes = 1;
    for (const AvahiStringList *at = record; at != NULL; at = at->next) {
        bytes += at->size + 1;
    }
    *txt = (struct txt){.text = malloc(bytes)};
    if (txt->text == NULL) {
        return MUSTER_ENOMEM;
    }
    char *text = txt->text;
    for (const AvahiStringList *at = record; at != NULL; at = at->next) {
        memcpy(text, at->text, at->size);
        text[at->size] = '\0';
        take(txt, text, at->size);
        text += at->size + 1;
    }
    return 0;
}

void txt_deinit(struct txt *txt) {
    free(txt->text);
    *txt = (struct txt){0};
}
