#include "document.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "escape.h"
#include "scan.h"
#include "utf8.h"

/* U+FFFD, which stands for a byte that is not UTF-8. */
#define REPLACEMENT "\xEF\xBF\xBD"

#define INDENT_SPACES 2

/* The longest number that is printed, "-1.7976931348623157e+308", and its NUL. */
#define NUMBER_SIZE 32

/* A document_node_t is a cJSON that other files cannot look into. */
static const cJSON *item_of(const document_node_t *node) {
    return (const cJSON *)node;
}

static document_node_t *node_of(cJSON *item) {
    return (document_node_t *)item;
}

/* cJSON and the C library write and read numbers with the decimal point of the thread's locale, and cJSON
 * fails where that point has several bytes. Returns the locale to hand to locale_leave(). */
static locale_t locale_enter(locale_t *plain) {
    *plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return uselocale(*plain);
}

static void locale_leave(locale_t before, locale_t plain) {
    uselocale(before);
    if (plain != (locale_t)0) {
        freelocale(plain);
    }
}

document_node_t *document_parse(const char *text, size_t length) {
    locale_t plain;
    const locale_t before = locale_enter(&plain);
    cJSON *root = cJSON_ParseWithLength(text, length);
    locale_leave(before, plain);
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

/* The shortest of the usual precisions that brings the same double back. */
static void print_number(double value, char text[NUMBER_SIZE]) {
    locale_t plain;
    const locale_t before = locale_enter(&plain);
    int digits = 15;
    do {
        snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
    } while (strtod(text, NULL) != value && ++digits <= 17);
    locale_leave(before, plain);
}

void document_put_text(struct document *document, document_node_t *parent, const char *name,
                       const char *text) {
    put(document, parent, name, cJSON_CreateString(text));
}

void document_put_integer(struct document *document, document_node_t *parent, const char *name,
                          int64_t value) {
    char text[NUMBER_SIZE];
    snprintf(text, sizeof(text), "%" PRId64, value);
    put(document, parent, name, new_number((double)value, text));
}

void document_put_number(struct document *document, document_node_t *parent, const char *name, double value) {
    if (!isfinite(value)) {
        document_put_null(document, parent, name);
        return;
    }
    char text[NUMBER_SIZE];
    print_number(value, text);
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

/* Rewrites what cJSON printed, which is why it may trust its grammar. It runs twice: once to count the
 * bytes, once to write them. */
struct rewriter {
    const char *at;
    const char *end;
    char *out; /* NULL while counting */
    size_t length;
    unsigned depth;
    bool indent;
};

static void write_bytes(struct rewriter *rewriter, const char *bytes, size_t count) {
    if (rewriter->out != NULL) {
        memcpy(rewriter->out + rewriter->length, bytes, count);
    }
    rewriter->length += count;
}

static void write_text(struct rewriter *rewriter, const char *text) {
    write_bytes(rewriter, text, strlen(text));
}

static void copy_bytes(struct rewriter *rewriter, size_t count) {
    write_bytes(rewriter, rewriter->at, count);
    rewriter->at += count;
}

static void write_line_break(struct rewriter *rewriter) {
    if (!rewriter->indent) {
        return;
    }
    write_text(rewriter, "\n");
    for (unsigned i = 0; i < rewriter->depth * INDENT_SPACES; i++) {
        write_text(rewriter, " ");
    }
}

static void write_unit(struct rewriter *rewriter, uint16_t unit) {
    char text[sizeof("\\uXXXX")];
    snprintf(text, sizeof(text), "\\u%04x", unit);
    write_text(rewriter, text);
}

static void write_escaped(struct rewriter *rewriter, uint32_t code_point) {
    if (code_point > 0xFFFF) {
        write_unit(rewriter, (uint16_t)(0xD800 + ((code_point - 0x10000) >> 10)));
        code_point = 0xDC00 + (code_point & 0x3FF);
    }
    write_unit(rewriter, (uint16_t)code_point);
}

/* One character inside a string. */
static void rewrite_character(struct rewriter *rewriter) {
    uint32_t code_point;
    const int bytes = utf8_decode(rewriter->at, (size_t)(rewriter->end - rewriter->at), &code_point);
    if (bytes <= 0) {
        write_text(rewriter, REPLACEMENT);
        rewriter->at++;
    } else if (escape_is_unsafe(code_point)) {
        write_escaped(rewriter, code_point);
        rewriter->at += bytes;
    } else {
        copy_bytes(rewriter, (size_t)bytes);
    }
}

static void rewrite_string(struct rewriter *rewriter) {
    copy_bytes(rewriter, 1);
    while (*rewriter->at != '"') {
        if (*rewriter->at == '\\') {
            copy_bytes(rewriter, 2);
        } else {
            rewrite_character(rewriter);
        }
    }
    copy_bytes(rewriter, 1);
}

static bool closes(char byte) {
    return byte == '}' || byte == ']';
}

static void rewrite_opening(struct rewriter *rewriter) {
    copy_bytes(rewriter, 1);
    if (closes(*rewriter->at)) {
        copy_bytes(rewriter, 1);
        return;
    }
    rewriter->depth++;
    write_line_break(rewriter);
}

static void rewrite_closing(struct rewriter *rewriter) {
    rewriter->depth--;
    write_line_break(rewriter);
    copy_bytes(rewriter, 1);
}

static void rewrite_token(struct rewriter *rewriter) {
    switch (*rewriter->at) {
    case '"': rewrite_string(rewriter); break;
    case '{':
    case '[': rewrite_opening(rewriter); break;
    case '}':
    case ']': rewrite_closing(rewriter); break;
    case ',':
        copy_bytes(rewriter, 1);
        write_line_break(rewriter);
        break;
    case ':':
        copy_bytes(rewriter, 1);
        write_text(rewriter, rewriter->indent ? " " : "");
        break;
    default: /* a byte of a number or a literal name */ copy_bytes(rewriter, 1);
    }
}

/* Rewrites text to out, NULL to count alone. Returns the bytes without a NUL. */
static size_t rewrite(const char *text, bool indent, char *out) {
    struct rewriter rewriter = {.at = text, .end = text + strlen(text), .out = out, .indent = indent};
    while (rewriter.at < rewriter.end) {
        rewrite_token(&rewriter);
    }
    return rewriter.length;
}

char *document_print_safe(const struct document *document, bool indent) {
    if (document->failed) {
        return NULL;
    }
    char *printed = cJSON_PrintUnformatted(item_of(document->root));
    if (printed == NULL) {
        return NULL;
    }
    char *safe = malloc(rewrite(printed, indent, NULL) + 1);
    if (safe != NULL) {
        safe[rewrite(printed, indent, safe)] = '\0';
    }
    cJSON_free(printed);
    return safe;
}
