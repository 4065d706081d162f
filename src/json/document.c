/* SPDX-License-Identifier: MIT */
#include "document.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "number.h"
#include "scan.h"

/* A document_node_t is a cJSON that other files cannot look into. */
static const cJSON *item_of(const document_node_t *node) {
    return (const cJSON *)node;
}

static document_node_t *node_of(cJSON *item) {
    return (document_node_t *)item;
}

/* cJSON reads numbers with the decimal point of the thread's locale, and fails where that point has several
 * bytes. */
document_node_t *document_parse(const char *text, size_t length) {
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = uselocale(plain);
    cJSON *root = cJSON_ParseWithLength(text, length);
    uselocale(before);
    if (plain != (locale_t)0) {
        freelocale(plain);
    }
    return node_of(root);
}

void document_free(document_node_t *root) {
    cJSON_Delete((cJSON *)root);
}

enum document_type document_type(const document_node_t *node) {
    if (node == NULL) {
        return DOCUMENT_NONE;
    }
    switch (item_of(node)->type & 0xFF) { /* the bits above are cJSON's flags */
    case cJSON_False:
    case cJSON_True: return DOCUMENT_BOOL;
    case cJSON_Number:
    case cJSON_Raw: /* of new_number() */ return DOCUMENT_NUMBER;
    case cJSON_String: return DOCUMENT_TEXT;
    case cJSON_Array: return DOCUMENT_ARRAY;
    case cJSON_Object: return DOCUMENT_OBJECT;
    default: return DOCUMENT_NULL;
    }
}

const document_node_t *document_member(const document_node_t *node, const char *name) {
    if (document_type(node) != DOCUMENT_OBJECT) {
        return NULL;
    }
    return node_of(cJSON_GetObjectItemCaseSensitive(item_of(node), name));
}

const document_node_t *document_first(const document_node_t *node) {
    return node == NULL ? NULL : node_of(item_of(node)->child);
}

const document_node_t *document_next(const document_node_t *node) {
    return node == NULL ? NULL : node_of(item_of(node)->next);
}

size_t document_count(const document_node_t *node) {
    return (size_t)cJSON_GetArraySize(item_of(node));
}

const char *document_name(const document_node_t *node) {
    return node == NULL ? NULL : item_of(node)->string;
}

const char *document_text(const document_node_t *node) {
    return document_type(node) == DOCUMENT_TEXT ? item_of(node)->valuestring : NULL;
}

bool document_integer(const document_node_t *node, uint64_t *value) {
    double number;
    if (!document_number(node, &number)) {
        return false;
    }
    if (number < 0 || number > (double)DOCUMENT_INTEGER_MAX || number != (double)(uint64_t)number) {
        return false;
    }
    *value = (uint64_t)number;
    return true;
}

bool document_bool(const document_node_t *node) {
    return node != NULL && cJSON_IsTrue(item_of(node));
}

bool document_number(const document_node_t *node, double *value) {
    if (document_type(node) != DOCUMENT_NUMBER || !isfinite(item_of(node)->valuedouble)) {
        return false;
    }
    *value = item_of(node)->valuedouble;
    return true;
}

/* Counts the values from item on that the text has before the node. True when it is among them. */
static bool count_before(const cJSON *item, const cJSON *node, size_t *count) {
    for (; item != NULL; item = item->next) {
        if (item == node) {
            return true;
        }
        (*count)++;
        if (count_before(item->child, node, count)) {
            return true;
        }
    }
    return false;
}

size_t document_offset(const document_node_t *root, const document_node_t *node, const char *text,
                       size_t length) {
    size_t before = 0;
    size_t offset = 0;
    count_before(item_of(root), item_of(node), &before);
    /* A scan that may see no more values than those stops at the next one. */
    return scan_large(text, length, before, &offset) == SCAN_NODES ? offset : 0;
}

/* Writes the way from item down to the node behind the length bytes that text has. False, with no more than
 * those in text, when the node is not below item. */
static bool write_path(const cJSON *item, const cJSON *node, char *text, size_t size, size_t length) {
    size_t index = 0;
    text[length] = '\0';
    if (item == node) {
        return true;
    }
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        if (child->string != NULL) {
            snprintf(text + length, size - length, "%s%.64s", length > 0 ? "." : "", child->string);
        } else {
            snprintf(text + length, size - length, "[%zu]", index++);
        }
        if (write_path(child, node, text, size, strlen(text))) {
            return true;
        }
    }
    text[length] = '\0';
    return false;
}

char *document_path(const document_node_t *root, const document_node_t *node, char *text, size_t size) {
    write_path(item_of(root), item_of(node), text, size, 0);
    return text;
}

void document_init(struct document *document) {
    cJSON *root = cJSON_CreateObject();
    *document = (struct document){.root = node_of(root), .failed = root == NULL};
}

void document_deinit(struct document *document) {
    document_free(document->root);
    *document = (struct document){0};
}

static bool add(cJSON *container, const char *name, cJSON *item) {
    if (name == NULL) {
        assert(cJSON_IsArray(container));
        return cJSON_AddItemToArray(container, item);
    }
    assert(cJSON_IsObject(container));
    return cJSON_AddItemToObject(container, name, item);
}

/* Takes over item, NULL when it could not be allocated. Returns its node, or NULL after a failure. */
static document_node_t *put(struct document *document, document_node_t *parent, const char *name,
                            cJSON *item) {
    cJSON *container = (cJSON *)(parent == NULL ? document->root : parent);
    if (document->failed || item == NULL || !add(container, name, item)) {
        cJSON_Delete(item);
        document->failed = true;
        return NULL;
    }
    return node_of(item);
}

/* A number that is printed as text says: cJSON itself prints the largest integers as 9.00719925474099e+15. */
static cJSON *new_number(double value, const char *text) {
    cJSON *item = cJSON_CreateRaw(text);
    if (item != NULL) {
        item->valuedouble = value;
    }
    return item;
}

void document_put_text(struct document *document, document_node_t *parent, const char *name,
                       const char *text) {
    put(document, parent, name, cJSON_CreateString(text));
}

void document_put_integer(struct document *document, document_node_t *parent, const char *name,
                          int64_t value) {
    char text[NUMBER_TEXT_BYTES_MAX];
    snprintf(text, sizeof(text), "%" PRId64, value);
    put(document, parent, name, new_number((double)value, text));
}

void document_put_number(struct document *document, document_node_t *parent, const char *name, double value) {
    if (!isfinite(value)) {
        document_put_null(document, parent, name);
        return;
    }
    char text[NUMBER_TEXT_BYTES_MAX + 1];
    text[number_write(value, text)] = '\0';
    put(document, parent, name, new_number(value, text));
}

void document_put_bool(struct document *document, document_node_t *parent, const char *name, bool value) {
    put(document, parent, name, cJSON_CreateBool(value));
}

void document_put_null(struct document *document, document_node_t *parent, const char *name) {
    put(document, parent, name, cJSON_CreateNull());
}

document_node_t *document_put_object(struct document *document, document_node_t *parent, const char *name) {
    return put(document, parent, name, cJSON_CreateObject());
}

document_node_t *document_put_array(struct document *document, document_node_t *parent, const char *name) {
    return put(document, parent, name, cJSON_CreateArray());
}

int document_print(const struct document *document, char *buffer, size_t size) {
    if (document->failed) {
        return -1;
    }
    const int room = size < INT_MAX ? (int)size : INT_MAX;
    if (!cJSON_PrintPreallocated((cJSON *)document->root, buffer, room, false)) {
        return -2;
    }
    return (int)strlen(buffer);
}
