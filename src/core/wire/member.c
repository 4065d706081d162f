/* SPDX-License-Identifier: MIT */
#include "member.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "limit.h"
#include "quoted.h"
#include "scan.h"

/* ---- writing ---- */

void member_put_hex(struct document *json, document_node_t *parent, const char *name, const uint8_t *bytes,
                    size_t size) {
    char text[2 * MUSTER_HASH_BYTES + 1];
    sodium_bin2hex(text, sizeof text, bytes, size);
    document_put_text(json, parent, name, text);
}

void member_put_count(struct document *json, document_node_t *parent, const char *name, uint64_t count) {
    if (count != 0) {
        document_put_integer(json, parent, name, (int64_t)count);
    }
}

void member_put_paths(struct document *json, document_node_t *parent, const char *name, unsigned paths) {
    document_node_t *array = document_put_array(json, parent, name);
    for (size_t kind = 0; kind < name_paths.count; kind++) {
        if (paths & 1u << kind) {
            document_put_text(json, array, NULL, name_get(&name_paths, kind));
        }
    }
}

int member_print(struct document *json, size_t bytes_max, uint8_t **line, size_t *length) {
    char *text = malloc(bytes_max + DOCUMENT_PRINT_SPARE);
    int printed = text == NULL ? -1 : document_print(json, text, bytes_max + DOCUMENT_PRINT_SPARE);
    document_deinit(json);
    if (printed < 0 || (size_t)printed > bytes_max) {
        free(text);
        return printed == -1 ? MUSTER_ENOMEM : MUSTER_ETOOBIG;
    }
    text[printed] = '\n'; /* in the place of its NUL */
    *line = (uint8_t *)text;
    *length = (size_t)printed + 1;
    return 0;
}

/* ---- reading ---- */

bool member_refuse(enum muster_drop *reason, enum muster_drop why) {
    *reason = why;
    return false;
}

bool member_require(const document_node_t *node, enum document_type type, enum muster_drop *reason) {
    if (node == NULL) {
        return member_refuse(reason, MUSTER_DROP_MISSING);
    }
    return document_type(node) == type || member_refuse(reason, MUSTER_DROP_TYPE);
}

bool member_allow(const document_node_t *node, enum document_type type, enum muster_drop *reason) {
    return node == NULL || member_require(node, type, reason);
}

bool member_integer(const document_node_t *parent, const char *name, uint64_t min, uint64_t max,
                    uint64_t *value, enum muster_drop *reason) {
    const document_node_t *node = document_member(parent, name);
    if (!member_require(node, DOCUMENT_NUMBER, reason)) {
        return false;
    }
    uint64_t number;
    if (!document_integer(node, &number) || number < min || number > max) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    *value = number;
    return true;
}

bool member_optional_integer(const document_node_t *parent, const char *name, uint64_t min, uint64_t max,
                             uint64_t *value, enum muster_drop *reason) {
    return document_member(parent, name) == NULL || member_integer(parent, name, min, max, value, reason);
}

bool member_text(const document_node_t *node, size_t min, size_t max, const char **text,
                 enum muster_drop *reason) {
    if (!member_require(node, DOCUMENT_TEXT, reason)) {
        return false;
    }
    size_t length = strlen(document_text(node));
    if (length < min || length > max) {
        return member_refuse(reason, MUSTER_DROP_RANGE);
    }
    *text = document_text(node);
    return true;
}

bool member_is_origin(const char *text) {
    size_t length = strlen(text);
    bool is_origin = length >= 1 && length <= MUSTER_ORIGIN_BYTES_MAX;
    for (size_t i = 0; is_origin && i < length; i++) {
        is_origin = (unsigned char)text[i] >= ' ' && text[i] != '\x7f';
    }
    return is_origin;
}

bool member_optional_origin(const document_node_t *node, const char **origin, enum muster_drop *reason) {
    *origin = "";
    return node == NULL || (member_text(node, 1, MUSTER_ORIGIN_BYTES_MAX, origin, reason) &&
                            (member_is_origin(*origin) || member_refuse(reason, MUSTER_DROP_RANGE)));
}

/* Upper case is refused: an id has one form. */
static int digit_value(char c) {
    return c >= 'A' && c <= 'F' ? -1 : quoted_hex_digit((unsigned char)c);
}

bool member_parse_hex(const char *text, uint8_t *bytes, size_t size) {
    if (strlen(text) != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool member_hex(const document_node_t *node, uint8_t *bytes, size_t size, enum muster_drop *reason) {
    return member_require(node, DOCUMENT_TEXT, reason) &&
           (member_parse_hex(document_text(node), bytes, size) || member_refuse(reason, MUSTER_DROP_RANGE));
}

bool member_parse_base64(const char *text, uint8_t *bytes, size_t size, size_t *length) {
    const char *end;
    size_t digits = strlen(text);
    return sodium_base642bin(bytes, size, text, digits, NULL, length, &end, sodium_base64_VARIANT_ORIGINAL) ==
               0 &&
           end == text + digits;
}

bool member_base64(const document_node_t *node, uint8_t *bytes, size_t size, enum muster_drop *reason) {
    size_t digits = (size + 2) / 3 * 4;
    const char *text;
    if (!member_text(node, digits, digits, &text, reason)) {
        return false;
    }
    size_t length;
    return (member_parse_base64(text, bytes, size, &length) && length == size) ||
           member_refuse(reason, MUSTER_DROP_RANGE);
}

bool member_base64_text(const document_node_t *node, size_t size, const char **text,
                        enum muster_drop *reason) {
    uint8_t bytes[MUSTER_PART_BYTES];
    size_t length;
    assert(size <= sizeof bytes);
    return member_text(node, 1, (size + 2) / 3 * 4, text, reason) &&
           (member_parse_base64(*text, bytes, size, &length) || member_refuse(reason, MUSTER_DROP_RANGE));
}

/* RFC 6335, 5.1, lower case only. */
bool member_is_service_type(const char *text) {
    size_t length = strlen(text);
    bool has_letter = false;
    for (size_t i = 0; i < length; i++) {
        bool is_letter = text[i] >= 'a' && text[i] <= 'z';
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        bool is_inner_hyphen = text[i] == '-' && i > 0 && i + 1 < length && text[i - 1] != '-';
        if (!is_letter && !is_digit && !is_inner_hyphen) {
            return false;
        }
        has_letter = has_letter || is_letter;
    }
    return has_letter && length <= MUSTER_TYPE_BYTES_MAX;
}

bool member_service_type(const document_node_t *node, const char **type, enum muster_drop *reason) {
    return member_text(node, 1, MUSTER_TYPE_BYTES_MAX, type, reason) &&
           (member_is_service_type(*type) || member_refuse(reason, MUSTER_DROP_RANGE));
}

/* ---- lines ---- */

static enum muster_drop drop_of_scan(enum scan_result result) {
    switch (result) {
    case SCAN_UTF8:
    case SCAN_TEXT: return MUSTER_DROP_UTF8;
    case SCAN_DEPTH: return MUSTER_DROP_DEPTH;
    case SCAN_NODES: return MUSTER_DROP_NODES;
    case SCAN_DUPLICATE: return MUSTER_DROP_DUPLICATE;
    case SCAN_NUMBER: return MUSTER_DROP_RANGE;
    case SCAN_MEMORY: return MUSTER_DROP_MEMORY;
    case SCAN_OK:
    case SCAN_SYNTAX:
    case SCAN_TRUNCATED: break;
    }
    return MUSTER_DROP_SYNTAX; /* a line that ends early is wrong, not cut: its LF is there */
}

static document_node_t *parse(const char *line, size_t length, enum scan_result result,
                              enum muster_drop *reason) {
    document_node_t *tree = result == SCAN_OK ? document_parse(line, length) : NULL;
    if (tree == NULL) {
        *reason = result == SCAN_OK ? MUSTER_DROP_MEMORY : drop_of_scan(result);
    }
    return tree;
}

document_node_t *member_parse(const char *line, size_t length, enum muster_drop *reason) {
    return parse(line, length, scan_value(line, length, NULL), reason);
}

document_node_t *member_parse_large(const char *line, size_t length, enum muster_drop *reason) {
    return parse(line, length, scan_large(line, length, MUSTER_DOCUMENT_NODES_MAX, NULL), reason);
}

static bool is_version(const document_node_t *node, enum muster_drop *reason) {
    uint64_t version;
    return member_require(node, DOCUMENT_NUMBER, reason) &&
           ((document_integer(node, &version) && version == 1) || member_refuse(reason, MUSTER_DROP_VERSION));
}

static bool read_kind(const document_node_t *node, const struct name_table *kinds, int *kind,
                      enum muster_drop *reason) {
    *kind = name_find(kinds, document_text(node));
    return member_require(node, DOCUMENT_TEXT, reason) &&
           (*kind >= 0 || member_refuse(reason, MUSTER_DROP_KIND));
}

bool member_header(const document_node_t *header, const struct name_table *kinds, int *kind,
                   uint8_t id[MUSTER_ID_BYTES], uint64_t *boot, enum muster_drop *reason) {
    if (document_type(header) != DOCUMENT_OBJECT) {
        return member_refuse(reason, MUSTER_DROP_SYNTAX);
    }
    return is_version(document_member(header, "muster"), reason) &&
           read_kind(document_member(header, "kind"), kinds, kind, reason) &&
           member_hex(document_member(header, "id"), id, MUSTER_ID_BYTES, reason) &&
           member_integer(header, "boot", 1, MUSTER_INTEGER_MAX, boot, reason);
}
