/* SPDX-License-Identifier: MIT */
/* JSON trees: reading what scan_value() accepted, and building what is printed. The only place that
 * knows cJSON. Member names compare case-sensitively, numbers are integers unless said otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest integer that every JSON implementation carries exactly (RFC 7493, 2.2). */
#define DOCUMENT_INTEGER_MAX ((uint64_t)9007199254740991)

/* Bytes of a buffer that document_print() wants beyond the text, for cJSON's estimates run ahead of what
 * it writes. */
#define DOCUMENT_PRINT_SPARE 5

/* A value inside a document; borrowed, it lives as long as the document. */
typedef struct document_node document_node_t;

enum document_type {
    DOCUMENT_NONE, /* of a NULL node: the member is not there */
    DOCUMENT_NULL,
    DOCUMENT_BOOL,
    DOCUMENT_NUMBER,
    DOCUMENT_TEXT,
    DOCUMENT_ARRAY,
    DOCUMENT_OBJECT,
};

/* A tree that grows and is then printed. A failed allocation is remembered: every later call is a
 * no-op and document_print() reports it, so that builders need no check of their own. */
struct document {
    document_node_t *root;
    bool failed;
};

/* ---- reading ---- */

/* Parses a text that scan_value() or scan_large() accepted. Returns the root, owned by the caller
 * (document_free()), or NULL when memory is out. */
document_node_t *document_parse(const char *text, size_t length);

/* Frees a root from document_parse(). NULL is allowed. */
void document_free(document_node_t *root);

enum document_type document_type(const document_node_t *node);

/* The member of an object, or NULL when node is NULL, no object, or has no such member. */
const document_node_t *document_member(const document_node_t *node, const char *name);

/* First element of an array or first member of an object; NULL when there is none. */
const document_node_t *document_first(const document_node_t *node);

/* The sibling after node; NULL after the last. */
const document_node_t *document_next(const document_node_t *node);

/* Elements or members; 0 for all other types and for NULL. */
size_t document_count(const document_node_t *node);

/* Name of a member, NULL for an array element or a root. */
const char *document_name(const document_node_t *node);

/* The text of a DOCUMENT_TEXT node, NULL for all others. NUL-terminated UTF-8 without U+0000. */
const char *document_text(const document_node_t *node);

/* The value of a DOCUMENT_NUMBER that is an integer in [0, DOCUMENT_INTEGER_MAX]. False, *value
 * untouched, for all others (fractions, negative numbers, larger ones, no number). What counts is the
 * double nearest to the literal: 1.0, 1e3 and -0 (it equals 0) are integers, 2^53 + 1 is too large. */
bool document_integer(const document_node_t *node, uint64_t *value);

/* The value of a DOCUMENT_BOOL, false for all others. */
bool document_bool(const document_node_t *node);

/* The value of a DOCUMENT_NUMBER, fractions included. False, *value untouched, when node is no number or
 * lies beyond the range of a double, as 1e999 does. */
bool document_number(const document_node_t *node, double *value);

/* Where a node is, for messages to people. root is the one of document_parse() that node is below. */

/* The offset at which the node's value begins in the text that root was parsed from; 0 when memory is out. */
size_t document_offset(const document_node_t *root, const document_node_t *node, const char *text,
                       size_t length);

/* Writes "services[1].port", cut where size ends; "" for the root itself. Returns text. */
char *document_path(const document_node_t *root, const document_node_t *node, char *text, size_t size);

/* ---- building ---- */

/* Begins a document with an empty object as its root. */
void document_init(struct document *document);

/* Frees the tree. A zeroed struct is allowed. */
void document_deinit(struct document *document);

/* Each sets member `name` of an object (a name given twice is a bug of the caller), or appends to an
 * array when name is NULL. parent is a node of this document, NULL meaning its root. Texts and names are
 * copied; document_print() wants them in UTF-8. Integers are printed with all their digits, numbers with
 * as many as bring the same double back; one that is not finite becomes null. */
void document_put_text(struct document *document, document_node_t *parent, const char *name,
                       const char *text);
void document_put_integer(struct document *document, document_node_t *parent, const char *name,
                          int64_t value);
void document_put_number(struct document *document, document_node_t *parent, const char *name, double value);
void document_put_bool(struct document *document, document_node_t *parent, const char *name, bool value);
void document_put_null(struct document *document, document_node_t *parent, const char *name);

/* As above; return the new container, or NULL when memory is out (then failed is set and NULL must not
 * be taken for the root: all further calls are no-ops anyway). */
document_node_t *document_put_object(struct document *document, document_node_t *parent, const char *name);
document_node_t *document_put_array(struct document *document, document_node_t *parent, const char *name);

/* Prints without white space or terminating LF into buffer, NUL-terminated. Returns the length, or
 * -1 when memory was out at any point of the building, or -2 when size is too small: length +
 * DOCUMENT_PRINT_SPARE always does. Allocates nothing. */
int document_print(const struct document *document, char *buffer, size_t size);
