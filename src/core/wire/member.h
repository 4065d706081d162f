/* SPDX-License-Identifier: MIT */
/* Members of what goes onto the wire, and of what came from there: each function that reads returns true, or
 * says in *reason why the message is dropped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "document.h"
#include "name.h"

/* ---- writing ---- */

/* Puts bytes, at most MUSTER_HASH_BYTES, in lower-case hexadecimal digits. */
void member_put_hex(struct document *json, document_node_t *parent, const char *name, const uint8_t *bytes,
                    size_t size);

/* Puts an integer that is left out where it is 0. */
void member_put_count(struct document *json, document_node_t *parent, const char *name, uint64_t count);

/* Puts the names of path kinds, bit 1 << kind. */
void member_put_paths(struct document *json, document_node_t *parent, const char *name, unsigned paths);

/* Prints a line of at most bytes_max bytes and its LF into memory for free(), and frees the tree.
 * MUSTER_ENOMEM, MUSTER_ETOOBIG. */
int member_print(struct document *json, size_t bytes_max, uint8_t **line, size_t *length);

/* ---- reading ---- */

/* Sets the reason; false, for whoever returns it. */
bool member_refuse(enum muster_drop *reason, enum muster_drop why);

/* It is there, and of this type. */
bool member_require(const document_node_t *node, enum document_type type, enum muster_drop *reason);

/* It is not there, or of this type. */
bool member_allow(const document_node_t *node, enum document_type type, enum muster_drop *reason);

/* The member of this name, within min and max. */
bool member_integer(const document_node_t *parent, const char *name, uint64_t min, uint64_t max,
                    uint64_t *value, enum muster_drop *reason);

/* The same for one that may be left out; then *value stays. */
bool member_optional_integer(const document_node_t *parent, const char *name, uint64_t min, uint64_t max,
                             uint64_t *value, enum muster_drop *reason);

/* A text of min to max bytes, which lives as long as the tree. */
bool member_text(const document_node_t *node, size_t min, size_t max, const char **text,
                 enum muster_drop *reason);

/* An origin, see member_is_origin(); "" where it is not there. */
bool member_optional_origin(const document_node_t *node, const char **origin, enum muster_drop *reason);

/* size bytes in exactly twice as many lower-case hexadecimal digits, */
bool member_hex(const document_node_t *node, uint8_t *bytes, size_t size, enum muster_drop *reason);

/* or in padded base64 (RFC 4648, 4). */
bool member_base64(const document_node_t *node, uint8_t *bytes, size_t size, enum muster_drop *reason);

/* A text that is padded base64 of 1 to size bytes, and nothing else. */
bool member_base64_text(const document_node_t *node, size_t size, const char **text,
                        enum muster_drop *reason);

/* A service type as the wire has it. */
bool member_service_type(const document_node_t *node, const char **type, enum muster_drop *reason);

/* True for a text of 1 to MUSTER_ORIGIN_BYTES_MAX bytes without control characters. */
bool member_is_origin(const char *text);

/* True for a service type as the wire has it: RFC 6335, 5.1, lower case only. */
bool member_is_service_type(const char *text);

/* Reads exactly 2 * size lower-case hexadecimal digits. False, and bytes are undefined, for all else. */
bool member_parse_hex(const char *text, uint8_t *bytes, size_t size);

/* Reads padded base64 of size bytes at most. False, and bytes are undefined, for all else. */
bool member_parse_base64(const char *text, uint8_t *bytes, size_t size, size_t *length);

/* Scans and parses a line, without its LF, of a datagram, or of a body or a stream. The tree is for
 * document_free(); NULL with the reason. */
document_node_t *member_parse(const char *line, size_t length, enum muster_drop *reason);
document_node_t *member_parse_large(const char *line, size_t length, enum muster_drop *reason);

/* What every datagram's header has: the version, one of these kinds, an id and a boot. */
bool member_header(const document_node_t *header, const struct name_table *kinds, int *kind,
                   uint8_t id[MUSTER_ID_BYTES], uint64_t *boot, enum muster_drop *reason);
